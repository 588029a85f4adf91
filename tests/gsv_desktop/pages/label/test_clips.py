from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.protocol.builtin import sample_project
from engine.protocol.errors import BadAudio, BadParameters, MissingFile
from gsv_desktop.pages.label.clips import clip_length, join_clips, split_clip


def ramp(path: Path, rate_hz: int = 16000, seconds: float = 1.0, subtype: str = "PCM_16") -> Path:
    samples = np.linspace(0, 0.5, int(rate_hz * seconds), dtype=np.float32)
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def test_both_parts_together_are_the_clip(folder):
    clip = ramp(folder / "a 名.wav", subtype="PCM_24")
    before = clip.read_bytes()
    first, rest = split_clip(clip, 0.25, folder / "x.list")
    assert (first.name, rest.name) == ("a 名_a.wav", "a 名_b.wav")
    whole, _ = soundfile.read(clip, dtype="int32")
    parts = [soundfile.read(part, dtype="int32")[0] for part in (first, rest)]
    assert len(parts[0]) == 4000
    assert np.array_equal(np.concatenate(parts), whole)
    assert clip.read_bytes() == before


def test_nothing_that_exists_is_written_over(folder):
    clip = ramp(folder / "a.wav")
    names = {part.name for _ in range(2) for part in split_clip(clip, 0.5, folder / "x.list")}
    assert names == {"a_a.wav", "a_b.wav", "a_a2.wav", "a_b2.wav"}


@pytest.mark.parametrize("second", [0.0, 0.05, 0.95, 3.0])
def test_a_part_must_be_long_enough(folder, second):
    with pytest.raises(BadParameters, match="too short"):
        split_clip(ramp(folder / "a.wav"), second, folder / "x.list")
    assert [path.name for path in folder.glob("*.wav")] == ["a.wav"]


def test_clips_of_different_rates_are_joined_with_a_pause(folder):
    clips = [ramp(folder / "a.wav", 16000), ramp(folder / "b.wav", 32000)]
    made = join_clips(clips, 0.5, folder / "x.list")
    samples, rate_hz = soundfile.read(made)
    assert rate_hz == 16000
    assert len(samples) == 16000 + 8000 + 16000
    assert np.abs(samples[16000:24000]).max() == 0
    assert samples[-1] == pytest.approx(0.5, abs=0.05)


def test_the_programs_own_clips_are_cut_beside_the_label_file(folder):
    own = next((sample_project() / "clips").glob("basic*.opus"))
    first, rest = split_clip(own, 0.5, folder / "x.list")
    assert {first.parent, rest.parent} == {folder}


def test_what_cannot_be_read_is_named(folder):
    broken = folder / "broken.wav"
    broken.write_bytes(b"no sound")
    with pytest.raises(BadAudio, match=r"broken\.wav"):
        split_clip(broken, 0.5, folder / "x.list")
    with pytest.raises(MissingFile):
        join_clips([folder / "gone.wav"], 0, folder / "x.list")
    assert clip_length(broken) is None
    assert clip_length(ramp(folder / "a.wav")) == pytest.approx(1.0)
