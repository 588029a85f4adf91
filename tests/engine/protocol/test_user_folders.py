"""Folders of the user's own."""

import sys
from pathlib import Path

import pytest

from engine.protocol.user_folders import data_folder
from gsv_desktop.core import paths


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other names")
def test_an_absolute_folder_of_the_environment_counts(tmp_path):
    folder = tmp_path / "用户 it's 名"
    assert data_folder({"XDG_DATA_HOME": str(folder)}) == folder / "GSV Desktop"
    assert data_folder({"XDG_DATA_HOME": "d"}) == Path.home() / ".local" / "share" / "GSV Desktop"


def test_the_window_means_the_same_folder():
    assert data_folder() == paths.data_folder()
