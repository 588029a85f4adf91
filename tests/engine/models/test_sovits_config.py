"""The sizes in a weight file's configuration."""

from dataclasses import replace

import pytest
import torch

from engine.models.sovits_config import SovitsConfig, shown_sizes, shown_version
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


@pytest.mark.parametrize("key", ["n_layers", "posterior_layers", "flow_layers"])
@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_an_absurd_number_of_layers_is_refused_before_they_are_built(key, count):
    with pytest.raises(BadCheckpoint, match="layers"):
        SovitsConfig.from_checkpoint({"model": {key: count}})


def test_small_sizes_survive_the_file():
    shown = {name: getattr(TINY, name) for name in ("symbol_rows", "style_bins", "speaker_channels")}
    assert SovitsConfig.from_checkpoint(TINY.to_checkpoint(), shown) == TINY


def test_the_weights_themselves_show_what_the_configuration_does_not_say():
    weights = {
        "enc_p.text_embedding.weight": torch.zeros(322, 4),
        "ref_enc.spectral.0.fc.weight": torch.zeros(5, 1025),
    }
    shown = shown_sizes(weights)
    assert shown == {"symbol_rows": 322, "style_bins": 1025}
    config = SovitsConfig.from_checkpoint({"model": {"symbol_rows": 7}}, shown)
    assert (config.symbol_rows, config.style_bins, config.speaker_channels) == (322, 1025, 0)


@pytest.mark.parametrize("variant", ["v1", "v2", "v2Pro", "v2ProPlus"])
@pytest.mark.parametrize("said", ["", "v2", "v4"])
def test_an_official_network_is_known_by_its_sizes(variant, said):
    facts = manifest(f"s2G_{variant}")
    weights = {name: torch.empty(shape, device="meta") for name, (shape, _) in facts["params"].items()}
    config = SovitsConfig.from_checkpoint(facts["config"], shown_sizes(weights))
    assert shown_version(config, said).name == variant


def test_the_file_says_the_version_where_sizes_do_not():
    pro = replace(TINY, speaker_channels=6)
    assert [shown_version(TINY, said).name for said in ("v1", "v2")] == ["v1", "v2"]
    assert [shown_version(pro, said).name for said in ("v2", "v2Pro", "v2ProPlus")] == [
        "v2Pro",
        "v2Pro",
        "v2ProPlus",
    ]


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
