"""The stage `ssl_features`."""

import shutil
import wave

import numpy as np
import pytest
import soundfile
import torch

from engine.audio.io import read_audio
from engine.audio.levels import training_copy
from engine.checkpoints.tensors import read_tensor
from engine.dataset import crew
from engine.dataset.ssl_features import LEDGER, run
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadParameters, Cancelled, MissingModel, NothingToDo
from engine.protocol.stages.features import SslFeaturesParameters
from tests.engine.dataset.conftest import write_clip


def parameters(project, **more):
    return SslFeaturesParameters(**project.common(**({"content_encoder": project.encoder} | more)))


def times(project):
    return {path.name: path.stat().st_mtime_ns for path in (project.folder / "4-cnhubert").iterdir()}


def test_every_clip_gets_a_copy_and_features(project):
    result = run(parameters(project), RecordingContext())
    assert result.numbers == {"clips": 3, "unchanged": 0}
    for number, name in enumerate(project.texts):
        with wave.open(str(project.folder / "5-wav32k" / name)) as copy:
            assert copy.getparams()[:3] == (1, 2, 32000)
            assert copy.getnframes() == int(32000 * (1 + number / 4))
            pcm = np.frombuffer(copy.readframes(copy.getnframes()), "<i2")
        wanted = training_copy(read_audio(project.root / "clips" / name, 32000)).pcm
        assert np.array_equal(pcm, wanted)
        features = read_tensor(project.folder / "4-cnhubert" / f"{name}.pt")
        assert features.dtype == torch.float32
        assert features.shape[:2] == (1, 12)
        assert abs(features.shape[2] - 50 * (1 + number / 4)) < 2
    left = [path for path in project.folder.rglob("*") if ".part" in path.name]
    assert left == []


def test_what_a_kill_left_half_written_is_removed(project):
    half = project.folder / "4-cnhubert" / ".0123456789ab.part.pt"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    run(parameters(project), RecordingContext())
    assert len(times(project)) == 3


def test_only_changed_clips_are_done_again(project):
    run(parameters(project), RecordingContext())
    before = times(project)
    result = run(parameters(project), RecordingContext())
    assert result.numbers["unchanged"] == 3
    assert times(project) == before
    write_clip(project.root / "clips" / "a.wav", 2, 9)
    result = run(parameters(project), RecordingContext())
    assert result.numbers["unchanged"] == 2
    assert [name for name, time in times(project).items() if time != before[name]] == ["a.wav.pt"]


def test_where_to_compute_is_not_asked_when_nothing_is_left_to_do(project, monkeypatch):
    run(parameters(project), RecordingContext())

    def loaded(*_):
        raise AssertionError("libraries were loaded for nothing")

    monkeypatch.setattr(crew, "devices_of", loaded)
    assert run(parameters(project), RecordingContext()).numbers["unchanged"] == 3
    write_clip(project.root / "clips" / "a.wav", 2, 9)
    with pytest.raises(AssertionError, match="for nothing"):
        run(parameters(project), RecordingContext())


def test_a_lost_or_shortened_file_is_made_again(project):
    run(parameters(project), RecordingContext())
    (project.folder / "4-cnhubert" / "a.wav.pt").unlink()
    (project.folder / "5-wav32k" / "音.wav").write_bytes(b"RIFF")
    result = run(parameters(project), RecordingContext())
    assert result.numbers == {"clips": 3, "unchanged": 1}
    assert soundfile.info(project.folder / "5-wav32k" / "音.wav").frames == 48000


def test_features_made_elsewhere_are_taken_over_unless_damaged(project):
    run(parameters(project), RecordingContext())
    (project.folder / LEDGER).unlink()
    (project.folder / "4-cnhubert" / "a.wav.pt").write_bytes(b"damaged")
    before = times(project)
    result = run(parameters(project), RecordingContext())
    assert result.numbers == {"clips": 3, "unchanged": 2}
    assert [name for name, time in times(project).items() if time != before[name]] == ["a.wav.pt"]


def test_another_encoder_makes_all_again(project):
    run(parameters(project), RecordingContext())
    other = project.root / "encoder 2"
    shutil.copytree(project.encoder, other)
    assert run(parameters(project, content_encoder=other), RecordingContext()).numbers["unchanged"] == 0


def test_clips_that_fail_are_listed(project):
    clips = project.root / "clips"
    (clips / "text.wav").write_text("no sound", encoding="utf-8")
    soundfile.write(clips / "silent.wav", np.zeros(32000, np.float32), 32000)
    soundfile.write(clips / "loud.wav", np.full(32000, 3, np.float32), 32000, subtype="FLOAT")
    write_clip(clips / "short.wav", 0.01)
    write_clip(clips / "long.wav", 61, rate_hz=8000)
    names = ["text.wav", "silent.wav", "loud.wav", "short.wav", "long.wav", "missing.wav"]
    project.add(*(f"clips/{name}|me|EN|words" for name in names))
    result = run(parameters(project), RecordingContext())
    assert result.numbers["clips"] == 3
    reasons = {one.name: one.reason for one in result.skipped}
    assert list(reasons) == names
    assert all(f"Line {number}" in reason for number, reason in enumerate(reasons.values(), 4))
    assert str(clips / "missing.wav") in reasons["missing.wav"]
    assert "loud" in reasons["loud.wav"]
    assert not (project.folder / "5-wav32k" / "loud.wav").exists()


def test_features_of_a_clip_that_broke_are_gone(project):
    run(parameters(project), RecordingContext())
    (project.root / "clips" / "a.wav").write_bytes(b"broken")
    for _ in range(2):
        assert run(parameters(project), RecordingContext()).numbers["clips"] == 2
        assert not (project.folder / "4-cnhubert" / "a.wav.pt").exists()


def test_a_folder_of_clips_stands_for_the_written_paths(project):
    moved = project.root / "moved 名"
    (project.root / "clips").rename(moved)
    project.write(
        ["C:\\old\\place\\a.wav|me|EN|words", '"/gone/音.wav"|me|EN|words', "nowhere.wav|me|EN|words"]
    )
    result = run(parameters(project, clips=moved), RecordingContext())
    assert result.numbers["clips"] == 2
    with pytest.raises(NothingToDo) as caught:
        run(parameters(project), RecordingContext())
    assert "Line 1" in caught.value.message


def test_it_stops_and_goes_on(project):
    class Impatient(RecordingContext):
        def progress(self, done, total, unit):
            super().progress(done, total, unit)
            if done == 1:
                self.cancel()

    with pytest.raises(Cancelled):
        run(parameters(project), Impatient())
    assert 1 <= len(times(project)) < 3
    result = run(parameters(project), RecordingContext())
    assert 1 <= result.numbers["unchanged"] < 3


def test_what_is_missing_is_said(project):
    with pytest.raises(MissingModel, match="nowhere"):
        run(parameters(project, content_encoder=project.root / "nowhere"), RecordingContext())
    with pytest.raises(MissingModel):
        run(parameters(project, content_encoder=project.root), RecordingContext())
    with pytest.raises(BadParameters):
        run(parameters(project, device="cuda:99"), RecordingContext())
