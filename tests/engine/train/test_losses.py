"""The losses of SoVITS training."""

import math

import pytest
import torch

from engine.models.discriminators import Judgement
from engine.models.prior_encoder import Gaussian
from engine.train.losses import discriminator_loss, divergence_loss, feature_loss, generator_loss, mel_loss


def _judged(*scores):
    return [Judgement(torch.full((2, 3), one), (torch.full((2, 4), one),)) for one in scores]


def test_judges_are_pushed_apart_and_the_decoder_towards_real():
    assert discriminator_loss(_judged(1.0, 1.0), _judged(0.0, 0.0)) == 0
    assert discriminator_loss(_judged(0.5, 1.0), _judged(0.0, 2.0)) == pytest.approx(0.25 + 4)
    assert generator_loss(_judged(1.0, 3.0)) == pytest.approx(4)


def test_features_count_twice_and_the_real_side_gets_no_gradient():
    real, fake = _judged(1.0), _judged(0.25)
    for one in (*real, *fake):
        one.features[0].requires_grad_()
    loss = feature_loss(real, fake)
    assert loss.item() == pytest.approx(1.5)
    loss.backward()
    assert real[0].features[0].grad is None
    assert fake[0].features[0].grad is not None


def test_mel_difference_is_weighted():
    assert mel_loss(torch.zeros(1, 2, 3), torch.full((1, 2, 3), 0.1)).item() == pytest.approx(4.5)
    assert mel_loss(torch.zeros(1, 2, 3), torch.ones(1, 2, 3), weight=2).item() == pytest.approx(2)


def test_divergence_counts_content_only():
    mean, scale = torch.zeros(1, 4, 6), torch.zeros(1, 4, 6)
    latent, mask = torch.ones(1, 4, 6), torch.ones(1, 1, 6)
    prior = Gaussian(mean, scale)
    assert divergence_loss(latent, prior, Gaussian(mean, scale), mask).item() == pytest.approx(0)
    wide = Gaussian(mean, torch.full_like(scale, math.log(2)))
    whole = divergence_loss(latent, prior, wide, mask)
    assert whole.item() == pytest.approx(-4 * math.log(2))
    latent[..., 3:] = 100
    mask[..., 3:] = 0
    assert divergence_loss(latent, prior, wide, mask).item() == pytest.approx(whole.item())


def test_losses_of_half_precision_are_float32():
    half = [Judgement(torch.ones(1, 2).half(), (torch.ones(1, 2).half(),))]
    assert discriminator_loss(half, half).dtype == torch.float32
    assert mel_loss(torch.ones(1, 2, 3).half(), torch.ones(1, 2, 3)).dtype == torch.float32
