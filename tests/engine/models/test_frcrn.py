"""FRCRN against numbers of the published network, with weights and sound that both can compute."""

import pytest
import torch

from engine.models.frcrn import HOP, WINDOW, Frcrn, load_published
from engine.protocol.errors import BadCheckpoint

DOWN, UP, CHANNELS = (5, 5, 5, 5, 5, 5, 2), (2, 5, 5, 5, 6, 5, 5), 128
EXPECTED = (
    *(-0.266516, -0.124668, -0.119183, -0.145359, -0.080869, 0.103013),
    *(0.042735, 0.021757, -0.161151, -0.264837, -0.030301, -0.108351),
)
"""Every 250th value from 1000 on of what the published network makes of `sound` with `weights`, computed with
modelscope's own code at float32 (model_depth 14, window and transform 640, hop 320)."""


def memory(name, part):
    for half in ("re", "im"):
        start = f"{name}.fsmn_{half}_{part}"
        yield f"{start}.linear.weight", (CHANNELS, CHANNELS)
        yield f"{start}.linear.bias", (CHANNELS,)
        yield f"{start}.project.weight", (CHANNELS, CHANNELS)
        yield f"{start}.conv1.weight", (CHANNELS, 1, 20, 1)


def complex_filter(name, shape, made):
    for half in ("re", "im"):
        yield f"{name}_{half}.weight", shape
        yield f"{name}_{half}.bias", (made,)


def norm(name, channels):
    for half in ("re", "im"):
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"{name}.bn.bn_{half}.{part}", (channels,)
        yield f"{name}.bn.bn_{half}.num_batches_tracked", ()


def weigh(name):
    narrow = CHANNELS // 8
    for half in ("r", "i"):
        yield f"{name}.fc_{half}.0.weight", (narrow, CHANNELS)
        yield f"{name}.fc_{half}.0.bias", (narrow,)
        yield f"{name}.fc_{half}.2.weight", (CHANNELS, narrow)
        yield f"{name}.fc_{half}.2.bias", (CHANNELS,)


def published_shapes():
    """Names and shapes of the weights in the published file, its constants and second copies left out."""
    for net in ("unet", "unet2"):
        yield from memory(f"{net}.fsmn", "L1")
        yield from memory(f"{net}.fsmn", "L2")
        for level, (down, up) in enumerate(zip(DOWN, UP, strict=True)):
            made = 1 if level == 6 else CHANNELS
            yield from memory(f"{net}.fsmn_enc.{level}", "L1")
            yield from memory(f"{net}.fsmn_dec.{level}", "L1")
            given = 1 if level == 0 else CHANNELS
            yield from complex_filter(
                f"{net}.encoders.{level}.conv.conv", (CHANNELS, given, down, 2), CHANNELS
            )
            yield from norm(f"{net}.encoders.{level}", CHANNELS)
            yield from weigh(f"{net}.se_layers_enc.{level}")
            taken = CHANNELS if level == 0 else 2 * CHANNELS
            yield from complex_filter(f"{net}.decoders.{level}.transconv.tconv", (taken, made, up, 2), made)
            yield from norm(f"{net}.decoders.{level}", made)
            if level < 6:
                yield from weigh(f"{net}.se_layers_dec.{level}")
        yield from complex_filter(f"{net}.linear.conv", (1, 1, 1, 1), 1)


def computed(name, shape):
    """Numbers that anyone can make again: even chance, seeded by the name."""
    chance = torch.rand(shape, generator=torch.Generator().manual_seed(sum(map(ord, name))))
    if "bn_" in name:
        return 0.5 + chance
    fan_in = chance[0].numel() if len(shape) > 1 else 100
    return (2 * chance - 1) / fan_in**0.5


def weights():
    return {
        name: torch.tensor(3) if name.endswith("tracked") else computed(name, shape)
        for name, shape in published_shapes()
    }


def sound():
    places = torch.arange(WINDOW + 12 * HOP, dtype=torch.float64)
    return (0.2 * torch.sin(places * 0.05) + 0.1 * torch.sin(places * places * 1e-4)).float()[None]


def test_it_computes_what_the_published_network_computes():
    network = Frcrn().eval()
    load_published(network, weights())
    with torch.inference_mode():
        made = network(sound())
    assert made.shape == sound().shape
    assert made[0, 1000:4000:250].tolist() == pytest.approx(EXPECTED, abs=2e-5)


def test_weights_of_another_network_are_refused_by_name():
    few = {name: value for name, value in weights().items() if "se_layers" not in name}
    with pytest.raises(BadCheckpoint) as caught:
        load_published(Frcrn(), few)
    assert "weigh" in caught.value.detail
