"""The text front end."""

import subprocess
import sys

import pytest

from engine.protocol.errors import BadParameters
from engine.protocol.languages import TEXT_MODES
from engine.text import frontend
from engine.text.dictionary import Pronunciation, parse_dictionary
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
        phonemize("bonjour", "fr")
    assert "fr" in caught.value.message
    assert "en" in caught.value.hint
    with pytest.raises(BadParameters):
        phonemize_piece("bonjour", "fr")
    with pytest.raises(BadParameters):
        phonemize("hello", "en", "v9")
    assert set(languages()) >= {"en", "zh", "ja"}


@pytest.mark.parametrize("language", ["ko", "yue"])
def test_what_the_first_models_do_not_speak_is_said(language):
    with pytest.raises(BadParameters) as caught:
        phonemize("你好", language, "v1")
    assert "v1" in caught.value.message
    assert "zh, en, ja" in caught.value.hint
    assert phonemize_piece("안녕하세요, hello there", "auto", "v1").phones[0] == ","


def test_a_phone_that_a_version_lacks_is_unknown_to_it():
    first, second = phonemize_piece("ありがとう", "ja", "v1"), phonemize_piece("ありがとう", "ja", "v2")
    assert first.phones == tuple("UNK" if phone in ("[", "]") else phone for phone in second.phones)
    assert "UNK" in first.phones
    assert len(first.phone_ids) == len(second.phone_ids)


def test_a_text_of_several_languages_has_a_part_for_each():
    result = phonemize_piece("今天用Python写代码", "zh")
    assert [part.language for part in result.segments] == ["zh", "en", "zh"]
    assert result.word2ph is None
    assert sum(result.segments[0].word2ph) == len(result.segments[0].phones)
    assert result.phones == tuple(phone for part in result.segments for phone in part.phones)
    whole = phonemize_piece("今天天气很好", "zh")
    assert sum(whole.word2ph) == len(whole.phones)
    assert len(whole.word2ph) == len(whole.norm_text)


@pytest.mark.parametrize("mode", ["zh", "all_zh", "auto"])
def test_the_pause_in_front_does_not_change_a_number(mode):
    assert phonemize_piece("3个", mode).phones == (".", "s", "an1", "g", "e5")
    assert "point" not in phonemize_piece("3", "en").norm_text


@pytest.mark.parametrize("mode", TEXT_MODES)
def test_the_users_words_win(mode):
    lines = ["en\tZhongli\tJH UH1 NG L IY0", "zh\t头发\ttou2 fa1", "ja\t頭髪\tかみ", "yue\t頭髮\ttau4 faat3"]
    own = Pronunciation(dictionary=parse_dictionary(lines, "test"))
    assert not own.dictionary.problems
    said = phonemize_piece("Zhongli met Zhongli's friend ZHONGLI.", mode, "v2", own)
    assert " ".join(said.phones).count("JH UH1 NG L IY0") == 3
    assert "JH UH1 NG L IY0 Z" in " ".join(said.phones)
    if mode.endswith("zh"):
        assert "t ou2 f a1" in " ".join(phonemize_piece("我的头发很长", mode, "v2", own).phones)


def test_it_starts_without_heavy_libraries():
    code = (
        "import sys; from engine.text.frontend import phonemize; phonemize('Hello blorptastic', 'en');"
        "print([m for m in ('torch', 'transformers', 'librosa', 'inflect', 'nltk') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    def missing(text, settings):
        raise ModuleNotFoundError("No module named 'mecab'", name="mecab")

    monkeypatch.setattr(frontend, "_front_end", lambda _: missing)
    with pytest.raises(BadParameters) as caught:
        phonemize("안녕", "ko")
    assert "mecab" in caught.value.message
    assert "Python 3.1" in caught.value.hint
