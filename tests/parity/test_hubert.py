"""The content encoder against the golden case, at full size."""

import torch

from engine.models.hubert import load_content_encoder
from tests.parity.kit.cases import GoldenCase
from tests.parity.kit.official import write_official


def test_hubert(tmp_path):
    case = GoldenCase("hubert")
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    write_official(case.variant, folder / "pytorch_model.bin", seed=case.seed)
    encoder = load_content_encoder(folder)
    assert case.problems("ssl", encoder.encode(torch.from_numpy(case.inputs["wav16k"]))) == []
