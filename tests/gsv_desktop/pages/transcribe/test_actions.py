from pathlib import Path

from gsv_desktop.pages.transcribe.actions import carried_over, choices_of, expected_list, rows_of


def test_the_list_takes_the_name_of_the_folder_of_clips(folder: Path):
    assert expected_list({"input": "/x/my clips", "output": "/y"}) == Path("/y/my clips.list")
    assert expected_list({"output": "/y"}) is None


def test_a_list_that_cannot_be_read_shows_nothing(folder: Path):
    path = folder / "a.list"
    assert rows_of(path) == ()
    path.write_bytes(b"\xff\xfe")
    assert rows_of(path) == ()
    path.write_text("a.wav|s|en|Hi.\n", encoding="utf-8")
    assert [row.text for row in rows_of(path)] == ["Hi."]


def test_a_value_stays_unless_only_the_old_engine_has_it():
    before, now = choices_of("whisper"), choices_of("funasr")
    assert carried_over("en", before["language"], now["language"]) == "zh"
    assert carried_over("yue", before["language"], now["language"]) == "yue"
    assert carried_over("/models/我的", before["model"], now["model"]) == "/models/我的"
