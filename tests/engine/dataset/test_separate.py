"""Voices are set apart with the user's own models, offline."""

import socket
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

from engine.audio.io import probe
from engine.dataset.separate import run
from engine.dataset.separation import library
from engine.dataset.separation.pieces import Pieces
from engine.protocol.context import RecordingContext
from engine.protocol.errors import (
    BadAudio,
    BadCheckpoint,
    BadParameters,
    Cancelled,
    MissingFile,
    MissingModel,
    NothingToDo,
)
from engine.protocol.stages.cleaning import SeparateParameters, SoundFormat
from tests.engine.dataset.separation.tiny import (
    BS,
    MEL,
    needs_library,
    noise,
    write_new_mask,
    write_old_mask,
    write_onnx,
    write_roformer,
)

SECONDS = 0.6
DEREVERB = "onnx_dereverb_By_FoxJoy"
WRITERS = {
    "HP2_all_vocals": (write_old_mask, ".pth"),
    "HP3_all_vocals": (write_old_mask, ".pth"),
    "VR-DeEchoNormal": (write_new_mask, ".pth"),
    "a bs 名": (lambda path: write_roformer(path, BS), ".ckpt"),
    "mel_band_roformer": (lambda path: write_roformer(path, MEL), ".ckpt"),
}


@pytest.fixture(scope="module")
def made_models(tmp_path_factory):
    """Makes each model once."""
    folder = tmp_path_factory.mktemp("用户 it's 模型")
    known = {}

    def give(name):
        if name not in known:
            write, suffix = WRITERS[name]
            known[name] = write(folder / f"{name}{suffix}")
        return known[name]

    return give


@pytest.fixture
def workspace(tmp_path):
    made = tmp_path / "用户 it's 名"
    write_onnx(made / "tools/uvr5/uvr5_weights" / DEREVERB / "vocals.onnx")
    return made


def give_sound(workspace, name="a 名.wav", seconds=SECONDS, channels=2, rate_hz=44100, seed=0):
    sound = noise(seconds, channels, seed)
    path = workspace / "in" / name
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, sound.T, rate_hz, subtype="PCM_16")
    return sound


def parameters(workspace, model=DEREVERB, **others):
    values = {
        "input": workspace / "in",
        "output": workspace / "out",
        "other": workspace / "rest it's 名",
        "format": SoundFormat.WAV,
        "model": str(model),
        "device": "cpu",
        "workspace": workspace,
    }
    return SeparateParameters(**{**values, **others})


def stems(workspace, name="a 名.wav"):
    voice, _ = soundfile.read(workspace / "out" / f"vocal_{name}", dtype="float32")
    rest, _ = soundfile.read(workspace / "rest it's 名" / f"instrument_{name}", dtype="float32")
    return voice.T, rest.T


def test_what_the_network_finds_and_what_is_left_make_the_whole(workspace):
    sound = give_sound(workspace)
    result = run(parameters(workspace), RecordingContext())
    voice, rest = stems(workspace)
    # This network finds a quarter of what it hears; a model against reverberation finds the rest.
    np.testing.assert_allclose(rest[:, 100:-100], sound[:, 100:-100] / 4, atol=1e-3)
    np.testing.assert_allclose(voice + rest, sound, atol=2e-4)
    assert result.numbers == {"files": 1, "seconds": SECONDS, "unchanged": 0}
    assert result.artifacts[-1].path == str(workspace / "rest it's 名")


@needs_library
@pytest.mark.parametrize("name", [name for name in WRITERS if "HP3" not in name])
def test_every_family_runs_offline(workspace, made_models, name, monkeypatch):
    def refuse(*_):
        raise AssertionError("a model for separating went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    sound = give_sound(workspace)
    run(parameters(workspace, made_models(name)), RecordingContext())
    voice, rest = stems(workspace)
    assert voice.shape == rest.shape == sound.shape
    assert 0.02 < np.std(voice) / np.std(sound) < 1.2
    assert not np.allclose(voice, rest, atol=0.01)
    if name.startswith(("HP", "VR")):
        low = np.abs(np.fft.rfft(voice + rest - sound))[:, 200:3000]  # above, the stems get mirror images
        assert np.mean(low) < 0.1 * np.mean(np.abs(np.fft.rfft(sound))[:, 200:3000])
    else:
        np.testing.assert_allclose(voice + rest, sound, atol=3e-4)
    assert not {"torchvision", "onnx2torch", "pydub", "onnx", "samplerate"} & set(sys.modules)


@needs_library
def test_hp3_calls_the_other_stem_the_voice_and_aggressiveness_counts(workspace, made_models):
    give_sound(workspace)
    run(parameters(workspace, made_models("HP2_all_vocals")), RecordingContext())
    voice, rest = stems(workspace)
    run(parameters(workspace, made_models("HP3_all_vocals")), RecordingContext())
    swapped, others = stems(workspace)
    np.testing.assert_array_equal(voice, others)
    np.testing.assert_array_equal(rest, swapped)
    run(parameters(workspace, made_models("HP2_all_vocals"), aggressiveness=20), RecordingContext())
    assert np.std(stems(workspace)[0]) > np.std(voice)


def test_a_long_recording_comes_out_the_same_piece_by_piece(workspace):
    give_sound(workspace, seconds=3)
    run(parameters(workspace), RecordingContext())
    whole = stems(workspace)
    context = RecordingContext()
    run(parameters(workspace, output=workspace / "again"), context, Pieces(22050, 8820, 4410))
    again, _ = soundfile.read(workspace / "again" / "vocal_a 名.wav", dtype="float32")
    np.testing.assert_allclose(again.T, whole[0], atol=2e-3)
    steps = [done for done, _, _ in context.progressed]
    assert len(steps) > 4
    assert steps == sorted(steps)


@pytest.mark.parametrize("kind", SoundFormat)
def test_formats(workspace, kind):
    sound = give_sound(workspace)
    run(parameters(workspace, format=kind), RecordingContext())
    name = "a 名.wav" if kind is SoundFormat.WAV else f"a 名.wav.{kind.value}"
    facts = probe(workspace / "out" / f"vocal_{name}")
    assert (facts.rate_hz, facts.channels) == (44100, 2)
    assert facts.duration_s == pytest.approx(sound.shape[1] / 44100, abs=0.1)


def test_mono_short_and_other_rates(workspace):
    give_sound(workspace, "mono.wav", channels=1)
    give_sound(workspace, "short.wav", seconds=0.002)
    give_sound(workspace, "rate.wav", rate_hz=22050)
    run(parameters(workspace), RecordingContext())
    for name, samples in (("mono.wav", 26460), ("short.wav", 88), ("rate.wav", 52920)):
        voice, _ = stems(workspace, name)
        assert abs(voice.shape[1] - samples) <= 64, name
        assert voice.any(), name
    mono, _ = stems(workspace, "mono.wav")
    np.testing.assert_array_equal(mono[0], mono[1])


def test_it_can_be_stopped_and_goes_on_to_the_same_bytes(workspace):
    for number, name in enumerate(("a.wav", "b.wav")):
        give_sound(workspace, name, seed=number)
    run(parameters(workspace), RecordingContext())
    undisturbed = {path.name: path.read_bytes() for path in (workspace / "out").glob("*.wav")}
    values = parameters(workspace, output=workspace / "two", other=workspace / "three")
    context = RecordingContext()
    real = context.artifact

    def stop_after_the_first(path, kind):
        real(path, kind)
        if kind == "clip" and "instrument" in path.name:
            context.cancel()

    context.artifact = stop_after_the_first
    with pytest.raises(Cancelled):
        run(values, context)
    assert [path.name for path in (workspace / "two").glob("*.wav")] == ["vocal_a.wav"]
    assert run(values, RecordingContext()).numbers["unchanged"] == 1
    assert {path.name: path.read_bytes() for path in (workspace / "two").glob("*.wav")} == undisturbed
    (workspace / "three" / "instrument_a.wav").unlink()
    assert run(values, RecordingContext()).numbers["unchanged"] == 1
    assert (workspace / "three" / "instrument_a.wav").is_file()


def test_stopped_within_a_file_leaves_nothing_half_written(workspace):
    give_sound(workspace, seconds=2)
    context = RecordingContext()
    real = context.progress

    def stop(done, total, unit):
        real(done, total, unit)
        if done > 0:
            context.cancel()

    context.progress = stop
    with pytest.raises(Cancelled):
        run(parameters(workspace), context, Pieces(22050, 8820, 4410))
    assert not list((workspace / "out").glob("*.wav"))
    assert not list((workspace / "rest it's 名").glob("*"))


def test_a_finished_folder_needs_no_model_in_memory(workspace):
    give_sound(workspace)
    run(parameters(workspace), RecordingContext())
    context = RecordingContext()
    assert run(parameters(workspace), context).numbers["unchanged"] == 1
    assert not [text for _, text in context.lines if "Loading" in text]


def wrong_models(folder):
    """Name -> its error and a part of its words."""
    (folder / "text.pth").write_text("no weights", encoding="utf-8")
    torch.save({"a": torch.zeros(2)}, folder / "other.pth")
    (folder / "broken.onnx").write_bytes(b"broken")
    write_onnx(folder / "picture.onnx", channels=3)
    write_onnx(folder / "sizeless.onnx", rows="f", frames="t")
    write_onnx(folder / "few.onnx", rows=1024, frames=2)
    torch.save({"a": torch.zeros(2)}, folder / "unknown.ckpt")
    torch.save({"a": torch.zeros(2)}, folder / "torn.ckpt")
    (folder / "torn.yaml").write_text("model: [1, 2", encoding="utf-8")
    torch.save({"a": torch.zeros(2)}, folder / "demucs.ckpt")
    (folder / "demucs.yaml").write_text("model: {channels: 48}", encoding="utf-8")
    torch.save({"a": torch.zeros(2)}, folder / "slow.ckpt")
    (folder / "slow.yaml").write_text("audio: {sample_rate: 16000}\nmodel: {num_bands: 8}", encoding="utf-8")
    torch.save({"a": torch.zeros(2)}, folder / "evil.ckpt")
    (folder / "evil.yaml").write_text("model: !!python/object/apply:os.getcwd []", encoding="utf-8")
    return {
        "nowhere": (MissingModel, "no model for separating called"),
        "text": (BadCheckpoint, "text.pth"),
        "other": (BadCheckpoint, "no VR model"),
        "broken": (BadCheckpoint, "no ONNX model"),
        "picture": (BadCheckpoint, "something else than separating"),
        "sizeless": (BadParameters, "does not say its sizes"),
        "few": (BadParameters, "do not fit it"),
        "unknown": (MissingModel, "settings of unknown.ckpt are missing"),
        "torn": (BadParameters, "torn.yaml cannot be read"),
        "demucs": (BadParameters, "neither a BS- nor a Mel-band"),
        "slow": (BadParameters, "16000 Hz"),
        "evil": (BadParameters, "evil.yaml cannot be read"),
    }


def test_wrong_models_are_named_with_a_way_out(workspace):
    give_sound(workspace)
    for name, (kind, words) in wrong_models(workspace / "tools/uvr5/uvr5_weights").items():
        with pytest.raises(kind, match=words) as caught:
            run(parameters(workspace, name), RecordingContext())
        assert caught.value.hint, name
    assert not (workspace / "out").exists() or not list((workspace / "out").glob("*.wav"))


@needs_library
def test_wrong_settings_and_weights_are_named(workspace):
    give_sound(workspace)
    folder = workspace / "tools/uvr5/uvr5_weights"
    path = write_roformer(folder / "bs.ckpt", BS)
    settings = path.with_suffix(".yaml")
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("dim: 8", "dim: 16"), encoding="utf-8")
    with pytest.raises(BadCheckpoint, match="do not fit the settings"):
        run(parameters(workspace, "bs"), RecordingContext())
    settings.write_text(text.replace("- 65", "- 64"), encoding="utf-8")
    with pytest.raises(BadParameters, match=r"bs\.yaml cannot be used"):
        run(parameters(workspace, "bs"), RecordingContext())
    settings.write_text(text.replace("num_overlap: 2", "num_overlap: 0"), encoding="utf-8")
    with pytest.raises(BadParameters, match="cannot be used"):
        run(parameters(workspace, "bs"), RecordingContext())
    vr = write_old_mask(folder / "HP2.pth")
    vr.with_suffix(".json").write_text('{"vr_model_param": "5band"}', encoding="utf-8")
    with pytest.raises(BadParameters, match="no table of bands '5band'"):
        run(parameters(workspace, "HP2"), RecordingContext())
    vr.with_suffix(".json").write_text('{"vr_model_param": "4band_44100_mid"}', encoding="utf-8")
    with pytest.raises(BadParameters, match="not supported"):
        run(parameters(workspace, "HP2"), RecordingContext())
    write_old_mask(folder / "SP.pth", kind=129605)
    with pytest.raises(BadParameters, match="bands does not fit"):
        run(parameters(workspace, "SP"), RecordingContext())
    write_old_mask(folder / "big.pth", kind=537238)  # its pyramid has two more branches
    run(parameters(workspace, "big"), RecordingContext())


def test_without_the_library_the_way_to_install_it_is_named(workspace, monkeypatch):
    def gone(name):
        raise ImportError(name)

    give_sound(workspace)
    folder = workspace / "tools/uvr5/uvr5_weights"
    torch.save({"stg1_low_band_net.enc1.conv1.conv.0.weight": torch.zeros(2, 2)}, folder / "HP2.pth")
    torch.save({"a": torch.zeros(2)}, folder / "bs_roformer.ckpt")
    monkeypatch.setattr(library.importlib, "import_module", gone)
    monkeypatch.setattr(library.resources, "files", gone)
    for name in ("HP2", "bs_roformer"):
        with pytest.raises(MissingModel, match="not installed") as caught:
            run(parameters(workspace, name), RecordingContext())
        assert "pip install" in caught.value.hint
    run(parameters(workspace), RecordingContext())  # ONNX models need nothing of it


def test_bad_recordings_are_named(workspace):
    with pytest.raises(MissingFile):
        run(parameters(workspace), RecordingContext())
    (workspace / "in").mkdir()
    with pytest.raises(NothingToDo):
        run(parameters(workspace), RecordingContext())
    soundfile.write(workspace / "in" / "silent.wav", np.zeros(9000), 44100)
    with pytest.raises(BadAudio, match="silent from start to end"):
        run(parameters(workspace), RecordingContext())
    (workspace / "in" / "text.mp3").write_text("no sound", encoding="utf-8")
    give_sound(workspace)
    result = run(parameters(workspace), RecordingContext())
    assert {part.reason.rpartition("/")[2] for part in result.skipped} == {
        "silent.wav is silent from start to end.",
        "text.mp3 is not a sound file.",
    }
    assert [path.name for path in (workspace / "out").glob("*.wav")] == ["vocal_a 名.wav"]


def test_folders_are_kept_apart(workspace):
    give_sound(workspace)
    with pytest.raises(BadParameters, match="among the recordings"):
        run(parameters(workspace, output=workspace / "in"), RecordingContext())
    with pytest.raises(BadParameters, match="would both be in"):
        run(parameters(workspace, other=workspace / "out"), RecordingContext())


def test_killed_in_the_middle_it_comes_to_the_same_bytes(workspace):
    give_sound(workspace, "a.wav", seconds=1)
    give_sound(workspace, "b.wav", seconds=8, seed=1)
    values = parameters(workspace)
    code = (
        "import sys\n"
        "from engine.dataset.separate import run\n"
        "from engine.dataset.separation.pieces import Pieces\n"
        "from engine.protocol.context import RecordingContext\n"
        "from engine.protocol.stages.cleaning import SeparateParameters\n"
        "class Loud(RecordingContext):\n"
        "    def progress(self, done, total, unit):\n"
        "        print(done, flush=True)\n"
        "        sys.stdin.readline()\n"
        "run(SeparateParameters.model_validate_json(sys.argv[1]), Loud(), Pieces(22050, 8820, 4410))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, values.model_dump_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        while float(child.stdout.readline()) < 2:
            child.stdin.write("go on\n")
            child.stdin.flush()
        child.kill()
    assert [path.name for path in (workspace / "out").glob("[!.]*.wav")] == ["vocal_a.wav"]
    pieces = Pieces(22050, 8820, 4410)
    run(values, RecordingContext(), pieces)
    run(parameters(workspace, output=workspace / "x", other=workspace / "y"), RecordingContext(), pieces)
    for name in ("a.wav", "b.wav"):
        one, two = (workspace / place / f"vocal_{name}" for place in ("out", "x"))
        assert one.read_bytes() == two.read_bytes()
