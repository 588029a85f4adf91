"""The engines of speech recognition and their choices."""

from __future__ import annotations

import pytest

from engine.protocol.errors import BadParameters
from engine.protocol.languages import LABEL_LANGUAGES
from engine.protocol.recognisers import (
    RECOGNISERS,
    Recogniser,
    asr_languages,
    asr_precisions,
    asr_sizes,
    recogniser,
)

FUNASR = "达摩 ASR (中文)"
WHISPER = "Faster Whisper (多语种)"


def test_funasr_offers_what_the_original_answers() -> None:
    assert (asr_languages(FUNASR), asr_sizes(FUNASR), asr_precisions(FUNASR)) == (
        ("zh", "yue"),
        ("large",),
        ("float32",),
    )


def test_whisper_offers_many_languages_and_whole_numbers() -> None:
    assert set(asr_languages(WHISPER)) == {"auto", *LABEL_LANGUAGES}
    assert {"medium", "large-v3"} <= set(asr_sizes(WHISPER))
    assert set(asr_precisions(WHISPER)) == {"float32", "float16", "int8"}


@pytest.mark.parametrize("engine", list(Recogniser))
def test_each_engine_answers_to_both_of_its_names(engine: Recogniser) -> None:
    choices = RECOGNISERS[engine]
    assert {recogniser(name) for name in (engine.value, choices.title, *choices.aliases)} == {engine}
    assert set(choices.languages) <= {"auto", *LABEL_LANGUAGES}
    assert not choices.folders or set(choices.folders) == set(choices.languages)


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadParameters) as caught:
        asr_languages("dragon")
    assert FUNASR in caught.value.hint
