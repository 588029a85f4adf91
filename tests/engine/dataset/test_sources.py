"""Which sound files a stage works on."""

import pytest

from engine.dataset.sources import find_sounds
from engine.protocol.errors import MissingFile, NothingToDo


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_files_and_folders_come_once_each_in_the_order_given(folder):
    b, a = touch(folder / "录 b.wav"), touch(folder / "in" / "a.mp3")
    c = touch(folder / "in" / "c.flac")
    link = folder / "in" / ".." / "录 b.wav"
    found = find_sounds([b, folder / "in", a, link, b])
    assert found.files == (b, a, c)
    assert found.faults == ()


def test_each_that_cannot_be_taken_has_its_reason(folder):
    first, second = touch(folder / "one" / "音 1.WAV"), touch(folder / "two" / "音 1.wav")
    (folder / "empty").mkdir()
    found = find_sounds([first, second, folder / "gone.wav", folder / "empty"])
    assert found.files == (first,)
    reasons = {skipped.name: skipped.reason for skipped in found.skipped}
    assert set(reasons) == {str(second), str(folder / "gone.wav"), str(folder / "empty")}
    assert "same name" in reasons[str(second)]
    assert "no recording or folder" in reasons[str(folder / "gone.wav")]
    assert "no sound file" in reasons[str(folder / "empty")]


def test_a_single_path_or_none_that_can_be_taken_is_an_error(folder):
    with pytest.raises(MissingFile, match=r"gone\.wav"):
        find_sounds(folder / "gone.wav")
    with pytest.raises(NothingToDo, match=r"no sound file in"):
        find_sounds([folder])
    with pytest.raises(NothingToDo, match=r"2 chosen files .*a\.wav") as caught:
        find_sounds([folder / "a.wav", folder / "b.wav"])
    assert "b.wav" in caught.value.detail
