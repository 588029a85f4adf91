from itertools import pairwise

import pytest
import torch

from engine.audio.spectrogram import denormalise_mel, normalise_mel
from engine.models.flow_matching import FlowOptions, sample
from engine.models.flow_network import FLOW_VERSIONS, MelPrompt
from engine.models.sovits_network import StyleReference
from engine.protocol.errors import BadAudio
from tests.engine.models.tiny import speech
from tests.engine.models.tiny_flow import SIZES, spoken, tiny_flow

FEW = FlowOptions(steps=2)


def _ready(version="v3", codes=12, prompt=12):
    """A network, the condition of a sentence and a prompt."""
    network = tiny_flow(version)
    said, phones, spectrogram = spoken(codes)
    style = network.mean_style([StyleReference(spectrogram=spectrogram)])
    heard = torch.randn(1, SIZES.bands, 1000, generator=torch.Generator().manual_seed(8))
    given = network.mel_prompt(heard, spoken(prompt, seed=2)[0], phones, style)
    return network, network.condition(said, phones, style), given


def _mel(network, *given, seed=1, **options):
    source = torch.Generator().manual_seed(seed)
    return list(network.make_mel(*given, generator=source, **options))


@pytest.mark.parametrize(("version", "frames"), [("v3", 45), ("v4", 48)])
def test_a_condition_has_the_rate_of_the_mel(version, frames):
    network, condition, prompt = _ready(version)
    assert condition.shape == (1, SIZES.condition_channels, frames)
    (mel,) = _mel(network, condition, prompt, FEW)
    assert mel.shape == (1, SIZES.bands, frames)


def test_a_prompt_keeps_its_end():
    network = tiny_flow()
    codes, phones, spectrogram = spoken(300)
    style = network.mean_style([StyleReference(spectrogram=spectrogram)])
    mel = torch.arange(1000.0).expand(1, SIZES.bands, -1)
    made = network.mel_prompt(mel, codes, phones, style)
    last = network.condition(codes, phones, style)
    assert made.mel.shape[2] == made.condition.shape[2] == FLOW_VERSIONS["v3"].prompt_frames
    torch.testing.assert_close(made.mel[0, 0, -1], normalise_mel(torch.tensor(999.0)))
    torch.testing.assert_close(made.condition, last[..., :1000][..., -468:])
    short = network.mel_prompt(mel[..., :30], codes, phones, style)
    torch.testing.assert_close(short.mel[0, 0, [0, -1]], normalise_mel(torch.tensor([0.0, 29.0])))
    with pytest.raises(BadAudio, match="too short"):
        network.mel_prompt(mel[..., :0], codes, phones, style)


def test_speech_follows_the_generator():
    network, condition, prompt = _ready()
    one, same, other = (_mel(network, condition, prompt, FEW, seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


def test_the_usual_steps_are_the_version_s(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "engine.models.flow_network.sample",
        lambda *given: seen.append(given[4]) or sample(*given[:4], FEW),
    )
    for version in ("v3", "v4"):
        _mel(*_ready(version))
    assert [options.steps for options in seen] == [32, 8]


def test_long_texts_go_on_from_what_was_just_made(monkeypatch):
    calls = []

    def watched(network, condition, prompt, noise, options):
        made = sample(network, condition, prompt, noise, options)
        calls.append((condition, prompt, made))
        return made

    monkeypatch.setattr("engine.models.flow_network.sample", watched)
    network, condition, prompt = _ready(codes=800)  # 3000 frames
    chunks = _mel(network, condition, prompt, FEW)
    given = prompt.mel.shape[2]
    step = 934 - given
    assert [chunk.shape[2] for chunk in chunks] == [step] * (3000 // step) + [3000 % step]
    for before, after in pairwise(calls):
        torch.testing.assert_close(after[1], before[2][..., -given:])
        torch.testing.assert_close(after[0][..., :given], before[0][..., -given:])
    asked = torch.cat([call[0][..., given:] for call in calls], dim=2)
    torch.testing.assert_close(asked, condition)
    torch.testing.assert_close(chunks[1], denormalise_mel(calls[1][2][..., given:]))


def test_short_chunks_keep_the_whole_prompt_before_them(monkeypatch):
    prompts = []

    def watched(network, condition, prompt, noise, options):
        prompts.append(prompt)
        return sample(network, condition, prompt, noise, options)

    monkeypatch.setattr("engine.models.flow_network.sample", watched)
    network, condition, prompt = _ready()
    chunks = _mel(network, condition, prompt, FEW, chunk_frames=10)
    assert [chunk.shape[2] for chunk in chunks] == [10, 10, 10, 10, 5]
    assert {one.shape[2] for one in prompts} == {45}
    torch.testing.assert_close(prompts[1][..., :35], prompts[0][..., 10:])
    torch.testing.assert_close(denormalise_mel(prompts[1][..., 35:]), chunks[0])


def test_speech_leaves_while_the_rest_is_not_made():
    network, condition, prompt = _ready()
    stream = network.make_mel(condition, prompt, FEW, chunk_frames=10)
    assert next(stream).shape[2] == 10
    stream.close()


def test_half_precision_says_nearly_the_same():
    network, condition, prompt = _ready()
    (exact,) = _mel(network, condition, prompt, FEW)
    prompt = MelPrompt(mel=prompt.mel, condition=prompt.condition.bfloat16())
    (rounded,) = _mel(network.bfloat16(), condition.bfloat16(), prompt, FEW)
    assert rounded.dtype is torch.float32
    assert (exact - rounded).abs().max() < 0.05 * exact.abs().max()
    assert not torch.equal(exact, rounded)


def test_only_what_speaks_learns_and_the_encoder_s_dropout_stays_off():
    network = tiny_flow().train()
    assert not any(part.training for part in (network.enc_p, network.ssl_proj, network.quantizer))
    assert network.ref_enc.training
    ssl, spectrogram, frames, phones, phone_lengths = speech()
    mel_lengths = (frames * 1.875).long()
    mel = torch.randn(2, SIZES.bands, 40)
    loss = network(ssl, spectrogram, frames, phones, phone_lengths, mel=mel, mel_lengths=mel_lengths)
    loss.backward()
    learnt = {name.split(".")[0] for name, tensor in network.named_parameters() if tensor.grad is not None}
    assert learnt == {"bridge", "wns1", "cfm"}
