"""Codes of features."""

import torch

from engine.modules.quantizer import Quantizer


def test_every_vector_gets_the_nearest_code():
    torch.manual_seed(0)
    quantizer = Quantizer(50, 6)
    quantizer.codebook.fill(torch.randn(50, 6))
    features = torch.randn(2, 6, 33)
    codes = quantizer.codes(features)
    distances = torch.cdist(features.transpose(1, 2), quantizer.codebook.embed)
    assert torch.equal(codes, distances.argmin(dim=2))
    assert torch.equal(quantizer.codes(quantizer.vectors(codes)), codes)
    assert quantizer.vectors(codes).shape == features.shape


def test_names_are_the_official_ones():
    assert list(Quantizer(4, 2).state_dict()) == [
        f"vq.layers.0._codebook.{name}" for name in ("inited", "cluster_size", "embed", "embed_avg")
    ]
