from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent

from engine.protocol.stages.base import FieldKind
from gsv_desktop.widgets.path_edit import PathEdit


def drop(edit: PathEdit, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
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


def test_several_files_that_are_dropped_together_stand_in_quotes(qtbot, folder: Path):
    edit = PathEdit(FieldKind.OPEN_FILE_OR_FOLDER, several=True)
    qtbot.addWidget(edit)
    files = (folder / "a b.wav", folder / "它;c.wav", folder)
    drop(edit, *files, files[0])
    assert edit.paths() == tuple(map(str, files))
    assert edit.line.text() == " ".join(f'"{path}"' for path in files)
    assert edit.line.toolTip().splitlines() == [*map(str, files)]
    drop(edit, files[0])
    assert edit.paths() == (str(files[0]),)
    edit.line.setText('"/x/a.wav" "/y/it\'s b.wav"')
    assert edit.paths() == ("/x/a.wav", "/y/it's b.wav")
    edit.line.setText("")
    assert edit.paths() == ()


def test_a_name_with_a_quote_is_kept_while_nobody_edits_the_line(qtbot):
    edit = PathEdit(FieldKind.OPEN_FILE_OR_FOLDER, several=True)
    qtbot.addWidget(edit)
    odd = ('/x/say "hi".wav', "/x/b.wav")
    edit.set_paths(odd)
    assert edit.paths() == odd


def test_a_field_for_one_path_takes_the_first_that_fits(qtbot, folder: Path):
    edit = PathEdit(FieldKind.OPEN_FILE)
    qtbot.addWidget(edit)
    for name in ("a.wav", "b.wav"):
        (folder / name).write_bytes(b"")
    drop(edit, folder, folder / "a.wav", folder / "b.wav")
    assert edit.text() == str(folder / "a.wav")
