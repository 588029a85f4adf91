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
    wave = torch.from_numpy(case.inputs["wav16k"])
    assert case.problems("ssl", encoder.encode(wave)) == []
    shorter = wave[0, : wave.shape[1] // 2]
    first, second = encoder.encode_each([shorter, wave[0]])
    assert case.problems("ssl", second) == []
    assert (first - encoder.encode(shorter[None])).abs().max() < 1e-4
