"""Where to compute, and how exactly."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from engine.protocol.errors import BadParameters
from engine.protocol.stages.training import TrainingPrecision


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes the GPU when there is one.

    Raises:
        BadParameters: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    hint = "Set the device to auto, or to cpu."
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadParameters(f"{name!r} is no device.", hint=hint, detail=str(error)) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise BadParameters(f"The device {name!r} is not there.", hint=hint)
    return device


def mixed_precision(device: torch.device, precision: TrainingPrecision) -> bool:
    """Whether to compute in bfloat16 where that is safe: asked for, or on a GPU that is made for it."""
    if precision is TrainingPrecision.AUTO:
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return precision is TrainingPrecision.BF16


def mixed(device: torch.device, *, enabled: bool) -> AbstractContextManager[object]:
    """Computes what lies in the block in bfloat16 where that is safe."""
    if not enabled:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def exact(device: torch.device) -> AbstractContextManager[object]:
    """Computes what lies in the block in float32, also inside `mixed`."""
    return torch.autocast(device.type, enabled=False)


def gradient_norm(parameters: Iterable[Tensor]) -> float:
    """Euclidean norm of all gradients together."""
    gradients = [tensor.grad for tensor in parameters if tensor.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0
