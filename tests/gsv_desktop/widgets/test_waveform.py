import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt

from gsv_desktop.widgets.peaks import build_peaks
from gsv_desktop.widgets.waveform import WaveformView, clock

RATE_HZ = 16000


@pytest.fixture
def view(qtbot) -> WaveformView:
    made = WaveformView()
    qtbot.addWidget(made)
    made.resize(1000, 160)
    made.show()
    return made


def sine(seconds: float) -> np.ndarray:
    return np.sin(np.arange(int(seconds * RATE_HZ)) / 20).astype(np.float32)


def test_half_an_hour_is_redrawn_in_less_than_fifty_milliseconds(view: WaveformView):
    block = sine(65.536)
    block = block[: len(block) // 32 * 32]
    view.set_peaks(build_peaks(iter([block] * 28), RATE_HZ))
    assert view.duration_s > 1800
    times = []
    for _ in range(5):
        view.zoom(0.97, 0.3)
        begun = time.perf_counter()
        view.repaint()
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.05


def test_a_file_is_read_beside_the_window_and_drawn(qtbot, view: WaveformView, folder: Path):
    path = folder / "a.wav"
    soundfile.write(path, sine(2), RATE_HZ)
    with qtbot.waitSignal(view.loaded, timeout=10_000) as loaded:
        view.load(path)
    assert loaded.args[0] == pytest.approx(2)
    image = view.grab().toImage()
    middle = [image.pixelColor(x, 70) for x in range(100, 900, 50)]
    assert any(colour != image.pixelColor(2, 2) for colour in middle)


def test_a_file_that_cannot_be_read_says_so_in_the_picture(qtbot, view: WaveformView, folder: Path):
    path = folder / "fake.wav"
    path.write_text("x", encoding="utf-8")
    with qtbot.waitSignal(view.failed, timeout=10_000) as failed:
        view.load(path)
    assert "fake.wav" in failed.args[0]
    assert "fake.wav" in view.accessibleDescription()


def test_only_the_last_of_two_files_is_shown(qtbot, view: WaveformView, folder: Path):
    for name, seconds in (("long.wav", 30), ("short.wav", 1)):
        soundfile.write(folder / name, sine(seconds), RATE_HZ)
    view.load(folder / "long.wav")
    view.load(folder / "short.wav")
    qtbot.waitUntil(lambda: view.duration_s > 0, timeout=10_000)
    assert view.duration_s == pytest.approx(1)


def test_a_click_seeks_and_dragging_selects(qtbot, view: WaveformView):
    view.set_peaks(build_peaks(iter([sine(10)]), RATE_HZ))
    with qtbot.waitSignal(view.seeked) as seeked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(500, 50))
    assert seeked.args[0] == pytest.approx(5, abs=0.02)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 50))
    qtbot.mouseMove(view, QPoint(300, 50))
    view.mouseMoveEvent(_move(400))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(400, 50))
    assert view.selection_s == (pytest.approx(2, abs=0.02), pytest.approx(4, abs=0.02))
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert view.selection_s == (0, 0)


def _move(x: int):
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent

    buttons = Qt.MouseButton.LeftButton
    return QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(x, 50),
        QPointF(x, 50),
        buttons,
        buttons,
        Qt.KeyboardModifier.NoModifier,
    )


def test_zooming_keeps_the_place_under_the_pointer(view: WaveformView):
    view.set_peaks(build_peaks(iter([sine(100)]), RATE_HZ))
    before = view.second_at(300)
    view.zoom(0.25, 0.3)
    assert view.second_at(300) == pytest.approx(before, abs=0.01)
    assert view.second_at(1000) - view.second_at(0) == pytest.approx(25, abs=0.01)
    view.show_all()
    assert view.second_at(1000) == pytest.approx(100)


@pytest.mark.parametrize(
    ("second", "fine", "text"),
    [(7, False, "0:07"), (723.2, False, "12:03"), (7.44, True, "0:07.4"), (59.99, True, "1:00.0")],
)
def test_times_are_written_for_people(second: float, fine: bool, text: str):
    assert clock(second, fine=fine) == text
