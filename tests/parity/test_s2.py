"""SoVITS v2 against the golden cases, at full size."""

from types import SimpleNamespace

import pytest
import torch

from engine.audio.spectrogram import linear_spectrogram, log_mel, mel_of_linear
from engine.models.discriminators import load_discriminators
from engine.models.sovits import SovitsDraws, SpeakSettings, load_sovits
from engine.modules.lengths import take_segments
from engine.train.losses import discriminator_loss, divergence_loss, feature_loss, generator_loss, mel_loss
from tests.parity.kit.cases import GoldenCase
from tests.parity.kit.official import manifest

_MEAN = SpeakSettings(noise_scale=0)


@pytest.fixture(scope="module")
def network(official_file):
    return load_sovits(official_file("s2G_v2"))


def _case(name):
    case = GoldenCase(name)
    return case, SimpleNamespace(**{key: torch.from_numpy(value) for key, value in case.inputs.items()})


def _faults(case, given):
    return [fault for name, value in given.items() for fault in case.problems(name, value.detach())]


def test_keys_and_order_are_the_official_ones(network):
    wanted = {name: tuple(shape) for name, (shape, _) in manifest("s2G_v2")["params"].items()}
    given = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert given == wanted
    assert list(given) == list(wanted)


def test_pieces(network):
    case, given = _case("s2_v2_infer")
    with torch.no_grad():
        codes = network.extract_codes(given.ssl)
        style = network.style(given.refer_spec)
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
    assert _faults(case, made) == []


def test_speech(network):
    case, given = _case("s2_v2_infer")
    codes = network.extract_codes(given.ssl)
    one, two = [given.refer_spec], [given.refer_spec, given.refer_spec2]
    made = {
        "wav": network.decode(codes, given.text, one, noise_scale=0),
        "wav_speed": network.decode(codes, given.text, one, noise_scale=0, speed=1.3),
        "wav_two_refs": network.decode(codes, given.text, two, noise_scale=0),
    }
    assert _faults(case, made) == []


def test_speech_in_chunks(network):
    case, given = _case("s2_v2_streaming")
    codes, style = given.codes[0], network.mean_style([given.refer_spec])
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


def test_training_step(network, official_file):
    case, given = _case("s2_v2_train")
    judges = load_discriminators(official_file("s2D_v2"))
    spectrogram = _spectrogram(given.wav, given.wav_len)
    draws = SovitsDraws(noise=given.eps, starts=given.ids_slice)
    out = network(given.ssl, spectrogram, given.spec_len, given.text, given.text_len, draws=draws)
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
    network.zero_grad()
    assert set(made) == set(case.outputs)
    assert _faults(case, made) == []


def test_only_the_quantiser_is_frozen(network):
    case = GoldenCase("s2_v2_train")
    frozen = {name.split(".")[0] for name, one in network.named_parameters() if not one.requires_grad}
    assert frozen == set(case.facts["parameters_without_gradient"])


def test_discriminator_keys_are_the_official_ones(official_file):
    wanted = {name: tuple(shape) for name, (shape, _) in manifest("s2D_v2")["params"].items()}
    state = load_discriminators(official_file("s2D_v2")).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == wanted
    assert list(state) == list(wanted)
