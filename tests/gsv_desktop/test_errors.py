import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from engine.protocol.errors import BadAudio
from gsv_desktop.errors import Fault, fault_of, show_error


def test_an_engine_error_keeps_its_words():
    fault = fault_of(BadAudio("a.wav is silent.", hint="Take another.", detail="all zero"))
    assert fault == Fault(message="a.wav is silent.", hint="Take another.", detail="all zero")


def test_a_fault_of_ours_brings_its_traceback():
    with pytest.raises(KeyError) as caught:
        {}["oops"]
    fault = fault_of(caught.value)
    assert "oops" in fault.message
    assert "Traceback" in fault.detail


@pytest.mark.parametrize("detail", ["", "all the words"])
def test_message_hint_and_details_are_shown_and_can_be_copied(qtbot, monkeypatch, detail):
    shown = []

    def look(box: QMessageBox) -> None:
        shown.append((box.text(), box.informativeText(), box.detailedText()))
        copy = next(button for button in box.buttons() if "Copy" in button.text())
        box.buttonClicked.emit(copy)

    monkeypatch.setattr(QMessageBox, "exec", look)
    show_error(None, Fault(message="m", hint="h", detail=detail))
    assert shown == [("m", "h", detail)]
    assert QGuiApplication.clipboard().text().startswith("m\n\nh")
