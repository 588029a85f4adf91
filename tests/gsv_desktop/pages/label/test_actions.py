from dataclasses import replace
from pathlib import Path

import pytest

from engine.protocol.builtin import sample_project
from engine.protocol.errors import BadLabels, OutOfSpace
from engine.protocol.label_list import read_labels
from gsv_desktop.pages.label.actions import backup_of, open_labels, save_labels


def test_rows_problems_and_missing_clips_are_told_apart(folder: Path):
    path = folder / "a.list"
    (folder / "there.wav").write_bytes(b"")
    path.write_text("there.wav|s|en|One.\ngone.wav|s|en|Two.\nbad|line\n", encoding="utf-8")
    opened = open_labels(path)
    assert opened.missing == {1}
    assert [problem.line for problem in opened.problems] == [3]


def test_saving_twice_keeps_lines_that_could_not_be_read(folder: Path):
    path = folder / "a.list"
    path.write_text("a.wav|s|en|One.\nbad|line\n", encoding="utf-8")
    for text in ("Two.", "Three."):
        rows = [replace(row, text=text) for row in read_labels(path).rows]
        save_labels(path, rows)
    assert path.read_text(encoding="utf-8") == "a.wav|s|EN|Three.\nbad|line\n"
    assert backup_of(path).read_text(encoding="utf-8") == "a.wav|s|EN|Two.\nbad|line\n"


def test_a_text_that_the_file_cannot_keep_leaves_the_file_as_it_was(folder: Path):
    path = folder / "a.list"
    before = "a.wav|s|en|One.\n"
    path.write_text(before, encoding="utf-8")
    rows = [replace(row, text="a|b") for row in read_labels(path).rows]
    with pytest.raises(BadLabels):
        save_labels(path, rows)
    assert path.read_text(encoding="utf-8") == before


def test_without_a_copy_nothing_is_saved(folder: Path):
    path = folder / "a.list"
    path.write_text("a.wav|s|en|One.\n", encoding="utf-8")
    backup_of(path).mkdir()
    with pytest.raises(OutOfSpace, match="nothing was saved"):
        save_labels(path, [])
    assert read_labels(path).rows


def test_the_programs_own_files_are_not_written(folder: Path):
    path = sample_project() / "sample.list"
    before = path.read_bytes()
    with pytest.raises(BadLabels, match="came with the program"):
        save_labels(path, [])
    assert path.read_bytes() == before
