"""SoVITS v3 and v4 against the golden cases, at full size."""

import json
import re
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from engine.models.flow_matching import FlowDraws, FlowOptions, sample
from engine.models.flow_sovits import FLOW_VERSIONS, load_flow_sovits
from tests.parity.kit.cases import GoldenCase, case_names
from tests.parity.kit.official import manifest

_ENCODER = [name for name in case_names("s2_v") if name.endswith("_encp")]
_FLOW = [name for name in case_names("s2_v") if name.endswith("_cfm")]
_ADAPTER = [name for name in case_names("s2_v") if name.endswith("_lora")]
_TRAINING = [name for name in case_names("s2_v") if name[:5] in ("s2_v3", "s2_v4") and "_train" in name]


@pytest.fixture(scope="module")
def network_of(official_file):
    """Gives the whole network of a case; the last one is kept, as it is used for v3 and v4 alike."""
    kept = {}

    def give(case):
        wanted = manifest(case.variant)
        key = (tuple(wanted["params"]), case.seed)
        if key not in kept:
            kept.clear()
            kept[key] = load_flow_sovits(official_file(case.variant, case.seed))
        network = kept[key]
        network.version = FLOW_VERSIONS[case.variant[-2:]]
        return network.requires_grad_(requires_grad=False).eval()

    yield give
    kept.clear()


def _case(name):
    case = GoldenCase(name)
    return case, SimpleNamespace(**{key: torch.from_numpy(value) for key, value in case.inputs.items()})


def _faults(case, given):
    return [fault for name, value in given.items() for fault in case.problems(name, value.detach())]


def _numbers(case, before):
    """The number, or the numbers in brackets, that stand behind some words in a case's description."""
    found = re.search(rf"{re.escape(before)}(\[[^\]]*\]|[\d.]*\d)", case.facts["call"])
    return json.loads(found[1])


def _velocity(network, given, about):
    """The direction at a time for a step; `about` is the case that tells both."""
    start = F.pad(given.prompt, (0, given.mu.shape[2] - given.prompt.shape[2]))
    read = network.read_condition(given.mu)
    times = torch.tensor([_numbers(about, "time t=")])
    steps = torch.tensor([_numbers(about, "step size input d=")])
    return network(given.noise, start, read, times, steps).transpose(1, 2)


def _velocities(network, given, about):
    """Two rows, of which the second is shorter and goes the other way in time."""
    start = F.pad(given.prompt, (0, given.mu.shape[2] - given.prompt.shape[2])).repeat(2, 1, 1)
    read = network.read_condition(torch.cat((given.mu, given.mu.flip(2))))
    noise = torch.cat((given.noise, given.noise.flip(2)))
    times, steps = torch.tensor(_numbers(about, "and mu, t=")), torch.tensor(_numbers(about, "], d="))
    lengths = torch.tensor(_numbers(about, "lengths "))
    return network(noise, start, read, times, steps, lengths).transpose(1, 2)


@pytest.mark.parametrize("name", _ADAPTER)
@torch.no_grad()
def test_adapter(name, official_file):
    """Stands first: its network is gone before the others share one, so that two never fill the memory."""
    case, given = _case(name)
    whole = f"s2G_{name.split('_')[1]}"
    adapter = official_file(case.variant, case.facts["lora_seed"])
    network = load_flow_sovits(adapter, official_file(whole, case.seed))
    assert network.version.name in whole
    style = network.style(given.refer_spec)
    made = {
        "dit": _velocity(network.cfm.estimator, given, GoldenCase(name.replace("_lora", "_cfm"))),
        "fea": network.condition(given.codes[0], given.text, style),
    }
    assert _faults(case, made) == []


def test_keys_and_order_are_the_official_ones(network_of):
    network = network_of(GoldenCase(_FLOW[0]))
    for variant in ("s2G_v3", "s2G_v4"):
        wanted = {name: tuple(shape) for name, (shape, _) in manifest(variant)["params"].items()}
        given = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        assert given == wanted
        assert list(given) == list(wanted)


@pytest.mark.parametrize("name", _ENCODER)
def test_condition(name, network_of):
    case, given = _case(name)
    network = network_of(case)
    codes = given.codes[0]
    with torch.no_grad():
        style = network.style(given.refer_spec)
        made = {
            "ge": style,
            "fea": network.condition(codes, given.text, style),
            "fea_speed": network.condition(codes, given.text, style, speed=_numbers(case, "speed ")),
            "codes_from_ssl": network.extract_codes(given.ssl).unsqueeze(0),
        }
    assert _faults(case, made) == []


@pytest.mark.parametrize("name", _FLOW)
@torch.no_grad()
def test_flow(name, network_of):
    case, given = _case(name)
    network = network_of(case).cfm.estimator
    made = {"dit": _velocity(network, given, case)}
    for output in case.outputs:
        if found := re.fullmatch(r"sample(\d+)(_cfg)?", output):
            guidance = _numbers(case, "guidance ") if found[2] else 0
            options = FlowOptions(steps=int(found[1]), guidance=guidance)
            made[output] = sample(network, given.mu, given.prompt, given.noise, options)
    if "dit_batch" in case.outputs:
        made["dit_batch"] = _velocities(network, given, case)
    assert set(made) == set(case.outputs)
    assert _faults(case, made) == []


@pytest.mark.parametrize("name", _TRAINING)
def test_training_loss_and_gradients(name, network_of):
    case, given = _case(name)
    network = network_of(case)
    parameters = dict(network.named_parameters())
    asked = [parameters[key] for key in case.facts["grad_names"]]
    for parameter in asked:
        parameter.requires_grad_(requires_grad=True)
    draws = FlowDraws(
        prompt_shares=given.prompt_u, times=given.t, noise=given.noise, bases=getattr(given, "base", None)
    )
    loss = network(
        given.ssl,
        given.spec,
        given.spec_len,
        given.text,
        given.text_len,
        mel=given.mel,
        mel_lengths=given.mel_len,
        draws=draws,
    )
    loss.backward()
    norms = [0.0 if parameter.grad is None else parameter.grad.norm().item() for parameter in asked]
    network.zero_grad(set_to_none=True)
    assert case.problems("loss", loss.detach()) + case.problems("grad_norms", norms) == []
