"""The vocoders of v3 and v4: from mel spectrograms to sound, whole or while they are made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from engine.checkpoints.reader import read_checkpoint
from engine.models.bigvgan import BigVgan
from engine.models.hifigan import StackSizes, WaveStack
from engine.models.weights import put_weights
from engine.modules.antialias import FILTER_TAPS
from engine.modules.normed import fuse_weight_norm
from engine.protocol.errors import BadCheckpoint, MissingModel

_FILES: Final = ("bigvgan_generator.pt", "vocoder.pth")
_SNAKE: Final = "activation_post.act.alpha"
_NORMS: Final = (
    (".weight_g", ".weight_v"),
    (".parametrizations.weight.original0", ".parametrizations.weight.original1"),
)
_DILATIONS: Final = (1, 3, 5)


class Vocoder(nn.Module):
    """A network that speaks mel spectrograms.

    Attributes:
        hop_samples: Samples of a frame.
        context_frames: Frames on each side that a frame's samples depend on.
    """

    def __init__(self, network: nn.Module, sizes: StackSizes, *, filters: bool) -> None:
        """Wraps a network.

        Args:
            network: takes (B, bands, T), gives (B, 1, T * hop).
            sizes: its sizes.
            filters: whether its activations are filtered.
        """
        super().__init__()
        self.network = network
        self.bands = sizes.channels_in
        self.hop_samples = math.prod(sizes.rates)
        self.context_frames = _reach(sizes, filters=filters)

    @torch.no_grad()
    def forward(self, mel: Tensor) -> Tensor:
        """(B, bands, T) natural-log mel of any precision to (B, 1, T * hop_samples) in [-1, 1]."""
        wave: Tensor = self.network(mel.to(next(self.parameters())))
        return wave

    def speak(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Speaks mel while it is made; the pieces are the same sound as the whole spoken at once.

        What the end of a chunk sounds like hangs on what follows, so that `context_frames` of it
        wait for the next one.

        Args:
            chunks: (1, bands, n) each.

        Yields:
            (1, 1, S) samples that are final.
        """
        known: Tensor | None = None
        ready = 0  # frames of `known` that were handed out
        for chunk in chunks:
            known = chunk if known is None else torch.cat((known, chunk), dim=2)
            final = known.shape[2] - self.context_frames
            if final > ready:
                yield self._between(known, ready, final)
                kept = max(final - self.context_frames, 0)
                known, ready = known[..., kept:], final - kept
        if known is not None and known.shape[2] > ready:
            yield self._between(known, ready, known.shape[2])

    def _between(self, mel: Tensor, first: int, last: int) -> Tensor:
        """The samples of frames from first to last, with what surrounds them as context."""
        wave: Tensor = self(mel)
        return wave[..., first * self.hop_samples : last * self.hop_samples]


def _reach(sizes: StackSizes, *, filters: bool) -> int:
    """How many frames away something may lie that a sample depends on."""
    samples = 1
    total = 4.0  # the first convolution reaches three frames, and one for rounding
    filtered = FILTER_TAPS if filters else 0
    for rate, kernel in zip(sizes.rates, sizes.kernels, strict=True):
        total += math.ceil(kernel / 2) / (samples * rate)
        samples *= rate
        reaches = [
            sum((dilation + 1) * (kernel // 2) + filtered for dilation in dilations)
            for kernel, dilations in zip(sizes.resblock_kernels, sizes.resblock_dilations, strict=True)
        ]
        total += max(reaches) / samples
    return math.ceil(total + (filtered + 3) / samples)


def load_vocoder(path: Path) -> Vocoder:
    """The vocoder of a file, in float32 on the CPU, ready to speak.

    Args:
        path: BigVGAN's folder or its `bigvgan_generator.pt` (v3), or `vocoder.pth` (v4); what it
            is, its content tells.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged or no vocoder.
    """
    file = _file(path)
    weights = _folded(read_checkpoint(file).weights)
    filters = _SNAKE in weights
    try:
        sizes = _sizes(weights, "ups.{}.0.weight" if filters else "ups.{}.weight")
        with torch.device("meta"):
            network: nn.Module = BigVgan(sizes) if filters else WaveStack(sizes)
            fuse_weight_norm(network)
    except (KeyError, IndexError, ArithmeticError, ValueError, RuntimeError) as error:
        raise BadCheckpoint(
            f"{file} is no vocoder.",
            hint="Choose bigvgan_generator.pt for v3, or vocoder.pth for v4.",
            detail=repr(error),
        ) from error
    put_weights(network, weights, file)
    return Vocoder(network.requires_grad_(requires_grad=False), sizes, filters=filters).eval()


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in _FILES:
        if (path / name).is_file():
            return path / name
    raise MissingModel(f"There is no vocoder in {path}.", hint=f"Put {' or '.join(_FILES)} there.")


def _folded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict without weight norm: every pair of length and direction becomes a weight."""
    plain = dict(weights)
    for name in weights:
        for length, direction in _NORMS:
            stem = name.removesuffix(length)
            if name.endswith(length) and stem + direction in plain:
                way = plain.pop(stem + direction).float()
                norm = torch.linalg.vector_norm(way, dim=tuple(range(1, way.dim())), keepdim=True)
                plain[f"{stem}.weight"] = way * (plain.pop(name).float() / norm)
    return plain


def _sizes(weights: Mapping[str, Tensor], upsample: str) -> StackSizes:
    """The sizes that the shapes tell; every stage's kernel is twice its factor."""
    kernels: list[int] = []
    while upsample.format(len(kernels)) in weights:
        kernels.append(weights[upsample.format(len(kernels))].shape[2])
    blocks = len({name.split(".")[1] for name in weights if name.startswith("resblocks.")})
    if not kernels or blocks % len(kernels):
        raise KeyError("resblocks")
    sides = [
        weights[f"resblocks.{index}.convs1.0.weight"].shape[2] for index in range(blocks // len(kernels))
    ]
    first = weights["conv_pre.weight"].shape
    return StackSizes(
        channels_in=first[1],
        channels=first[0],
        rates=tuple(kernel // 2 for kernel in kernels),
        kernels=tuple(kernels),
        resblock_kernels=tuple(sides),
        resblock_dilations=tuple(_DILATIONS for _ in sides),
        last_bias="conv_post.bias" in weights,
    )
