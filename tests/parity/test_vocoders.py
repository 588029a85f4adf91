"""The vocoders against the golden cases, at full size."""

import pytest
import torch

from engine.models.vocoder import load_vocoder
from tests.parity.kit.cases import GoldenCase, case_names


@pytest.mark.parametrize("name", case_names("vocoder_"))
def test_vocoder(name, official_file):
    case = GoldenCase(name)
    vocoder = load_vocoder(official_file(case.variant, case.seed))
    wave = vocoder(torch.from_numpy(case.inputs["mel"]))
    assert case.problems("wav", wave) == []
