"""Folders of the user's own."""

from pathlib import Path

from engine.protocol.user_folders import config_folder, data_folder


def test_folders_follow_the_system_and_ignore_relative_ones(tmp_path: Path, monkeypatch):
    folder = tmp_path / "用户 it's 名"
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: folder)
    assert config_folder({"XDG_CONFIG_HOME": str(folder / "c")}) == folder / "c" / "GSV Desktop"
    assert config_folder({"XDG_CONFIG_HOME": "c"}) == folder / ".config" / "GSV Desktop"
    assert data_folder({}) == folder / ".local" / "share" / "GSV Desktop"
    assert data_folder({"XDG_DATA_HOME": str(folder / "d")}) == folder / "d" / "GSV Desktop"
    monkeypatch.setattr("sys.platform", "win32")
    assert config_folder({"APPDATA": str(folder / "r")}) == folder / "r" / "GSV Desktop"
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_folder({}) == folder / "Library" / "Application Support" / "GSV Desktop"
