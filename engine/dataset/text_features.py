"""The stage `text_features` (1a): labels become phones, and Chinese text also vectors."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from engine.corpus.ledger import Ledger, fingerprint
from engine.corpus.manifests import TextRow, read_text_rows, write_text_lines
from engine.dataset.clips import LabelledClip, labelled_clips, nothing_left, tell
from engine.dataset.crew import Devices, Kept, in_groups, together, work_through
from engine.dataset.text_vectors import LANGUAGE, TextVectors, TextVectorStep, text_encoder_folder
from engine.protocol.context import Context
from engine.protocol.errors import BadParameters
from engine.protocol.files import remove_parts
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.stages.features import TextFeaturesParameters
from engine.protocol.workspace import Workspace
from engine.text.dictionary import Dictionary, Pronunciation, pronunciation_of
from engine.text.frontend import RULES, phonemize
from engine.text.symbols import is_sound

LEDGER: Final = "2-name2text.state.json"
_TEXTS_TOGETHER: Final = 16
_GROUPS_WORTH_A_PROCESS: Final = 8


def run(parameters: TextFeaturesParameters, context: Context) -> StageResult:
    """Writes `2-name2text.txt`; a line whose text is unchanged is taken over from the last time.

    Chinese clips get `3-bert/<clip>.pt` too, if the user has the text encoder.

    Raises:
        MissingFile: there is no label file.
        BadLabels: it is not UTF-8 text.
        NothingToDo: none of its lines can be used.
        BadParameters: there is no such device, or the experiment's name cannot be a folder's.
        MissingModel: a file of the text encoder is not there, though its folder is.
        BadCheckpoint: one is damaged.
        OutOfSpace: a file cannot be written.
        Cancelled: the user asked to stop.
    """
    workspace = parameters.workspace.absolute()
    experiment = Workspace(workspace).experiment(parameters.experiment)
    listed = labelled_clips(parameters.labels.absolute(), workspace)
    skipped = list(listed.skipped)
    tell(skipped, context)
    context.progress(0, len(listed.clips), "clips")  # before libraries are loaded, which may take seconds
    pronunciation = pronunciation_of(workspace)
    for problem in pronunciation.dictionary.problems:
        context.log(problem, "warning")
    work = _Lines(
        parameters=parameters,
        pronunciation=pronunciation,
        devices=Devices(parameters.gpu_numbers, parameters.device),
        context=context,
        clips=listed.clips,
        vectors=TextVectors(experiment=experiment, encoder=text_encoder_folder(Workspace(workspace))),
    )
    with Ledger(experiment.folder / LEDGER) as ledger:
        work.run(ledger)
    lines = [work.lines[clip.name] for clip in listed.clips if clip.name in work.lines]
    skipped += [work.faults[clip.name] for clip in listed.clips if clip.name in work.faults]
    if not lines:
        context.progress(len(listed.clips), len(listed.clips), "clips")
        raise nothing_left(f"No text in {parameters.labels} can be spoken.", skipped)
    write_text_lines(experiment.text_file, lines)
    context.artifact(experiment.text_file, "features")
    with Ledger(experiment.folder / LEDGER) as ledger:
        with_vectors = work.write_vectors(ledger)
    context.progress(work.total, work.total, "clips")
    written = [experiment.text_file, *([experiment.bert_folder] if with_vectors else [])]
    if with_vectors:
        context.artifact(experiment.bert_folder, "features")
    return StageResult(
        summary=f"The phones of {len(lines)} clips are in {experiment.text_file}.",
        artifacts=tuple(ArtifactRef(kind="features", path=str(path)) for path in written),
        skipped=tuple(skipped),
        numbers={"clips": len(lines), "unchanged": len(lines) - len(work.made)},
    )


@dataclass(frozen=True, slots=True)
class _PhonesStep:
    """Turns clips' texts into the manifest's lines.

    Attributes:
        version: Model version.
        words: The user's own pronunciations, by language; plain, so that they can travel.
        polyphones: As in Pronunciation.
        detector: As in Pronunciation.
    """

    version: str
    words: Mapping[str, Mapping[str, tuple[str, ...]]]
    polyphones: str | None
    detector: str | None

    def read(self, group: Sequence[LabelledClip]) -> Sequence[LabelledClip]:
        """There is nothing to read."""
        return group

    def make(self, ready: Sequence[LabelledClip], device: str, kept: Kept) -> list[str | Skipped]:  # noqa: ARG002 - texts need neither
        """The line of each clip, or why there is none."""
        words = {name: MappingProxyType(dict(entries)) for name, entries in self.words.items()}
        pronunciation = Pronunciation(
            dictionary=Dictionary(languages=MappingProxyType(words)),
            polyphones=self.polyphones,
            detector=self.detector,
        )
        return [_line(clip, self.version, pronunciation) for clip in ready]


@dataclass(slots=True, kw_only=True)
class _Lines:
    """The texts of a run, and what has become of them.

    Attributes:
        lines: Lines of the manifest, by clip.
        made: Names of the clips whose line is new.
        faults: Why the others are left out.
        total: What the progress counts: the clips, and once more those that get vectors.
    """

    parameters: TextFeaturesParameters
    pronunciation: Pronunciation
    devices: Devices
    context: Context
    clips: Sequence[LabelledClip]
    vectors: TextVectors
    lines: dict[str, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    faults: dict[str, Skipped] = field(default_factory=dict)
    total: int = 0
    _settled: int = 0

    def run(self, ledger: Ledger) -> None:
        """Gives every clip a line or a fault."""
        chinese = (
            sum(clip.row.language == LANGUAGE for clip in self.clips) if self.vectors.encoder_there else 0
        )
        self.total = len(self.clips) + chinese
        wanted = {clip.name: self._wanted(clip) for clip in self.clips}
        waiting = [clip for clip in self.clips if not self._there(clip, wanted[clip.name], ledger)]
        groups = in_groups(waiting, _TEXTS_TOGETHER)
        # Another process takes seconds to start, in which many texts are done; none needs a device.
        devices = ("cpu",) * min(self.devices.count, max(1, len(groups) // _GROUPS_WORTH_A_PROCESS))
        with contextlib.closing(work_through(self._step(), groups, devices, self.context)) as work:
            for number, made in work:
                for clip, line in zip(groups[number], made, strict=True):
                    if isinstance(line, Skipped):
                        self.faults[clip.name] = line
                        tell([line], self.context)
                    else:
                        ledger.record(clip.name, wanted[clip.name], note=line)
                        self.lines[clip.name] = line
                        self.made.add(clip.name)
                self._progress(len(made))

    def write_vectors(self, ledger: Ledger) -> int:
        """Text features of the Chinese clips; how many have them.

        Raises:
            MissingModel: a file of the text encoder is not there.
            BadCheckpoint: one is damaged.
            OutOfSpace: the vectors cannot be written.
        """
        rows = read_text_rows(self.vectors.experiment.text_file)
        chinese = {clip.name for clip in self.clips if clip.row.language == LANGUAGE}
        wanted = [rows[clip.name] for clip in self.clips if clip.name in chinese and clip.name in rows]
        for name in rows.keys() - chinese:
            self.vectors.forget(name, ledger)
        if not self.vectors.encoder_there:
            if wanted:
                self.context.log(self.vectors.where_to_put_it, "warning")
            return sum(self.vectors.still_fits(row, ledger) for row in wanted)
        remove_parts(self.vectors.experiment.bert_folder)
        waiting = [row for row in wanted if not self.vectors.there(row, ledger)]
        self._progress(len(wanted) - len(waiting))
        if waiting:
            self._write(waiting, ledger)
        return len(wanted)

    def _write(self, waiting: list[TextRow], ledger: Ledger) -> None:
        """Text features of clips that lack them."""
        devices = self.devices.names
        if together(devices) > 1:
            waiting.sort(key=lambda row: (len(row.norm_text), row.name))
        groups = in_groups(waiting, together(devices))
        tasks = [[self.vectors.task(row) for row in group] for group in groups]
        step = TextVectorStep(encoder=self.vectors.encoder)
        with contextlib.closing(work_through(step, tasks, devices, self.context)) as work:
            for number, _ in work:
                for row in groups[number]:
                    self.vectors.record(row, ledger)
                self._progress(len(groups[number]))

    def _there(self, clip: LabelledClip, wanted: str, ledger: Ledger) -> bool:
        """Whether the line is known from an earlier time."""
        self.context.check_cancelled()
        known = ledger.entry(clip.name)
        if known is None or not known.note or not ledger.done(clip.name, wanted):
            self._progress(0)
            return False
        self.lines[clip.name] = known.note
        self._progress(1)
        return True

    def _wanted(self, clip: LabelledClip) -> str:
        return fingerprint(
            RULES,
            self.parameters.version,
            clip.row.language,
            clip.row.text,
            self.pronunciation.polyphones if clip.row.language == LANGUAGE else None,
            *self.pronunciation.dictionary.matching(clip.row.text, clip.row.language),
        )

    def _step(self) -> _PhonesStep:
        languages = self.pronunciation.dictionary.languages
        return _PhonesStep(
            self.parameters.version,
            {name: dict(entries) for name, entries in languages.items()},
            self.pronunciation.polyphones,
            self.pronunciation.detector,
        )

    def _progress(self, more: int) -> None:
        self._settled += more
        self.context.progress(self._settled, self.total, "clips")


def _line(clip: LabelledClip, version: str, pronunciation: Pronunciation) -> str | Skipped:
    """The manifest's line of a clip, or why there is none."""
    place = f"Line {clip.row.line}"
    try:
        spoken = phonemize(clip.row.text, clip.row.language, version, pronunciation)
    except BadParameters as error:
        return Skipped(name=clip.name, reason=f"{place}: {error.message}")
    if not any(map(is_sound, spoken.phones)):
        return Skipped(name=clip.name, reason=f"{place}: nothing in its text can be spoken.")
    return TextRow(
        name=clip.name, phones=spoken.phones, word2ph=spoken.word2ph, norm_text=spoken.norm_text
    ).as_line()
