from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.protocol.errors import BadAudio, MissingFile
from gsv_desktop.widgets.peaks import BASE_SAMPLES, FACTOR, FINE_SAMPLES, build_peaks, read_peaks


def noise(length: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, length).astype(np.float32)


@pytest.mark.parametrize("length", [1, 31, 32, 33, 4096, 100_003])
def test_every_level_holds_the_smallest_and_largest_of_its_blocks(length: int):
    wave = noise(length)
    peaks = build_peaks(iter([wave[:4096], wave[4096:]]), 16000)
    assert peaks.frames == length
    for number, (low, high) in enumerate(peaks.levels):
        block = BASE_SAMPLES * FACTOR**number
        blocks = [wave[start : start + block] for start in range(0, length, block)]
        assert np.array_equal(low, [part.min() for part in blocks])
        assert np.array_equal(high, [part.max() for part in blocks])


@pytest.mark.parametrize(
    ("start", "stop", "width"), [(0, 100_003, 700), (5000, 90_000, 33), (1234, 1900, 500)]
)
def test_columns_cover_the_samples_under_them_and_little_more(start: int, stop: int, width: int):
    wave = noise(100_003)
    peaks = build_peaks(iter([wave]), 16000)
    low, high = peaks.columns(start, stop, width)
    per = (stop - start) / width
    slack = max(BASE_SAMPLES, int(per))
    for column in range(width):
        first, last = int(start + column * per), int(np.ceil(start + (column + 1) * per))
        inner, outer = wave[first:last], wave[max(0, first - slack) : last + slack]
        assert outer.min() <= low[column] <= inner.min()
        assert inner.max() <= high[column] <= outer.max()


def test_stereo_files_are_mixed_and_paths_may_hold_anything(folder: Path):
    path = folder / "a 録音.wav"
    left, right = noise(5000), -noise(5000)
    soundfile.write(path, np.stack([left, right], 1), 22050, subtype="FLOAT")
    peaks = read_peaks(path)
    assert peaks.rate_hz == 22050
    assert peaks.base == FINE_SAMPLES
    assert peaks.duration_s == pytest.approx(5000 / 22050)
    assert peaks.levels[0][1].max() == 0


def test_a_file_without_sound_in_it_is_named(folder: Path):
    path = folder / "fake.wav"
    path.write_text("no sound", encoding="utf-8")
    with pytest.raises(BadAudio, match=r"fake\.wav"):
        read_peaks(path)
    with pytest.raises(MissingFile, match="gone"):
        read_peaks(folder / "gone.wav")
