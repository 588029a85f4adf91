"""The transcription page's form: sizes, languages and precisions follow the engine."""

import pytest
from PySide6.QtWidgets import QComboBox

from tests.desktop.tabs import TRANSCRIBE


@pytest.fixture
def page(open_desktop):
    return open_desktop(scripted=True).window.pages[TRANSCRIBE]


def offered(page, name):
    box = page.form.rows[name].editor.findChild(QComboBox)
    return [box.itemText(place) for place in range(box.count())]


def chosen(page):
    values = page.form.values()
    return tuple(values[name] for name in ("engine", "model", "language", "precision"))


def test_choices_follow_the_engine_and_saved_ones_come_back(page):
    assert offered(page, "engine")[:2] == ["Faster Whisper (多语种)", "达摩 ASR (中文)"]
    assert chosen(page) == ("whisper", "tiny", "auto", "int8")
    page.form.set_values({"engine": "funasr"})
    assert chosen(page) == ("funasr", "large", "zh", "float32")
    assert [offered(page, name) for name in ("model", "language", "precision")] == [
        ["large"],
        ["zh", "yue"],
        ["float32"],
    ]
    page.form.set_values({"language": "yue"})
    page.form.rows["language"].reset.click()
    assert chosen(page)[2] == "zh"
    page.form.set_values({"engine": "whisper", "model": "/models/我的", "language": "yue"})
    assert "large-v3" in offered(page, "model")
    assert offered(page, "precision") == ["int8", "float16", "float32"]
    page.form.set_values({"engine": "funasr"})
    assert chosen(page) == ("funasr", "/models/我的", "yue", "float32")
    page.form.reset_values()
    assert chosen(page) == ("whisper", "tiny", "auto", "int8")
