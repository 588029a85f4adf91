"""SoVITS at a tiny size: speaking, training, and its weight file."""

from dataclasses import replace

import pytest
import torch

from engine.checkpoints.inspection import ModelKind, inspect
from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_gpt, write_sovits
from engine.models.sovits import (
    Sovits,
    SovitsDraws,
    SpeakSettings,
    StyleReference,
    export_sovits,
    load_sovits,
)
from engine.protocol.errors import BadCheckpoint, MissingModel
from tests.engine.models.tiny import SPEAKER_CHANNELS, TINY, TINY_PRO, speech, tiny_sovits

_HOP = TINY.hop_samples


@pytest.fixture
def network():
    return tiny_sovits()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.fixture
def said():
    source = torch.Generator().manual_seed(5)
    codes = torch.randint(0, TINY.codebook_size, (1, 9), generator=source)
    phones = torch.randint(1, TINY.symbol_rows, (1, 6), generator=source)
    spectrograms = [torch.rand(1, TINY.spectrogram_bins, frames, generator=source) for frames in (17, 11)]
    return codes, phones, [StyleReference(spectrogram=one) for one in spectrograms]


def _source(seed):
    return torch.Generator().manual_seed(seed)


def test_speech_has_two_frames_a_code_and_stays_in_range(network, said):
    wave = network.decode(*said)
    assert wave.shape == (1, 1, 9 * 2 * _HOP)
    assert wave.abs().max() <= 1
    assert wave.std() > 0
    assert not wave.requires_grad


def test_the_generator_decides_the_noise(network, said):
    first = network.decode(*said, generator=_source(1))
    assert torch.equal(first, network.decode(*said, generator=_source(1)))
    assert not torch.equal(first, network.decode(*said, generator=_source(2)))
    still = network.decode(*said, noise_scale=0)
    assert torch.equal(still, network.decode(*said, noise_scale=0))


@pytest.mark.parametrize("speed", [0.6, 0.95, 1.3, 2.0])
def test_speed_changes_the_length(network, said, speed):
    assert network.decode(*said, speed=speed).shape[2] == (int(18 / speed) + 1) * _HOP


def test_several_references_give_their_mean_style(network, said):
    _, _, references = said
    mean = network.mean_style(references)
    first, second = (network.style(one.spectrogram) for one in references)
    assert torch.allclose(mean, (first + second) / 2)
    assert mean.shape == (1, TINY.style_channels, 1)


def test_every_input_is_heard(network, said):
    codes, phones, references = said
    whole = network.decode(codes, phones, references, noise_scale=0)
    assert not torch.equal(whole, network.decode(codes.flip(1), phones, references, noise_scale=0))
    assert not torch.equal(whole, network.decode(codes, phones.flip(1), references, noise_scale=0))
    assert not torch.equal(whole, network.decode(codes, phones, references[:1], noise_scale=0))


def test_what_is_in_the_padding_does_not_change_a_style(network):
    spectrogram = torch.rand(1, TINY.spectrogram_bins, 15)
    ends = [torch.cat((spectrogram, torch.full((1, TINY.spectrogram_bins, 6), end)), dim=2) for end in (0, 9)]
    quiet, loud = (network.style(one, torch.tensor([15])) for one in ends)
    assert torch.allclose(quiet, loud, atol=1e-6)
    assert not torch.allclose(quiet, network.style(ends[1]), atol=1e-3)


def test_a_chunk_of_everything_is_the_whole(network, said):
    codes, phones, references = said
    settings = SpeakSettings(noise_scale=0, speed=1.2)
    chunk = network.decode_stream(codes, phones, network.mean_style(references), settings=settings)
    assert torch.equal(chunk.wave, network.decode(*said, noise_scale=0, speed=1.2))
    assert chunk.features.shape == (1, TINY.hidden_channels, 18)


def test_a_chunk_begins_with_what_the_last_one_ended_with(network, said):
    codes, phones, references = said
    style = network.mean_style(references)
    first = network.decode_stream(codes[:, :6], phones, style)
    overlap = first.features[..., -4:]
    second = network.decode_stream(codes, phones, style, last_codes=5, overlap=overlap)
    assert second.wave.shape[2] == 5 * 2 * _HOP
    assert torch.equal(second.features[..., 0], overlap[..., 0])
    alone = network.decode_stream(codes, phones, style, last_codes=5)
    assert torch.equal(second.features[..., 4:], alone.features[..., 4:])


def test_codes_are_half_as_many_as_content_vectors(network):
    content = torch.randn(2, TINY.ssl_channels, 11)
    codes = network.extract_codes(content)
    assert codes.shape == (2, 5)
    assert codes.dtype == torch.int64


def test_a_fresh_model_gets_its_codes_from_centroids(network):
    network.average_content()
    content = torch.randn(1, TINY.ssl_channels, 64)
    projected = network.project_content(content)
    assert torch.allclose(projected, (content[..., 0::2] + content[..., 1::2]) / 2, atol=1e-6)
    network.set_codebook(projected[0].T)
    assert network.extract_codes(content).tolist() == [list(range(32))]
    with pytest.raises(ValueError, match="centroids"):
        network.set_codebook(torch.zeros(3, 4))


def test_a_training_step_gives_what_the_losses_need(network):
    torch.manual_seed(2)
    content, spectrogram, frames, phones, lengths = speech()
    out = network.train()(content, spectrogram, frames, phones, lengths)
    assert out.wave.shape == (2, 1, TINY.segment_samples)
    assert out.mask.sum(dim=2).squeeze(1).tolist() == frames.tolist()
    assert (out.starts + TINY.segment_frames <= frames).all()
    padded = out.mask.expand_as(out.latent) == 0
    for tensor in (out.latent, out.prior_latent, *out.prior, *out.posterior):
        assert tensor.shape == (2, TINY.latent_channels, 20)
        assert (tensor[padded] == 0).all()
    (out.wave.square().mean() + out.prior_latent.square().mean() + out.prior.mean.square().mean()).backward()
    still = {name for name, one in network.named_parameters() if one.grad is None}
    assert still == {"ssl_proj.weight", "ssl_proj.bias"}


def test_neither_padding_nor_other_rows_change_a_training_step(network):
    content, spectrogram, frames, phones, lengths = speech()
    starts, noise = torch.tensor([3, 5]), torch.randn(2, TINY.latent_channels, 20)
    both = network(
        content, spectrogram, frames, phones, lengths, draws=SovitsDraws(noise=noise, starts=starts)
    )
    content[1, :, frames[1] :] = 4
    spectrogram[1, :, frames[1] :] = 4
    phones[1, lengths[1] :] = 4
    alone = network(
        content[1:],
        spectrogram[1:],
        frames[1:],
        phones[1:],
        lengths[1:],
        draws=SovitsDraws(noise=noise[1:], starts=starts[1:]),
    )
    assert torch.allclose(both.wave[1:], alone.wave, atol=1e-5)
    assert torch.allclose(both.prior_latent[1:], alone.prior_latent, atol=1e-5)
    assert torch.allclose(both.prior.log_scale[1:], alone.prior.log_scale, atol=1e-5)


@pytest.mark.parametrize("content_frames", [18, 19, 20, 22])
def test_content_may_be_a_little_shorter_or_longer_than_the_spectrogram(network, content_frames):
    _, spectrogram, frames, phones, lengths = speech()
    content = torch.randn(2, TINY.ssl_channels, content_frames)
    out = network(content, spectrogram, frames, phones, lengths)
    assert out.prior.mean.shape[2] == spectrogram.shape[2]


def test_saving_memory_does_not_change_the_gradients(network):
    given = speech()
    draws = SovitsDraws(noise=torch.randn(2, TINY.latent_channels, 20), starts=torch.tensor([0, 2]))
    gradients = []
    for enabled in (False, True):
        network.save_memory(enabled=enabled)
        network.zero_grad()
        network(*given, draws=draws).wave.square().mean().backward()
        gradients.append(network.dec.resblocks[0].convs1[0].weight_v.grad.clone())
    assert gradients[0].abs().max() > 0
    assert torch.allclose(*gradients, atol=1e-9)


def test_fused_weights_speak_the_same(network, said):
    before = network.decode(*said, noise_scale=0)
    network.fuse_weight_norm()
    assert not any(name.endswith("weight_v") for name in network.state_dict())
    assert torch.allclose(network.decode(*said, noise_scale=0), before, atol=1e-6)


def test_an_export_is_read_back_with_the_same_names_and_voice(network, folder, said):
    path = export_sovits(network, folder / "声 a_e8_s200.pth", info="8epoch_200iteration")
    assert inspect(path).kind is ModelKind.SOVITS
    assert inspect(path).version == "v2"
    again = load_sovits(path)
    kept = [name for name in network.state_dict() if not name.startswith("enc_q.")]
    assert list(again.state_dict()) == kept
    assert again.config == network.config
    assert not again.training
    assert all(tensor.dtype == torch.float32 for tensor in again.state_dict().values())
    assert torch.allclose(again.decode(*said, noise_scale=0), network.decode(*said, noise_scale=0), atol=0.02)


def test_an_export_keeps_the_entries_of_the_training(network, folder):
    base = {"train": {"epochs": 8}, "name": "a voice", "model": {"gin_channels": 3, "version": "v2"}}
    config = read_checkpoint(export_sovits(network, folder / "a.pth", info="x", config=base)).config
    assert config["train"]["epochs"] == 8
    assert config["name"] == "a voice"
    assert config["model"]["gin_channels"] == TINY.style_channels


def test_an_exported_voice_can_be_trained_on(network, folder):
    path = export_sovits(network, folder / "a.pth", info="x")
    again = load_sovits(path, posterior=True)
    assert list(again.state_dict()) == list(network.state_dict())
    assert torch.equal(again.ref_enc.fc.fc.weight, network.ref_enc.fc.fc.weight.half().float())
    again(*speech())
    with pytest.raises(ValueError, match="posterior"):
        load_sovits(path)(*speech())


def test_a_posterior_is_left_out_on_request(network, folder):
    path = folder / "whole.pth"
    torch.save({"weight": network.state_dict(), "config": TINY.to_checkpoint(), "info": ""}, path)
    assert load_sovits(path).enc_q is not None
    assert load_sovits(path, posterior=False).enc_q is None


def test_files_that_do_not_fit_are_refused_by_name(network, folder):
    config = TINY.to_checkpoint()
    state = network.state_dict()
    with pytest.raises(MissingModel, match="nowhere"):
        load_sovits(folder / "nowhere.pth")
    gpt = write_gpt(folder / "gpt.ckpt", {"model.x": torch.zeros(2)}, {}, "")
    with pytest.raises(BadCheckpoint, match="no SoVITS"):
        load_sovits(gpt)
    short = {name: value for name, value in state.items() if not name.startswith("flow.flows.0")}
    with pytest.raises(BadCheckpoint, match=r"missing: flow\.flows\.0.* and \d+ more"):
        load_sovits(write_sovits(folder / "short.pth", short, config, ""))
    other = replace(TINY, upsample_channels=32).to_checkpoint()
    with pytest.raises(BadCheckpoint, match=r"another size: .*dec\."):
        load_sovits(write_sovits(folder / "other.pth", state, other, ""))
    for name in ("cfm.estimator.proj_out.weight", "cfm.estimator.proj_out.lora_A.weight"):
        newer = {**state, name: torch.zeros(2, 2)}
        with pytest.raises(BadCheckpoint, match="SoVITS model of v3 or v4"):
            load_sovits(write_sovits(folder / "mel.pth", newer, config, ""))


def test_half_precision_speaks(network, said):
    codes, phones, references = said
    halves = [StyleReference(spectrogram=one.spectrogram.bfloat16()) for one in references]
    wave = network.to(torch.bfloat16).decode(codes, phones, halves)
    assert wave.dtype == torch.bfloat16
    assert torch.isfinite(wave).all()


def test_training_works_in_mixed_precision(network):
    with torch.autocast("cpu", torch.bfloat16):
        out = network(*speech())
    latent = out.prior_latent.float().square().mean() + out.prior.mean.float().square().mean()
    (out.wave.float().square().mean() + latent).backward()
    gradients = [one.grad for one in network.parameters() if one.grad is not None]
    assert len(gradients) > 100
    assert all(torch.isfinite(one).all() for one in gradients)


def test_a_new_network_maps_nothing_in_its_flow():
    torch.manual_seed(0)
    flow = Sovits(TINY).flow
    x, mask, style = torch.randn(1, 8, 5), torch.ones(1, 1, 5), torch.randn(1, 16, 1)
    assert torch.equal(flow(x, mask, style), x)


def _with_speakers(references, seed=3):
    source = torch.Generator().manual_seed(seed)
    return [replace(one, speaker=torch.randn(1, SPEAKER_CHANNELS, generator=source)) for one in references]


def test_the_speaker_is_heard_where_the_network_has_an_ear_for_it(network, said):
    codes, phones, references = said
    pro, heard = tiny_sovits(config=TINY_PRO), _with_speakers(references)
    wave = pro.decode(codes, phones, heard, noise_scale=0)
    other = [heard[0], replace(heard[1], speaker=heard[0].speaker)]
    assert not torch.equal(wave, pro.decode(codes, phones, other, noise_scale=0))
    mean = (pro.mean_style(heard[:1]) + pro.mean_style(heard[1:])) / 2
    assert torch.allclose(pro.mean_style(heard), mean, atol=1e-6)
    assert pro.text_style(mean).shape == (1, TINY_PRO.mrte_channels, 1)
    with pytest.raises(ValueError, match="speaker"):
        pro.mean_style(references)
    assert torch.equal(network.mean_style(heard), network.mean_style(references))


def test_speaker_layers_are_trained():
    network = tiny_sovits(config=TINY_PRO).train()
    out = network(*speech(), speaker=torch.randn(2, SPEAKER_CHANNELS))
    (out.wave.square().mean() + out.prior.mean.square().mean()).backward()
    for layer in (network.sv_emb, network.ge_to512, network.prelu):
        assert layer.weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("config", "header"),
    [
        (replace(TINY, version="v1", symbol_rows=322, style_bins=641), b"PK"),
        (TINY_PRO, b"05"),
        (replace(TINY_PRO, version="v2ProPlus", upsample_channels=96), b"06"),
    ],
)
def test_an_export_has_the_header_and_the_name_of_its_version(config, header, folder):
    network = tiny_sovits(config=config)
    path = export_sovits(network, folder / "a.pth", info="x")
    assert path.read_bytes()[:2] == header
    assert inspect(path).version == config.version
    assert load_sovits(path).config == config
