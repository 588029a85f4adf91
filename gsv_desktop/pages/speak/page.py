"""Says a text with a voice."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import JsonValue
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.errors import EngineError
from engine.protocol.languages import TEXT_MODES
from engine.protocol.stages.registry import STAGES
from engine.protocol.stages.speech import SPEAK
from engine.protocol.voices import Voice
from gsv_desktop.core.state import WorkState
from gsv_desktop.errors import show_error
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.speak.actions import (
    LONGEST_S,
    SHORTEST_S,
    WEIGHT_FIELDS,
    Take,
    same_voice,
    save_take,
    take_path,
    voice_values,
    voices_of,
)
from gsv_desktop.pages.stage_page import StagePage
from gsv_desktop.widgets.clip_view import ClipView
from gsv_desktop.widgets.player import PlayerState

HERE = frozenset({"text", "voice", "out", "workspace"})
RESULT_HEIGHT = 140
TRAININGS = frozenset({"train_sovits", "train_gpt"})
EMPTY_REFERENCE = "Choose a reference recording of 3 to 10 seconds."


class SpeakPage(StagePage):
    """Voice, reference and settings on the left; text, speech and takes on the right."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        self.voice = QComboBox()
        self.text = QPlainTextEdit()
        self._voices: tuple[Voice, ...] = ()
        self._takes: list[Take] = []
        self._live = False
        self._silent = ""
        self._pending: dict[str, Take] = {}
        super().__init__(services, SPEAK, parent, hidden=HERE)
        self.reference = ClipView(services.player, self.tr(EMPTY_REFERENCE))
        self.reference.loaded.connect(self._on_reference_loaded)
        self.result = ClipView(services.player, self.tr("Type a text and press Speak."))
        self._ruler = QLabel(self)
        self._ruler.setWordWrap(True)
        self.takes = QListWidget(self)
        self.save_button = QPushButton(self.tr("Save as WAV …"), self)
        self._make_left()
        self.add_result(self._make_right())
        self.splitter.setSizes([460, 620])
        # A button forgets its own shortcut when its text changes.
        QShortcut(QKeySequence(Qt.Modifier.CTRL | Qt.Key.Key_Return), self, self.start_button.click)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self, self.save_button.click)
        self.start_button.setToolTip(self.tr("Speak (Ctrl+Enter)"))
        self.form.rows["reference"].editor.edited.connect(self._show_reference)
        services.board.stage_changed.connect(self._on_any_stage_changed)
        services.board.form_filled.connect(self._on_voice_given)
        services.player.failed.connect(self._on_player_failed)
        self.voice.currentIndexChanged.connect(self._on_voice_changed)
        self.text.textChanged.connect(self._saver.start)
        self._fill()

    def shown(self) -> None:
        """Looks for voices again."""
        self._find_voices(self._voice_name())

    def form_values(self) -> dict[str, JsonValue]:
        """The form's values, the text and the voice."""
        values = self.form.values()
        values.update(voice_values(self._chosen()))
        values["text"] = self.text.toPlainText().strip()
        return values

    def check(self) -> bool:
        """Whether there is a text, a voice and a reference."""
        extra = {**self.services.board.project.own_values(self.stage), "text": self.form_values()["text"]}
        if not self.form.validate(extra):
            return False
        voice = self._chosen()
        fault = ""
        if voice is None and not all(self.form.values().get(name) for name in WEIGHT_FIELDS):
            fault = self.tr("choose a voice, or both weight files")
        elif (voice is None or voice.reference is None) and not self.form.values().get("reference"):
            fault = self.tr("choose a reference recording: this voice brings none")
        self.form.set_extra_fault(self.tr("Voice"), fault)
        return not fault

    def start_job(self) -> Job:
        """Starts to speak into a new take."""
        path = take_path(self.services.board.project.workspace, datetime.now().astimezone())
        values = {**self.form_values(), "out": str(path)}
        self.services.player.stop()
        self._live = False
        self.result.show_text(self.tr("Getting ready to speak …"))
        job = self.services.board.start(self.stage, values)
        self._pending[job.id] = Take(
            number=len(self._takes) + 1, text=str(values["text"]), voice=self.voice.currentText(), path=path
        )
        return job

    def watch(self, job: Job) -> None:
        """Plays what comes, as it comes."""
        job.audio_received.connect(self._on_audio)
        job.ended.connect(self._on_speech_ended)

    def job_done(self, job: Job) -> None:
        """Shows the new take."""
        values = job.values
        path = Path(str(values.get("out")))
        take = self._pending.pop(job.id, None) or Take(
            number=len(self._takes) + 1,
            text=str(values.get("text")),
            voice=self.voice.currentText(),
            path=path,
        )
        self._takes.append(take)
        item = QListWidgetItem(f"{take.number} · {take.voice} · {take.text}")
        numbers = job.outcome.result.numbers if job.outcome and job.outcome.result else {}
        seed = self.tr("\nSeed: %d") % numbers["seed"] if "seed" in numbers else ""
        item.setToolTip(take.text + seed)
        item.setData(Qt.ItemDataRole.UserRole, str(take.path))
        self.takes.blockSignals(True)
        self.takes.insertItem(0, item)
        self.takes.setCurrentRow(0)
        self.takes.blockSignals(False)
        self.result.load(take.path)
        self.result.show_notice(self._silent)
        if self.services.player.state is not PlayerState.IDLE:
            self.result.mark_playing()
        self.save_button.setEnabled(True)

    @Slot()
    def stop(self) -> None:
        """Stops the speech and its sound."""
        self.services.player.stop()
        super().stop()

    def _start_words(self, state: WorkState) -> str:  # noqa: ARG002 - always the same word
        return self.tr("Speak")

    def _make_left(self) -> None:
        """Puts the voice and the reference above the form."""
        left = QWidget(self)
        layout = QVBoxLayout(left)
        layout.setContentsMargins(0, 0, 12, 0)
        self.voice.setAccessibleName(self.tr("Voice"))
        label = QLabel(self.tr("Voice"), left)
        label.setProperty("role", "heading")
        label.setBuddy(self.voice)
        heading = QLabel(self.tr("Reference"), left)
        heading.setProperty("role", "heading")
        line = QHBoxLayout()
        line.addWidget(heading)
        line.addWidget(self._ruler, 1)
        for view in (self.reference, self.result):
            view.wave.setMinimumHeight(56)
        self.reference.setMaximumHeight(112)
        self.voice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        top = QHBoxLayout()
        top.addWidget(label)
        top.addWidget(self.voice, 1)
        layout.addLayout(top)
        layout.addLayout(line)
        layout.addWidget(self.reference)
        layout.addWidget(self.form_area, 1)
        self.splitter.insertWidget(0, left)

    def _make_right(self) -> QWidget:
        right = QSplitter(Qt.Orientation.Vertical, self)
        right.setChildrenCollapsible(False)
        self.text.setPlaceholderText(self.tr("What is to be said?"))
        self.text.setAccessibleName(self.tr("Text"))
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(70)
        self.takes.setAccessibleName(self.tr("Takes of this session"))
        self.takes.setAlternatingRowColors(True)
        self.takes.setMinimumHeight(48)
        self.takes.currentItemChanged.connect(self._on_take_chosen)
        self.result.take_space(self.takes)
        self.save_button.setEnabled(False)
        self.save_button.setToolTip(self.tr("Save the chosen take (Ctrl+S)"))
        self.save_button.clicked.connect(self._on_save)
        for title, widget, extra in (
            (self.tr("Text"), self.text, None),
            (self.tr("Speech"), self.result, None),
            (self.tr("Takes of this session"), self.takes, self.save_button),
        ):
            right.addWidget(_titled(title, widget, extra))
        self.result.setMinimumHeight(RESULT_HEIGHT)
        right.setSizes([100, 200, 90])
        for place, share in enumerate((2, 3, 1)):
            right.setStretchFactor(place, share)
        return right

    def _fill(self) -> None:
        values = self.services.board.project.values(self.stage)
        self.text.setPlainText(
            str(values.get("text") or self.tr("The agent will call you back in a moment."))
        )
        self._saver.stop()
        self._find_voices(str(values.get("voice") or ""))

    def _voice_name(self) -> str:
        voice = self._chosen()
        return voice.name if voice is not None else ""

    def _find_voices(self, wanted: str) -> None:
        """Fills the list of voices and keeps the choice."""
        found = voices_of(self.services.board.project.workspace)
        by_folder = {str(voice.card.parent): voice.name for voice in found if voice.card is not None}
        place = same_voice(found, by_folder.get(wanted, wanted))
        if found != self._voices or self.voice.count() == 0:
            self._voices = found
            self.voice.blockSignals(True)
            self.voice.clear()
            self.voice.addItems([voice.name for voice in found])
            self.voice.addItem(self.tr("Weight files of my own …"))
            self.voice.blockSignals(False)
        chosen_by_hand = not wanted and bool(self.form.values().get("gpt"))
        self.voice.setCurrentIndex(place if place >= 0 else len(found) if chosen_by_hand else 0)
        self._on_voice_changed()

    def _chosen(self) -> Voice | None:
        place = self.voice.currentIndex()
        return self._voices[place] if 0 <= place < len(self._voices) else None

    @Slot()
    def _on_voice_changed(self) -> None:
        own = self._chosen() is None
        names = set(STAGES[self.stage].parameters.model_fields)
        self.form.show_only(names if own else names - WEIGHT_FIELDS)
        self._show_own_reference()
        self._show_reference()

    def _show_own_reference(self) -> None:
        """Says in the empty fields what the voice brings along."""
        voice = self._chosen()
        brings = voice is not None and voice.reference is not None
        own = {
            "reference": self.tr("the voice's own") if brings else "",
            "prompt_text": voice.prompt_text if voice is not None else "",
            "prompt_language": self._language_title(voice) if brings else "",
        }
        for name, words in own.items():
            self.form.rows[name].editor.set_placeholder(words)

    def _language_title(self, voice: Voice | None) -> str:
        language = voice.prompt_language if voice is not None else ""
        return self.tr(TEXT_MODES[language]) if language in TEXT_MODES else language

    @Slot()
    def _show_reference(self) -> None:
        """Shows the chosen reference, else the voice's own; nothing is read before the page is seen."""
        if not self.isVisible():
            return
        chosen = str(self.form.values().get("reference") or "")
        voice = self._chosen()
        path = Path(chosen) if chosen else voice.reference if voice is not None else None
        if path is None or not path.is_file():
            self._ruler.setText("")
            self.reference.load(None)
        elif path != self.reference.path:
            self.reference.load(path)

    @Slot(float)
    def _on_reference_loaded(self, length_s: float) -> None:
        if SHORTEST_S <= length_s <= LONGEST_S:
            role, words = "good", self.tr("✓ %.1f s, a good length") % length_s
        elif length_s < SHORTEST_S:
            role, words = "fault", self.tr("⚠ %.1f s, too short: 3 to 10 s are needed") % length_s
        else:
            role, words = "fault", self.tr("⚠ %.1f s, too long: 3 to 10 s are needed") % length_s
        self._ruler.setProperty("role", role)
        self._ruler.style().polish(self._ruler)
        self._ruler.setText(words)

    @Slot(bytes, int)
    def _on_audio(self, pcm: bytes, rate_hz: int) -> None:
        if not self._live:
            self._live = True
            self.result.show_text(self.tr("Speaking …"))
            self._silent = ""
            self.services.player.start_live(rate_hz)
        self.services.player.feed(pcm)

    @Slot(str, str)
    def _on_player_failed(self, message: str, hint: str) -> None:
        if self._live:
            self._silent = self.tr("%s The speech is made all the same. %s") % (message, hint)

    @Slot(object)
    def _on_speech_ended(self, _outcome: object) -> None:
        if self._live:
            self.services.player.finish_live()
            self._live = False
        job = self._watched
        if job is not None and job.state is not WorkState.DONE:
            self.result.show_text(self.tr("Nothing was said."))

    @Slot(QListWidgetItem, QListWidgetItem)
    def _on_take_chosen(self, current: QListWidgetItem | None, _previous: QListWidgetItem | None) -> None:
        if current is not None:
            self.result.load(Path(str(current.data(Qt.ItemDataRole.UserRole))))

    @Slot()
    def _on_save(self) -> None:
        item = self.takes.currentItem()
        if item is None:
            return
        take = Path(str(item.data(Qt.ItemDataRole.UserRole)))
        chosen, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save the take"), str(Path.home() / take.name), self.tr("WAV files (*.wav)")
        )
        if not chosen:
            return
        target = Path(chosen)
        try:
            save_take(take, target if target.suffix else target.with_suffix(".wav"))
        except EngineError as error:
            show_error(self, error)

    @Slot(str)
    def _on_any_stage_changed(self, stage: str) -> None:
        if stage in TRAININGS and self.services.board.record(stage).state is WorkState.DONE:
            self.shown()

    @Slot(str, str, str)
    def _on_voice_given(self, stage: str, field: str, value: str) -> None:
        if stage == self.stage and field == "voice":
            self._voices = ()  # a voice of the same name may be another one now
            self._find_voices(value)

    @Slot()
    def _on_project_opened(self) -> None:
        super()._on_project_opened()
        self._fill()


def _titled(title: str, widget: QWidget, extra: QWidget | None) -> QWidget:
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(12, 2, 0, 2)
    layout.setSpacing(4)
    label = QLabel(title, box)
    label.setProperty("role", "heading")
    label.setBuddy(widget)
    line = QHBoxLayout()
    line.addWidget(label)
    line.addStretch(1)
    if extra is not None:
        line.addWidget(extra)
    layout.addLayout(line)
    layout.addWidget(widget, 1)
    return box
