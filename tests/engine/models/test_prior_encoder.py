"""Speed and blending of what is said."""

import math

import torch

from engine.models.prior_encoder import blend_start, change_speed


def test_speed_one_changes_nothing():
    features = torch.randn(1, 3, 8)
    assert change_speed(features, 1.0) is features


def test_speed_keeps_the_course_of_the_features():
    ramp = torch.arange(40.0).view(1, 1, 40)
    faster = change_speed(ramp, 2.0)
    assert faster.shape == (1, 1, 21)
    assert (faster.diff() > 0).all()
    assert abs(float(faster.mean() - ramp.mean())) < 0.5


def test_blending_fades_from_the_earlier_features_to_the_new():
    blended = blend_start(torch.ones(1, 1, 6), torch.full((1, 1, 4), 3.0))
    wanted = [math.sin(math.pi * k / 8) + 3 * math.sin(math.pi * (k + 4) / 8) for k in range(4)]
    assert torch.allclose(blended[0, 0], torch.tensor([*wanted, 1.0, 1.0]))
