"""What a training step of SoVITS takes beside its batch, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from engine.models.prior_encoder import Gaussian


@dataclass(frozen=True, slots=True, kw_only=True)
class SovitsDraws:
    """What a training step draws; given in tests, drawn otherwise.

    Attributes:
        noise: (B, latent, F) normal noise of the posterior.
        starts: (B,) first frame of the stretch that is decoded.
    """

    noise: Tensor | None = None
    starts: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SovitsTrainingOutput:
    """What the losses need from a training step.

    Attributes:
        wave: (B, 1, segment) decoded stretch, in [-1, 1].
        starts: (B,) first frame of that stretch.
        mask: (B, 1, F) frames that have content.
        latent: (B, latent, F) drawn from the posterior (z).
        prior_latent: The same, mapped to the prior's space (z_p).
        prior: The prior's distribution (m_p, logs_p).
        posterior: The posterior's distribution (m_q, logs_q).
    """

    wave: Tensor
    starts: Tensor
    mask: Tensor
    latent: Tensor
    prior_latent: Tensor
    prior: Gaussian
    posterior: Gaussian
