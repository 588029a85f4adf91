"""SoVITS of the versions that decode to a waveform against the golden cases, at full size."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from engine.models.discriminators import build_discriminators
from engine.models.sovits import SpeakSettings, StyleReference, load_sovits
from tests.parity.kit.cases import GoldenCase, case_names
from tests.parity.kit.official import manifest

_MEAN = SpeakSettings(noise_scale=0)
_STATED = ("s2D_v2", "s2D_v2Pro", "s2D_v2ProPlus")


@pytest.fixture(scope="module", params=[name for name in case_names("s2_") if name.endswith("_infer")])
def spoken(request, official_file):
    """A case of speaking and its network; one network at a time."""
    case = GoldenCase(request.param)
    return case, load_sovits(official_file(case.variant, case.seed))


def _given(case):
    return SimpleNamespace(**{key: torch.from_numpy(value) for key, value in case.inputs.items()})


def _faults(case, given):
    return [fault for name, value in given.items() for fault in case.problems(name, value.detach())]


def _references(given):
    spectrograms = (given.refer_spec, given.refer_spec2)
    speakers = (getattr(given, "sv_emb", None), getattr(given, "sv_emb2", None))
    return [
        StyleReference(spectrogram=spectrogram, speaker=speaker)
        for spectrogram, speaker in zip(spectrograms, speakers, strict=True)
    ]


def test_keys_and_order_are_the_official_ones(spoken):
    case, network = spoken
    wanted = {name: tuple(shape) for name, (shape, _) in manifest(case.variant)["params"].items()}
    given = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert given == wanted
    assert list(given) == list(wanted)
    assert network.config.version == case.variant.removeprefix("s2G_")


def test_pieces(spoken):
    case, network = spoken
    given = _given(case)
    with torch.no_grad():
        codes = network.extract_codes(given.ssl)
        style = network.mean_style(_references(given)[:1])
        features = network.prior_features(codes, given.text, style)
        everywhere = torch.ones(1, 1, features.shape[2])
        prior = network.enc_p.distribution(features, everywhere)
        posterior = network.enc_q(given.spec, everywhere, style)
        made = {
            "codes": codes.unsqueeze(0),
            "ge": style,
            "enc_y": features,
            "enc_m": prior.mean,
            "enc_logs": prior.log_scale,
            "flow_fwd": network.flow(given.z, everywhere, style),
            "flow_rev": network.flow(prior.mean, everywhere, style, inverse=True),
            "post_m": posterior.mean,
            "post_logs": posterior.log_scale,
            "post_z": posterior.mean + given.eps * posterior.log_scale.exp(),
        }
        if network.config.speaker_channels:
            made["ge512"] = network.text_style(style)
    assert set(made) == {name for name in case.outputs if not name.startswith("wav")}
    assert _faults(case, made) == []


def test_speech(spoken):
    case, network = spoken
    given = _given(case)
    codes = network.extract_codes(given.ssl)
    both = _references(given)
    made = {
        "wav": network.decode(codes, given.text, both[:1], noise_scale=0),
        "wav_speed": network.decode(codes, given.text, both[:1], noise_scale=0, speed=1.3),
        "wav_two_refs": network.decode(codes, given.text, both, noise_scale=0),
    }
    assert set(made) == {name for name in case.outputs if name.startswith("wav")}
    assert _faults(case, made) == []


def test_speech_in_chunks(official_file):
    case = GoldenCase("s2_v2_streaming")
    given, network = _given(case), load_sovits(official_file(case.variant, case.seed), posterior=False)
    codes = given.codes[0]
    style = network.mean_style([StyleReference(spectrogram=given.refer_spec)])
    first = network.decode_stream(codes[:, :20], given.text, style, settings=_MEAN)
    second = network.decode_stream(
        codes, given.text, style, last_codes=18, overlap=first.features[..., -4:], settings=_MEAN
    )
    made = {
        "wav_a": first.wave,
        "latent_a": first.features,
        "wav_b": second.wave,
        "latent_b": second.features,
    }
    assert _faults(case, made) == []


@pytest.mark.parametrize("variant", _STATED)
def test_discriminator_keys_are_the_official_ones(variant):
    wanted = {name: tuple(shape) for name, (shape, _) in manifest(variant)["params"].items()}
    weights = {name: torch.zeros(1).expand(shape) for name, shape in wanted.items()}
    state = build_discriminators(weights, Path(variant)).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == wanted
    assert list(state) == list(wanted)
