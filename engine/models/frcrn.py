"""FRCRN: takes noise out of speech at 16 kHz with masks from two complex networks, one after the other.

Source: Zhao et al., FRCRN, ICASSP 2022 (arXiv 2206.07293); names and sizes of the weights as in the published
`speech_frcrn_ans_cirm_16k`. Legend: B batch, C channels, H frequency bins, F frames of 20 ms, S samples.
Complex values are pairs of tensors, real and imaginary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.protocol.errors import BadCheckpoint

RATE_HZ: Final = 16000
WINDOW: Final = 640
HOP: Final = 320
_CHANNELS: Final = 128
_REACH: Final = 20
"""Bins, or frames, that a memory looks back on, its own included."""
_SQUEEZE: Final = 8
_DOWN: Final = (5, 5, 5, 5, 5, 5, 2)
"""Height of each filter on the way down; every one halves the bins: 321, 159, 78, 37, 17, 7, 2, 1."""
_UP: Final = (2, 5, 5, 5, 6, 5, 5)
_NAMES: Final = (
    (re.compile(r"^module\."), ""),
    (re.compile(r"^model\.(?=unet)"), ""),
    (re.compile(r"^unet2\."), "second."),
    (re.compile(r"^unet\."), "first."),
    (re.compile(r"\.fsmn\.fsmn_(re|im)_L1\."), r".memory.0.\1."),
    (re.compile(r"\.fsmn\.fsmn_(re|im)_L2\."), r".memory.1.\1."),
    (re.compile(r"\.fsmn_enc\.(\d+)\.fsmn_(re|im)_L1\."), r".down.\1.memory.\2."),
    (re.compile(r"\.fsmn_dec\.(\d+)\.fsmn_(re|im)_L1\."), r".up.\1.memory.\2."),
    (re.compile(r"\.encoders\.(\d+)\.conv\.conv_(re|im)\."), r".down.\1.filter.\2."),
    (re.compile(r"\.decoders\.(\d+)\.transconv\.tconv_(re|im)\."), r".up.\1.filter.\2."),
    (re.compile(r"\.encoders\.(\d+)\.bn\.bn_(re|im)\."), r".down.\1.norm_\2."),
    (re.compile(r"\.decoders\.(\d+)\.bn\.bn_(re|im)\."), r".up.\1.norm_\2."),
    (re.compile(r"\.se_layers_enc\.(\d+)\.fc_(r|i)\."), r".down.\1.weigh.\2."),
    (re.compile(r"\.se_layers_dec\.(\d+)\.fc_(r|i)\."), r".up.\1.weigh.\2."),
    (re.compile(r"\.linear\.conv_(re|im)\."), r".last.\1."),
    (re.compile(r"\.weigh\.r\."), ".weigh.re."),
    (re.compile(r"\.weigh\.i\."), ".weigh.im."),
)
"""From the published names to ours; what then still has no place is a second copy, or a constant."""

Pair = tuple[Tensor, Tensor]


class _Complex(nn.Module):
    """A linear map of complex values made of two real ones, as in (a + ib)(x + iy)."""

    def __init__(self, re: nn.Module, im: nn.Module) -> None:
        super().__init__()
        self.re = re
        self.im = im

    def forward(self, pair: Pair) -> Pair:
        """Applies the map to a pair of equal shape."""
        count = pair[0].shape[0]
        both = torch.cat(pair)
        by_real, by_imaginary = self.re(both), self.im(both)
        return by_real[:count] - by_imaginary[count:], by_real[count:] + by_imaginary[:count]


class _Memory(nn.Module):
    """A weighted look back along a sequence: (N, L, C) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.project = nn.Linear(channels, channels, bias=False)
        self.conv1 = nn.Conv1d(channels, channels, _REACH, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Adds to each place what came before it."""
        found = self.project(functional.relu(self.linear(x)))
        back = self.conv1(functional.pad(found.transpose(1, 2), (_REACH - 1, 0)))
        made: Tensor = x + found + back.transpose(1, 2)
        return made


def _memory(channels: int) -> _Complex:
    return _Complex(_Memory(channels), _Memory(channels))


def _along_bins(memory: nn.Module, pair: Pair) -> Pair:
    """A memory from bin to bin, in each frame for itself: (B, C, H, F)."""
    batch, _, _, frames = pair[0].shape
    flat = tuple(part.permute(0, 3, 2, 1).flatten(0, 1) for part in pair)  # (B * F, H, C)
    real, imaginary = memory(flat)
    return _unfold(real, batch, frames), _unfold(imaginary, batch, frames)


def _unfold(flat: Tensor, batch: int, frames: int) -> Tensor:
    return flat.reshape(batch, frames, *flat.shape[1:]).permute(0, 3, 2, 1)


class _Weigh(_Complex):
    """Gives each channel a weight that follows from its mean."""

    def __init__(self, channels: int) -> None:
        super().__init__(_gate(channels), _gate(channels))

    def forward(self, pair: Pair) -> Pair:
        """Weighs the channels; (B, C, H, F)."""
        real, imaginary = super().forward((pair[0].mean((2, 3)), pair[1].mean((2, 3))))
        return pair[0] * real[:, :, None, None], pair[1] * imaginary[:, :, None, None]


def _gate(channels: int) -> nn.Module:
    narrow = channels // _SQUEEZE
    return nn.Sequential(nn.Linear(channels, narrow), nn.ReLU(), nn.Linear(narrow, channels), nn.Sigmoid())


class _Step(nn.Module):
    """A filter with what surrounds it; which parts are used is the caller's matter."""

    memory: _Complex
    weigh: _Weigh

    def __init__(self, re: nn.Module, im: nn.Module, channels: int, *, inner: bool) -> None:
        super().__init__()
        self.filter = _Complex(re, im)
        self.norm_re = nn.BatchNorm2d(channels)
        self.norm_im = nn.BatchNorm2d(channels)
        if inner:
            self.weigh = _Weigh(channels)

    def forward(self, pair: Pair) -> Pair:
        """Filters and evens out."""
        real, imaginary = self.filter(pair)
        return functional.leaky_relu(self.norm_re(real)), functional.leaky_relu(self.norm_im(imaginary))


class _MaskNetwork(nn.Module):
    """A complex U-net whose every level has a memory along the bins."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, (height, back) in enumerate(zip(_DOWN, _UP, strict=True)):
            given = 1 if level == 0 else channels
            self.down.append(_Step(*_filters(given, channels, height), channels, inner=True))
            is_last = level == len(_UP) - 1
            taken, made = channels if level == 0 else 2 * channels, 1 if is_last else channels
            self.up.append(_Step(*_filters(taken, made, back, up=True), made, inner=level < len(_UP) - 2))
            if level > 0:
                _steps(self.down)[level].memory = _memory(channels)
            if not is_last:
                _steps(self.up)[level].memory = _memory(channels)
        self.memory = nn.ModuleList([_memory(channels), _memory(channels)])
        self.last = _Complex(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))

    def forward(self, pair: Pair) -> Pair:
        """(B, 1, 321, F) -> the same."""
        aside: list[Pair] = []
        for level, step in enumerate(_steps(self.down)):
            if level > 0:
                pair = _along_bins(step.memory, pair)
            pair = step(pair)
            aside.append(step.weigh(pair))
        pair = self._along_frames(pair)
        for level, step in enumerate(_steps(self.up)):
            pair = step(pair)
            if level == len(self.up) - 1:
                break
            pair = _along_bins(step.memory, pair)
            if level < len(self.up) - 2:
                pair = step.weigh(pair)
            kept = aside[-2 - level]
            pair = torch.cat((pair[0], kept[0]), 1), torch.cat((pair[1], kept[1]), 1)
        made: Pair = self.last(pair)
        return made

    def _along_frames(self, pair: Pair) -> Pair:
        flat = tuple(part.flatten(1, 2).transpose(1, 2) for part in pair)  # (B, F, C): one bin is left
        for memory in self.memory:
            flat = memory(flat)
        return flat[0].transpose(1, 2)[:, :, None], flat[1].transpose(1, 2)[:, :, None]


def _steps(levels: nn.ModuleList) -> list[_Step]:
    return [step for step in levels if isinstance(step, _Step)]


def _filters(given: int, made: int, height: int, *, up: bool = False) -> tuple[nn.Module, nn.Module]:
    kind = nn.ConvTranspose2d if up else nn.Conv2d
    first, second = (kind(given, made, (height, 2), stride=(2, 1), padding=(0, 1)) for _ in range(2))
    return first, second


class Frcrn(nn.Module):
    """The whole network."""

    window: Tensor

    def __init__(self, channels: int = _CHANNELS) -> None:
        super().__init__()
        self.first = _MaskNetwork(channels)
        self.second = _MaskNetwork(channels)
        self.register_buffer("window", torch.hann_window(WINDOW).sqrt(), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """Speech without its noise.

        Args:
            wave: (B, S) float32 at 16 kHz, whole frames: S = WINDOW + n * HOP.

        Returns:
            (B, S).
        """
        frames = wave.unfold(1, WINDOW, HOP) * self.window  # (B, F, WINDOW)
        given = torch.fft.rfft(frames).transpose(1, 2)  # (B, H, F)
        middle = self.first((given.real[:, None], given.imag[:, None]))
        last = self.second(middle)
        real, imaginary = (one.tanh() + two.tanh() for one, two in zip(middle, last, strict=True))
        masked = given * torch.complex(real, imaginary)[:, 0]
        made = torch.fft.irfft(masked.transpose(1, 2), n=WINDOW) * self.window
        weights = self.window.square().expand(made.shape)
        return _overlapped(made) / (_overlapped(weights) + 1e-8)


def _overlapped(frames: Tensor) -> Tensor:
    """Adds frames up where they overlap: (B, F, WINDOW) -> (B, S)."""
    count = frames.shape[1]
    folded = functional.fold(
        frames.transpose(1, 2),
        output_size=(1, WINDOW + (count - 1) * HOP),
        kernel_size=(1, WINDOW),
        stride=(1, HOP),
    )
    return folded[:, 0, 0]


def load_published(network: Frcrn, weights: Mapping[str, Tensor]) -> None:
    """Puts the weights of a published file in.

    Raises:
        BadCheckpoint: they belong to another network; the names of what is missing are given.
    """
    wanted = network.state_dict()
    found: dict[str, Tensor] = {}
    for published, value in weights.items():
        name = _our_name(published)
        if name in wanted:
            found[name] = value.squeeze(-1) if name.endswith("conv1.weight") and value.dim() == 4 else value
    missing = sorted(wanted.keys() - found.keys())
    unlike = sorted(name for name, value in found.items() if value.shape != wanted[name].shape)
    if missing or unlike:
        raise BadCheckpoint(
            "The weights are not those of speech_frcrn_ans_cirm_16k.",
            hint="Download the model's files again.",
            detail=f"missing: {', '.join(missing[:10])}; of another size: {', '.join(unlike[:10])}",
        )
    network.load_state_dict(found)


def _our_name(published: str) -> str:
    for pattern, replacement in _NAMES:
        published = pattern.sub(replacement, published)
    return published
