"""A recording to look at: zoom, seek, select."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from PySide6.QtCore import (
    QEvent,
    QLineF,
    QObject,
    QPointF,
    QRectF,
    QRunnable,
    QSize,
    Qt,
    QThreadPool,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.protocol.errors import EngineError
from gsv_desktop.widgets.peaks import Peaks, read_peaks

log = logging.getLogger(__name__)
ZOOM_STEP: Final = 1.25
NUDGE_S: Final = 1.0
DRAG_PIXELS: Final = 4
RULER_PIXELS: Final = 18
TICK_STEPS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800)
TICK_PIXELS: Final = 70
WHEEL_NOTCH: Final = 120
MINUTE_S: Final = 60


class _Loaded(QObject):
    """Carries the outline from the pool to the window.

    Signals:
        ready: the number of the request, and the outline or the error.
    """

    ready = Signal(int, object)


class _Load(QRunnable):
    def __init__(self, number: int, path: Path, loaded: _Loaded) -> None:
        super().__init__()
        self._number = number
        self._path = path
        self._loaded = loaded

    def run(self) -> None:
        """Reads the outline; an error is handed over like a result."""
        made: Peaks | EngineError
        try:
            made = read_peaks(self._path)
        except EngineError as error:
            made = error
        try:
            self._loaded.ready.emit(self._number, made)
        except RuntimeError:
            log.debug("the waveform of %s was closed before it was ready", self._path)


class WaveformView(QWidget):
    """Shows one recording.

    The wheel zooms, a click seeks, dragging selects, a double click shows everything.

    Signals:
        seeked: the user wants to be at this second.
        selection_changed: start and end in seconds; both 0 for none.
        loaded: the recording is there; its length in seconds.
        failed: message and hint for the user.
    """

    seeked = Signal(float)
    selection_changed = Signal(float, float)
    loaded = Signal(float)
    failed = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peaks: Peaks | None = None
        self._path: Path | None = None
        self._text = self.tr("No recording chosen")
        self._request = 0
        self._start = 0.0
        self._stop = 1.0
        self._playhead_s = 0.0
        self._selection = (0.0, 0.0)
        self._pressed: QPointF | None = None
        self._cache: tuple[tuple[object, ...], QPixmap] | None = None
        self._loader = _Loaded(self)
        self._loader.ready.connect(self._on_ready)
        self.setMinimumHeight(96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Waveform"))
        self.setToolTip(self.tr("Wheel: zoom · Click: go there · Drag: select · Double click: show all"))

    @property
    def path(self) -> Path | None:
        """The recording that is shown."""
        return self._path

    @property
    def duration_s(self) -> float:
        """Its length; 0 without one."""
        return self._peaks.duration_s if self._peaks is not None else 0.0

    @property
    def playhead_s(self) -> float:
        """Where the line stands that shows what is heard, in seconds."""
        return self._playhead_s

    @property
    def selection_s(self) -> tuple[float, float]:
        """Start and end of the selection; both 0 for none."""
        return self._selection

    def sizeHint(self) -> QSize:
        """A readable size."""
        return QSize(420, 130)

    def load(self, path: Path | None) -> None:
        """Shows a recording; it is read beside the window's own work."""
        self._request += 1
        self._forget()
        self._path = path
        if path is None:
            self.show_text(self.tr("No recording chosen"))
            return
        self.show_text(self.tr("Reading %s …") % path.name)
        QThreadPool.globalInstance().start(_Load(self._request, path, self._loader))

    def show_text(self, text: str) -> None:
        """Shows words in place of a recording."""
        if self._peaks is not None:
            self._forget()
        self._text = text
        self.setAccessibleDescription(text)
        self.update()

    def set_peaks(self, peaks: Peaks) -> None:
        """Shows an outline that is there already."""
        self._peaks = peaks
        self._selection = (0.0, 0.0)
        self._playhead_s = 0.0
        self.show_all()
        self.setAccessibleDescription(self.tr("%s long") % clock(peaks.duration_s))
        self.loaded.emit(peaks.duration_s)

    def show_all(self) -> None:
        """Zooms out."""
        self._start, self._stop = 0.0, float(max(1, self._peaks.frames if self._peaks else 1))
        self.update()

    def set_playhead(self, second: float) -> None:
        """Moves the line that shows what is heard."""
        self._playhead_s = second
        self.update()

    def zoom(self, factor: float, at: float) -> None:
        """Makes the view `factor` times longer around the column `at` (0 to 1)."""
        if self._peaks is None:
            return
        frames = float(max(1, self._peaks.frames))
        smallest = min(frames, float(self._peaks.base * max(1, self.width()) / 4))
        length = min(frames, max(smallest, (self._stop - self._start) * factor))
        middle = self._start + (self._stop - self._start) * at
        start = min(max(0.0, middle - length * at), frames - length)
        self._start, self._stop = start, start + length
        self.update()

    def second_at(self, x: float) -> float:
        """The second under a column of pixels."""
        if self._peaks is None:
            return 0.0
        frame = self._start + (self._stop - self._start) * x / max(1, self.width())
        return min(max(0.0, frame / self._peaks.rate_hz), self._peaks.duration_s)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draws everything; the outline itself comes from a picture that is kept."""
        painter = QPainter(self)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        if self._peaks is None:
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            room = self.rect().adjusted(12, 8, -12, -8)
            painter.drawText(
                room, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), self._text
            )
        else:
            self._paint_selection(painter)
            painter.drawPixmap(0, 0, self._outline(self._peaks))
            self._paint_playhead(painter)
            self._paint_label(painter)
        painter.setPen(
            QPen(palette.color(QPalette.ColorRole.Highlight if self.hasFocus() else QPalette.ColorRole.Mid))
        )
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zooms around the pointer; with Shift, or sideways, moves along."""
        if self._peaks is None:
            event.ignore()
            return
        turn = event.angleDelta()
        sideways = (
            turn.x() if turn.x() else turn.y() if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0
        )
        if sideways:
            self._move_by(-sideways / WHEEL_NOTCH * 0.1)
        else:
            self.zoom(ZOOM_STEP ** (-turn.y() / WHEEL_NOTCH), event.position().x() / max(1, self.width()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begins a click or a selection."""
        if event.button() is Qt.MouseButton.LeftButton and self._peaks is not None:
            self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Selects."""
        if self._pressed is not None and abs(event.position().x() - self._pressed.x()) >= DRAG_PIXELS:
            ends = sorted((self.second_at(self._pressed.x()), self.second_at(event.position().x())))
            self._select(ends[0], ends[1])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Seeks when nothing was dragged."""
        if self._pressed is None:
            return
        moved = abs(event.position().x() - self._pressed.x())
        self._pressed = None
        if moved < DRAG_PIXELS:
            self._select(0.0, 0.0)
            self._seek(self.second_at(event.position().x()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002
        """Shows everything."""
        self.show_all()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, plus and minus zoom, Home goes to the start, Escape drops the selection."""
        key = event.key()
        at = self._playhead_s
        if key == Qt.Key.Key_Left:
            self._seek(max(0.0, at - NUDGE_S))
        elif key == Qt.Key.Key_Right:
            self._seek(min(self.duration_s, at + NUDGE_S))
        elif key == Qt.Key.Key_Home:
            self._seek(0.0)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1 / ZOOM_STEP, 0.5)
        elif key == Qt.Key.Key_Minus:
            self.zoom(ZOOM_STEP, 0.5)
        elif key == Qt.Key.Key_Escape and self._selection != (0.0, 0.0):
            self._select(0.0, 0.0)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Draws the outline anew in the new colours."""
        if event.type() is QEvent.Type.PaletteChange:
            self._cache = None
        super().changeEvent(event)

    @Slot(int, object)
    def _on_ready(self, number: int, made: object) -> None:
        if number != self._request:
            return
        if isinstance(made, Peaks):
            self.set_peaks(made)
        elif isinstance(made, EngineError):
            self.show_text(f"{made.message}\n{made.hint}")
            self.failed.emit(made.message, made.hint)

    def _forget(self) -> None:
        self._peaks = None
        self._cache = None
        self._pressed = None
        self._playhead_s = 0.0
        self._select(0.0, 0.0)

    def _seek(self, second: float) -> None:
        self.set_playhead(second)
        self.seeked.emit(second)

    def _select(self, start_s: float, stop_s: float) -> None:
        if (start_s, stop_s) != self._selection:
            self._selection = (start_s, stop_s)
            self.selection_changed.emit(start_s, stop_s)
            self.update()

    def _move_by(self, share: float) -> None:
        if self._peaks is None:
            return
        length = self._stop - self._start
        start = min(max(0.0, self._start + length * share), max(0.0, self._peaks.frames - length))
        self._start, self._stop = start, start + length
        self.update()

    def _x(self, second: float) -> float:
        rate = self._peaks.rate_hz if self._peaks is not None else 1
        return (second * rate - self._start) / (self._stop - self._start) * self.width()

    def _outline(self, peaks: Peaks) -> QPixmap:
        ratio = self.devicePixelRatioF()
        key = (self.width(), self.height(), self._start, self._stop, ratio)
        if self._cache is not None and self._cache[0] == key:
            return self._cache[1]
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self._paint_ruler(painter, peaks.rate_hz)
        self._paint_columns(painter, peaks)
        painter.end()
        self._cache = (key, pixmap)
        return pixmap

    def _paint_columns(self, painter: QPainter, peaks: Peaks) -> None:
        width, height = max(1, self.width()), self.height() - RULER_PIXELS
        low, high = peaks.columns(self._start, self._stop, width)
        middle, scale = height / 2, (height - 8) / 2
        # A column that is all one value still shows as a line of one pixel.
        tops = (middle - high.clip(-1, 1) * scale - 0.5).tolist()
        ends = (middle - low.clip(-1, 1) * scale + 0.5).tolist()
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 1))
        painter.drawLines(
            [QLineF(x + 0.5, top, x + 0.5, end) for x, (top, end) in enumerate(zip(tops, ends, strict=True))]
        )

    def _paint_ruler(self, painter: QPainter, rate_hz: int) -> None:
        view_s = (self._stop - self._start) / rate_hz
        wanted = view_s / max(1.0, self.width() / TICK_PIXELS)
        step = next((step for step in TICK_STEPS_S if step >= wanted), TICK_STEPS_S[-1])
        base = self.height() - RULER_PIXELS
        font = painter.font()
        font.setPointSizeF(max(7.0, self.font().pointSizeF() - 2))
        painter.setFont(font)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        number = int(self._start / rate_hz / step)
        while (second := number * step) <= self._stop / rate_hz:
            x = self._x(second)
            painter.drawLine(QLineF(x, base, x, base + 4))
            painter.drawText(QPointF(x + 3, self.height() - 5), clock(second, fine=step < 1))
            number += 1

    def _paint_selection(self, painter: QPainter) -> None:
        if self._selection == (0.0, 0.0):
            return
        left, right = (self._x(second) for second in self._selection)
        ground = QColor(self.palette().color(QPalette.ColorRole.Highlight))
        ground.setAlpha(50)
        painter.fillRect(QRectF(left, 0, right - left, self.height()), ground)

    def _paint_playhead(self, painter: QPainter) -> None:
        x = self._x(self._playhead_s)
        if 0 <= x <= self.width():
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Text), 1))
            painter.drawLine(QLineF(x, 0, x, self.height() - RULER_PIXELS))

    def _paint_label(self, painter: QPainter) -> None:
        text = clock(self.duration_s, fine=True)
        if self._selection != (0.0, 0.0):
            text = self.tr("Selected %.2f s of %s") % (self._selection[1] - self._selection[0], text)
        room = painter.fontMetrics().boundingRect(text).adjusted(-6, -2, 6, 2)
        box = QRectF(self.width() - room.width() - 6, 5, room.width(), room.height())
        ground = QColor(self.palette().color(QPalette.ColorRole.Base))
        ground.setAlpha(215)
        painter.fillRect(box, ground)
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)


def clock(second: float, *, fine: bool = False) -> str:
    """A time for people: `0:07`, `12:03`, or with tenths `0:07.4`."""
    tenths = round(second * 10) if fine else round(second) * 10
    minutes, rest = divmod(tenths, MINUTE_S * 10)
    return f"{minutes}:{rest / 10:04.1f}" if fine else f"{minutes}:{rest // 10:02d}"
