from pathlib import Path

from gsv_desktop.core.paths import config_folder, data_folder, sample_workspace


def test_folders_follow_the_system_and_ignore_relative_ones(folder: Path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: folder)
    assert config_folder({"XDG_CONFIG_HOME": str(folder / "c")}) == folder / "c" / "GSV Desktop"
    assert config_folder({"XDG_CONFIG_HOME": "c"}) == folder / ".config" / "GSV Desktop"
    assert data_folder({}) == folder / ".local" / "share" / "GSV Desktop"
    monkeypatch.setattr("sys.platform", "win32")
    assert config_folder({"APPDATA": str(folder / "r")}) == folder / "r" / "GSV Desktop"


def test_the_sample_goes_among_the_documents_when_there_are_any(folder: Path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "d"))
    assert sample_workspace().is_relative_to(folder)
    (folder / "Documents").mkdir()
    assert sample_workspace() == folder / "Documents" / "GSV Sample"
