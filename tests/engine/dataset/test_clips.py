"""The clips of a label file."""

from pathlib import Path

import pytest

from engine.dataset.clips import labelled_clips
from engine.protocol.errors import NothingToDo


def test_relative_paths_begin_at_the_list_the_workspace_or_the_current_folder(project, monkeypatch):
    (project.root / "lists").mkdir()
    moved = project.root / "lists" / "音.list"
    project.labels.rename(moved)
    project.labels = moved
    found = labelled_clips(moved, project.root)
    assert all(clip.path.is_file() and clip.path.is_absolute() for clip in found.clips)
    monkeypatch.chdir(project.root)
    found = labelled_clips(moved, Path("/nowhere"))
    assert all(clip.path.is_file() for clip in found.clips)
    monkeypatch.chdir("/")
    found = labelled_clips(moved, Path("/nowhere"))
    assert found.clips[0].path == project.root / "lists" / "clips" / "a.wav"


def test_backslashes_part_folders_too(project):
    project.write(["clips\\a.wav|me|EN|words"])
    (clip,) = labelled_clips(project.labels, project.root).clips
    assert clip.name == "a.wav"
    assert clip.path.is_file()


def test_a_second_clip_of_one_name_is_refused(project):
    project.write(["x/a.wav|me|EN|one", "", "y/A.wav|me|EN|two"])
    found = labelled_clips(project.labels, project.root)
    assert [clip.row.text for clip in found.clips] == ["one"]
    (refused,) = found.skipped
    assert refused.name == "y/A.wav"
    assert "Line 3" in refused.reason
    assert "line 1" in refused.reason


def test_an_empty_list_is_said(project):
    project.write([""])
    with pytest.raises(NothingToDo):
        labelled_clips(project.labels, project.root)
