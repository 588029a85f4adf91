import re

import pytest

from engine.protocol.label_list import LabelRow
from gsv_desktop.pages.label.table import (
    ClipFacts,
    Column,
    LabelTable,
    Search,
    Splice,
    joined_text,
    parted_text,
)


def row(name: str, text: str = "Text.", language: str = "en") -> LabelRow:
    return LabelRow(path=name, speaker="s", language=language, text=text)


def table(*rows: LabelRow, **facts: ClipFacts) -> LabelTable:
    made = LabelTable()
    made.load(rows, {f"{name}.wav": fact for name, fact in facts.items()})
    return made


def test_sorting_changes_what_is_shown_not_the_file():
    made = table(row("b.wav"), row("a.wav"), row("c.wav"))
    made.order = Column.CLIP
    made.arrange()
    assert made.shown == [1, 0, 2]
    assert [one.name for one in made.rows] == ["b.wav", "a.wav", "c.wav"]


@pytest.mark.parametrize(("descending", "wanted"), [(False, [2, 0, 1]), (True, [0, 2, 1])])
def test_what_is_not_known_stands_at_the_end_either_way(descending, wanted):
    made = table(
        row("a.wav"), row("b.wav"), row("c.wav"), a=ClipFacts(confidence=0.9), c=ClipFacts(confidence=0.2)
    )
    made.order, made.descending = Column.CONFIDENCE, descending
    made.arrange()
    assert made.shown == wanted


def test_search_and_replacement():
    made = table(row("a.wav", "A cat sat."), row("b.wav", "A dog."), row("c.wav", "Cats (all)."))
    made.search = Search("cat")
    made.arrange()
    assert made.shown == [0, 2]
    changes = made.replaced(Search("cat", case=True), r"\1 cow", made.shown)
    assert {number: after.text for number, (_, after) in changes.items()} == {0: r"A \1 cow sat."}
    changes = made.replaced(Search(r"\((\w+)\)", regex=True), r"\1", range(3))
    assert changes[2][1].text == "Cats all."
    with pytest.raises(re.error):
        Search("(", regex=True).compiled()


def test_a_replacement_never_empties_a_text():
    made = table(row("a.wav", "word"))
    assert made.replaced(Search("word"), "", [0]) == {}


def test_splices_are_undone_by_their_reverse():
    made = table(*(row(f"{number}.wav") for number in range(5)))
    before = list(made.rows)
    edits = [Splice(3, (before[3],), ()), Splice(0, (before[0],), (row("x.wav"), row("y.wav")))]
    made.splice(edits)
    assert [one.name for one in made.rows] == ["x.wav", "y.wav", "1.wav", "2.wav", "4.wav"]
    made.splice([edit.undone() for edit in reversed(edits)])
    assert made.rows == before


def test_texts_are_joined_as_their_language_is_written():
    assert joined_text([row("a", "One. "), row("b", "Two.")]) == "One. Two."
    assert joined_text([row("a", "你好。", "zh"), row("b", "再见。", "zh")]) == "你好。再见。"


@pytest.mark.parametrize(
    ("text", "share", "wanted"),
    [
        ("One two three four.", 0.5, ("One two", "three four.")),
        ("今天很好，明天再说。", 0.5, ("今天很好，", "明天再说。")),
        ("Word", 0.5, ("Word", "Word")),
        ("", 0.5, ("", "")),
    ],
)
def test_a_text_is_parted_at_a_gap(text, share, wanted):
    assert parted_text(text, share) == wanted
