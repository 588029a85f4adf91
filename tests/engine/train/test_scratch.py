"""Networks from nothing: they load like pretrained ones, and their codes fit the content."""

import pytest
import torch

from engine.checkpoints.inspection import ModelKind, inspect
from engine.models.discriminators import load_discriminators
from engine.models.gpt import load_gpt
from engine.models.sovits import load_sovits
from engine.train.scratch import k_means, new_discriminators, new_generator, new_gpt
from tests.engine.train.experiments import CODES, GPT_SIZES, JUDGE_SIZES, SOVITS_SIZES, SSL_CHANNELS


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "用户 it's 名"


def blobs(count, each, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(count, SSL_CHANNELS, generator=generator) * 10
    noise = torch.randn(count, each, SSL_CHANNELS, generator=generator) * 0.05
    return centres, (centres[:, None] + noise).flatten(0, 1)


def test_k_means_finds_every_cluster():
    centres, points = blobs(40, 30)
    found = k_means(points, 40, seed=3)
    distance = torch.cdist(centres, found)
    assert distance.min(dim=1).values.max() < 0.2
    assert torch.equal(found, k_means(points, 40, seed=3))


def test_k_means_leaves_no_centre_unused():
    _, points = blobs(3, 200)
    owner = torch.cdist(points, k_means(points, 30)).argmin(dim=1)
    assert len(owner.unique()) == 30


def test_k_means_needs_enough_points():
    with pytest.raises(ValueError, match="too few"):
        k_means(torch.zeros(4, 2), 5)


def test_a_generator_codes_the_mean_of_two_frames(folder):
    _, points = blobs(CODES, 8)
    content = points.repeat_interleave(2, dim=0).T[None]
    content[:, :, 0::2] += 1.0
    content[:, :, 1::2] -= 1.0
    path = new_generator(folder / "s2G.pth", SOVITS_SIZES, [content[..., :256], content[0, :, 256:]], seed=2)
    about = inspect(path)
    assert (about.kind, about.version, about.safe) == (ModelKind.SOVITS, "v2", True)
    network = load_sovits(path, posterior=True)
    assert network.config == SOVITS_SIZES
    codes = network.extract_codes(content)[0].view(CODES, 8)
    assert (codes == codes[:, :1]).all()
    assert len(codes[:, 0].unique()) == CODES
    again = load_sovits(new_generator(folder / "again.pth", SOVITS_SIZES, [content], seed=2))
    assert torch.equal(again.dec.conv_pre.weight, network.dec.conv_pre.weight)


def test_a_gpt_starts_near_even_odds(folder):
    path = new_gpt(folder / "s1.ckpt", GPT_SIZES, seed=4)
    assert inspect(path).kind is ModelKind.GPT
    network = load_gpt(path)
    assert network.config == GPT_SIZES
    logits, _ = network.prefill(torch.tensor([[5, 6, 7]]), torch.zeros(1, 8, 3), None)
    assert logits.softmax(dim=-1).max() < 0.3


def test_judges_load(folder):
    path = new_discriminators(folder / "s2D.pth", JUDGE_SIZES, seed=1)
    assert inspect(path).kind is ModelKind.DISCRIMINATOR
    assert load_discriminators(path).config == JUDGE_SIZES
