"""A curve that grows while a network learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

LEFT: Final = 58
BOTTOM: Final = 22
EDGE: Final = 10
SMOOTHING: Final = 0.9
GRID_LINES: Final = 4
MAX_POINTS: Final = 20_000
Points = list[tuple[float, float]]


class Curve(QWidget):
    """Draws the points of one series, and their running mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: Points = []
        self._empty = self.tr("The curve appears when training has begun.")
        self.setMinimumHeight(140)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """A readable size."""
        return QSize(420, 220)

    def set_points(self, points: Points) -> None:
        """Shows these points."""
        self._points = points
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draws grid, points and mean."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        painter.setPen(palette.color(QPalette.ColorRole.Mid))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        if self._points:
            self._paint(painter)
        else:
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._empty)
        painter.end()

    def _paint(self, painter: QPainter) -> None:
        room = QRectF(LEFT, EDGE, self.width() - LEFT - EDGE, self.height() - BOTTOM - EDGE)
        steps = [step for step, _ in self._points]
        values = [value for _, value in self._points]
        low, high = min(values), max(values)
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        first, last = steps[0], max(steps[-1], steps[0] + 1)

        def place(step: float, value: float) -> QPointF:
            return QPointF(
                room.left() + (step - first) / (last - first) * room.width(),
                room.bottom() - (value - low) / (high - low) * room.height(),
            )

        self._paint_grid(painter, room, low, high)
        self._paint_steps(painter, room, int(first), int(last))
        accent = QColor(self.palette().color(QPalette.ColorRole.Highlight))
        pale = QColor(accent)
        pale.setAlpha(90)
        stride = max(1, len(self._points) // max(1, int(room.width()) * 2))
        painter.setPen(QPen(pale, 1))
        painter.drawPolyline(QPolygonF([place(*point) for point in self._points[::stride]]))
        painter.setPen(QPen(accent, 2))
        painter.drawPolyline(QPolygonF([place(*point) for point in running_mean(self._points)[::stride]]))

    def _paint_grid(self, painter: QPainter, room: QRectF, low: float, high: float) -> None:
        ink = self.palette().color(QPalette.ColorRole.PlaceholderText)
        pale = QColor(self.palette().color(QPalette.ColorRole.Mid))
        pale.setAlpha(110)
        for number in range(GRID_LINES + 1):
            y = room.bottom() - number / GRID_LINES * room.height()
            painter.setPen(QPen(pale, 1))
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(ink)
            label = f"{low + (high - low) * number / GRID_LINES:.3g}"
            box = QRectF(2, y - 9, LEFT - 8, 18)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), label)

    def _paint_steps(self, painter: QPainter, room: QRectF, first: int, last: int) -> None:
        box = QRectF(room.left(), room.bottom() + 3, room.width(), BOTTOM - 4)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft), self.tr("step %d") % first)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignRight), self.tr("step %d") % last)


class LossChart(QWidget):
    """The figures of a training, one series at a time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: dict[str, Points] = {}
        self._choice = QComboBox(self)
        self._choice.setAccessibleName(self.tr("Figure"))
        self._choice.setMinimumWidth(150)
        self._choice.currentIndexChanged.connect(self._on_chosen)
        self._now = QLabel(self)
        self._now.setProperty("role", "muted")
        self._curve = Curve(self)
        self._curve.setAccessibleName(self.tr("Curve of the chosen figure"))
        head = QHBoxLayout()
        head.addWidget(self._choice)
        head.addWidget(self._now, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(self._curve, 1)
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self._series.clear()
        self._choice.clear()
        self._choice.setEnabled(False)
        self._choice.setPlaceholderText(self.tr("No figures yet"))
        self._now.setText("")
        self._curve.set_points([])

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Adds the figures of a step."""
        for name, value in values.items():
            if name not in self._series:
                self._series[name] = []
                self._choice.setEnabled(True)
                self._choice.addItem(name)
                if self._choice.currentIndex() < 0:
                    self._choice.setCurrentIndex(0)
            points = self._series[name]
            while points and points[-1][0] >= step:
                points.pop()  # training went back to its last saved state
            points.append((float(step), value))
            if len(points) > MAX_POINTS:
                del points[1::2]
        self._on_chosen()

    def points(self, name: str) -> Points:
        """The points of a series."""
        return list(self._series.get(name, []))

    @Slot()
    def _on_chosen(self) -> None:
        points = self._series.get(self._choice.currentText(), [])
        self._curve.set_points(points)
        if points:
            self._now.setText(self.tr("now %.4g at step %d") % (points[-1][1], points[-1][0]))


def running_mean(points: Points) -> Points:
    """The points smoothed: each follows the ones before it."""
    made: Points = []
    mean = points[0][1] if points else 0.0
    for count, (step, value) in enumerate(points):
        keep = min(SMOOTHING, count / (count + 1))
        mean = keep * mean + (1 - keep) * value
        made.append((step, mean))
    return made
