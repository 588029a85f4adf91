"""Cutting text: what a user sees; the rules themselves are tested against the golden cases."""

import re

import pytest

from engine.infer.text_cut import prepare_prompt_text, prepare_text, require_pieces
from engine.protocol.errors import BadText
from engine.protocol.stages.speech import CutMethod


@pytest.mark.parametrize("method", list(CutMethod))
def test_no_word_is_lost(method):
    text = "It costs 3.14 pounds, he said. Really?! Yes: it does... Now, go on and on and on, then stop"
    spoken = "".join(prepare_text(text, "en", method))
    assert re.findall(r"[A-Za-z]+", spoken) == re.findall(r"[A-Za-z]+", text)


def test_lines_of_the_user_are_pieces():
    assert prepare_text("First line\nSecond line", "en", CutMethod.NONE) == ["First line.", "Second line."]


def test_a_decimal_point_is_no_end():
    assert prepare_text("It is 3.14 exactly.", "en", CutMethod.PUNCTUATION) == ["It is 3.14 exactly."]


def test_very_long_text_is_cut_at_marks():
    pieces = prepare_text("word, " * 400, "en", CutMethod.NONE)
    assert len(pieces) > 3
    assert max(map(len, pieces)) <= 510


@pytest.mark.parametrize("text", ["", " \n ", "...", "?!", "。。。"])
@pytest.mark.parametrize("method", list(CutMethod))
def test_nothing_gives_no_piece_and_no_crash(text, method):
    assert prepare_text(text, "zh", method) == []
    with pytest.raises(BadText):
        require_pieces(text, "zh", method)


def test_a_prompt_ends_in_a_mark():
    assert prepare_prompt_text("  Hello there\n", "en") == "Hello there."
    assert prepare_prompt_text("Hello there!", "en") == "Hello there!"
    assert prepare_prompt_text("你好", "zh") == "你好。"
    assert prepare_prompt_text(" \n", "en") == ""


@pytest.mark.parametrize(("text", "language"), [("word " * 400, "en"), ("好" * 1700, "zh")])
def test_very_long_text_without_marks_is_cut_too(text, language):
    pieces = prepare_text(text, language, CutMethod.PUNCTUATION)
    assert max(map(len, pieces)) <= 510
    assert "".join(pieces).rstrip(".。") == text.strip() or "".join(pieces).rstrip(".。") == text
    assert all(piece.startswith(("word", "好")) for piece in pieces)
