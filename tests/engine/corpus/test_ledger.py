"""The record of finished items."""

import os

import pytest

from engine.corpus.ledger import Ledger, file_mark, fingerprint, folder_mark


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def test_an_item_is_done_as_long_as_nothing_changes(folder):
    output = folder / "clips" / "a.wav"
    output.parent.mkdir()
    output.write_bytes(b"1234")
    with Ledger(folder / "state.json") as ledger:
        assert not ledger.done("a", "f")
        ledger.record("a", "f", [output], "note")
    again = Ledger(folder / "state.json")
    assert again.done("a", "f")
    assert again.entry("a").note == "note"
    assert not again.done("a", "g")
    output.write_bytes(b"123")
    assert not again.done("a", "f")
    output.unlink()
    assert not again.done("a", "f")


def test_it_is_saved_after_a_failure_too(folder):
    def fail():
        with Ledger(folder / "state.json") as ledger:
            ledger.record("a", "f")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert Ledger(folder / "state.json").done("a", "f")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1, 2]", b'{"entries": {"a": 1}}'])
def test_a_damaged_file_counts_as_empty(folder, content):
    (folder / "state.json").write_bytes(content)
    with Ledger(folder / "state.json") as ledger:
        assert ledger.entry("a") is None
        ledger.record("a", "f")
    assert Ledger(folder / "state.json").done("a", "f")


def test_what_is_forgotten_is_not_done(folder):
    with Ledger(folder / "state.json") as ledger:
        ledger.record("a", "f")
        ledger.forget("a")
        ledger.forget("b")
    assert not Ledger(folder / "state.json").done("a", "f")


def test_marks_change_with_the_file(folder):
    path = folder / "a"
    seen = {file_mark(path), folder_mark(folder)}
    path.write_bytes(b"1")
    seen |= {file_mark(path), folder_mark(folder)}
    os.utime(path, ns=(1, 1))
    seen |= {file_mark(path)}
    assert len(seen) >= 4
    assert fingerprint("a", "bc") != fingerprint("ab", "c")
