"""The small content encoder: it hears mel bands from the start, and learns the phones of frames."""

import math

import pytest
import torch

from engine.models.hubert import load_content_encoder
from engine.train.content_encoder import (
    FRAME_SAMPLES,
    RATE_HZ,
    EncoderClip,
    EncoderSizes,
    EncoderTraining,
    Student,
    export_encoder,
    frame_labels,
    losses,
    standardise,
    train_encoder,
)

SIZES = EncoderSizes(bands=8, convolution=24, width=16, layers=1, heads=2, ffn=32)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "用户 it's 名"


def tones(seconds, *pitches_hz):
    """A tone after the other, all of one length, and the pitch's number in every frame."""
    each = int(seconds * RATE_HZ)
    times = torch.arange(each) / RATE_HZ
    wave = torch.cat([0.1 * (2 * math.pi * hz * times).sin() for hz in pitches_hz])
    ends = [seconds * (place + 1) for place in range(len(pitches_hz))]
    return wave, ends


def student(seed=0):
    torch.manual_seed(seed)
    return Student(SIZES, 5, 3)


def test_labels_are_the_phones_in_the_middle_of_frames():
    labels = frame_labels([0.1, 0.2], [2, 1], 16000)
    assert labels.tolist() == [2] * 4 + [1] * 5 + [0] * 40
    assert len(frame_labels([0.1], [1], 100)) == 0


def test_a_new_encoder_hears_bands_wherever_the_wave_stands():
    network = student().encoder.eval()
    layers = network.feature_extractor.conv_layers[:2]
    low, high = (tones(0.2, hz)[0] for hz in (300.0, 4000.0))
    with torch.no_grad():
        heard = []
        for wave in (low, torch.roll(low, 13), high):
            strength = layers[0].conv(wave[None, None]).relu()
            heard.append(layers[1].conv(strength)[0, :8].mean(dim=1))
    assert int(heard[0].argmax()) < int(heard[2].argmax())
    assert torch.allclose(heard[0], heard[1], rtol=0.1, atol=0.1 * heard[0].max().item())


def test_standardised_norms_give_mean_0_and_deviation_1():
    network = student().encoder.eval()
    waves = [torch.randn(8000, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    standardise(network, waves)
    seen = []
    network.feature_projection.layer_norm.register_forward_hook(lambda *given: seen.append(given[2][0]))
    with torch.no_grad():
        for wave in waves:
            network(wave[None])
    values = torch.cat(seen)
    assert values.mean(0).abs().max() < 0.02
    assert (values.std(0) - 1).abs().max() < 0.2


def test_losses_count_only_what_a_clip_teaches():
    wave, ends = tones(0.3, 300.0, 2000.0)
    model = student().eval()
    plain = losses(model, [EncoderClip(wave=wave)], torch.ones(1))
    assert plain.distillation.item() == plain.ctc.item() == plain.frames.item() == plain.hits == 0
    labels = frame_labels(ends, [1, 2], len(wave))
    known = losses(model, [EncoderClip(wave=wave, labels=labels), EncoderClip(wave=wave)], torch.ones(2))
    assert known.frames.item() > 0
    assert known.ctc.item() == 0
    features = torch.randn(len(wave) // FRAME_SAMPLES, 5)
    taught = EncoderClip(wave=wave, features=features, phones=torch.tensor([1, 2]))
    both = losses(model, [taught], torch.ones(1))
    assert both.distillation.item() > 0
    assert both.ctc.item() > 0


def test_training_learns_goes_on_and_is_read_back(folder):
    clips = []
    for first, second in ((300.0, 2000.0), (2000.0, 300.0), (900.0, 300.0), (2000.0, 900.0)):
        wave, ends = tones(0.4, first, second)
        phones = [{300.0: 1, 900.0: 2, 2000.0: 3}[hz] for hz in (first, second)]
        clips.append(EncoderClip(wave=wave, labels=frame_labels(ends, phones, len(wave))))
    found = []

    def run(epochs, stop_after=None):
        model = student()
        standardise(model.encoder.eval(), [clip.wave for clip in clips])
        training = EncoderTraining(
            epochs=epochs, stop_after=stop_after, batch_s=2.0, warmup_steps=2, learning_rate=0.01
        )
        train_encoder(model, clips, training, folder / "encoder.state", lambda *now: found.append(now))
        return model.eval()

    folder.mkdir()
    run(12, stop_after=2)
    seen = len(found)
    model = run(12)
    assert found[seen][0] == 2
    assert found[-1][2].frames < 0.5 * found[0][2].frames
    export_encoder(model, folder / "encoder")
    encoder = load_content_encoder(folder / "encoder")
    assert encoder.channels == SIZES.width
    given = encoder.encode(clips[0].wave[None])
    with torch.no_grad():
        wanted = model.encoder(clips[0].wave[None]).last_hidden_state.transpose(1, 2)
    assert torch.allclose(given, wanted, atol=0.05)
    assert given.shape[2] >= len(clips[0].wave) // FRAME_SAMPLES - 2
