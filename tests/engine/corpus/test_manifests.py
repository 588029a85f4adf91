"""The manifests of an experiment."""

import pytest

from engine.corpus.manifests import TextRow, read_semantic, read_text_rows, write_semantic, write_text_lines


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def test_phones_are_written_as_the_original_does(folder):
    rows = [
        TextRow(name="a.wav", phones=("HH", "AY1"), word2ph=None, norm_text="Hi"),
        TextRow(name="音 b.mp3", phones=("n", "i2"), word2ph=(2,), norm_text="你"),
    ]
    path = folder / "2-name2text.txt"
    write_text_lines(path, [row.as_line() for row in rows])
    assert path.read_bytes().decode() == "a.wav\tHH AY1\tNone\tHi\n音 b.mp3\tn i2\t[2]\t你\n"
    assert list(read_text_rows(path).values()) == rows


def test_tokens_are_written_as_the_original_does(folder):
    path = folder / "6-name2semantic.tsv"
    write_semantic(path, {"a.wav": (3, 1), "音.mp3": (4,)})
    assert path.read_bytes().decode() == "item_name\tsemantic_audio\na.wav\t3 1\n音.mp3\t4\n"
    assert read_semantic(path) == {"a.wav": (3, 1), "音.mp3": (4,)}


def test_other_lines_are_left_out(folder):
    path = folder / "a"
    assert read_text_rows(path) == {}
    assert read_semantic(path) == {}
    path.write_bytes(b"\xff\xfe\nno tabs\na\tb\nc.wav\t1 x\nd.wav\t\ne.wav\t5\r\n")
    assert read_text_rows(path) == {}
    assert read_semantic(path) == {"e.wav": (5,)}
