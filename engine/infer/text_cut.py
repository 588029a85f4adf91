"""Cuts a text into the pieces that are spoken one after the other.

The rules, odd ones included, are the original's: a voice was trained on, and its users know,
these pieces.  Where the original breaks off or hands out an empty piece, nothing is said, and what has
no mark in more than 510 characters is cut all the same: the networks would break off within it.

Source: TEXT_SPEC section 1 of the parity kit; parity: tests/parity/test_text_cut.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from engine.protocol.errors import BadText
from engine.protocol.stages.speech import CutMethod

SPLITTERS: Final = frozenset("，。？！,.?!~:：—…")
"""Marks that end a clause."""

MAX_PIECE_CHARACTERS: Final = 510
"""Longer pieces are cut again."""

MIN_PIECE_CHARACTERS: Final = 5
"""Shorter pieces are joined to a neighbour."""

_SHORT_START_CHARACTERS: Final = 4
_SENTENCES_OF_A_GROUP: Final = 4
_CHARACTERS_OF_A_GROUP: Final = 50
_MARKS: Final = frozenset("!?…,.-")
_CUT_MARKS: Final = frozenset(",.;?!、，。？！：…")
_REPEATED_MARK: Final = re.compile(r"([!?…,.\-])[!?…,.\-]+")
_FULL_STOP: Final = re.compile(r"(?<!\d)\.(?!\d)")
_AT_SPLITTER: Final = re.compile(f"([{''.join(sorted(SPLITTERS))}])")
_WORD: Final = re.compile(r"\w")


def prepare_text(text: str, language: str, method: CutMethod) -> list[str]:
    """The pieces of a text, ready to be turned into phones one by one.

    Args:
        text: what the user typed.
        language: its language; English gets `.` where others get `。`.
        method: where to cut.

    Returns:
        The pieces; none when there is nothing in the text that could be spoken.
    """
    stop = full_stop(language)
    text = collapse_marks(text).strip("\n")
    if not _WORD.search(text):
        return []
    lines = "\n".join(cut(_with_firm_start(text, stop), method)).split("\n")
    merged = merge_short([line for line in lines if line not in ("", " ")], MIN_PIECE_CHARACTERS)
    spoken = [end_with(piece, stop) for piece in merged if _WORD.search(piece)]
    parts = (part for piece in spoken for part in split_long(piece, MAX_PIECE_CHARACTERS))
    return [short for part in parts for short in _split_bare(part) if _WORD.search(short)]


def require_pieces(text: str, language: str, method: CutMethod) -> list[str]:
    """As `prepare_text`, for a text that must be spoken.

    Raises:
        BadText: there is nothing in it that could be spoken.
    """
    pieces = prepare_text(text, language, method)
    if not pieces:
        raise BadText("There is nothing in the text that could be spoken.", hint="Type some words.")
    return pieces


def prepare_prompt_text(text: str, language: str) -> str:
    """The text of a reference: without line ends around it, and with a mark at its end."""
    text = text.strip().strip("\n")
    return end_with(text, full_stop(language)) if text else ""


def full_stop(language: str) -> str:
    """The mark that ends a sentence of a language."""
    return "." if language == "en" else "。"


def end_with(piece: str, stop: str) -> str:
    """A piece that ends in a mark."""
    return piece if piece[-1:] in SPLITTERS else piece + stop


def collapse_marks(text: str) -> str:
    """The text with each run of marks reduced to its first."""
    return _REPEATED_MARK.sub(r"\1", text)


def cut(text: str, method: CutMethod) -> list[str]:
    """A text cut by one rule; line ends inside it stay."""
    return _RULES[method](text.strip("\n"))


def merge_short(pieces: Iterable[str], at_least: int) -> list[str]:
    """Pieces joined until each has enough characters; a short rest joins the last one."""
    pieces = list(pieces)
    merged: list[str] = []
    waiting = ""
    for piece in pieces:
        waiting += piece
        if len(waiting) >= at_least:
            merged.append(waiting)
            waiting = ""
    if waiting and merged:
        merged[-1] += waiting
    elif waiting:
        merged.append(waiting)
    return merged


def split_long(piece: str, at_most: int) -> list[str]:
    """A piece cut at marks into parts of at most so many characters.

    What has no mark stays whole, however long, as in the original; a mark may begin the next part.
    """
    parts = [""]
    for unit in _AT_SPLITTER.split(piece):
        if len(parts[-1]) + len(unit) > at_most:
            parts.append("")
        parts[-1] += unit
    return [part for part in parts if part]


def _split_bare(part: str) -> Iterator[str]:
    """A part in pieces that can be spoken, where it has no mark to cut at: at a blank, or anywhere."""
    while len(part) > MAX_PIECE_CHARACTERS:
        blank = part.rfind(" ", 1, MAX_PIECE_CHARACTERS)
        end = blank + 1 if blank > 0 else MAX_PIECE_CHARACTERS
        yield part[:end]
        part = part[end:]
    yield part


def _with_firm_start(text: str, stop: str) -> str:
    """A mark in front of a very short first clause, which would be swallowed otherwise."""
    if text[0] in SPLITTERS:
        return text
    first = next(_clauses(text)).rstrip("".join(SPLITTERS))
    return stop + text if len(first.strip()) < _SHORT_START_CHARACTERS else text


def _clauses(text: str) -> Iterator[str]:
    """The text in parts that end in one splitter each; the last may end without."""
    start = 0
    for place, character in enumerate(text, 1):
        if character in SPLITTERS:
            yield text[start:place]
            start = place
    if start < len(text):
        yield text[start:]


def _sentences(text: str) -> list[str]:
    text = text.replace("……", "。").replace("——", "，")
    return list(_clauses(end_with(text, "。"))) if text else []


def _without_marks_only(pieces: Iterable[str], marks: frozenset[str] = _MARKS | {" "}) -> list[str]:
    return [piece for piece in pieces if not set(piece) <= marks]


def _whole(text: str) -> list[str]:
    return _without_marks_only([text])


def _by_four_sentences(text: str) -> list[str]:
    """Groups of four; the last one takes what is left, five to eight."""
    sentences = _sentences(text)
    count = len(sentences)
    if count <= _SENTENCES_OF_A_GROUP:
        return _whole(text)
    groups = max(1, -(-count // _SENTENCES_OF_A_GROUP) - 1)
    starts = [group * _SENTENCES_OF_A_GROUP for group in range(groups)]
    ends = [*starts[1:], count]
    return _without_marks_only("".join(sentences[a:b]) for a, b in zip(starts, ends, strict=True))


def _by_fifty_characters(text: str) -> list[str]:
    sentences = _sentences(text)
    if len(sentences) <= 1:
        return _whole(text)
    pieces = [""]
    for sentence in sentences:
        if len(pieces[-1]) > _CHARACTERS_OF_A_GROUP:
            pieces.append("")
        pieces[-1] += sentence
    if len(pieces) > 1 and len(pieces[-1]) < _CHARACTERS_OF_A_GROUP:
        pieces[-2:] = [pieces[-2] + pieces[-1]]
    return _without_marks_only(pieces)


def _at_chinese_stops(text: str) -> list[str]:
    return _without_marks_only(text.strip("。").split("。"))


def _at_english_stops(text: str) -> list[str]:
    return _without_marks_only(_FULL_STOP.split(text.strip(".")))


def _at_every_mark(text: str) -> list[str]:
    pieces = [""]
    for place, character in enumerate(text):
        pieces[-1] += character
        around = text[max(place - 1, 0) : place + 2]
        decimal = character == "." and len(around) == 3 and around[0].isdigit() and around[2].isdigit()
        if character in _CUT_MARKS and not decimal:
            pieces.append("")
    return _without_marks_only(pieces, _CUT_MARKS)


_RULES: Final[Mapping[CutMethod, Callable[[str], list[str]]]] = MappingProxyType(
    {
        CutMethod.NONE: _whole,
        CutMethod.FOUR_SENTENCES: _by_four_sentences,
        CutMethod.FIFTY_CHARACTERS: _by_fifty_characters,
        CutMethod.CHINESE_STOP: _at_chinese_stops,
        CutMethod.ENGLISH_STOP: _at_english_stops,
        CutMethod.PUNCTUATION: _at_every_mark,
    }
)
