"""The speech recognition model."""

import numpy as np
import pytest

from engine.audio.io import read_audio
from engine.dataset.whisper import RATE_HZ, Recogniser, model_folder
from engine.protocol.builtin import sample_project
from engine.protocol.errors import BadParameters, Cancelled, MissingModel
from engine.protocol.stages.dataset import Precision
from engine.protocol.workspace import Workspace
from tests.speech_model import whisper_folder


def test_a_model_is_found_by_its_size_or_its_folder(tmp_path):
    workspace = Workspace(tmp_path / "用户 it's 名")
    wanted = workspace.asr_models / "faster-whisper-base"
    wanted.mkdir(parents=True)
    with pytest.raises(MissingModel, match=r"model\.bin"):
        model_folder("base", workspace)
    for name in ("config.json", "model.bin", "tokenizer.json"):
        (wanted / name).touch()
    assert model_folder("base", workspace) == wanted
    assert model_folder(str(wanted), Workspace(tmp_path)) == wanted


@pytest.mark.speech_model
def test_a_precision_that_does_not_work_here_is_refused(monkeypatch):
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda _: {"int8", "float32"})
    with pytest.raises(BadParameters, match="float16") as caught:
        Recogniser(whisper_folder(), Precision.FLOAT16)
    assert caught.value.hint == "Choose one of: int8, float32."


@pytest.mark.speech_model
def test_noise_has_no_words():
    noise = np.random.default_rng(0).normal(0, 0.01, 32000).astype(np.float32)
    heard = Recogniser(whisper_folder(), Precision.INT8).hear(noise, "en", lambda: None)
    assert (heard.text, heard.no_speech, heard.avg_logprob) == ("", 1.0, 0.0)


@pytest.mark.speech_model
def test_it_stops_between_stretches():
    def stop():
        raise Cancelled

    clip = sample_project() / "clips" / "agent-alreadyon.opus"
    with pytest.raises(Cancelled):
        Recogniser(whisper_folder(), Precision.INT8).hear(read_audio(clip, RATE_HZ), "en", stop)
