import numpy as np
import pytest
import soundfile

from engine.audition.likeness import SpectrumEar, TrainedVoice, best_ear, hear_clips, spread
from engine.protocol.workspace import Workspace
from tests.engine.infer.voices import write_tone


def noise(path, low, *, level=0.1):
    """Two seconds whose spectrum falls, or not."""
    samples = np.random.default_rng(5).standard_normal(64_000)
    if low:
        samples = np.convolve(samples, np.ones(24) / 24, mode="same")
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, level * samples / np.abs(samples).max(), 32_000)
    return path


def test_the_same_sound_is_alike_at_any_level_and_another_one_is_not(tmp_path):
    ear = SpectrumEar()
    one = ear.vector(noise(tmp_path / "it's 一.wav", low=True))
    quiet = ear.vector(noise(tmp_path / "二.wav", low=True, level=0.02))
    other = ear.vector(noise(tmp_path / "三.wav", low=False))
    assert ear.alike(one, quiet) == pytest.approx(1, abs=0.03)
    assert ear.alike(one, other) < 0.8


def test_clips_make_a_voice_and_broken_or_short_ones_are_passed_over(tmp_path):
    experiment = Workspace(tmp_path / "用户 it's 名").experiment("me")
    noise(experiment.wav_folder / "1.wav", low=True)
    write_tone(experiment.wav_folder / "2.wav", 0.1)
    (experiment.wav_folder / "3.wav").write_bytes(b"no sound")
    ear = best_ear(Workspace(tmp_path))
    voice = hear_clips(experiment, ear)
    assert isinstance(voice, TrainedVoice)
    assert voice.own == pytest.approx(1, abs=1e-3)
    assert voice.likeness(experiment.wav_folder / "2.wav") is None
    assert voice.likeness(noise(tmp_path / "other.wav", low=False)) < voice.own
    assert hear_clips(Workspace(tmp_path).experiment("none"), ear) is None


def test_a_sample_of_many_is_taken_evenly():
    assert spread(list(range(10)), 3) == [0, 3, 6]
    assert spread(list(range(2)), 3) == [0, 1]
