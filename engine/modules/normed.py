"""Convolutions whose weight is a direction times a length (weight normalisation).

They keep the two factors under the names that official files have, `weight_g` and `weight_v`,
and can be turned into plain convolutions for inference.
"""

from __future__ import annotations

from typing import Any, Final, Protocol, runtime_checkable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

_WIDE: Final = 128
"""From this many channels on, a product of matrices gives a weight's gradient sooner than oneDNN does."""


class _Columns(torch.autograd.Function):
    """A 2-D convolution along the height whose weight learns through one product of matrices.

    On a CPU the wide layers of the judges wait longest for this gradient.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        """(B, C, H, W) by a weight (C', C, K, 1) gives (B, C', H', W)."""
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, (stride, 1), (padding, 0))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None, None]:
        """The gradients of what was given."""
        x, weight = ctx.saved_tensors
        given = None
        if ctx.needs_input_grad[0]:
            shape, stride, padding = list(x.shape), (ctx.stride, 1), (ctx.padding, 0)
            given = conv2d_input(shape, weight, gradient, stride, padding)  # type: ignore[no-untyped-call]
        padded = F.pad(x, (0, 0, ctx.padding, ctx.padding))
        pieces = padded.unfold(2, weight.shape[2], ctx.stride)  # (B, C, H', W, K)
        columns = pieces.permute(1, 4, 0, 2, 3).flatten(2).flatten(0, 1)  # (C * K, B * H' * W)
        rows = gradient.transpose(0, 1).flatten(1)  # (C', B * H' * W)
        return given, (rows @ columns.t()).view_as(weight), rows.sum(dim=1), None, None


def _by_columns(x: Tensor, weight: Tensor) -> bool:
    """Whether `_Columns` is quicker: a wide layer that learns, in float32 on a CPU."""
    return (
        weight.requires_grad
        and torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and weight.shape[1] >= _WIDE
        and weight.shape[3] == 1
    )


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
        result: Tensor = self._conv_forward(input, _combined(self), self.bias)
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
        if _by_columns(input, weight):
            made: Tensor = _Columns.apply(  # type: ignore[no-untyped-call]
                input, weight, self.bias, self.stride[0], self.padding[0]
            )
            return made
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
