"""Icons that are drawn, so that they follow the palette and every screen's density."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPen, QPixmap, QPolygonF

from gsv_desktop.core.state import WorkState

SIZE: Final = 64
GOOD: Final = QColor("#2e9e5b")
BAD: Final = QColor("#d0453b")
WAIT: Final = QColor("#c98a1b")


class Glyph(StrEnum):
    """What can be drawn."""

    PLAY = "play"
    PAUSE = "pause"
    STOP = "stop"
    FOLDER = "folder"
    RESET = "reset"


def state_icon(state: WorkState) -> QIcon:
    """A different shape, not only a different colour, for each state."""
    return _icon(lambda painter: _draw_state(painter, state))


def glyph_icon(glyph: Glyph) -> QIcon:
    """An icon for a button."""
    return _icon(_GLYPHS[glyph])


def _icon(draw: Callable[[QPainter], None]) -> QIcon:
    pixmap = QPixmap(SIZE, SIZE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(SIZE / 16, SIZE / 16)
    draw(painter)
    painter.end()
    return QIcon(pixmap)


def _ink() -> QColor:
    return QGuiApplication.palette().color(QPalette.ColorRole.ButtonText)


def _pen(colour: QColor, width: float = 2.0) -> QPen:
    pen = QPen(colour, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen


def _draw_state(painter: QPainter, state: WorkState) -> None:
    accent = QGuiApplication.palette().color(QPalette.ColorRole.Highlight)
    if state is WorkState.DONE:
        painter.setPen(_pen(GOOD, 2.4))
        painter.drawPolyline(QPolygonF([QPointF(3, 8.5), QPointF(6.5, 12), QPointF(13, 4.5)]))
    elif state is WorkState.FAILED:
        painter.setPen(_pen(BAD, 2.4))
        painter.drawLine(QPointF(4, 4), QPointF(12, 12))
        painter.drawLine(QPointF(12, 4), QPointF(4, 12))
    elif state is WorkState.RUNNING:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawPolygon(QPolygonF([QPointF(4.5, 3), QPointF(12.5, 8), QPointF(4.5, 13)]))
    elif state is WorkState.QUEUED:
        painter.setPen(_pen(WAIT, 1.8))
        painter.drawEllipse(QRectF(2.5, 2.5, 11, 11))
        painter.drawPolyline(QPolygonF([QPointF(8, 5), QPointF(8, 8), QPointF(10.5, 9.5)]))
    elif state is WorkState.CANCELLED:
        painter.setPen(_pen(WAIT, 2))
        painter.drawRect(QRectF(4, 4, 8, 8))
    else:
        painter.setPen(_pen(QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText), 1.6))
        painter.drawEllipse(QRectF(3.5, 3.5, 9, 9))


def _play(painter: QPainter) -> None:
    painter.setPen(_pen(_ink(), 1))
    painter.setBrush(_ink())
    painter.drawPolygon(QPolygonF([QPointF(4, 2.5), QPointF(13, 8), QPointF(4, 13.5)]))


def _pause(painter: QPainter) -> None:
    for left in (3.5, 9.5):
        painter.fillRect(QRectF(left, 3, 3, 10), _ink())


def _stop(painter: QPainter) -> None:
    painter.fillRect(QRectF(3.5, 3.5, 9, 9), _ink())


def _folder(painter: QPainter) -> None:
    painter.setPen(_pen(_ink(), 1.3))
    outline = [(2, 4), (6.5, 4), (8, 6), (14, 6), (14, 13), (2, 13), (2, 4)]
    painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in outline]))


def _reset(painter: QPainter) -> None:
    painter.setPen(_pen(_ink(), 1.5))
    painter.drawArc(QRectF(3, 3, 10, 10), 60 * 16, 285 * 16)
    painter.drawPolyline(QPolygonF([QPointF(8.3, 0.8), QPointF(10.6, 3.5), QPointF(7.4, 5.2)]))


_GLYPHS: Final[dict[Glyph, Callable[[QPainter], None]]] = {
    Glyph.PLAY: _play,
    Glyph.PAUSE: _pause,
    Glyph.STOP: _stop,
    Glyph.FOLDER: _folder,
    Glyph.RESET: _reset,
}
