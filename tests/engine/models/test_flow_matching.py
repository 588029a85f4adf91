import pytest
import torch

from engine.models.diffusion_transformer import DiffusionTransformer
from engine.models.flow_matching import SHORTCUT_SHARE, FlowDraws, FlowOptions, draw, flow_loss, sample
from tests.engine.models.tiny_flow import SIZES


@pytest.fixture
def network():
    torch.manual_seed(0)
    return DiffusionTransformer(SIZES).eval()


def _given(frames=14, prompt=4):
    source = torch.Generator().manual_seed(3)
    return (
        torch.randn(1, SIZES.condition_channels, frames, generator=source),
        torch.randn(1, SIZES.bands, prompt, generator=source),
        torch.randn(1, SIZES.bands, frames, generator=source),
    )


def test_the_prompt_s_place_stays_empty_and_the_noise_whole(network):
    condition, prompt, noise = _given()
    before = noise.clone()
    made = sample(network, condition, prompt, noise, FlowOptions(steps=3))
    assert (made[..., :4] == 0).all()
    assert made[..., 4:].std() > 0
    assert torch.equal(noise, before)


def test_every_option_is_heeded(network):
    given = _given()
    plain = sample(network, *given, FlowOptions(steps=3))
    for options in (
        FlowOptions(steps=4),
        FlowOptions(steps=3, temperature=0.5),
        FlowOptions(steps=3, guidance=0.5),
    ):
        assert not torch.allclose(plain, sample(network, *given, options), atol=1e-4)
    torch.testing.assert_close(plain, sample(network, *given, FlowOptions(steps=3, guidance=1e-6)))


def test_steps_follow_the_direction_that_the_network_tells():
    class Straight(torch.nn.Module):
        """Leads from wherever it starts to the number 3, as a trained network does."""

        def read_condition(self, condition):
            return condition.transpose(1, 2)

        def forward(self, x, prompt, read, times, steps):  # noqa: ARG002
            return (3 - x) / (1 - times[:, None, None])

    made = sample(Straight(), *_given(), FlowOptions(steps=5))
    torch.testing.assert_close(made[..., 4:], torch.full_like(made[..., 4:], 3.0))


def test_what_a_step_draws():
    mel = torch.zeros(400, 2, 5)
    shortcuts = []
    for seed in range(200):
        made = draw(mel[:2], torch.Generator().manual_seed(seed))
        shortcuts.append(made.bases is not None)
    assert abs(sum(shortcuts) / 200 - SHORTCUT_SHARE) < 0.1
    every = (draw(mel, torch.Generator().manual_seed(seed)) for seed in range(200))
    seed, made = next((seed, made) for seed, made in enumerate(every) if made.bases is not None)
    assert set(made.bases.tolist()) == set(range(2, 8))
    assert made.noise.shape == mel.shape
    for share in (made.prompt_shares, made.times):
        assert 0 <= share.min() < 0.1 < 0.9 < share.max() < 1
    again = draw(mel, torch.Generator().manual_seed(seed))
    assert torch.equal(made.noise, again.noise)


def _draws(mel, **changes):
    rows = mel.shape[0]
    given = {
        "prompt_shares": torch.full((rows,), 0.6),
        "times": torch.full((rows,), 0.4),
        "noise": torch.randn(mel.shape, generator=torch.Generator().manual_seed(1)),
    }
    return FlowDraws(**given | changes)


@torch.no_grad()
def test_neither_prompt_nor_padding_is_learnt_from(network):
    network.proj_out.weight.zero_()  # the direction is the bias everywhere: what is left is the target
    mel = torch.randn(2, SIZES.bands, 12)
    lengths, condition = torch.tensor([12, 7]), torch.randn(2, SIZES.condition_channels, 12)
    loss = flow_loss(network, mel, lengths, condition, _draws(mel))
    changed = mel.clone()
    changed[0, :, :4] += 9  # floor(0.6 * 12 * 2/3) = 4 frames
    changed[1, :, :2] += 9
    changed[1, :, 7:] += 9
    torch.testing.assert_close(loss, flow_loss(network, changed, lengths, condition, _draws(mel)))
    changed[1, :, 6] += 9
    assert not torch.allclose(loss, flow_loss(network, changed, lengths, condition, _draws(mel)))


def test_the_target_of_a_long_step_learns_nothing(network):
    mel = torch.randn(2, SIZES.bands, 9)
    lengths, condition = torch.tensor([9, 9]), torch.randn(2, SIZES.condition_channels, 9)
    draws = _draws(mel, bases=torch.tensor([2, 7]))
    loss = flow_loss(network, mel, lengths, condition, draws)
    assert not torch.allclose(loss, flow_loss(network, mel, lengths, condition, _draws(mel)))
    loss.backward()
    assert all(torch.isfinite(tensor.grad).all() for tensor in network.parameters())


def test_it_learns(network):
    network.train()
    mel, condition = torch.randn(2, SIZES.bands, 9), torch.randn(2, SIZES.condition_channels, 9)
    lengths, draws = torch.tensor([9, 9]), _draws(mel)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    course = []
    for _ in range(30):
        loss = flow_loss(network, mel, lengths, condition, draws)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.append(loss.item())
    assert course[-1] < 0.5 * course[0]
