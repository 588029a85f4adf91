"""A tiny voice speaks: pieces, pauses, seeds, streaming, stopping."""

import dataclasses

import numpy as np
import pytest
import torch

from engine.infer.loading import VoiceFiles, load_synthesizer
from engine.infer.options import SamplingOptions, SoundOptions, SpeakOptions, StreamOptions
from engine.infer.semantic import Generation
from engine.infer.spelling import Speller
from engine.infer.synthesizer import Source, Synthesizer
from engine.infer.wave_decoder import WaveDecoder
from engine.models.gpt import Gpt
from engine.models.hubert import load_content_encoder
from engine.models.sovits import load_sovits
from engine.modules.device import Computing
from engine.protocol.errors import BadCheckpoint, BadParameters, BadText, Cancelled, MissingModel
from engine.protocol.versions import version
from engine.text.dictionary import Dictionary, Pronunciation
from tests.engine.infer.voices import GPT, write_tone

TEXT = "Hello there, my friend. This is a second sentence."
OPTIONS = SpeakOptions(sampling=SamplingOptions(max_tokens=40), seed=5)


@pytest.fixture(scope="module")
def synthesizer(voice):
    files = VoiceFiles(gpt=voice.gpt, sovits=voice.sovits, content_encoder=voice.content_encoder)
    return load_synthesizer(files)


@pytest.fixture(scope="module")
def prompt(voice, synthesizer):
    return synthesizer.prepare(Source(reference=voice.reference, text=voice.prompt_text), lambda _: None)


def _all(chunks):
    return np.concatenate([chunk.samples for chunk in chunks])


def test_every_piece_comes_in_order_with_its_pause(synthesizer, prompt):
    chunks = list(synthesizer.speak(TEXT, "en", prompt, OPTIONS))
    assert [chunk.text for chunk in chunks] == ["Hello there,", " my friend.", " This is a second sentence."]
    assert [(chunk.piece, chunk.pieces, chunk.ends_piece) for chunk in chunks] == [
        (0, 3, True),
        (1, 3, True),
        (2, 3, True),
    ]
    for chunk in chunks:
        assert chunk.rate_hz == 32000
        spoken = chunk.samples[: -int(0.3 * 32000)]
        assert len(spoken) % 1280 == 0
        assert 11 * 1280 <= len(spoken) <= 40 * 1280
        assert np.isfinite(spoken).all()
        assert spoken.std() > 0
        assert not chunk.samples[-int(0.3 * 32000) :].any()


def test_a_seed_gives_the_same_speech_and_another_seed_other_speech(synthesizer, prompt):
    first = _all(synthesizer.speak(TEXT, "en", prompt, OPTIONS))
    assert np.array_equal(first, _all(synthesizer.speak(TEXT, "en", prompt, OPTIONS)))
    other = _all(synthesizer.speak(TEXT, "en", prompt, dataclasses.replace(OPTIONS, seed=6)))
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_the_first_piece_is_heard_before_the_second_is_made(synthesizer, prompt):
    calls = []
    chunks = synthesizer.speak(TEXT, "en", prompt, OPTIONS, lambda: calls.append(1))
    next(chunks)
    after_first = len(calls)
    next(chunks)
    assert after_first >= 11
    assert len(calls) > after_first


def test_streaming_gives_chunks_of_the_same_length_in_all(synthesizer, prompt):
    text = "One single piece without any mark in it"
    whole = list(synthesizer.speak(text, "en", prompt, OPTIONS))
    streamed = list(
        synthesizer.speak(
            text, "en", prompt, dataclasses.replace(OPTIONS, stream=StreamOptions(chunk_tokens=8))
        )
    )
    assert len(whole) == 1
    assert len(streamed) > 2
    assert [chunk.ends_piece for chunk in streamed] == [False] * (len(streamed) - 1) + [True]
    # Joining may drop up to 320 samples at each seam.
    missing = len(_all(whole)) - len(_all(streamed))
    assert 0 <= missing <= 320 * len(streamed)
    assert np.isfinite(_all(streamed)).all()


def test_speed_changes_the_length(synthesizer, prompt):
    text = "One single piece without any mark in it"
    plain = len(_all(synthesizer.speak(text, "en", prompt, dataclasses.replace(OPTIONS, pause_s=0.0))))
    fast = dataclasses.replace(OPTIONS, pause_s=0.0, sound=SoundOptions(speed=2.0))
    assert abs(len(_all(synthesizer.speak(text, "en", prompt, fast))) - plain / 2) <= 640


def test_a_reference_without_text_speaks_too(synthesizer, voice):
    mute = synthesizer.prepare(Source(reference=voice.reference), lambda _: None)
    assert mute.words is None
    assert _all(synthesizer.speak("Hello there.", "en", mute, OPTIONS)).std() > 0


def test_a_changed_reference_is_read_again(synthesizer, folder):
    path = write_tone(folder / "r.wav", 3.2)
    first = synthesizer.prepare(Source(reference=path), lambda _: None)
    assert synthesizer.prepare(Source(reference=path), lambda _: None).timbre.style.equal(first.timbre.style)
    write_tone(path, 4.0)
    again = synthesizer.prepare(Source(reference=path), lambda _: None)
    assert len(again.tokens) > len(first.tokens)


@pytest.mark.parametrize("text", ["", "   ", "...", "\n", "!?"])
def test_nothing_to_say_is_said_in_words(synthesizer, prompt, text):
    with pytest.raises(BadText, match="nothing in the text"):
        list(synthesizer.speak(text, "en", prompt, OPTIONS))


def test_an_unknown_language_is_refused(synthesizer, prompt):
    with pytest.raises(BadParameters, match="xx"):
        list(synthesizer.speak("Hello", "xx", prompt, OPTIONS))


def test_speaking_stops_within_a_token(synthesizer, prompt):
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(synthesizer.speak(TEXT, "en", prompt, OPTIONS, check))
    assert len(calls) == 4


def test_networks_that_do_not_belong_together_are_refused(voice):
    sovits, encoder = load_sovits(voice.sovits), load_content_encoder(voice.content_encoder)
    with torch.device("meta"):
        tokens = Gpt(dataclasses.replace(GPT, semantic_rows=9, eos_token=8))
        phones = Gpt(dataclasses.replace(GPT, phoneme_rows=512))
    decoder = WaveDecoder(sovits, version("v2"))
    speller = Speller(version("v2"), 8)
    with pytest.raises(BadCheckpoint, match=r"8 tokens.*32"):
        Synthesizer(tokens, decoder, encoder, speller)
    with pytest.raises(BadCheckpoint, match=r"512 phones.*732"):
        Synthesizer(phones, decoder, encoder, speller)


def test_missing_files_are_named(voice, folder):
    files = VoiceFiles(gpt=folder / "no.ckpt", sovits=voice.sovits, content_encoder=voice.content_encoder)
    with pytest.raises(MissingModel, match=r"no\.ckpt"):
        load_synthesizer(files)
    files = dataclasses.replace(files, gpt=voice.gpt, content_encoder=folder)
    with pytest.raises(MissingModel, match="content encoder"):
        load_synthesizer(files)


LONG = "One is here. Two comes now. Three follows it. Four goes on. Five is last."


def test_sentences_made_side_by_side_sound_as_if_made_alone(synthesizer, prompt):
    alone, batched = (
        list(synthesizer.speak(LONG, "en", prompt, dataclasses.replace(OPTIONS, batch_size=size)))
        for size in (1, 8)
    )
    assert len(alone) == 5
    for one, other in zip(alone, batched, strict=True):
        assert one.text == other.text
        assert np.array_equal(one.samples, other.samples)


def test_a_sentence_sounds_the_same_whatever_stands_behind_it(synthesizer, prompt):
    options = dataclasses.replace(OPTIONS, batch_size=8)
    before = list(synthesizer.speak(LONG, "en", prompt, options))
    other = LONG.replace("Five is last.", "And now for something that is quite a lot longer.")
    after = list(synthesizer.speak(other, "en", prompt, options))
    for one, two in zip(before[:4], after[:4], strict=True):
        assert np.array_equal(one.samples, two.samples)


def test_the_first_sentence_is_heard_before_a_batch_is_made(synthesizer, prompt):
    steps = []
    chunks = synthesizer.speak(
        LONG, "en", prompt, dataclasses.replace(OPTIONS, batch_size=8), lambda: steps.append(1)
    )
    first = next(chunks)
    tokens = (len(first.samples) - int(0.3 * 32000)) // 1280
    assert len(steps) <= tokens + 1


class _Scripted:
    """Stands for the GPT's decoding: hands out takes as told, and counts."""

    def __init__(self, monkeypatch, *takes):
        self.takes = list(takes)
        self.seeds = []
        monkeypatch.setattr("engine.infer.synthesizer.generate_batch", self)

    def __call__(self, _, requests, *__):
        made = []
        for request in requests:
            self.seeds.append(request.generator.initial_seed())
            made.append(self.takes.pop(0))
        return made


def _take(count, *, ended=True):
    return Generation(tokens=tuple(range(3, 3 + count)), ended=ended)


SENTENCE = "This is a sentence that needs a little while to be said."


def _told(synthesizer, prompt, **more):
    told = []
    options = dataclasses.replace(OPTIONS, pause_s=0.0, **more)
    chunks = list(synthesizer.speak(SENTENCE, "en", prompt, options, warn=told.append))
    return sum(len(chunk.samples) for chunk in chunks) // 1280, told


def test_a_take_that_broke_off_is_made_again_with_another_seed(synthesizer, prompt, monkeypatch):
    script = _Scripted(monkeypatch, _take(12), _take(25))
    tokens, told = _told(synthesizer, prompt)
    assert tokens == 25
    assert len(told) == 1
    assert "too early" in told[0]
    assert "once more" in told[0]
    assert script.seeds[0] != script.seeds[1]


def test_two_bad_takes_are_told_and_the_better_one_is_kept(synthesizer, prompt, monkeypatch):
    _Scripted(monkeypatch, _take(20, ended=False), _take(11))
    tokens, told = _told(synthesizer, prompt)
    assert tokens == 11
    assert "did not come to an end" in told[0]
    assert "Listen to it" in told[1]


def test_nothing_is_tried_again_when_once_was_asked_for(synthesizer, prompt, monkeypatch):
    _Scripted(monkeypatch, _take(20, ended=False))
    tokens, told = _told(synthesizer, prompt, tries=1)
    assert tokens == 20  # every token that was made is heard
    assert len(told) == 1


def test_a_stream_that_does_not_end_is_told(synthesizer, prompt):
    sampling = SamplingOptions(max_tokens=20, min_tokens=20)
    tokens, told = _told(synthesizer, prompt, sampling=sampling, stream=StreamOptions(chunk_tokens=8))
    assert abs(tokens - 20) <= 1
    assert "did not come to an end" in told[0]


def test_values_that_are_no_numbers_end_in_fp32_or_in_words(voice):
    files = VoiceFiles(gpt=voice.gpt, sovits=voice.sovits, content_encoder=voice.content_encoder)
    half = load_synthesizer(files, Computing(torch.device("cpu"), torch.bfloat16))
    told = []
    prompt = half.prepare(Source(reference=voice.reference), told.append)
    gpt, decoder = half._gpt, half._decoder
    spoil = gpt.ar_predict_layer.register_forward_hook(
        lambda _, __, made: made * torch.nan if made.dtype is torch.bfloat16 else made
    )
    decode = decoder.decode

    def decode_badly(*arguments):
        made = decode(*arguments)
        return made if decoder._computing.dtype is torch.float32 else made * np.nan

    decoder.decode = decode_badly
    chunks = list(half.speak("Hello there.", "en", prompt, OPTIONS, warn=told.append))
    assert np.isfinite(_all(chunks)).all()
    assert ["GPT" in told[0], "decoder" in told[1]] == [True, True]
    spoil.remove()
    decoder.decode = lambda *_: np.full(1280, np.nan, np.float32)
    with pytest.raises(BadCheckpoint, match="no numbers"):
        list(half.speak("Hello there.", "en", prompt, OPTIONS))


def test_chunks_that_end_in_silence_are_all_of_the_sentence(synthesizer, prompt):
    text = "One single piece without any mark in it"
    sampling = SamplingOptions(max_tokens=60, min_tokens=60)
    for fixed in (True, False):
        options = dataclasses.replace(
            OPTIONS, sampling=sampling, pause_s=0.0, stream=StreamOptions(chunk_tokens=8, fixed=fixed)
        )
        chunks = list(synthesizer.speak(text, "en", prompt, options))
        assert len(_all(chunks)) == pytest.approx(60 * 1280, abs=320 * len(chunks))


def test_the_users_own_pronunciation_is_spoken(synthesizer, prompt):
    own = Pronunciation(dictionary=Dictionary(languages={"en": {"hello": ("G", "UH1", "D")}}))
    plain = _all(synthesizer.speak("Hello there.", "en", prompt, OPTIONS))
    other = dataclasses.replace(OPTIONS, pronunciation=own)
    assert not np.array_equal(plain, _all(synthesizer.speak("Hello there.", "en", prompt, other)))
