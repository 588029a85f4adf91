"""What several saves of a voice said, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QWidget,
)

from engine.protocol.auditions import AuditionLine, Heard, error_name
from gsv_desktop.widgets.icons import Glyph, glyph_icon

STAR: Final = "★"
SENTENCE_WIDTH: Final = 170
ROW_HEIGHT: Final = 50
CHOSEN_STYLE: Final = (
    "QTableWidget::item:selected { background: palette(alternate-base); color: palette(text); }"
)


class SoundCell(QWidget):
    """A button that plays a sound, and its figures.

    Signals:
        play_asked: path of the sound.
    """

    play_asked = Signal(object)

    def __init__(self, sound: Path, name: str, figures: str, about: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.sound = sound
        self.button = QToolButton(self)
        self.button.setIcon(glyph_icon(Glyph.PLAY))
        self.button.setAutoRaise(True)
        self.button.setAccessibleName(name)
        self.button.clicked.connect(self._on_clicked)
        self.figures = QLabel(figures, self)
        self.setToolTip(about)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(4)
        layout.addWidget(self.button)
        layout.addWidget(self.figures, 1)

    def show_playing(self, *, playing: bool) -> None:
        """Shows whether this sound is heard now."""
        self.button.setIcon(glyph_icon(Glyph.STOP if playing else Glyph.PLAY))

    @Slot()
    def _on_clicked(self) -> None:
        self.play_asked.emit(self.sound)


class CompareTable(QTableWidget):
    """A row for each sentence and one for the mean; a column for each pair of weights.

    Signals:
        play_asked: path of the sound to play, or to stop.
        pair_chosen: the pair whose column is current now.
    """

    play_asked = Signal(object)
    pair_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 0, parent)
        self._heard: tuple[Heard, ...] = ()
        self.setAccessibleName(self.tr("Saves side by side"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectColumns)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(True)
        self.setStyleSheet(CHOSEN_STYLE)  # the figures stand on it, and they have their own colour
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self.verticalHeader().setDefaultAlignment(Qt.AlignmentFlag(left | Qt.TextFlag.TextWordWrap))
        self.verticalHeader().setFixedWidth(SENTENCE_WIDTH)
        self.verticalHeader().setHighlightSections(False)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.currentCellChanged.connect(self._on_current_changed)
        self.horizontalHeader().sectionClicked.connect(self._on_header_clicked)

    @property
    def heard(self) -> tuple[Heard, ...]:
        """The pairs that are shown."""
        return self._heard

    def cell(self, sentence: int, pair: int) -> SoundCell:
        """The cell of a sentence and a pair, counted from 0."""
        found = self.cellWidget(sentence + 1, pair)
        if not isinstance(found, SoundCell):
            raise IndexError(f"no sound at {sentence}, {pair}")
        return found

    def show_heard(self, heard: Sequence[Heard], best: Heard | None) -> None:
        """Shows these pairs; `best` is marked and becomes the current one."""
        self.blockSignals(True)
        self.clear()
        self._heard = tuple(heard)
        texts = heard[0].audition.texts if heard else ()
        self.setRowCount(len(texts) + 1 if heard else 0)
        self.setColumnCount(len(heard))
        if heard:
            self._fill_sentences(texts)
            for column, one in enumerate(heard):
                self._fill_pair(column, one, best=best is not None and one.folder == best.folder)
            self.resizeColumnsToContents()
        self.blockSignals(False)
        chosen = next((place for place, one in enumerate(heard) if best and one.folder == best.folder), -1)
        if chosen >= 0:
            self.choose(chosen)

    def choose(self, pair: int) -> None:
        """Makes a pair the current one."""
        self.setCurrentCell(0, pair)
        QTimer.singleShot(0, self, self._show_chosen)  # when the columns are laid out

    def show_playing(self, sound: Path | None) -> None:
        """Marks the sound that is heard now."""
        for pair, one in enumerate(self._heard):
            for sentence in range(len(one.audition.lines)):
                cell = self.cell(sentence, pair)
                cell.show_playing(playing=cell.sound == sound)

    def _fill_sentences(self, texts: Sequence[str]) -> None:
        mean = QTableWidgetItem(self.tr("Mean of all"))
        mean.setFont(_bold(mean.font()))
        self.setVerticalHeaderItem(0, mean)
        for row, text in enumerate(texts, 1):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            self.setVerticalHeaderItem(row, item)

    def _fill_pair(self, column: int, one: Heard, *, best: bool) -> None:
        audition = one.audition
        star = f"{STAR} " if best else ""
        head = QTableWidgetItem(self.tr("%sSoVITS %s\nGPT %s") % (star, *audition.epoch_words))
        head.setToolTip(f"{audition.sovits}\n{audition.gpt}")
        head.setFont(_bold(head.font()) if best else head.font())
        self.setHorizontalHeaderItem(column, head)
        mean = QTableWidgetItem(self._figures(audition.similarity, audition.error, audition.language))
        mean.setFont(_bold(mean.font()))
        own = audition.own_similarity
        if own is not None:
            mean.setToolTip(
                self.tr("Measured with: %s.\nThe training clips among themselves: %.2f.")
                % (audition.encoder, own)
            )
        self.setItem(0, column, mean)
        for row, line in enumerate(audition.lines, 1):
            cell = SoundCell(
                one.sound(row - 1),
                self.tr("Play sentence %d of %s") % (row, one.title),
                self._figures(line.similarity, line.error, audition.language),
                self._about(line),
                self,
            )
            cell.play_asked.connect(self.play_asked)
            self.setCellWidget(row, column, cell)

    def _figures(self, similarity: float | None, error: float | None, language: str) -> str:
        """`alike 0.82`, `word error 0.08`; only what was measured."""
        parts = []
        if similarity is not None:
            parts.append(self.tr("alike %.2f") % similarity)
        if error is not None:
            parts.append(f"{self.tr(error_name(language))} {error:.2f}")
        return "\n".join(parts) or "–"

    def _about(self, line: AuditionLine) -> str:
        heard = self.tr("Heard: %s") % line.heard if line.heard is not None else self.tr("Words not checked")
        return self.tr("%.1f s. %s") % (line.seconds, heard)

    @Slot()
    def _show_chosen(self) -> None:
        self.scrollTo(self.currentIndex())

    @Slot(int, int, int, int)
    def _on_current_changed(self, _row: int, column: int, _row_before: int, _column_before: int) -> None:
        if 0 <= column < len(self._heard):
            self.pair_chosen.emit(self._heard[column])

    @Slot(int)
    def _on_header_clicked(self, column: int) -> None:
        self.choose(column)


def _bold(font: QFont) -> QFont:
    made = QFont(font)
    made.setBold(True)
    return made
