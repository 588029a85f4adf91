"""The kit itself: signals, deterministic values and the comparison."""

import sys
import zipfile

import numpy as np
import pytest

from tests.parity.kit.cases import GoldenCase, case_names, text_records
from tests.parity.kit.deterministic import bell, flat, values, whole
from tests.parity.kit.official import known_variants, manifest, write_official
from tests.parity.kit.signals import build_signal, fingerprint


def test_signals_have_the_stored_checksums():
    records = text_records("slicer.jsonl")
    assert len(records) > 10
    wrong = [r["id"] for r in records if fingerprint(build_signal(r["signal"])) != r["signal_sha256"]]
    assert wrong == []


def test_draws_are_what_they_say():
    assert abs(float(bell("a", (20000,)).mean())) < 0.03
    assert abs(float(bell("a", (20000,)).std()) - 1) < 0.03
    assert 0 <= flat("a", (1000,)).min() < flat("a", (1000,)).max() < 1
    assert set(whole("a", (1000,), range(-2, 3)).tolist()) == {-2, -1, 0, 1, 2}
    assert not np.array_equal(bell("a", (8,), 0), bell("a", (8,), 1))
    assert not np.array_equal(bell("a", (8,)), bell("b", (8,)))


def test_a_comparison_notices_a_difference():
    case = GoldenCase("sampling")
    wanted = case.stored_output("probs")
    assert case.problems("probs", wanted) == []
    off = wanted.copy()
    off[0, 0] += 1e-3
    assert "1 of" in case.problems("probs", off)[0]
    assert "shape" in case.problems("probs", off[:1])[0]
    off[0, 0] = np.nan
    assert case.problems("probs", off)


def test_a_missing_case_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("GSV_PARITY_CASES", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        case_names("s1_v2")


@pytest.mark.parametrize(
    "name", ["s1_v2", "s2_v2_", "sampling", "scaled_adam", "sola", "spectrograms", "hubert"]
)
def test_the_data_of_the_first_version_is_here(name):
    found = case_names(name)
    assert found
    for case in found:
        assert GoldenCase(case).inputs


def test_every_manifest_has_values_for_its_keys():
    for variant in known_variants():
        for name, (shape, _) in manifest(variant)["params"].items():
            small = [min(size, 4) for size in shape]
            assert np.isfinite(values(name, small)).all(), name


def test_official_file_is_a_zip_and_leaves_no_module(tmp_path):
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    path = write_official("s2D_v2", folder / "D.pth", half=True)
    assert zipfile.is_zipfile(path)
    assert getattr(sys.modules.get("utils"), "HParams", None) is None


@pytest.mark.parametrize(
    ("name", "shape", "first"),
    [
        ("model.bert_proj.weight", [4, 6], "-0.211551547"),
        ("dec.ups.0.weight_g", [5, 1, 1], "1.34970355"),
        ("quantizer.vq.layers.0._codebook.embed_avg", [3, 4], "82.7482681"),
        ("model.ar_predict_layer.weight", [5, 8], "1.64769447"),
        ("model.h.layers.3.norm1.weight", [9], "0.981845915"),
    ],
)
def test_values_are_the_published_ones(name, shape, first):
    assert f"{float(values(name, shape, 1).ravel()[0]):.9g}" == first
