"""Hears the saves of an experiment side by side and takes one as the project's voice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.auditions import Heard, read_auditions, recommend
from engine.protocol.errors import EngineError
from engine.protocol.languages import TEXT_MODES
from engine.protocol.stages.audition import AUDITION
from engine.protocol.versions import ModelVersion
from engine.protocol.versions import version as version_of
from gsv_desktop.core.state import WorkState
from gsv_desktop.errors import show_error
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.train.actions import When, audition_values, can_compare, make_voice
from gsv_desktop.widgets.compare_table import CompareTable
from gsv_desktop.widgets.player import PlayerState

MEMORY: Final = "compare"
SENTENCES_HEIGHT: Final = 52
PERMILLE: Final = 1000
SAVE_DELAY_MS: Final = 800


class ComparePanel(QWidget):
    """Test sentences above, the saves side by side, and the pair to take below.

    Signals:
        voice_made: the chosen pair is the project's voice now; the folder of its card.
    """

    voice_made = Signal(object)

    def __init__(
        self,
        services: Services,
        version: Callable[[], str],
        device: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        """Makes the panel.

        Args:
            services: what every page is given.
            version: name of the model version that the page trains.
            device: device that it trains on.
            parent: Qt parent.
        """
        super().__init__(parent)
        self._services = services
        self._version_name = version
        self._device = device
        self._job: Job | None = None
        self._chosen: Heard | None = None
        self._playing: Path | None = None
        self._reason = ""
        self._make_widgets()
        self._lay_out()
        board = services.board
        board.stage_changed.connect(self._on_stage_changed)
        board.project_opened.connect(self.fill)
        board.experiment_renamed.connect(self.shown)
        services.player.state_changed.connect(self._on_player_changed)
        self.fill()

    def _make_widgets(self) -> None:
        self.sentences = QPlainTextEdit(self)
        self.sentences.setAccessibleName(self.tr("Test sentences"))
        self.sentences.setPlaceholderText(
            self.tr("Test sentences, one a line. Empty: sentences of the labels, held-back ones first.")
        )
        self.sentences.setTabChangesFocus(True)
        self.sentences.setFixedHeight(SENTENCES_HEIGHT)
        self._saver = QTimer(self)
        self._saver.setSingleShot(True)
        self._saver.setInterval(SAVE_DELAY_MS)
        self._saver.timeout.connect(self.save)
        self.sentences.textChanged.connect(self._saver.start)
        self.language = QComboBox(self)
        self.language.setAccessibleName(self.tr("Language of the test sentences"))
        for code in ("auto", *(code for code in TEXT_MODES if code != "auto")):
            self.language.addItem(
                self.tr(TEXT_MODES[code]) if code != "auto" else self.tr("Any language"), code
            )
        self.language.activated.connect(self.save)
        self.language.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.when = QComboBox(self)
        self.when.setAccessibleName(self.tr("When the saves are heard"))
        for when, words in (
            (When.AFTER, self.tr("after each training")),
            (When.BESIDE, self.tr("at each save, on the CPU")),
            (When.ASKED, self.tr("only when I ask")),
        ):
            self.when.addItem(words, when.value)
        self.when.setToolTip(
            self.tr("At each save they are heard beside the training, which keeps the GPU to itself.")
        )
        self.when.activated.connect(self._on_when_chosen)
        self.start_button = QPushButton(self.tr("Compare now"), self)
        self.start_button.clicked.connect(self.start)
        self.stop_button = QPushButton(self.tr("Stop"), self)
        self.stop_button.clicked.connect(self.stop)
        self.progress = QProgressBar(self)
        self.progress.setAccessibleName(self.tr("Progress of the comparison"))
        self.progress.setRange(0, PERMILLE)
        self.table = CompareTable(self)
        self.table.play_asked.connect(self._on_play_asked)
        self.table.pair_chosen.connect(self._on_pair_chosen)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.use_button = QPushButton(self.tr("Use this voice"), self)
        self.use_button.setToolTip(self.tr("Makes the chosen pair the project's voice on the Speak page"))
        self.use_button.clicked.connect(self._on_use)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.sentences, 1)
        side = QVBoxLayout()
        side.setSpacing(2)
        side.addWidget(self.language)
        side.addWidget(self.when)
        top.addLayout(side)
        self.language.setMinimumWidth(self.when.sizeHint().width())
        bottom = QHBoxLayout()
        bottom.addWidget(self.words, 1)
        for button in (self.stop_button, self.start_button, self.use_button):
            bottom.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.progress)
        layout.addLayout(bottom)
        layout.addStretch(0)

    @property
    def _version(self) -> ModelVersion:
        return version_of(self._version_name())

    @Slot()
    def fill(self) -> None:
        """Takes over what the project remembers."""
        if self._saver.isActive():
            self.save()
        project = self._services.board.project
        values = project.values(AUDITION.name)
        given = values.get("sentences")
        self.sentences.setPlainText(
            "\n".join(map(str, given)) if isinstance(given, list) else str(given or "")
        )
        self.language.setCurrentIndex(max(0, self.language.findData(values.get("language") or "auto")))
        when = project.values(MEMORY).get("when", When.AFTER.value)
        self.when.setCurrentIndex(max(0, self.when.findData(when)))
        self.shown()

    @Slot()
    def shown(self) -> None:
        """Reads the reports again and shows how a comparison stands."""
        project = self._services.board.project
        found = read_auditions(project.workspace.experiment(project.experiment), self._version)
        best = recommend(found)
        if best is not None:  # only what compares with it
            found = tuple(one for one in found if one.audition.texts == best.best.audition.texts)
        if found != self.table.heard:
            self._chosen = None
            self.table.show_heard(found, best.best if best is not None else None)
        self.table.setVisible(bool(found))
        self._reason = best.reason if best is not None else ""
        self._show_state()

    @Slot()
    def save(self) -> None:
        """Keeps the sentences in the project."""
        self._saver.stop()
        lines = [line.strip() for line in self.sentences.toPlainText().splitlines() if line.strip()]
        board = self._services.board
        values = board.project.values(AUDITION.name)
        given = {"sentences": "\n".join(lines) or None, "language": str(self.language.currentData())}
        board.remember(AUDITION.name, values | given)

    @Slot()
    def start(self) -> None:
        """Lets the saves speak."""
        self._begin(beside=False)

    def training_ended(self) -> None:
        """A training ended well: its saves are heard when that is wanted."""
        if self.when.currentData() != When.ASKED.value:
            self._begin_if_possible(beside=False)

    def weights_saved(self) -> None:
        """A training saved weights: they are heard beside it when that is wanted."""
        if self.when.currentData() == When.BESIDE.value:
            self._begin_if_possible(beside=True)

    @Slot()
    def stop(self) -> None:
        """Stops the comparison; what is finished stays."""
        job = self._services.board.job_of(AUDITION.name)
        if job is not None:
            self._services.board.queue.cancel(job)

    def _begin_if_possible(self, *, beside: bool) -> None:
        project = self._services.board.project
        active = self._services.board.record(AUDITION.name).state.active
        if not active and can_compare(project.workspace, self._version, project.experiment):
            self._begin(beside=beside)

    def _begin(self, *, beside: bool) -> None:
        board = self._services.board
        device = "cpu" if beside else self._device()
        self.save()
        board.start(
            AUDITION.name, audition_values(board.project, self._version_name(), device), beside=beside
        )

    def _show_state(self) -> None:
        board = self._services.board
        record, job = board.record(AUDITION.name), board.job_of(AUDITION.name)
        active = record.state.active
        if job is not None and job is not self._job:
            self._job = job
            job.artifact_made.connect(self._on_artifact_made)
        project = board.project
        possible = can_compare(project.workspace, self._version, project.experiment)
        self.start_button.setEnabled(possible and not active)
        self.stop_button.setVisible(active)
        self.stop_button.setEnabled(job is not None and not job.cancel_requested)
        self.progress.setVisible(active)
        fraction = job.fraction if job is not None else None
        self.progress.setValue(round((fraction or 0.0) * PERMILLE))
        self.use_button.setVisible(bool(self.table.heard))
        failed = record.state is WorkState.FAILED
        if failed and not active:
            words = f"{record.summary} {record.hint}".strip()
        elif self._reason:
            words = self.tr("★ Recommended. %s") % self.tr(self._reason)
        elif not possible:
            words = self.tr(
                "Here the saves of SoVITS and GPT are heard side by side, as soon as there is one of each."
            )
        else:
            words = self.tr("No save has been heard yet.")
        self.words.setText(words)
        self.words.setProperty("role", "fault" if failed and not active else "")
        self.words.style().polish(self.words)

    @Slot(str)
    def _on_stage_changed(self, stage: str) -> None:
        if stage != AUDITION.name:
            return
        if self._services.board.record(stage).state.active:
            self._show_state()
        else:
            self.shown()

    @Slot(str, str)
    def _on_artifact_made(self, _kind: str, _path: str) -> None:
        self.shown()

    @Slot()
    def _on_when_chosen(self) -> None:
        self._services.board.remember(MEMORY, {"when": str(self.when.currentData())})

    @Slot(object)
    def _on_pair_chosen(self, heard: Heard) -> None:
        self._chosen = heard
        audition = heard.audition
        self.use_button.setText(self.tr("Use SoVITS %s + GPT %s") % audition.epochs)
        self.use_button.setAccessibleName(self.tr("Use this voice: %s") % heard.title)

    @Slot(object)
    def _on_play_asked(self, sound: Path) -> None:
        player = self._services.player
        if self._playing == sound and player.state is not PlayerState.IDLE:
            player.stop()
            return
        self._playing = None
        player.play_file(sound)
        self._playing = sound if player.state is not PlayerState.IDLE else None
        self.table.show_playing(self._playing)

    @Slot(object)
    def _on_player_changed(self, state: object) -> None:
        if state is PlayerState.IDLE and self._playing is not None:
            self._playing = None
            self.table.show_playing(None)

    @Slot()
    def _on_use(self) -> None:
        if self._chosen is None:
            return
        project = self._services.board.project
        try:
            folder = make_voice(project.workspace, project.experiment, self._chosen)
        except EngineError as error:
            show_error(self, error)
            return
        self._services.board.voice_made(folder)
        title = self._chosen.title
        self.words.setText(self.tr("%s speaks on the Speak page now.") % f"{title[0].upper()}{title[1:]}")
        self.voice_made.emit(folder)
