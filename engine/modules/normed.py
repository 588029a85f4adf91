"""Convolutions whose weight is a direction times a length (weight normalisation).

They keep the two factors under the names that official files have, `weight_g` and `weight_v`,
and can be turned into plain convolutions for inference.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, runtime_checkable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engine.modules.columns import convolved

_HELD: Final = "_held_weight"


def _split(module: nn.Module) -> None:
    """Replaces the parameter `weight` by its length per output row and its direction."""
    weight = module.get_parameter("weight").detach()
    del module.weight
    module.weight_g = nn.Parameter(_row_norms(weight))
    module.weight_v = nn.Parameter(weight.clone())


def _row_norms(weight: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.dim())), keepdim=True)
    return norms


def _combined(module: nn.Module) -> Tensor:
    held: Tensor | None = module.__dict__.get(_HELD)
    if held is not None:
        return held
    weight_v = module._parameters.get("weight_v")
    if weight_v is None:
        return module.get_parameter("weight")
    weight_g = module.get_parameter("weight_g")
    combined: Tensor = torch._weight_norm(weight_v, weight_g)  # the product in one pass over memory
    return combined


def _join(module: nn.Module) -> None:
    if "weight_v" in module._parameters:
        weight = _combined(module).detach()
        del module.weight_g, module.weight_v
        module.weight = nn.Parameter(weight)


@runtime_checkable
class Fusible(Protocol):
    """A layer that can fold its weight norm into a plain weight."""

    def fuse(self) -> None:
        """Keeps the product only; the layer can no longer be trained as before."""


class NormedConv1d(nn.Conv1d):
    """A 1-D convolution with weight norm; takes (B, C, T)."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        padding: int = 0,
    ) -> None:
        """Takes what torch.nn.Conv1d takes."""
        super().__init__(channels_in, channels_out, kernel, stride, padding, dilation=dilation, groups=groups)
        _split(self)

    def forward(self, input: Tensor) -> Tensor:
        """The convolution of (B, C, T)."""
        weight = _combined(self)
        by_columns = convolved(self, input, weight)
        if by_columns is not None:
            return by_columns
        result: Tensor = self._conv_forward(input, weight, self.bias)
        return result

    def fuse(self) -> None:
        """Folds the norm into a plain weight."""
        _join(self)


class NormedConv2d(nn.Conv2d):
    """A 2-D convolution with weight norm; takes (B, C, H, W)."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
    ) -> None:
        """Takes what torch.nn.Conv2d takes."""
        super().__init__(channels_in, channels_out, kernel, stride, padding)
        _split(self)

    def forward(self, input: Tensor) -> Tensor:
        """The convolution of (B, C, H, W)."""
        weight = _combined(self)
        by_columns = convolved(self, input, weight)
        if by_columns is not None:
            return by_columns
        result: Tensor = self._conv_forward(input, weight, self.bias)
        return result

    def fuse(self) -> None:
        """Folds the norm into a plain weight."""
        _join(self)


class NormedUpsample1d(nn.ConvTranspose1d):
    """A transposed convolution with weight norm that multiplies the length by its stride."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel: int, stride: int) -> None:
        """The padding follows: half of what the kernel is longer than the stride."""
        super().__init__(channels_in, channels_out, kernel, stride, padding=(kernel - stride) // 2)
        _split(self)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, T) to (B, C', T * stride)."""
        if output_size is not None:
            raise ValueError("the output's length follows from the stride")
        return F.conv_transpose1d(
            input,
            _combined(self),
            self.bias,
            stride=self.stride,
            padding=self.padding,  # type: ignore[arg-type]
        )

    def fuse(self) -> None:
        """Folds the norm into a plain weight."""
        _join(self)


def fuse_weight_norm(module: nn.Module) -> None:
    """Makes every normed layer inside a plain one: the same result, less work a call.

    The state dict then has `weight` instead of `weight_g` and `weight_v`, so do this to
    models that only speak.
    """
    for part in module.modules():
        if isinstance(part, Fusible):
            part.fuse()


@contextmanager
def held_weights(module: nn.Module) -> Iterator[None]:
    """Every normed layer inside works out its weight once; nothing within may change or learn it."""
    layers = [part for part in module.modules() if "weight_v" in part._parameters]
    for layer in layers:
        setattr(layer, _HELD, _combined(layer).detach())
    try:
        yield
    finally:
        for layer in layers:
            delattr(layer, _HELD)
