from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent

from engine.protocol.stages.base import FieldKind
from gsv_desktop.widgets.path_edit import PathEdit


def drop(edit: PathEdit, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPoint(2, 2),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    edit.dropEvent(event)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FieldKind.OPEN_FILE, "a.wav"),
        (FieldKind.OPEN_FILE_OR_FOLDER, "a.wav"),
        (FieldKind.OPEN_FOLDER, ""),
    ],
)
def test_a_dropped_file_is_taken_as_the_field_needs_it(qtbot, folder: Path, kind: FieldKind, expected: str):
    edit = PathEdit(kind)
    qtbot.addWidget(edit)
    clip = folder / "a.wav"
    clip.write_bytes(b"")
    with qtbot.waitSignal(edit.edited):
        drop(edit, clip)
    assert edit.text() == str(folder / expected if expected else folder)


def test_quotes_around_a_pasted_path_are_taken_off(qtbot):
    edit = PathEdit(FieldKind.OPEN_FILE)
    qtbot.addWidget(edit)
    edit.set_text('"C:\\用户 名\\a.wav" ')
    assert edit.text() == "C:\\用户 名\\a.wav"
