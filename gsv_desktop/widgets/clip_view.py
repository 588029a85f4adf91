"""A recording with its waveform and the buttons to hear it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from gsv_desktop.widgets.icons import Glyph, glyph_icon
from gsv_desktop.widgets.player import Player, PlayerState
from gsv_desktop.widgets.waveform import WaveformView, clock


class ClipView(QWidget):
    """Shows and plays one recording.

    Signals:
        loaded: the recording is there; its length in seconds.
    """

    loaded = Signal(float)

    def __init__(self, player: Player, empty_text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self._playing = False
        self._asking = False
        self._play_soon = False
        self._from_s = 0.0
        self._empty_text = empty_text
        self.wave = WaveformView(self)
        self.wave.show_text(empty_text)
        self._play = QToolButton(self)
        self._play.setAccessibleName(self.tr("Play or pause"))
        self._play.setToolTip(self.tr("Play or pause (Space)"))
        self._play.clicked.connect(self.toggle)
        self._stop = QToolButton(self)
        self._stop.setIcon(glyph_icon(Glyph.STOP))
        self._stop.setAccessibleName(self.tr("Stop playing"))
        self._stop.setToolTip(self.tr("Stop playing"))
        self._stop.clicked.connect(self.stop)
        self._time = QLabel(self)
        self._name = QLabel(self)
        self._name.setProperty("role", "muted")
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._notice = QLabel(self)
        self._notice.setProperty("role", "warning")
        self._notice.setWordWrap(True)
        self._notice.hide()
        bar = QHBoxLayout()
        bar.addWidget(self._play)
        bar.addWidget(self._stop)
        bar.addWidget(self._time)
        bar.addSpacing(6)
        bar.addWidget(self._name, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.wave, 1)
        layout.addLayout(bar)
        layout.addWidget(self._notice)
        self.wave.seeked.connect(self._on_seeked)
        self.wave.selection_changed.connect(self._on_selection_changed)
        self.wave.loaded.connect(self._on_loaded)
        player.position_changed.connect(self._on_position)
        player.state_changed.connect(self._on_player_state)
        player.failed.connect(self._on_player_failed)
        self._update()

    @property
    def path(self) -> Path | None:
        """The recording."""
        return self.wave.path

    @property
    def cursor_s(self) -> float:
        """Where the user stands in the recording, in seconds."""
        return self.wave.playhead_s

    def load(self, path: Path | None) -> None:
        """Shows another recording."""
        if self._playing:
            self._player.stop()
        self._notice.hide()
        self._play_soon = False
        self._from_s = 0.0
        self._name.setText(path.name if path is not None else "")
        self._name.setToolTip(str(path) if path is not None else "")
        self.wave.load(path)
        if path is None:
            self.wave.show_text(self._empty_text)
        self._update()

    def play_when_loaded(self) -> None:
        """Plays the recording as soon as it is there."""
        self._play_soon = True

    def show_text(self, text: str) -> None:
        """Shows words in place of a recording."""
        self.wave.load(None)
        self.wave.show_text(text)
        self._name.setText("")
        self._update()

    def show_notice(self, text: str) -> None:
        """Says something below the waveform until the next recording."""
        self._notice.setText(text)
        self._notice.setVisible(bool(text))

    def mark_playing(self) -> None:
        """The player's present sound belongs to this view."""
        self._playing = True
        self._update()

    @Slot()
    def toggle(self) -> None:
        """Plays, holds or goes on."""
        if self._playing and self._player.state is PlayerState.PLAYING:
            self._player.pause()
        elif self._playing and self._player.state is PlayerState.PAUSED:
            self._player.resume()
        elif self.wave.path is not None and self.wave.duration_s > 0:
            start_s, stop_s = self.wave.selection_s
            if stop_s <= start_s:
                start_s, stop_s = self._from_s, self.wave.duration_s
            if start_s >= self.wave.duration_s - 0.05:
                start_s = 0.0
            self._notice.hide()
            self._begin(self.wave.path, start_s, stop_s)

    @Slot()
    def stop(self) -> None:
        """Ends the sound when it is this view's."""
        if self._playing:
            self._player.stop()

    def take_space(self, widget: QWidget) -> None:
        """Lets the space bar play while `widget` has the focus."""
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Takes the space bar."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress and _is_space(event):
            self.toggle()
            return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays when the waveform has the focus."""
        if _is_space(event):
            self.toggle()
        else:
            super().keyPressEvent(event)

    @Slot(float)
    def _on_seeked(self, second: float) -> None:
        self._from_s = second
        if self._playing and self.wave.path is not None:
            self._begin(self.wave.path, second, None)
        self._update()

    @Slot(float, float)
    def _on_selection_changed(self, start_s: float, stop_s: float) -> None:
        if stop_s > start_s:
            self._from_s = start_s

    @Slot(float)
    def _on_loaded(self, duration_s: float) -> None:
        self._update()
        self.loaded.emit(duration_s)
        if self._play_soon:
            self._play_soon = False
            self.toggle()

    @Slot(float)
    def _on_position(self, second: float) -> None:
        if self._playing:
            self.wave.set_playhead(second)
            self._show_time(second)

    @Slot(object)
    def _on_player_state(self, state: object) -> None:
        if state is PlayerState.IDLE and self._playing:
            self._playing = False
            self._from_s = 0.0
            self.wave.set_playhead(0.0)
        self._update()

    @Slot(str, str)
    def _on_player_failed(self, message: str, hint: str) -> None:
        if self._asking or self._playing:
            self.show_notice(f"{message} {hint}".strip())

    def _begin(self, path: Path, start_s: float, stop_s: float | None) -> None:
        self._asking = True
        self._player.play_file(path, start_s, stop_s)
        self._asking = False
        self._playing = self._player.state is PlayerState.PLAYING
        self._update()

    def _show_time(self, second: float) -> None:
        length = self.wave.duration_s
        self._time.setText(f"{clock(second, fine=True)} / {clock(length, fine=True)}" if length else "")

    def _update(self) -> None:
        sounding = self._playing and self._player.state is PlayerState.PLAYING
        self._play.setIcon(glyph_icon(Glyph.PAUSE if sounding else Glyph.PLAY))
        self._play.setEnabled(self._playing or self.wave.duration_s > 0)
        self._stop.setEnabled(self._playing)
        if not self._playing:
            self._show_time(self._from_s)


def _is_space(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier
