"""ScaledAdam: Adam whose step is a share of each tensor's own size.

Three things set it apart from Adam. The rate is relative: a tensor moves by `lr` times its root
mean square. The size of a tensor is learnt apart from its direction, every few steps and at a
lower rate. And gradients are clipped against the median of their own recent norms, so that no
absolute threshold is needed; as in the published program, the clipped gradient counts for a
tensor's size only (the direction is normalised anyway). Single numbers (one-element tensors)
take plain Adam steps.

Source: the algorithm published with icefall's Zipformer (arXiv:2310.11230, section 3.5).
Parity: tests/parity/test_scaled_adam.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

_PIECE: Final = 1 << 17
"""Numbers of a tensor that are moved at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledAdamOptions:
    """Settings of ScaledAdam.

    Attributes:
        lr: Step as a share of a tensor's root mean square.
        betas: Decay of the momentum and of the squared gradient.
        clipping_scale: Gradients above this multiple of the median norm are scaled down.
        clipping_period: Steps between two looks at the median; no clipping in the first period.
        scalar_lr_scale: Share of `lr` for sizes and for single numbers.
        eps: Keeps divisions finite.
        min_rms: Tensors are treated as at least this large, and not shrunk below it.
        max_rms: Tensors larger than this are shrunk.
        scalar_max: Bound of single numbers.
        size_period: Steps between two updates of a tensor's size.
    """

    lr: float = 0.01
    betas: tuple[float, float] = (0.9, 0.95)
    clipping_scale: float = 2.0
    clipping_period: int = 1000
    scalar_lr_scale: float = 0.1
    eps: float = 1e-8
    min_rms: float = 1e-5
    max_rms: float = 3.0
    scalar_max: float = 10.0
    size_period: int = 4


class ScaledAdam(Optimizer):
    """The optimiser over all trainable tensors of a network, in one group."""

    def __init__(self, parameters: Iterable[Tensor], options: ScaledAdamOptions) -> None:
        defaults = asdict(options) | {"steps": 0, "recent_norms": [], "threshold": None}
        super().__init__(list(parameters), defaults)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Changes every tensor that has a gradient."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            live = [tensor for tensor in group["params"] if tensor.grad is not None]
            for tensor in live:
                self._prepare(tensor, group)
            scale = self._clipping(live, group)
            for tensor in live:
                state = self.state[tensor]
                if tensor.numel() == 1:
                    _move_number(tensor, tensor.grad, state, group)
                else:
                    _note_size(tensor, tensor.grad, scale, state)
                    _move_tensor(tensor, tensor.grad, state, group)
            group["steps"] += 1
        return loss

    def _prepare(self, tensor: Tensor, group: dict[str, Any]) -> None:
        state = self.state[tensor]
        if state:
            return
        state["steps"] = 0
        state["delta"] = torch.zeros_like(tensor)
        state["square"] = torch.zeros_like(tensor)
        if tensor.numel() > 1:
            state["rms"] = _rms(tensor)
            state["size_square"] = torch.zeros_like(state["rms"])
            state["size_gradients"] = torch.zeros(
                group["size_period"], dtype=tensor.dtype, device=tensor.device
            )

    def _clipping(self, live: list[Tensor], group: dict[str, Any]) -> float:
        """Factor for all gradients; remembers this step's norm (none is kept of the very first)."""
        steps, period = group["steps"], group["clipping_period"]
        if steps == 0 or not live:
            return 1.0
        parts = [torch.linalg.vector_norm(t.grad) * self.state[t].get("rms", 1.0) for t in live]
        norm = float(torch.linalg.vector_norm(torch.stack(parts)))
        recent = group["recent_norms"]
        if not recent:
            recent.extend([0.0] * period)
        recent[steps % period] = norm
        if steps % period == 0:
            median = sorted(recent)[min(period - 1, period // 4 * 2)]
            group["threshold"] = group["clipping_scale"] * median
        if steps < period or group["threshold"] is None:
            return 1.0
        return float(min(1.0, group["threshold"] / (norm + 1e-20)))


def _rms(tensor: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(tensor) / tensor.numel() ** 0.5
    return norm


def _note_size(tensor: Tensor, gradient: Tensor, scale: float, state: dict[str, Any]) -> None:
    """Remembers the slope of the loss along the tensor's own size."""
    kept = state["size_gradients"]
    kept[state["steps"] % len(kept)] = torch.dot(tensor.reshape(-1), gradient.reshape(-1)) * scale


def _move_tensor(tensor: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    beta1, beta2 = group["betas"]
    delta, square, steps, period = state["delta"], state["square"], state["steps"], group["size_period"]
    if steps % period == period - 1:
        state["rms"].copy_(_rms(tensor))
        if steps > 0:
            _change_size(tensor, state, group)
    bias = 1 - beta2 ** (steps + 1)
    # the published algorithm stops correcting once the bias is below one per cent
    share = bias**0.5 if bias < 0.99 else 1.0  # taken out of the root: a pass over memory less
    reach = state["rms"].clamp(min=group["min_rms"]) * (-group["lr"] * (1 - beta1) * share)
    for moved, way, squares, slope in zip(*map(_pieces, (tensor, delta, square, gradient)), strict=True):
        squares.mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
        way.mul_(beta1).addcdiv_(slope * reach, squares.sqrt().add_(group["eps"] * share))
        moved.add_(way)
    state["steps"] = steps + 1


def _pieces(tensor: Tensor) -> tuple[Tensor, ...]:
    """A tensor's rows, on a CPU as many at once as stay in its cache from one operation to the next."""
    if tensor.device.type != "cpu":
        return (tensor,)
    return torch.split(tensor, max(1, _PIECE * len(tensor) // tensor.numel()))


def _change_size(tensor: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    """Adds a growth or shrinkage of the whole tensor to its momentum."""
    beta1, beta2 = group["betas"]
    period, rate = group["size_period"], group["lr"] * group["scalar_lr_scale"]
    decay = beta2**period
    state["size_square"].mul_(decay).add_(state["size_gradients"].square().mean(), alpha=1 - decay)
    bias = 1 - decay ** ((state["steps"] + 1) // period)
    growth = state["size_gradients"].sum() / (state["size_square"].sqrt() + group["eps"])
    growth = growth * (-rate * bias**0.5)
    growth = growth.masked_fill(state["rms"] < group["min_rms"], 0.0)
    growth = growth.masked_fill(state["rms"] > group["max_rms"], -rate * period)
    state["delta"].add_(tensor * growth, alpha=(1 - beta1) / beta1)  # the momentum decays only afterwards


def _move_number(tensor: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    beta1, beta2 = group["betas"]
    rate = group["lr"] * group["scalar_lr_scale"]
    state["square"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    bias = 1 - beta2 ** (state["steps"] + 1)
    direction = gradient / ((state["square"] / bias).sqrt() + group["eps"])
    state["delta"].mul_(beta1).add_(direction, alpha=-rate * (1 - beta1))
    tensor.clamp_(-group["scalar_max"], group["scalar_max"]).add_(state["delta"])
    state["steps"] += 1
