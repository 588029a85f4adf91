"""Masks and slices of batches whose rows have different lengths."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def length_mask(lengths: Tensor, steps: int) -> Tensor:
    """One where a row has content, zero where it is padded.

    Args:
        lengths: (B,) integers.
        steps: T, the padded length.

    Returns:
        (B, 1, T) float32.
    """
    positions = torch.arange(steps, device=lengths.device)
    return (positions < lengths.unsqueeze(1)).unsqueeze(1).float()


def take_segments(values: Tensor, starts: Tensor, length: int) -> Tensor:
    """A stretch of every row.

    Args:
        values: (B, C, T).
        starts: (B,) first position of each row's stretch.
        length: positions to take.

    Returns:
        (B, C, length).
    """
    positions = starts.unsqueeze(1) + torch.arange(length, device=starts.device)
    return values.gather(2, positions.unsqueeze(1).expand(-1, values.shape[1], -1))


def draw_starts(lengths: Tensor, length: int, generator: torch.Generator | None = None) -> Tensor:
    """Uniformly drawn starts of stretches that end inside their rows; 0 in a row that is too short.

    Args:
        lengths: (B,) integers.
        length: positions of a stretch.
        generator: source of the draws.

    Returns:
        (B,) int64.
    """
    device = generator.device if generator is not None else lengths.device
    draws = torch.rand(lengths.shape, generator=generator, device=device).to(lengths.device)
    return (draws * (lengths - length + 1).clamp_min(0)).long()


def fit_steps(values: Tensor, steps: int) -> Tensor:
    """(B, C, T) cut, or its last position repeated, to a number of steps."""
    missing = steps - values.shape[2]
    return F.pad(values, (0, missing), mode="replicate") if missing > 0 else values[..., :steps]
