"""A SoVITS of v3 or v4 that is small enough for every test."""

from dataclasses import replace

import torch

from engine.models.diffusion_transformer import TransformerSizes
from engine.models.flow_network import FLOW_VERSIONS, FlowSizes, FlowSovits
from tests.engine.models.tiny import TINY

SIZES = TransformerSizes(
    condition_channels=16,
    condition_inner=24,
    condition_blocks=1,
    width=32,
    blocks=2,
    head_channels=8,
    inner=40,
    wave_channels=12,
    position_kernel=5,
    position_groups=4,
)


def tiny_flow(version="v3", seed=0, encoder=TINY):
    """A network in which everything that goes in is heard."""
    torch.manual_seed(seed)
    sizes = FlowSizes(
        encoder=replace(encoder, version=version), transformer=SIZES, gate_layers=2, gate_kernel=3
    )
    network = FlowSovits(sizes, FLOW_VERSIONS[version]).eval()
    for name, tensor in network.named_parameters():
        if ".grn." in name:
            torch.nn.init.normal_(tensor, std=0.3)
    network.quantizer.codebook.fill(torch.randn(encoder.codebook_size, encoder.ssl_channels))
    return network


def spoken(codes=12, phones=7, seed=1):
    """Codes, phones and a reference spectrogram."""
    source = torch.Generator().manual_seed(seed)
    return (
        torch.randint(0, TINY.codebook_size, (1, codes), generator=source),
        torch.randint(1, TINY.symbol_rows, (1, phones), generator=source),
        torch.rand(1, TINY.spectrogram_bins, 20, generator=source),
    )
