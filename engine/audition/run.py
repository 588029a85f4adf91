"""The stage `audition`: every save of an experiment says the same sentences, and is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from engine.audio.io import probe, read_audio
from engine.audition.likeness import TrainedVoice, best_ear, hear_clips
from engine.audition.mistakes import error_rate
from engine.audition.script import Script, make_script
from engine.corpus.ledger import file_mark, fingerprint, folder_mark
from engine.protocol.auditions import (
    Audition,
    AuditionLine,
    Heard,
    audition_folder,
    read_audition,
    read_auditions,
    recommend,
    write_audition,
)
from engine.protocol.context import Context
from engine.protocol.errors import BadAudio, BadCheckpoint, BadParameters, MissingModel, NothingToDo
from engine.protocol.exports import Export, gpt_exports, newest, sovits_exports
from engine.protocol.results import Skipped, StageResult, artifacts
from engine.protocol.stages.audition import AuditionParameters
from engine.protocol.stages.dataset import Precision
from engine.protocol.stages.speech import SpeakParameters
from engine.protocol.versions import VERSIONS, ModelVersion
from engine.protocol.workspace import Experiment, Workspace

if TYPE_CHECKING:
    from engine.dataset.whisper import Recogniser
    from engine.infer.speak import SpeakPlan

ASR_ORDER: Final = ("small", "base", "medium", "large-v3-turbo", "large-v3", "tiny")
"""Which model is taken when none is named: good enough, and not slow."""

FIGURES: Final = "figures 1"
"""Changes with how the figures are taken."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A GPT and a SoVITS that speak together."""

    gpt: Export
    sovits: Export

    @property
    def folder_name(self) -> str:
        """Name of the folder of what it says."""
        return f"sovits-{self.sovits.mark}_gpt-{self.gpt.mark}"

    @property
    def title(self) -> str:
        """The pair for people."""
        return f"{self.sovits.path.name} with {self.gpt.path.name}"


def run(parameters: AuditionParameters, context: Context) -> StageResult:
    """Lets the pairs speak, then measures what they said; what is done and unchanged is left alone.

    First all speak, then one ear after the other listens, so that no two large networks are in memory.

    Raises:
        NothingToDo: there is no pair of weights, no sentence, or no clip to take as reference.
        MissingFile: the label file or the reference is not there.
        MissingModel: the Whisper model that is named is not there; or models that the version needs.
        OutOfMemory: the memory was not enough.
        OutOfSpace: a sound or report cannot be written.
        Cancelled: the user stopped; what is finished stays.
    """
    work = _Work.of(parameters, context)
    heard = work.speak()
    heard = work.measure(heard)
    return work.result(heard)


def choose_pairs(gpts: Sequence[Export], sovits: Sequence[Export], *, every: bool) -> list[Pair]:
    """Every pair; or each with the newest save of the other kind. The newest pair comes first."""
    pairs = [Pair(gpt=gpt, sovits=other) for other in reversed(sovits) for gpt in reversed(gpts)]
    if every:
        return pairs
    last_gpt, last_sovits = newest(gpts), newest(sovits)
    return [pair for pair in pairs if pair.gpt is last_gpt or pair.sovits is last_sovits]


@dataclass(slots=True)
class _Work:
    """The pairs of an experiment and what is known of them."""

    parameters: AuditionParameters
    context: Context
    workspace: Workspace
    version: ModelVersion
    pairs: list[Pair]
    script: Script
    skipped: list[Skipped]
    steps_done: int = 0
    unchanged: int = 0

    @classmethod
    def of(cls, parameters: AuditionParameters, context: Context) -> _Work:
        workspace = Workspace(parameters.workspace.absolute())
        version = VERSIONS[parameters.version]
        experiment = workspace.experiment(parameters.experiment)
        gpts = gpt_exports(workspace, version, experiment.name)
        sovits = sovits_exports(workspace, version, experiment.name)
        if not gpts or not sovits:
            missing = " and ".join(name for name, found in (("GPT", gpts), ("SoVITS", sovits)) if not found)
            raise NothingToDo(
                f"There are no {missing} weights of the experiment {experiment.name!r} ({version.name}) yet.",
                hint="Both trainings have to save at least once before they can be heard.",
            )
        return cls(
            parameters=parameters,
            context=context,
            workspace=workspace,
            version=version,
            pairs=choose_pairs(gpts, sovits, every=parameters.every_pair),
            script=make_script(parameters, experiment),
            skipped=[],
        )

    def speak(self) -> list[Heard]:
        """What every pair says; a pair whose files cannot be used is told and left out."""
        heard = []
        quiet = _Quiet(self.context)  # keeps a voice's networks until all have spoken
        for pair in self.pairs:
            self.context.check_cancelled()
            try:
                heard.append(self._one(pair, quiet))
            except (BadCheckpoint, BadAudio) as error:
                self.context.log(f"{pair.title} was not heard: {error.message}", "warning")
                self.skipped.append(Skipped(name=pair.title, reason=error.message))
                self._advance(len(self.script.texts))
        if not heard:
            raise NothingToDo(
                "None of the pairs of weights could speak.",
                hint="Look at the reasons in the log; train again if the files are damaged.",
                detail="\n".join(f"{one.name}: {one.reason}" for one in self.skipped),
            )
        return heard

    def _one(self, pair: Pair, quiet: _Quiet) -> Heard:
        from engine.infer.speak import make_plan

        folder = audition_folder(self._experiment, self.version) / pair.folder_name
        plan = make_plan(self._line(pair, self.script.texts[0], folder / "1.wav"))
        wanted = self._fingerprint(
            file_mark(pair.gpt.path),
            file_mark(pair.sovits.path),
            file_mark(self.script.reference),
            folder_mark(plan.files.content_encoder),
            *self.script.texts,
            self.script.language,
            self.script.prompt_text,
            self.script.prompt_language,
            self.parameters.seed,
        )
        known = read_audition(folder)
        if known is not None and known.spoken_from == wanted and _complete(folder, known):
            self.unchanged += 1
            self._advance(len(known.lines))
            return Heard(folder=folder, audition=known)
        lines = tuple(self._lines(pair, folder, quiet))
        audition = self._report(pair, lines, plan, wanted)
        self._tell(folder, audition)
        return Heard(folder=folder, audition=audition)

    def _lines(self, pair: Pair, folder: Path, quiet: _Quiet) -> Iterator[AuditionLine]:
        from engine.infer.speak import run as speak

        for number, text in enumerate(self.script.texts, 1):
            self.context.check_cancelled()
            sound = folder / f"{number}.wav"
            result = speak(self._line(pair, text, sound), quiet)
            self._advance(1)
            yield AuditionLine(text=text, sound=sound.name, seconds=round(result.numbers["seconds"], 3))

    def _line(self, pair: Pair, text: str, sound: Path) -> SpeakParameters:
        return SpeakParameters(
            text=text,
            language=self.script.language,
            gpt=pair.gpt.path,
            sovits=pair.sovits.path,
            version=self.version.name,
            reference=self.script.reference,
            prompt_text=self.script.prompt_text,
            prompt_language=self.script.prompt_language,
            out=sound,
            workspace=self.workspace.root,
            seed=self.parameters.seed,
            device=self.parameters.device,
        )

    def _report(self, pair: Pair, lines: tuple[AuditionLine, ...], plan: SpeakPlan, wanted: str) -> Audition:
        return Audition(
            gpt=pair.gpt.path.name,
            gpt_epoch=pair.gpt.epoch,
            sovits=pair.sovits.path.name,
            sovits_epoch=pair.sovits.epoch,
            version=self.version.name,
            language=self.script.language,
            lines=lines,
            reference=self._place(self.script.reference),
            prompt_text=self.script.prompt_text,
            prompt_language=self.script.prompt_language,
            content_encoder=self._place(plan.files.content_encoder),
            spoken_from=wanted,
        )

    def measure(self, heard: list[Heard]) -> list[Heard]:
        """The reports with their figures; those that have them from the same ears stay."""
        ear, model = best_ear(self.workspace), self._model()
        mark = self._fingerprint(ear.mark, folder_mark(model) if model else "", FIGURES)
        due = [one for one in heard if one.audition.measured_by != mark]
        self._advance(2 * sum(len(one.audition.lines) for one in heard if one not in due))
        if not due:
            return heard
        voice = hear_clips(self._experiment, ear)
        alike = {one.folder: self._alike(one, voice) for one in due}
        made = {}
        for one, read in zip(due, self._read(due, model), strict=True):
            lines = tuple(
                line.model_copy(update={"similarity": likeness, "heard": text, "error": error})
                for line, likeness, (text, error) in zip(
                    one.audition.lines, alike[one.folder], read, strict=True
                )
            )
            audition = one.audition.model_copy(
                update={
                    "lines": lines,
                    "encoder": ear.name if voice is not None else "",
                    "own_similarity": voice.own if voice is not None else None,
                    "recogniser": model.name if model is not None else "",
                    "measured_by": mark,
                }
            )
            self._tell(one.folder, audition)
            made[one.folder] = Heard(folder=one.folder, audition=audition)
        return [made.get(one.folder, one) for one in heard]

    def _alike(self, one: Heard, voice: TrainedVoice | None) -> list[float | None]:
        found = []
        for number in range(len(one.audition.lines)):
            self.context.check_cancelled()
            found.append(voice.likeness(one.sound(number)) if voice is not None else None)
            self._advance(1)
        return found

    def _read(
        self, due: Sequence[Heard], model: Path | None
    ) -> Iterator[list[tuple[str | None, float | None]]]:
        """What is heard in every line, and the share of it that is wrong."""
        recogniser = self._recogniser(model) if model is not None else None
        for one in due:
            read: list[tuple[str | None, float | None]] = []
            for number, line in enumerate(one.audition.lines):
                self.context.check_cancelled()
                read.append(
                    self._words(recogniser, one.sound(number), line.text) if recogniser else (None, None)
                )
                self._advance(1)
            yield read

    def _words(self, recogniser: Recogniser, sound: Path, text: str) -> tuple[str, float]:
        from engine.dataset.whisper import RATE_HZ

        language = spoken_language(self.script.language)
        heard = recogniser.hear(read_audio(sound, RATE_HZ), language, self.context.check_cancelled)
        return heard.text, round(error_rate(text, heard.text, language or heard.language), 4)

    def _model(self) -> Path | None:
        """The folder of the model that was named; else one that is there; None without."""
        from engine.dataset.whisper import model_folder

        if self.parameters.model:
            return model_folder(self.parameters.model, self.workspace)
        for size in ASR_ORDER:
            try:
                return model_folder(size, self.workspace)
            except MissingModel:
                continue
        self.context.log(
            f"Words are not checked: there is no Whisper model in {self.workspace.asr_models}.", "warning"
        )
        return None

    def _recogniser(self, model: Path) -> Recogniser:
        from engine.dataset.whisper import Recogniser

        try:
            return Recogniser(model, Precision.INT8)
        except BadParameters:  # a device that cannot do it
            return Recogniser(model, Precision.FLOAT32)

    def result(self, heard: Sequence[Heard]) -> StageResult:
        """What came of it, and which pair to take."""
        recommended = recommend(read_auditions(self._experiment, self.version))
        pairs = "1 pair" if len(heard) == 1 else f"{len(heard)} pairs"
        summary = f"{pairs} of weights spoke {len(self.script.texts)} sentences."
        numbers: dict[str, float] = {"pairs": len(heard), "unchanged": self.unchanged}
        if recommended is not None:
            summary += f" {recommended.reason}"
            best = recommended.best.audition
            numbers |= {"best_gpt_epoch": best.gpt_epoch, "best_sovits_epoch": best.sovits_epoch}
            numbers |= {"error": best.error} if best.error is not None else {}
            numbers |= {"similarity": best.similarity} if best.similarity is not None else {}
        self.context.progress(self._total, self._total, "sentences")
        return StageResult(
            summary=summary,
            artifacts=artifacts("audition", (one.folder for one in heard)),
            skipped=tuple(self.skipped),
            numbers=numbers,
        )

    @property
    def _experiment(self) -> Experiment:
        return self.workspace.experiment(self.parameters.experiment)

    @property
    def _total(self) -> int:
        """Each sentence is spoken, compared and read."""
        return 3 * len(self.pairs) * len(self.script.texts)

    def _advance(self, count: int) -> None:
        self.steps_done += count
        self.context.progress(self.steps_done / 3, self._total / 3, "sentences")

    def _tell(self, folder: Path, audition: Audition) -> None:
        write_audition(folder, audition)
        self.context.artifact(folder, "audition")

    def _fingerprint(self, *parts: object) -> str:
        """A digest that stays when the workspace is moved with its files' times."""
        return fingerprint(*(str(part).replace(str(self.workspace.root), "") for part in parts))

    def _place(self, path: Path) -> str:
        """A path below the workspace as seen from there, so that the workspace can move."""
        whole = path.absolute()
        root = self.workspace.root
        return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)


def spoken_language(mode: str) -> str | None:
    """The language that speech recognition is told; None lets it find out."""
    code = mode.removeprefix("all_")
    return {"auto": None, "auto_yue": None, "yue": "zh"}.get(code, code)


def _complete(folder: Path, audition: Audition) -> bool:
    for line in audition.lines:
        path = folder / line.sound
        if not path.is_file() or abs(_length_s(path) - line.seconds) > 0.01:
            return False
    return True


def _length_s(path: Path) -> float:
    try:
        return probe(path).duration_s
    except BadAudio:
        return 0.0


class _Quiet:
    """A context that hands on nothing but warnings and the wish to stop, and keeps its own objects."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: dict[str, object] = {}

    def progress(self, done: float, total: float, unit: str) -> None:
        """A sentence's own progress is not shown."""

    def metric(self, values: Mapping[str, float], step: int) -> None:
        """There are none."""

    def log(self, text: str, level: str = "info") -> None:
        """Hands warnings on."""
        if level != "info":
            self._context.log(text, level)

    def artifact(self, path: Path, kind: str) -> None:
        """Only whole pairs are told."""

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Nobody listens yet."""

    def check_cancelled(self) -> None:
        """Raises Cancelled once the user has asked to stop."""
        self._context.check_cancelled()

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """The object made under `key` earlier, or a new one; gone with this context."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]  # type: ignore[return-value]
