"""Where to compute, and how exactly."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from engine.protocol.stages.training import TrainingPrecision


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
