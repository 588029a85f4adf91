"""Convolutions along one dimension in other forms, where a CPU that learns does those sooner.

Most are products of matrices: of the kernel with columns, every stretch of the input that a kernel meets.
Strided layers of groups become layers of stride 1 over folded signals, where neighbours in time are
channels. What gains was found out layer by layer: where oneDNN is as quick, it is left to do it.

Shapes: B batch, C and C' channels, H and H' positions, W what is beside them, K the kernel's length. Signals
of one dimension lack W.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

_FEWEST: Final = 32
"""Layers of fewer channels gain nothing."""
_FOLDED: Final = 128
"""From this many channels on, the weight of a layer over folded signals learns sooner."""
_WIDE: Final = 192
"""The same for all gradients of a layer over signals of one dimension."""
_WIDEST: Final = 512
"""The same for what such a layer gives."""

_GROUP: Final = 16
"""From this many channels of each group on, a strided layer learns sooner over a folded signal."""


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a kernel meets: where it stands, and how far its numbers lie apart."""

    kernel: int
    stride: int
    padding: int
    dilation: int

    def count(self, positions: int) -> int:
        """H' of H."""
        return (positions + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1

    def columns(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (C * K, B * H' * W)."""
        x = x if x.dim() == 4 else x.unsqueeze(3)
        padded = F.pad(x, (0, 0, self.padding, self.padding)) if self.padding else x
        rows, channels, beside = x.shape[0], x.shape[1], x.shape[3]
        by_row, by_channel, by_position, by_side = padded.stride()
        met = padded.as_strided(
            (channels, self.kernel, rows, self.count(x.shape[2]), beside),
            (by_channel, self.dilation * by_position, by_row, self.stride * by_position, by_side),
        )
        return met.reshape(channels * self.kernel, -1)

    def folded(self, columns: Tensor, like: Tensor) -> Tensor:
        """What lies in columns (C * K, B * H' * W), added up where it was met: (B, C, H, W) like another."""
        rows, channels, positions = like.shape[:3]
        beside = like.shape[3] if like.dim() == 4 else 1
        count = self.count(positions)
        parts = columns.view(channels, self.kernel, rows, count, beside)
        padded = like.new_zeros(channels, rows, positions + 2 * self.padding, beside)
        for place in range(self.kernel):
            first = place * self.dilation
            padded[:, :, first : first + self.stride * (count - 1) + 1 : self.stride] += parts[:, place]
        return padded[:, :, self.padding : self.padding + positions].transpose(0, 1).view_as(like)


@dataclass(frozen=True, slots=True)
class _Ways:
    """What is done by columns."""

    result: bool
    for_input: bool
    for_weight: bool


class _Columns(torch.autograd.Function):
    """A convolution along H, of which the named parts are done by columns."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, reach: _Reach, ways: _Ways) -> Tensor:
        """(B, C, H, W) by a weight (C', C, K, 1) gives (B, C', H', W)."""
        ctx.save_for_backward(x, weight)
        ctx.reach, ctx.ways = reach, ways
        if not ways.result:
            return torch.convolution(x, weight, bias, *_settings(reach, x))
        shape = (x.shape[0], weight.shape[0], reach.count(x.shape[2]), *x.shape[3:])
        made = torch.empty_permuted(shape, (1, 0, *range(2, x.dim())), dtype=x.dtype)
        rows = made.transpose(0, 1).flatten(1)  # (C', B * H' * W)
        torch.addmm(bias[:, None], weight.flatten(1), reach.columns(x), out=rows)
        return made

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of what was given."""
        x, weight = ctx.saved_tensors
        reach: _Reach = ctx.reach
        wanted = ctx.needs_input_grad[:3]
        by_columns = (ctx.ways.for_input, ctx.ways.for_weight, ctx.ways.for_weight)
        plain = [need and not here for need, here in zip(wanted, by_columns, strict=True)]
        found: list[Tensor | None] = [None, None, None]
        if any(plain):
            sizes = [weight.shape[0]]
            settings = _settings(reach, x)
            found = list(torch.ops.aten.convolution_backward(gradient, x, weight, sizes, *settings, plain))
        rows = gradient.transpose(0, 1).flatten(1)  # (C', B * H' * W)
        if wanted[0] and not plain[0]:
            found[0] = reach.folded(weight.flatten(1).t() @ rows, x)
        if wanted[1] and not plain[1]:
            found[1] = (rows @ reach.columns(x).t()).view_as(weight)
        if wanted[2] and not plain[2]:
            found[2] = rows.sum(dim=1)
        return (*found, None, None)


def _settings(reach: _Reach, x: Tensor) -> tuple[list[int], list[int], list[int], bool, list[int], int]:
    """Stride, padding, dilation and what more PyTorch's convolution wants to know."""
    dims = x.dim() - 2
    each = [reach.stride, 1], [reach.padding, 0], [reach.dilation, 1]
    stride, padding, dilation = (one[:dims] for one in each)
    return stride, padding, dilation, False, [0] * dims, 1


def convolved(layer: nn.Conv1d | nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor | None:
    """A layer's convolution with a weight, where another form is quicker; nothing elsewhere.

    It is where a wide layer, or a strided one of groups, learns in float32 on a CPU.

    Args:
        layer: what has the bias, the stride, the padding and the dilation; zeros are padded.
        x: (B, C, T), or (B, C, H, W) for a kernel that is one wide.
        weight: (C', C, K), or (C', C, K, 1).
    """
    if not _possible(layer, x, weight):
        return None
    if layer.groups > 1:
        return _folded(layer, x, weight)
    ways = _quicker(layer, x, weight)
    if not (ways.result or ways.for_input or ways.for_weight):
        return None
    reach = _Reach(weight.shape[2], layer.stride[0], int(layer.padding[0]), layer.dilation[0])
    made: Tensor = _Columns.apply(x, weight, layer.bias, reach, ways)  # type: ignore[no-untyped-call]
    return made


def _possible(layer: nn.Conv1d | nn.Conv2d, x: Tensor, weight: Tensor) -> bool:
    return (
        layer.training
        and layer.bias is not None
        and (_grouped(layer) or (layer.groups == 1 and min(weight.shape[:2]) >= _FEWEST))
        and weight.shape[3:] in ((), (1,))
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
    )


def _grouped(layer: nn.Conv1d | nn.Conv2d) -> bool:
    return (
        isinstance(layer, nn.Conv1d)
        and layer.groups > 1
        and layer.stride[0] > 1
        and layer.dilation[0] == 1
        and layer.out_channels // layer.groups >= _GROUP
    )


def _folded(layer: nn.Conv1d | nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    """(B, C, T) by (C', C / G, K), strided by S: the same as (B, C * S, T / S) by (C', C * S / G, K / S)."""
    kernel, stride, padding = weight.shape[2], int(layer.stride[0]), int(layer.padding[0])
    taps = -(-kernel // stride)
    met = (x.shape[2] + 2 * padding - kernel) // stride + taps
    even = F.pad(x, (padding, met * stride - padding - x.shape[2]))
    rows, outputs = x.shape[0], weight.shape[0]
    signal = even.view(rows, x.shape[1], met, stride).transpose(2, 3).reshape(rows, -1, met)
    kernels = F.pad(weight, (0, taps * stride - kernel)).view(outputs, -1, taps, stride)
    kernels = kernels.transpose(2, 3).reshape(outputs, -1, taps)
    return F.conv1d(signal, kernels, layer.bias, groups=layer.groups)


def _quicker(layer: nn.Conv1d | nn.Conv2d, x: Tensor, weight: Tensor) -> _Ways:
    narrowest = min(weight.shape[:2])
    if x.dim() == 3:
        return _Ways(narrowest >= _WIDEST, narrowest >= _WIDE, narrowest >= _WIDE)
    return _Ways(result=False, for_input=layer.stride[0] > 1, for_weight=weight.shape[1] >= _FOLDED)
