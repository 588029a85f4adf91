from pathlib import Path

from gsv_desktop.core.settings import RECENT_LIMIT, SettingsStore


def test_settings_survive_a_restart(folder: Path):
    path = folder / "settings.json"
    SettingsStore(path).change(expert=True, geometry="abc")
    again = SettingsStore(path).current
    assert (again.expert, again.geometry) == (True, "abc")


def test_the_last_workspace_comes_first_and_only_once(folder: Path):
    store = SettingsStore(folder / "settings.json")
    for number in range(RECENT_LIMIT + 3):
        store.remember(folder / str(number))
    store.remember(folder / "5")
    assert store.current.recent[0] == str(folder / "5")
    assert len(store.current.recent) == RECENT_LIMIT
    assert len(set(store.current.recent)) == RECENT_LIMIT


def test_a_damaged_file_is_set_aside_and_does_not_stop_the_program(folder: Path):
    path = folder / "settings.json"
    path.write_bytes(b"\xff{")
    assert SettingsStore(path).current.recent == ()
    assert path.with_suffix(".bad").read_bytes() == b"\xff{"


def test_a_folder_that_cannot_be_written_does_not_stop_the_program(folder: Path):
    blocked = folder / "file"
    blocked.write_text("", encoding="utf-8")
    store = SettingsStore(blocked / "settings.json")
    store.change(expert=True)
    assert store.current.expert
