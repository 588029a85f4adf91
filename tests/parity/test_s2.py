"""SoVITS of the versions that decode to a waveform against the golden cases, at full size."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from engine.audio.spectrogram import linear_spectrogram, log_mel, mel_of_linear
from engine.models.discriminators import build_discriminators, load_discriminators
from engine.models.sovits import SovitsDraws, SpeakSettings, StyleReference, load_sovits
from engine.modules.lengths import take_segments
from engine.train.losses import discriminator_loss, divergence_loss, feature_loss, generator_loss, mel_loss
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


def _spectrogram(wave, samples):
    whole = torch.zeros(wave.shape[0], 1025, wave.shape[2] // 640)
    for row, length in enumerate(samples.tolist()):
        frames = linear_spectrogram(wave[row, :, :length])
        whole[row, :, : frames.shape[2]] = frames[0]
    return whole


def _gradient_norm(parameters):
    return torch.stack([one.grad.norm() for one in parameters if one.grad is not None]).norm()


@pytest.mark.parametrize("name", ["s2_v2_train", "s2_v2Pro_train"])
def test_training_step(name, official_file):
    case = GoldenCase(name)
    given, network = _given(case), load_sovits(official_file(case.variant, case.seed))
    judges = load_discriminators(official_file(case.variant.replace("s2G", "s2D"), case.seed))
    spectrogram = _spectrogram(given.wav, given.wav_len)
    out = network(
        given.ssl,
        spectrogram,
        given.spec_len,
        given.text,
        given.text_len,
        speaker=getattr(given, "sv_emb", None),
        draws=SovitsDraws(noise=given.eps, starts=given.ids_slice),
    )
    mel = take_segments(mel_of_linear(spectrogram), out.starts, 32)
    made_mel = log_mel(out.wave.squeeze(1))
    wave = take_segments(given.wav, out.starts * 640, 20480)
    made = {
        "spec": spectrogram,
        "y_hat": out.wave,
        "z_p": out.prior_latent,
        "m_p": out.prior.mean,
        "logs_p": out.prior.log_scale,
        "m_q": out.posterior.mean,
        "logs_q": out.posterior.log_scale,
        "y_mel": mel,
        "y_hat_mel": made_mel,
    }
    real, fake = judges(wave), judges(out.wave.detach())
    made["loss_d"] = discriminator_loss(real, fake)
    made["loss_d"].backward()
    made["total_grad_norm_d"] = _gradient_norm(judges.parameters())
    for place, (true, false) in enumerate(zip(real, fake, strict=True)):
        made[f"d_real_{place}"], made[f"d_fake_{place}"] = true.score, false.score
    made["fmap_mean_abs"] = torch.stack([layer.abs().mean() for one in fake for layer in one.features])

    judges.requires_grad_(False)
    fake = judges(out.wave)
    losses = {
        "loss_gen": generator_loss(fake),
        "loss_fm": feature_loss(real, fake),
        "loss_mel": mel_loss(mel, made_mel),
        "loss_kl": divergence_loss(out.prior_latent, out.prior, out.posterior, out.mask),
    }
    network.zero_grad()
    sum(losses.values()).backward()
    named = dict(network.named_parameters())
    made |= losses
    made["total_grad_norm_g"] = _gradient_norm(named.values())
    made["grad_norms"] = torch.stack([named[name].grad.norm() for name in case.facts["grad_names"]])
    assert set(made) == set(case.outputs)
    assert _faults(case, made) == []
    frozen = {key.split(".")[0] for key, one in named.items() if not one.requires_grad}
    assert frozen == set(case.facts["parameters_without_gradient"])


@pytest.mark.parametrize("variant", _STATED)
def test_discriminator_keys_are_the_official_ones(variant):
    wanted = {name: tuple(shape) for name, (shape, _) in manifest(variant)["params"].items()}
    weights = {name: torch.zeros(1).expand(shape) for name, shape in wanted.items()}
    state = build_discriminators(weights, Path(variant)).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == wanted
    assert list(state) == list(wanted)
