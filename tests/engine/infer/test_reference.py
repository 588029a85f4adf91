"""References: their length, and what is made of them."""

import numpy as np
import pytest
import torch

from engine.infer.reference import make_reference, read_reference, semantic_tokens, voice_spectrogram
from engine.models.hubert import load_content_encoder
from engine.models.sovits import load_sovits
from engine.protocol.errors import BadAudio, MissingFile
from tests.engine.infer.voices import SOVITS, write_tone


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


def test_too_loud_samples_are_brought_down_by_two_at_most():
    spec = SOVITS.spectrogram
    wave = np.sin(np.arange(32000) * 0.1).astype(np.float32)
    plain = voice_spectrogram(wave, spec)
    torch.testing.assert_close(voice_spectrogram(wave * 1.5, spec), plain, atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(voice_spectrogram(wave * 4, spec), plain * 2, atol=1e-2, rtol=1e-2)


def test_tokens_are_25_a_second_with_the_silence_behind(voice):
    encoder, sovits = load_content_encoder(voice.content_encoder), load_sovits(voice.sovits)
    reference = make_reference(voice.reference, encoder, sovits, lambda _: None)
    assert reference.spectrogram.shape == (1, 1025, 175)
    assert abs(len(reference.tokens) - round((3.5 + 0.6) * 25)) <= 1
    assert reference.tokens.min() >= 0
    assert reference.tokens.max() < 32
    samples, _ = _read(voice.reference)
    assert torch.equal(semantic_tokens(samples, 32000, encoder, sovits), reference.tokens)
