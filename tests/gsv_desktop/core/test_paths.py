from pathlib import Path

from gsv_desktop.core.paths import sample_workspace


def test_the_sample_goes_among_the_documents_when_there_are_any(folder: Path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "d"))
    assert sample_workspace().is_relative_to(folder)
    (folder / "Documents").mkdir()
    assert sample_workspace() == folder / "Documents" / "GSV Sample"
