from pathlib import Path

from gsv_desktop.pages.clips.actions import clips_in, recordings


def test_sound_files_by_name_and_nothing_else(folder: Path):
    for name in ("b.WAV", "a.opus", "notes.txt"):
        (folder / name).write_bytes(b"")
    assert [path.name for path in clips_in(folder)] == ["a.opus", "b.WAV"]
    assert clips_in(folder / "nowhere") == []
    assert recordings([folder]) == [folder / "a.opus", folder / "b.WAV"]
    assert recordings([folder / "b.WAV", folder]) == [folder / "b.WAV", folder / "a.opus"]
    assert recordings([folder / "nowhere"]) == []
