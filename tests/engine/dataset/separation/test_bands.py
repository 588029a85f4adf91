"""Spectra in bands give the sound back, and hear frequencies where they are."""

import numpy as np
import pytest

from engine.dataset.separation import library
from engine.dataset.separation.bands import Bands
from engine.protocol.errors import BadParameters
from tests.engine.dataset.separation.tiny import needs_library

pytestmark = needs_library


def tone(hz, samples=30000):
    wave = 0.3 * np.sin(np.arange(samples) * 2 * np.pi * hz / 44100)
    return np.stack([wave, -wave]).astype(np.float32)


@pytest.mark.parametrize("hz", [120, 900, 1500, 3000, 5400, 12000])
def test_a_tone_comes_back(hz):
    bands = Bands.parsed(library.bands("4band_v2"))
    joined, above = bands.analysed(tone(hz))
    again = bands.sounding(joined, above, 30000)
    inner = slice(2000, -2000)
    assert np.std(again[:, inner] - tone(hz)[:, inner]) < 0.01 * np.std(tone(hz))


def test_rows_rise_with_the_frequency():
    bands = Bands.parsed(library.bands("4band_v3"))
    assert bands.split_row == 85
    loudest = [int(bands.analysed(tone(hz))[0].abs()[0].sum(1).argmax()) for hz in (120, 1500, 3000, 12000)]
    assert loudest == sorted(loudest)
    assert loudest[0] == round(120 / 7350 * 640)


@pytest.mark.parametrize("name", ["4band_44100_mid", "4band_44100_reverse", "2band_48000"])
def test_tables_that_are_not_plain_stereo_are_refused(name):
    with pytest.raises(BadParameters, match="not supported"):
        Bands.parsed(library.bands(name))


def test_a_table_with_holes_is_refused():
    table = library.bands("4band_v2")
    del table["band"]["2"]["hl"]
    with pytest.raises(BadParameters, match="cannot be used"):
        Bands.parsed(table)
