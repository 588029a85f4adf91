"""Pages that are opened for a caller: any program stands for the window here."""

import sys
from pathlib import Path

import pytest

from engine.api import windows as module
from engine.api.windows import WindowFailed, Windows
from engine.protocol.launch import read_page_request, window_command


def windows(folder, code, monkeypatch, display=":1"):
    monkeypatch.setattr(module, "SETTLED_S", 0.5)
    return Windows(folder, lambda *_: [sys.executable, "-c", code], {"DISPLAY": display})


def test_a_page_opens_and_closes_again(tmp_path, monkeypatch):
    made = windows(tmp_path, "import time; time.sleep(600)", monkeypatch)
    assert "opened" in made.open("label", tmp_path / "x.list")
    assert not made.close("separate")
    assert made.close("label")
    assert not made.close("label")


def test_a_window_that_ends_at_once_is_a_failure(tmp_path, monkeypatch):
    made = windows(tmp_path, "raise SystemExit(4)", monkeypatch)
    with pytest.raises(WindowFailed, match="exit code 4"):
        made.open("label")
    assert not made.close("label")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_without_a_display_nothing_is_started_and_the_way_is_told(tmp_path, monkeypatch):
    made = windows(tmp_path, "raise SystemExit(4)", monkeypatch, display="")
    assert "no display" in made.open("label")


def test_a_window_that_is_there_is_asked(tmp_path, capsys):
    made = Windows(tmp_path, environment={}, ask=module.ask_parent)
    assert made.open("label", tmp_path / "用户 it's.list") == "The window shows the page."
    line = capsys.readouterr().out.rstrip("\n")
    assert read_page_request(line) == ("label", str(tmp_path / "用户 it's.list"))
    assert read_page_request("http://127.0.0.1:9874/") is None


def test_the_windows_own_program_is_told_page_and_file():
    folder, labels = Path("/w/用户 it's"), Path("/w/x.list")
    program = window_command(folder, "label", labels)[1:]
    assert program == ["-m", "gsv_desktop", str(folder), "--page", "label", "--labels", str(labels)]
    assert "--labels" not in window_command(folder, "separate")
