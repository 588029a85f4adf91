"""Makes mel spectrograms from noise, and says how well that is learnt.

A straight path leads from noise (time 0) to a mel spectrogram (time 1); the network tells the
direction.  It is also told how long the next step is, so that it can learn to take long ones.

Source: Lipman et al. 2023 (flow matching), Frans et al. 2024 (shortcut models);
parity: tests/parity/test_v3_v4.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from engine.models.diffusion_transformer import DiffusionTransformer
from engine.modules.lengths import length_mask

SHORTCUT_SHARE: Final = 0.3
"""Share of the training steps that learn long steps from short ones."""

_LEAST_GUIDANCE: Final = 1e-5
_LONGEST_PROMPT: Final = 2 / 3
_BASES: Final = range(2, 8)
_SHORTEST_STEP: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOptions:
    """How a mel spectrogram is made.

    Attributes:
        steps: Steps from noise to mel; more is slower and cleaner.
        temperature: Loudness of the noise; 1 is usual.
        guidance: How far to go beyond what the condition asks for; 0 is usual and twice as fast.
    """

    steps: int
    temperature: float = 1.0
    guidance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDraws:
    """What a training step draws.

    Attributes:
        prompt_shares: (B,) from 0 to 1, how much of the longest allowed prompt is given.
        times: (B,) from 0 to 1.
        noise: (B, bands, T).
        bases: (B,) exponents of a short step's length; None for a plain step.
    """

    prompt_shares: Tensor
    times: Tensor
    noise: Tensor
    bases: Tensor | None = None


def draw(mel: Tensor, generator: torch.Generator | None = None) -> FlowDraws:
    """What a training step on mel (B, bands, T) needs of chance."""
    device = generator.device if generator is not None else mel.device
    rows = mel.shape[0]

    def uniform(count: int) -> Tensor:
        return torch.rand(count, generator=generator, device=device).to(mel.device)

    shares, times = uniform(rows), uniform(rows)
    noise = torch.randn(mel.shape, generator=generator, device=device).to(mel)
    shortcut = bool(uniform(1) < SHORTCUT_SHARE)
    bases = torch.randint(_BASES.start, _BASES.stop, (rows,), generator=generator, device=device)
    return FlowDraws(
        prompt_shares=shares, times=times, noise=noise, bases=bases.to(mel.device) if shortcut else None
    )


@torch.no_grad()
def sample(
    network: DiffusionTransformer, condition: Tensor, prompt: Tensor, noise: Tensor, options: FlowOptions
) -> Tensor:
    """Makes mel that goes on from a prompt.

    Args:
        network: tells the direction.
        condition: (B, C, T) what is said, the prompt's part first.
        prompt: (B, bands, P) mel that is given, P < T.
        noise: (B, bands, T) normal noise, float32.
        options: how.

    Returns:
        (B, bands, T) float32, zero where the prompt is. The way there is added up in float32, also
        where the network computes in half precision.
    """
    rows, given = condition.shape[0], prompt.shape[2]
    start = F.pad(prompt.to(condition), (0, condition.shape[2] - given))
    read = network.read_condition(condition)
    guided = options.guidance > _LEAST_GUIDANCE
    if guided:  # the same again without prompt and condition, as more rows of the batch
        start = torch.cat((start, torch.zeros_like(start)))
        read = torch.cat((read, network.read_condition(torch.zeros_like(condition))))
    length = 1.0 / options.steps
    lengths = read.new_full((read.shape[0],), length, dtype=torch.float32)
    x = noise.float() * options.temperature
    x[..., :given] = 0
    time = torch.zeros_like(lengths)
    for _ in range(options.steps):
        here = x.to(read.dtype)
        velocity = network(here.repeat(2, 1, 1) if guided else here, start, read, time, lengths).float()
        if guided:
            asked, free = velocity.split(rows)
            velocity = asked + (asked - free) * options.guidance
        x = x + length * velocity
        x[..., :given] = 0
        time = time + length
    return x


def flow_loss(
    network: DiffusionTransformer, mel: Tensor, lengths: Tensor, condition: Tensor, draws: FlowDraws
) -> Tensor:
    """How far the network's direction is from the straight one (or from its own, for long steps).

    Args:
        network: learns the direction.
        mel: (B, bands, T) normalised.
        lengths: (B,) frames with content.
        condition: (B, C, T).
        draws: noise, times and prompts.

    Returns:
        () mean over rows of the mean squared error behind the prompt.
    """
    frames = mel.shape[2]
    given = (draws.prompt_shares * (lengths * _LONGEST_PROMPT)).floor().long()
    prompted = length_mask(given, frames)  # (B, 1, T)
    learnt = length_mask(lengths, frames) - prompted
    prompt = mel * prompted
    path = (mel - draws.noise) * draws.times[:, None, None] + draws.noise
    x = path * (1 - prompted)
    read = network.read_condition(condition)
    steps = torch.zeros_like(draws.times)
    target = mel - draws.noise
    if draws.bases is not None:
        short = torch.exp2(-draws.bases.to(draws.times.dtype))
        target = _two_steps(network, (x, prompt, read, lengths), draws.times, short)
        steps = 2 * short
    made = network(x, prompt, read, draws.times, steps, lengths)
    error = (made.float() - target.float()).square() * learnt
    counts = learnt.sum(dim=(1, 2)) * mel.shape[1]
    rows: Tensor = error.sum(dim=(1, 2)) / counts.clamp_min(1)
    return rows.mean()


@torch.no_grad()
def _two_steps(
    network: DiffusionTransformer,
    given: tuple[Tensor, Tensor, Tensor, Tensor],
    times: Tensor,
    short: Tensor,
) -> Tensor:
    """The mean direction of two short steps, which one of twice the length should take."""
    x, prompt, read, lengths = given
    told = torch.where(short < _SHORTEST_STEP, torch.zeros_like(short), short)
    first = network(x, prompt, read, times, told, lengths)
    moved = x + short[:, None, None] * first
    second = network(moved, prompt, read, times + short, told, lengths)
    mean: Tensor = (first + second) / 2
    return mean
