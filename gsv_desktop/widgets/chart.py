"""Curves that grow while a network learns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPalette, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

LEFT: Final = 58
TOP: Final = 20
BOTTOM: Final = 20
EDGE: Final = 12
SMOOTHING: Final = 0.9
Y_TICKS: Final = 4
X_TICKS: Final = 6
MAX_POINTS: Final = 20_000
LIST_WIDTH: Final = 216
SWATCH: Final = 10
COLOURS: Final = ("#2f7fd1", "#d1622f", "#2f9e6e", "#a64fc4", "#b8901c", "#c43f5e", "#3fa7b8", "#7a7f8a")
STROKES: Final = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
TICKED: Final = frozenset({"loss", "steps_per_s"})
NAME: Final = Qt.ItemDataRole.UserRole
Points = list[tuple[float, float]]


@dataclass(slots=True, kw_only=True)
class Series:
    """A figure over the steps.

    Attributes:
        name: Its name on the wire.
        title: Its name for people.
        axis: What stands at the axis: quantity and unit; series of one axis share a panel.
        number: Place among the series of its axis: gives colour and stroke.
        points: (step, value).
    """

    name: str
    title: str
    axis: str
    number: int
    points: Points = field(default_factory=list)

    @property
    def colour(self) -> QColor:
        """Its colour."""
        return QColor(COLOURS[self.number % len(COLOURS)])

    @property
    def stroke(self) -> Qt.PenStyle:
        """Its stroke: series differ without colours too."""
        return STROKES[self.number % len(STROKES)]


class Curve(QWidget):
    """Draws series of one unit over the steps: each with its running mean."""

    def __init__(self, axis: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis = axis
        self._series: tuple[Series, ...] = ()
        self._empty = self.tr("The curves appear when training has begun.")
        self.setMinimumHeight(96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Curves: %s") % axis)

    def sizeHint(self) -> QSize:
        """A readable size."""
        return QSize(420, 180)

    def show_series(self, series: Sequence[Series]) -> None:
        """Shows these series."""
        self._series = tuple(one for one in series if one.points)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draws grid, axes and curves."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        painter.setPen(palette.color(QPalette.ColorRole.Mid))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        if self._series:
            self._paint(painter)
        else:
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._empty)
        painter.end()

    def _paint(self, painter: QPainter) -> None:
        room = QRectF(LEFT, TOP, self.width() - LEFT - EDGE, self.height() - BOTTOM - TOP)
        values = [value for one in self._series for _, value in one.points]
        steps = [step for one in self._series for step, _ in (one.points[0], one.points[-1])]
        y_ticks = nice_ticks(min(values), max(values), Y_TICKS)
        low, high = y_ticks[0], y_ticks[-1]
        first, last = min(steps), max(*steps, min(steps) + 1)

        def place(step: float, value: float) -> QPointF:
            return QPointF(
                room.left() + (step - first) / (last - first) * room.width(),
                room.bottom() - (value - low) / (high - low) * room.height(),
            )

        self._paint_axes(painter, room, [(place(first, tick).y(), tick) for tick in y_ticks])
        ticks = [tick for tick in nice_ticks(first, last, X_TICKS) if first <= tick <= last]
        self._paint_steps(painter, room, [(place(tick, low).x(), tick) for tick in ticks])
        for one in self._series:
            stride = max(1, len(one.points) // max(1, int(room.width()) * 2))
            if len(self._series) == 1:
                pale = one.colour
                pale.setAlpha(80)
                painter.setPen(QPen(pale, 1))
                painter.drawPolyline(QPolygonF([place(*point) for point in one.points[::stride]]))
            painter.setPen(QPen(one.colour, 2, one.stroke))
            mean = running_mean(one.points)
            painter.drawPolyline(QPolygonF([place(*point) for point in (*mean[::stride], mean[-1])]))

    def _paint_axes(self, painter: QPainter, room: QRectF, ticks: Sequence[tuple[float, float]]) -> None:
        ink = self.palette().color(QPalette.ColorRole.PlaceholderText)
        pale = QColor(self.palette().color(QPalette.ColorRole.Mid))
        pale.setAlpha(110)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for y, tick in ticks:
            painter.setPen(QPen(pale, 1))
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(ink)
            painter.drawText(QRectF(2, y - 9, LEFT - 8, 18), right, f"{tick:.6g}")
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(QRectF(8, 1, room.width(), TOP - 2), int(Qt.AlignmentFlag.AlignLeft), self.axis)

    def _paint_steps(self, painter: QPainter, room: QRectF, ticks: Sequence[tuple[float, float]]) -> None:
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        centre = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        words = self.tr("steps")
        wide = painter.fontMetrics().horizontalAdvance(words) + 8
        for x, tick in ticks:
            painter.drawLine(QPointF(x, room.bottom()), QPointF(x, room.bottom() + 3))
            if x < room.right() - wide - 12:
                painter.drawText(QRectF(x - 40, room.bottom() + 3, 80, BOTTOM - 4), centre, f"{tick:.6g}")
        box = QRectF(room.right() - wide, room.bottom() + 3, wide, BOTTOM - 4)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignRight), words)


class LossChart(QWidget):
    """The figures of a training: those that are ticked, a panel for each unit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: dict[str, Series] = {}
        self._panels: dict[str, Curve] = {}
        self._ticked: set[str] = set(TICKED)
        self.choice = QListWidget(self)
        self.choice.setAccessibleName(self.tr("Figures to show"))
        self.choice.setFixedWidth(LIST_WIDTH)
        self.choice.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.choice.setIconSize(QSize(2 * SWATCH, SWATCH))
        self.choice.itemChanged.connect(self._on_ticked)
        self._blank = Curve(parent=self)
        self._now = QLabel(self)
        self._now.setProperty("role", "muted")
        panels = QWidget(self)
        self._curves = QVBoxLayout(panels)
        self._curves.setContentsMargins(0, 0, 0, 0)
        self._curves.setSpacing(4)
        self._curves.addWidget(self._blank)
        area = QScrollArea(self)
        area.setWidget(panels)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setAccessibleName(self.tr("Curves"))
        left = QVBoxLayout()
        left.addWidget(area, 1)
        left.addWidget(self._now)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(left, 1)
        layout.addWidget(self.choice)
        self.clear()

    def clear(self) -> None:
        """Forgets everything but the ticks."""
        self._series.clear()
        self.choice.clear()
        self.choice.hide()
        self._now.setText("")
        self._show()

    def load(self, curves: Mapping[str, Points]) -> None:
        """Shows the figures of a whole training in place of what there was."""
        self.clear()
        for name, points in curves.items():
            self._of(name).points = list(points)
        self._refresh()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Adds the figures of a step."""
        for name, value in values.items():
            points = self._of(name).points
            while points and points[-1][0] >= step:
                points.pop()  # training went back to its last saved state
            points.append((float(step), value))
            if len(points) > MAX_POINTS:
                del points[1::2]
        self._refresh()

    def points(self, name: str) -> Points:
        """The points of a series."""
        return list(self._series[name].points) if name in self._series else []

    def tick(self, name: str, *, shown: bool) -> None:
        """Shows or hides a series."""
        for row in range(self.choice.count()):
            item = self.choice.item(row)
            if item.data(NAME) == name:
                item.setCheckState(Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)

    def shown_axes(self) -> tuple[str, ...]:
        """Quantity and unit of each panel that is seen, from above."""
        return tuple(axis for axis, panel in self._panels.items() if not panel.isHidden())

    def _of(self, name: str) -> Series:
        if name not in self._series:
            title, axis = self._words(name)
            number = sum(1 for one in self._series.values() if one.axis == axis)
            self._series[name] = Series(name=name, title=title, axis=axis, number=number)
            self._add_choice(self._series[name])
        return self._series[name]

    def _add_choice(self, series: Series) -> None:
        item = QListWidgetItem(_swatch(series), series.title)
        item.setData(NAME, series.name)
        item.setToolTip(f"{series.title}: {series.axis}")
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        on = series.name in self._ticked
        item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.choice.blockSignals(True)
        self.choice.addItem(item)
        self.choice.blockSignals(False)
        self.choice.show()

    def _words(self, name: str) -> tuple[str, str]:
        """Title and axis of a figure."""
        known = {
            "loss": (self.tr("total loss"), self.tr("loss")),
            "learning_rate": (self.tr("learning rate"), self.tr("learning rate")),
            "steps_per_s": (self.tr("speed"), self.tr("speed, steps a second")),
            "clips_per_second": (self.tr("clips a second"), self.tr("speed, clips a second")),
            "memory_gb": (self.tr("memory, peak"), self.tr("memory, GB")),
            "accuracy": (self.tr("accuracy"), self.tr("share that is right")),
        }
        if name in known:
            return known[name]
        if name.startswith("loss_"):
            return self.tr("loss: %s") % name.removeprefix("loss_").replace("_", " "), self.tr("loss")
        if name.startswith("grad_norm"):
            part = name.removeprefix("grad_norm").strip("_")
            return f"{self.tr('gradient')} {part}".strip(), self.tr("norm of the gradient")
        return name.replace("_", " "), name.replace("_", " ")

    def _refresh(self) -> None:
        """Shows the last values and draws again."""
        last = 0.0
        self.choice.blockSignals(True)
        for row in range(self.choice.count()):
            item = self.choice.item(row)
            series = self._series[str(item.data(NAME))]
            if series.points:
                item.setText(f"{series.title}  {series.points[-1][1]:.4g}")
                last = max(last, series.points[-1][0])
        self.choice.blockSignals(False)
        self._now.setText(
            self.tr("Values at step %d; a bold line is the running mean.") % last if last else ""
        )
        self._show()

    def _show(self) -> None:
        """A panel for each unit with a ticked series."""
        wanted: dict[str, list[Series]] = {}
        for name, series in self._series.items():
            if name in self._ticked and series.points:
                wanted.setdefault(series.axis, []).append(series)
        for axis in wanted:
            if axis not in self._panels:
                self._panels[axis] = Curve(axis, self)
                self._curves.addWidget(self._panels[axis])
        for axis, panel in self._panels.items():
            panel.setVisible(axis in wanted)
            panel.show_series(wanted.get(axis, []))
        self._blank.setVisible(not wanted)

    @Slot(QListWidgetItem)
    def _on_ticked(self, item: QListWidgetItem) -> None:
        name = str(item.data(NAME))
        if item.checkState() is Qt.CheckState.Checked:
            self._ticked.add(name)
        else:
            self._ticked.discard(name)
        self._show()


def running_mean(points: Points) -> Points:
    """The points smoothed: each follows the ones before it."""
    made: Points = []
    mean = points[0][1] if points else 0.0
    for count, (step, value) in enumerate(points):
        keep = min(SMOOTHING, count / (count + 1))
        mean = keep * mean + (1 - keep) * value
        made.append((step, mean))
    return made


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """About so many round numbers (1, 2 or 5 times a power of ten apart) from around low to around high."""
    if high - low < 1e-12 * max(1.0, abs(high)):
        margin = abs(high) * 0.1 or 0.5
        low, high = low - margin, high + margin
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _swatch(series: Series) -> QIcon:
    """A short stroke in the series' colour."""
    picture = QPixmap(2 * SWATCH, SWATCH)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setPen(QPen(series.colour, 3, series.stroke))
    painter.drawLine(0, SWATCH // 2, 2 * SWATCH, SWATCH // 2)
    painter.end()
    return QIcon(picture)
