"""The sizes in a weight file's configuration."""

from dataclasses import replace

import pytest

from engine.models.sovits_config import SovitsConfig
from engine.protocol.errors import BadCheckpoint
from tests.engine.models.tiny import TINY
from tests.parity.kit.official import manifest


def test_the_defaults_are_the_official_model():
    assert SovitsConfig.from_checkpoint(manifest("s2G_v2")["config"]) == SovitsConfig()


def test_an_official_configuration_gets_no_entries_of_ours():
    official = manifest("s2G_v2")["config"]
    written = SovitsConfig().to_checkpoint(official)
    assert written["model"] == {**official["model"], "version": "v2"}
    assert written["data"] == official["data"]
    assert written["train"] == official["train"]
    assert "version" not in official["model"]


def test_small_sizes_survive_the_file():
    assert SovitsConfig.from_checkpoint(TINY.to_checkpoint()) == TINY


def test_the_phone_table_in_the_file_wins():
    assert SovitsConfig.from_checkpoint({}, symbol_rows=322).symbol_rows == 322


def test_analysis_follows_the_sizes():
    assert TINY.spectrogram_bins == 641
    assert TINY.segment_frames == 4
    assert TINY.mel.bands == 20
    assert TINY.mel.spectrogram.hop_samples == 640


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("model", "gin_channels", "wide"), ("model", "upsample_rates", 3), ("data", "hop_length", 1.5)],
)
def test_unusable_values_are_named(section, key, value):
    with pytest.raises(BadCheckpoint, match=key):
        SovitsConfig.from_checkpoint({section: {key: value}})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"upsample_rates": (10, 8, 2, 2, 4)}, "hop_length"),
        ({"heads": 3}, "n_heads"),
        ({"resblock": "2"}, "resblock"),
        ({"mrte_channels": 12}, "gin_channels"),
        ({"kernel": 4}, "odd"),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(change, named):
    with pytest.raises(BadCheckpoint, match=named):
        replace(TINY, **change)
