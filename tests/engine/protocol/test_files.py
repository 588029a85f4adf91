"""Files that appear whole or not at all."""

import errno
import os

import pytest

from engine.protocol.errors import OutOfSpace
from engine.protocol.files import replacing


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "用户 it's 名" / "a.wav"
    with replacing(path) as temporary:
        temporary.write_bytes(b"old")
    assert path.read_bytes() == b"old"

    def fail():
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()

    def write():
        with replacing(tmp_path / "file" / "a.wav") as temporary:
            temporary.touch()

    with pytest.raises(OutOfSpace) as caught:
        write()
    assert "a.wav" in caught.value.message
    assert caught.value.hint


def test_a_full_disk_is_told_from_a_locked_file(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def write(number, *, synced):
        def fail(*_):
            raise OSError(number, "no")

        monkeypatch.setattr(os, "fsync" if synced else "replace", fail)
        with replacing(path, synced=synced) as temporary:
            temporary.write_bytes(b"new")

    with pytest.raises(OutOfSpace, match=r"a\.wav.*disk is full"):
        write(errno.ENOSPC, synced=True)
    with pytest.raises(OutOfSpace, match=r"a\.wav.*cannot be written"):
        write(errno.EACCES, synced=False)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
