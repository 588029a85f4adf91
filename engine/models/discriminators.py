"""Judges of SoVITS training: one listens to samples, the others to samples folded by a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engine.checkpoints.reader import read_checkpoint
from engine.models.weights import put_weights
from engine.modules.normed import NormedConv1d, NormedConv2d
from engine.protocol.errors import BadCheckpoint
from engine.protocol.versions import VERSIONS, version

_SLOPE: Final = 0.1
_SCALE_WIDTHS: Final = (16, 64, 256, 1024, 1024, 1024)
_SCALE_KERNELS: Final = (15, 41, 41, 41, 41, 5)
_SCALE_STRIDES: Final = (1, 4, 4, 4, 4, 1)
_SCALE_GROUPS: Final = (1, 4, 16, 64, 256, 1)
_PERIOD_WIDTHS: Final = (32, 128, 512, 1024, 1024)
_PERIOD_STRIDES: Final = (3, 3, 3, 3, 1)
_NARROWEST: Final = 16
_FIRST_BIAS: Final = "discriminators.0.convs.0.bias"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorConfig:
    """Sizes of the judges.

    Attributes:
        periods: Periods of the folding judges, as the table of versions has them.
        narrower: Divides every width; a power of two up to 16. 1 is the official size.
    """

    periods: tuple[int, ...] = version("v2").judge_periods
    narrower: int = 1

    def __post_init__(self) -> None:
        if self.narrower not in (1, 2, 4, 8, _NARROWEST):
            raise ValueError("narrower must be 1, 2, 4, 8 or 16")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one judge says.

    Attributes:
        score: (B, N), near 1 for real and 0 for made sound.
        features: What every one of its layers gave.
    """

    score: Tensor
    features: tuple[Tensor, ...]


class ScaleDiscriminator(nn.Module):
    """Listens to the samples as they come."""

    def __init__(self, narrower: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        before = 1
        shape = zip(_SCALE_WIDTHS, _SCALE_KERNELS, _SCALE_STRIDES, _SCALE_GROUPS, strict=True)
        for width, kernel, stride, groups in shape:
            self.convs.append(
                NormedConv1d(
                    before,
                    width // narrower,
                    kernel,
                    stride=stride,
                    groups=max(1, groups // narrower),
                    padding=kernel // 2,
                )
            )
            before = width // narrower
        self.conv_post = NormedConv1d(before, 1, 3, padding=1)

    def forward(self, wave: Tensor) -> Judgement:
        """What it says of (B, 1, S)."""
        return _judge(self.convs, self.conv_post, wave)


class PeriodDiscriminator(nn.Module):
    """Listens to every n-th sample."""

    def __init__(self, period: int, narrower: int) -> None:
        super().__init__()
        self.period = period
        self.convs = nn.ModuleList()
        before = 1
        for width, stride in zip(_PERIOD_WIDTHS, _PERIOD_STRIDES, strict=True):
            after = width // narrower
            self.convs.append(NormedConv2d(before, after, (5, 1), stride=(stride, 1), padding=(2, 0)))
            before = after
        self.conv_post = NormedConv2d(before, 1, (3, 1), padding=(1, 0))

    def forward(self, wave: Tensor) -> Judgement:
        """What it says of (B, 1, S)."""
        missing = -wave.shape[2] % self.period
        if missing:
            wave = F.pad(wave, (0, missing), mode="reflect")
        folded = wave.reshape(wave.shape[0], 1, -1, self.period)
        return _judge(self.convs, self.conv_post, folded)


def _judge(layers: nn.ModuleList, last: nn.Module, x: Tensor) -> Judgement:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), _SLOPE, inplace=True)  # half the memory
        features.append(x)
    x = last(x)
    return Judgement(x.flatten(1), (*features, x))


class Discriminators(nn.Module):
    """All judges, under the state-dict names of the official files."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.discriminators = nn.ModuleList([ScaleDiscriminator(config.narrower)])
        self.discriminators.extend(PeriodDiscriminator(one, config.narrower) for one in config.periods)

    def forward(self, wave: Tensor) -> list[Judgement]:
        """What each says of (B, 1, S) samples."""
        return [judge(wave) for judge in self.discriminators]


def load_discriminators(path: Path) -> Discriminators:
    """The judges of a weight file, in float32 on the CPU.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged or of another kind.
    """
    return build_discriminators(read_checkpoint(path).weights, path)


def build_discriminators(weights: Mapping[str, Tensor], path: Path) -> Discriminators:
    """The judges of a state dict, whose sizes it shows itself; `path` is for messages.

    Raises:
        BadCheckpoint: it is of another kind, or incomplete.
    """
    first = weights.get(_FIRST_BIAS)
    narrower = _SCALE_WIDTHS[0] // max(1, first.numel()) if first is not None else 0
    if narrower not in (1, 2, 4, 8, _NARROWEST):
        raise BadCheckpoint(
            f"{path} is no discriminator of SoVITS training.", hint="Choose the s2D file of the same version."
        )
    judges = {name.split(".")[1] for name in weights if name.startswith("discriminators.")}
    known = sorted({row.judge_periods for row in VERSIONS.values()}, key=len)
    periods = next((one for one in known if len(one) + 1 >= len(judges)), known[-1])
    with torch.device("meta"):
        made = Discriminators(DiscriminatorConfig(periods=periods, narrower=narrower))
    put_weights(made, weights, path)
    return made
