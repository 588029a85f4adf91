"""The stage `transcribe`: what is said in every clip of a folder, as a `.list` file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.audio.io import read_audio, require_sound
from engine.corpus.ledger import file_mark, fingerprint, folder_mark
from engine.dataset.file_work import tell
from engine.dataset.listening import RATE_HZ, Heard, Listener
from engine.dataset.sources import find_sounds
from engine.dataset.whisper import Recogniser, model_folder
from engine.protocol.context import Context
from engine.protocol.errors import BadAudio, BadParameters, MissingFile, NothingToDo
from engine.protocol.files import replacing
from engine.protocol.label_list import LabelRow, write_labels
from engine.protocol.languages import LABEL_LANGUAGES
from engine.protocol.recognisers import RECOGNISERS
from engine.protocol.recognisers import Recogniser as Engine
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.sources import list_name, speaker_name, told
from engine.protocol.stages.dataset import TranscribeParameters
from engine.protocol.transcripts import Transcript, read_transcripts, transcripts_beside, write_transcripts
from engine.protocol.workspace import Workspace

_SAVE_EVERY: Final = 20
_FORBIDDEN: Final = str.maketrans({"|": " ", "\n": " ", "\r": " "})

Hear = Callable[[Path], tuple[Heard, float]]


def run(parameters: TranscribeParameters, context: Context) -> StageResult:
    """Transcribes every sound file of a folder into `<output>/<folder's name>.list`, or files that are named.

    Clips that were transcribed before with the same model and settings are not heard again. An
    older `.list` is kept as `.list.bak`.

    Raises:
        MissingFile: the folder or file is not there.
        NothingToDo: there is no sound file, or nothing was said in any.
        MissingModel: the model is not there; the hint says where it belongs.
        BadParameters: the engine does not have this language, size or precision.
        BadCheckpoint: a file of the model is damaged, or belongs to another one.
        OutOfMemory: the model does not fit.
        OutOfSpace: the label file cannot be written.
        Cancelled: the user asked to stop; what was heard is kept for the next time.
    """
    language = _language(parameters)
    found = find_sounds(parameters.input)
    tell(found.faults, context)
    clips = list(found.files)
    engine = _engine(parameters, language)
    labels = parameters.output.absolute() / list_name(parameters.input)
    settings = fingerprint(*map(folder_mark, engine.folders), engine.manner, language, "with words")

    def hear(clip: Path) -> tuple[Heard, float]:
        samples = read_audio(clip, RATE_HZ, lambda text: context.log(text, "warning"))
        require_sound(samples, clip)
        listener = context.keep(engine.key, lambda: engine.load(context))
        asked = None if language == "auto" else language
        return listener.hear(samples, asked, context.check_cancelled), samples.size / RATE_HZ

    work = _Work(clips=clips, settings=settings, notes=transcripts_beside(labels))
    work.skipped += found.skipped
    work.listen(hear, context)
    rows = work.rows((parameters.speaker or speaker_name(parameters.input)).translate(_FORBIDDEN).strip())
    if not rows:
        raise NothingToDo(
            f"Nothing was understood in any of the {len(clips)} files in {told(parameters.input)}.",
            hint="Listen to one of them; if there is speech in it, try a larger model.",
            detail="\n".join(f"{entry.name}: {entry.reason}" for entry in work.skipped),
        )
    _back_up(labels)
    write_labels(labels, rows)
    context.artifact(labels, "labels")
    seconds = sum(work.known[Path(row.path).name].seconds for row in rows)
    return StageResult(
        summary=f"{len(rows)} of {len(clips)} clips ({seconds:.0f} s) are written down in {labels}.",
        artifacts=(ArtifactRef(kind="labels", path=str(labels)),),
        skipped=tuple(work.skipped),
        numbers={"clips": len(rows), "seconds": round(seconds, 3), "unchanged": work.unchanged},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Engine:
    """Who listens.

    Attributes:
        folders: The models that it takes.
        manner: What else changes what it hears.
        load: Makes it.
    """

    folders: tuple[Path, ...]
    manner: str
    load: Callable[[Context], Listener]

    @property
    def key(self) -> str:
        """A name for the loaded engine."""
        return " ".join((self.manner, *map(str, self.folders)))


def _language(parameters: TranscribeParameters) -> str:
    """The language that is asked for: `auto`, or one that the engine knows."""
    choices = RECOGNISERS[parameters.engine]
    given = parameters.language if "language" in parameters.model_fields_set else choices.languages[0]
    if given not in choices.languages:
        raise BadParameters(
            f"The language {given!r} is not known to {choices.title}.",
            hint=f"Choose one of: {', '.join(choices.languages)}.",
        )
    return given


def _engine(parameters: TranscribeParameters, language: str) -> _Engine:
    """The engine that is asked for, once its models are there."""
    workspace = Workspace(parameters.workspace.absolute())
    if parameters.engine is not Engine.WHISPER:
        return _funasr(parameters, language, workspace)
    model = model_folder(parameters.model, workspace)
    precision = parameters.precision
    return _Engine(folders=(model,), manner=precision.value, load=lambda _: Recogniser(model, precision))


def _funasr(parameters: TranscribeParameters, language: str, workspace: Workspace) -> _Engine:
    from engine.dataset.funasr_listener import FunAsrListener, funasr_paths

    choices = RECOGNISERS[parameters.engine]
    given = parameters.model if "model" in parameters.model_fields_set else choices.sizes[0]
    own = Path(given).absolute() if Path(given).is_dir() else None
    if own is None and given not in choices.sizes:
        raise BadParameters(
            f"{choices.title} has no size {given!r}, and there is no such folder.",
            hint=f"Choose the folder of a model, or one of: {', '.join(choices.sizes)}.",
        )
    asked = parameters.precision
    if "precision" in parameters.model_fields_set and asked not in choices.precisions:
        raise BadParameters(
            f"{choices.title} does not work in {asked.value}.",
            hint=f"Choose one of: {', '.join(choices.precisions)}.",
        )
    paths = funasr_paths(choices.folders[language], workspace.asr_models.absolute(), own)

    def load(context: Context) -> Listener:
        context.log(f"{choices.title} is being loaded; that takes a while.")
        made = FunAsrListener(paths)
        for name, missing in made.missing.items():
            context.log(f"The {name} has no weights for {', '.join(missing)}.", "warning")
        return made

    return _Engine(folders=paths.all, manner=parameters.engine.value, load=load)


@dataclass(slots=True)
class _Work:
    """The clips of a folder and what is known of them."""

    clips: list[Path]
    settings: str
    notes: Path
    known: dict[str, Transcript] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    unchanged: int = 0

    def listen(self, hear: Hear, context: Context) -> None:
        """Hears every clip that is not known; what was heard is saved, also when it stops early."""
        before = read_transcripts(self.notes)
        try:
            for number, clip in enumerate(self.clips):
                context.check_cancelled()
                context.progress(number, len(self.clips), "files")
                self._one(clip, before, hear, context)
                if number % _SAVE_EVERY == _SAVE_EVERY - 1:
                    write_transcripts(self.notes, before | self.known)
        finally:
            write_transcripts(self.notes, before | self.known)
        write_transcripts(self.notes, self.known)
        context.progress(len(self.clips), len(self.clips), "files")

    def _one(self, clip: Path, before: dict[str, Transcript], hear: Hear, context: Context) -> None:
        mark = fingerprint(file_mark(clip), self.settings)
        old = before.get(clip.name)
        if old is not None and old.fingerprint == mark:
            self.known[clip.name] = old
            self.unchanged += 1
            return
        try:
            heard, seconds = hear(clip)
        except (BadAudio, MissingFile) as error:
            self.skipped.append(Skipped(name=clip.name, reason=error.message))
            context.log(error.message, "warning")
            return
        self.known[clip.name] = Transcript(
            fingerprint=mark,
            language=heard.language,
            text=heard.text.translate(_FORBIDDEN).strip(),
            seconds=round(seconds, 3),
            avg_logprob=heard.avg_logprob,
            no_speech=heard.no_speech,
            words=heard.words,
        )
        context.log(f"{clip.name} ({seconds:.1f} s): {heard.text}")

    def rows(self, speaker: str) -> list[LabelRow]:
        """The label of every clip that can have one; the others are listed as skipped."""
        made = []
        for clip in self.clips:
            known = self.known.get(clip.name)
            if known is None:
                continue
            if reason := _unfit(clip, known):
                self.skipped.append(Skipped(name=clip.name, reason=reason))
                continue
            made.append(LabelRow(path=str(clip), speaker=speaker, language=known.language, text=known.text))
        return made


def _unfit(clip: Path, known: Transcript) -> str:
    """Why a clip can have no label; empty when it can."""
    if not known.text:
        return "Nothing was said in it."
    if known.language not in LABEL_LANGUAGES:
        return f"It sounds like the language {known.language!r}; choose the language if that is wrong."
    if any(mark in str(clip) for mark in "|\n\r"):
        return "Its path holds a '|' or a line break, which a .list file cannot keep."
    return ""


def _back_up(labels: Path) -> None:
    """Keeps the label file that is about to be replaced."""
    if not labels.is_file():
        return
    backup = labels.with_name(f"{labels.name}.bak")
    with replacing(backup) as temporary:
        shutil.copyfile(labels, temporary)
