"""What SoVITS training minimises. All losses are computed in float32 and are scalars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from engine.models.discriminators import Judgement
from engine.models.prior_encoder import Gaussian

MEL_WEIGHT: Final = 45.0
FEATURE_WEIGHT: Final = 2.0


def discriminator_loss(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """How far the judges are from scoring real sound 1 and made sound 0.

    Args:
        real: judgements of the recordings.
        fake: judgements of the decoder's detached output.
    """
    parts = [
        (1 - true.score.float()).square().mean() + made.score.float().square().mean()
        for true, made in zip(real, fake, strict=True)
    ]
    return torch.stack(parts).sum()


def generator_loss(fake: Sequence[Judgement]) -> Tensor:
    """How far the decoder's output is from being scored 1."""
    return torch.stack([(1 - made.score.float()).square().mean() for made in fake]).sum()


def feature_loss(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """How differently the judges' layers see recordings and the decoder's output, weighted."""
    parts = [
        F.l1_loss(seen.float(), wanted.detach().float())
        for true, made in zip(real, fake, strict=True)
        for wanted, seen in zip(true.features, made.features, strict=True)
    ]
    return torch.stack(parts).sum() * FEATURE_WEIGHT


def mel_loss(wanted: Tensor, made: Tensor, *, weight: float = MEL_WEIGHT) -> Tensor:
    """Mean difference of log-mels (B, bands, F), weighted."""
    return F.l1_loss(wanted.float(), made.float()) * weight


def divergence_loss(prior_latent: Tensor, prior: Gaussian, posterior: Gaussian, mask: Tensor) -> Tensor:
    """How far the posterior is from the prior (KL), summed over channels and averaged over frames.

    Args:
        prior_latent: (B, C, F) the drawn latent in the prior's space.
        prior: its distribution by what is said.
        posterior: the distribution that it was drawn from.
        mask: (B, 1, F) frames that count.
    """
    log_prior, log_posterior = prior.log_scale.float(), posterior.log_scale.float()
    distance = (prior_latent.float() - prior.mean.float()).square() * (-2 * log_prior).exp()
    each = log_prior - log_posterior - 0.5 + 0.5 * distance
    weights = mask.float()
    return (each * weights).sum() / weights.sum()
