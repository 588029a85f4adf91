"""References: their length, and what is made of them."""

import numpy as np
import pytest
import torch

from engine.infer.reference import hear_more, make_reference, read_reference, semantic_tokens
from engine.infer.wave_decoder import WaveDecoder, within_full_scale
from engine.models.hubert import load_content_encoder
from engine.models.sovits import load_sovits
from engine.protocol.errors import BadAudio, MissingFile
from engine.protocol.versions import version
from tests.engine.infer.voices import write_tone


def _read(path):
    told = []
    return read_reference(path, 32000, told.append), told


def test_a_recording_of_the_right_length_is_taken_as_it_is(folder):
    samples, told = _read(write_tone(folder / "ok.wav", 4.0))
    assert samples.shape == (128000,)
    assert told == []


@pytest.mark.parametrize(("seconds", "words"), [(11.0, "at most 10 s"), (1.5, "at least 3 s")])
def test_a_length_that_cannot_be_used_is_named_with_the_way_out(folder, seconds, words):
    path = write_tone(folder / "wrong.wav", seconds)
    with pytest.raises(BadAudio, match=rf"wrong\.wav is {seconds} s long; {words}") as caught:
        _read(path)
    assert "3-10 s" in caught.value.hint


def test_silence_around_speech_is_left_out_when_that_makes_it_fit(folder):
    samples, told = _read(write_tone(folder / "long.wav", 6.0, lead_s=3.0, tail_s=4.0))
    assert 6.0 <= samples.size / 32000 < 6.5
    assert "13.0 s" in told[0]


def test_a_slightly_short_recording_is_filled_up(folder):
    samples, told = _read(write_tone(folder / "short.wav", 2.5))
    assert samples.size == 96000
    assert not samples[81000:].any()
    assert "2.5 s" in told[0]


def test_silence_and_missing_files_are_refused(folder):
    with pytest.raises(BadAudio, match="silent"):
        _read(write_tone(folder / "silent.wav", 0.0, lead_s=4.0))
    with pytest.raises(MissingFile, match=r"none\.wav"):
        _read(folder / "none.wav")
    text = folder / "text.wav"
    text.write_text("this is no sound", encoding="utf-8")
    with pytest.raises(BadAudio, match=r"text\.wav"):
        _read(text)


def test_too_loud_samples_are_brought_down_by_half_at_most():
    wave = np.sin(np.arange(32000) * 0.1).astype(np.float32)
    assert within_full_scale(wave) is wave
    assert np.abs(within_full_scale(wave * 1.5)).max() == pytest.approx(1, abs=1e-3)
    assert np.abs(within_full_scale(wave * 4)).max() == pytest.approx(2, abs=1e-3)


@pytest.fixture(scope="module")
def decoder(voice):
    return WaveDecoder(load_sovits(voice.sovits), version("v2"))


def test_tokens_are_25_a_second_with_the_silence_behind(voice, decoder):
    encoder = load_content_encoder(voice.content_encoder)
    reference = make_reference(voice.reference, encoder, decoder, lambda _: None)
    assert reference.timbre.style.shape == (1, 16, 1)
    assert abs(len(reference.tokens) - round((3.5 + 0.6) * 25)) <= 1
    assert reference.tokens.min() >= 0
    assert reference.tokens.max() < 32
    samples, _ = _read(voice.reference)
    assert torch.equal(semantic_tokens(samples, encoder, decoder), reference.tokens)


def test_more_recordings_may_be_long_but_not_a_moment(folder, decoder):
    assert hear_more(write_tone(folder / "long.wav", 12.0), decoder, lambda _: None).style.isfinite().all()
    with pytest.raises(BadAudio, match=r"bit\.wav is 0\.5 s long"):
        hear_more(write_tone(folder / "bit.wav", 0.5), decoder, lambda _: None)
    with pytest.raises(BadAudio, match="silent"):
        hear_more(write_tone(folder / "silent.wav", 0.0, lead_s=4.0), decoder, lambda _: None)
