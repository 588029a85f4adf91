from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol.errors import BadLabels, MissingFile
from engine.protocol.label_list import LabelRow, parse_line, read_labels, relative_rows, write_labels


def row(path="clips/a.wav", language="en", text="Hello."):
    return LabelRow(path=path, speaker="ann", language=language, text=text)


def test_rows_come_back_as_written(tmp_path):
    path = tmp_path / "用户 it's 名" / "声音.list"
    rows = (row(), row(path="/a b/它的 it's.wav", language="zh", text="你好，世界。"))
    write_labels(path, rows)
    assert read_labels(path).rows == rows
    assert path.read_bytes().startswith(b"clips/a.wav|ann|EN|Hello.\n")


def test_bom_and_windows_line_ends_are_accepted(tmp_path):
    path = tmp_path / "a.list"
    path.write_bytes("\ufeffa.wav|x|EN|One.\r\nb.wav|x|JP|Two.\r\n".encode())
    found = read_labels(path)
    assert [(r.path, r.language, r.text) for r in found.rows] == [
        ("a.wav", "en", "One."),
        ("b.wav", "ja", "Two."),
    ]


def test_bad_lines_come_with_number_and_reason(tmp_path):
    path = tmp_path / "a.list"
    path.write_text(
        "a.wav|x|en|One.\nno bars here\n\nb.wav|x|xx|Two.\nc.wav|x|en|\n|x|en|Four.\n", encoding="utf-8"
    )
    found = read_labels(path)
    assert [r.path for r in found.rows] == ["a.wav"]
    assert [p.line for p in found.problems] == [2, 4, 5, 6]
    reasons = " / ".join(p.reason for p in found.problems)
    for words in ("has 1 fields", "'xx'", "has no text", "names no sound file"):
        assert words in reasons


def test_marks_of_a_copied_path_are_dropped():
    parsed = parse_line('\u202a"C:\\声音\\a b.wav" | x | EN | Hi. ')
    assert isinstance(parsed, LabelRow)
    assert parsed.path == "C:\\声音\\a b.wav"
    assert parsed.name == "a b.wav"


def test_clip_is_found_relative_to_the_list_or_in_a_folder(tmp_path):
    assert row().clip(tmp_path) == tmp_path / "clips/a.wav"
    assert row().clip(tmp_path, tmp_path / "other") == tmp_path / "other" / "a.wav"


def test_a_missing_file_and_bytes_that_are_no_text_are_errors(tmp_path):
    with pytest.raises(MissingFile, match=r"none\.list"):
        read_labels(tmp_path / "none.list")
    path = tmp_path / "gbk.list"
    path.write_bytes("a.wav|x|zh|你好".encode("gbk"))
    with pytest.raises(BadLabels, match="not UTF-8"):
        read_labels(path)


def test_a_bar_in_the_text_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.list"
    write_labels(path, [row()])
    before = path.read_bytes()
    with pytest.raises(BadLabels, match=r"\|"):
        write_labels(path, [row(text="a|b")])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.list"]


def test_paths_below_the_base_become_relative(tmp_path):
    inside, outside = row(path=str(tmp_path / "c" / "a.wav")), row(path=str(Path(tmp_path.anchor) / "x.wav"))
    made = relative_rows([inside, outside], tmp_path)
    assert [r.path for r in made] == ["c/a.wav", outside.path]


@given(st.text(max_size=60))
def test_any_line_is_a_row_or_a_reason(line):
    parsed = parse_line(line)
    assert isinstance(parsed, LabelRow | str)
