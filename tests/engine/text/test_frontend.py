"""The text front end."""

import subprocess
import sys

import pytest

from engine.protocol.errors import BadParameters
from engine.text.frontend import languages, phonemize, phonemize_piece


def test_a_text_becomes_phones_with_ids():
    result = phonemize("Hello, world!", "en", "v2")
    assert " ".join(result.phones) == "HH AH0 L OW1 , W ER1 L D !"
    assert len(result.phone_ids) == len(result.phones)
    assert result.word2ph is None
    (segment,) = result.segments
    assert (segment.language, segment.text, segment.phones) == ("en", "Hello, world!", result.phones)


def test_a_short_piece_gets_a_pause_in_front():
    assert phonemize_piece("Hi", "en").phones == (",", ".", "HH", "AY1")
    assert phonemize_piece("No!", "en").phones == (".", "N", "OW1", "!")
    assert phonemize_piece("Hello, world!", "en") == phonemize("Hello, world!", "en")


@pytest.mark.parametrize("text", ["", " ", "\n", "你好", "😀", "©", "\u202a", "'", "---", "$"])
def test_what_has_no_words_does_no_harm(text):
    assert phonemize(text, "en").phones[0] == ","


def test_other_languages_are_named():
    with pytest.raises(BadParameters) as caught:
        phonemize("你好", "zh")
    assert "zh" in caught.value.message
    assert "en" in caught.value.hint
    with pytest.raises(BadParameters):
        phonemize("hello", "en", "v9")
    assert languages() == ("en",)


def test_it_starts_without_heavy_libraries():
    code = (
        "import sys; from engine.text.frontend import phonemize; phonemize('Hello blorptastic', 'en');"
        "print([m for m in ('torch', 'transformers', 'librosa', 'inflect', 'nltk') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
