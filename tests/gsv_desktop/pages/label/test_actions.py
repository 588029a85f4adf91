from dataclasses import replace
from pathlib import Path

import pytest

from engine.protocol.builtin import sample_project
from engine.protocol.errors import BadLabels, OutOfSpace
from engine.protocol.label_list import LabelRow, read_labels
from engine.protocol.transcripts import Transcript, Word, transcripts_beside, write_transcripts
from gsv_desktop.pages.label.actions import (
    back_up,
    backup_of,
    find_moved,
    open_labels,
    parted_words,
    save_labels,
)


def test_rows_problems_and_missing_clips_are_told_apart(folder: Path):
    path = folder / "a.list"
    (folder / "there.wav").write_bytes(b"")
    path.write_text("there.wav|s|en|One.\ngone.wav|s|en|Two.\nbad|line\n", encoding="utf-8")
    opened = open_labels(path)
    assert opened.missing == {"gone.wav"}
    assert [problem.line for problem in opened.problems] == [3]


def test_what_speech_recognition_left_is_read(folder: Path):
    path = folder / "a.list"
    path.write_text("a.wav|s|en|One two.\n", encoding="utf-8")
    words = (Word(text="One", start_s=0, stop_s=0.4, probability=0.9),)
    heard = Transcript(
        fingerprint="f",
        language="en",
        text="One two.",
        seconds=1.5,
        avg_logprob=-0.1,
        no_speech=0,
        words=words,
    )
    write_transcripts(transcripts_beside(path), {"a.wav": heard})
    opened = open_labels(path)
    assert opened.facts["a.wav"].length_s == 1.5
    assert opened.facts["a.wav"].confidence == pytest.approx(0.905, abs=1e-3)
    assert opened.words["a.wav"] == words


def test_saving_keeps_lines_that_could_not_be_read(folder: Path):
    path = folder / "a.list"
    path.write_text("a.wav|s|en|One.\nbad|line\n", encoding="utf-8")
    opened = open_labels(path)
    for text in ("Two.", "Three."):
        save_labels(path, [replace(row, text=text) for row in opened.rows], opened.problems)
    assert path.read_text(encoding="utf-8") == "a.wav|s|EN|Three.\nbad|line\n"


def test_a_text_that_the_file_cannot_keep_leaves_the_file_as_it_was(folder: Path):
    path = folder / "a.list"
    before = "a.wav|s|en|One.\n"
    path.write_text(before, encoding="utf-8")
    rows = [replace(row, text="a|b") for row in read_labels(path).rows]
    with pytest.raises(BadLabels):
        save_labels(path, rows)
    assert path.read_text(encoding="utf-8") == before


def test_a_copy_that_cannot_be_written_is_an_error(folder: Path):
    path = folder / "a.list"
    path.write_text("a.wav|s|en|One.\n", encoding="utf-8")
    backup_of(path).mkdir()
    with pytest.raises(OutOfSpace, match="nothing was saved"):
        back_up(path)


def test_the_programs_own_files_are_not_written(folder: Path):
    path = sample_project() / "sample.list"
    before = path.read_bytes()
    with pytest.raises(BadLabels, match="came with the program"):
        save_labels(path, [])
    assert path.read_bytes() == before


def test_moved_files_are_found_by_name_and_by_the_folders_above(folder: Path):
    for part in ("new/one", "new/two"):
        (folder / part).mkdir(parents=True)
        (folder / part / "Clip.WAV").touch()
    row = LabelRow(path="D:\\old\\two\\clip.wav", speaker="s", language="en", text="t")
    other = replace(row, path="nowhere.wav")
    assert find_moved([(7, row), (8, other)], folder) == {7: folder / "new" / "two" / "Clip.WAV"}


def test_words_are_parted_by_their_middle():
    words = [
        Word(text=text, start_s=start, stop_s=start + 0.4, probability=1)
        for start, text in ((0.0, "One"), (0.5, "two"), (1.0, "three."))
    ]
    assert parted_words(words, 0.6) == ("One", "two three.")
    assert parted_words(words, 0.0) is None
    assert parted_words(words, 9.0) is None
