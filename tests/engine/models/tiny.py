"""A SoVITS and a speaker encoder small enough for every test, with speech-like numbers to feed them."""

from dataclasses import replace

import torch

from engine.models.sovits import Sovits
from engine.models.sovits_config import SovitsConfig
from engine.models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig

TINY = SovitsConfig(
    segment_samples=2560,
    fft_samples=1280,
    window_samples=1280,
    mel_bands=20,
    latent_channels=8,
    hidden_channels=16,
    filter_channels=24,
    layers=2,
    resblock_kernels=(3, 5),
    resblock_dilations=((1, 3), (1, 3)),
    upsample_channels=64,
    style_channels=16,
    symbol_rows=40,
    ssl_channels=12,
    codebook_size=32,
    mrte_channels=16,
    mrte_heads=2,
    posterior_layers=2,
    flow_count=2,
    flow_layers=2,
    style_bins=600,
    style_width=16,
)

TINY_SPEAKER = SpeakerEncoderConfig(planes=8, blocks=(1, 1, 1, 1))
SPEAKER_CHANNELS = 2560
"""Width of the vectors of a tiny speaker encoder."""

TINY_PRO = replace(TINY, version="v2Pro", style_channels=24, speaker_channels=SPEAKER_CHANNELS)
"""A network that hears a speaker vector; the text hears a narrower style."""


def tiny_speaker_encoder(seed=0):
    """A speaker encoder whose norms are not those of a new one."""
    torch.manual_seed(seed)
    encoder = SpeakerEncoder(TINY_SPEAKER)
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.running_mean, std=0.1)
    return encoder


def tiny_sovits(seed=0, config=TINY):
    """A network whose flow does something and whose codebook is spread out."""
    torch.manual_seed(seed)
    network = Sovits(config).eval()
    for step in network.flow.flows[::2]:
        torch.nn.init.normal_(step.post.weight, std=0.1)
    network.set_codebook(torch.randn(TINY.codebook_size, TINY.ssl_channels))
    return network


def speech(batch=2, frames=20, phones=7, seed=1):
    """Inputs of a training step: content, spectrogram, frames, phones, phone lengths."""
    source = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([frames - 4 * row for row in range(batch)])
    words = torch.tensor([phones - row for row in range(batch)])
    spectrogram = torch.rand(batch, TINY.spectrogram_bins, frames, generator=source)
    content = torch.randn(batch, TINY.ssl_channels, frames, generator=source)
    symbols = torch.randint(1, TINY.symbol_rows, (batch, phones), generator=source)
    for row in range(batch):
        spectrogram[row, :, lengths[row] :] = 0
        content[row, :, lengths[row] :] = 0
        symbols[row, words[row] :] = 0
    return content, spectrogram, lengths, symbols, words
