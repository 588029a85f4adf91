"""The stage `ssl_features` (1b): 32 kHz copies of the clips, what is said in them, and who speaks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.corpus.ledger import Ledger, file_mark, fingerprint, folder_mark, size_of
from engine.dataset.clips import LabelledClip, labelled_clips, missing, nothing_left, tell
from engine.dataset.content_step import ClipReport, ContentStep, ContentTask
from engine.dataset.crew import Devices, in_groups, together, work_through
from engine.dataset.speaker_vectors import SpeakerStep, SpeakerVectors, require_speaker_encoder
from engine.protocol.builtin import pretrained
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint, MissingModel
from engine.protocol.files import remove_parts
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.stages.features import SslFeaturesParameters
from engine.protocol.versions import version as model_version
from engine.protocol.workspace import Experiment, Workspace

LEDGER: Final = "4-cnhubert.state.json"


def run(parameters: SslFeaturesParameters, context: Context) -> StageResult:
    """Writes `5-wav32k/<clip>` and `4-cnhubert/<clip>.pt`; clips that are unchanged are left as they are.

    Versions with a speaker embedding get `7-sv_cn/<clip>.pt` too. Features that the original made
    are taken over.

    Raises:
        MissingFile: there is no label file.
        BadLabels: it is not UTF-8 text.
        MissingModel: there is no content encoder, or no speaker encoder where one is needed.
        NothingToDo: none of the clips can be used.
        BadParameters: there is no such device, or the experiment's name cannot be a folder's.
        OutOfSpace: a file cannot be written.
        Cancelled: the user asked to stop; what is done stays.
    """
    workspace = Workspace(parameters.workspace.absolute())
    experiment = workspace.experiment(parameters.experiment)
    folder = parameters.clips.absolute() if parameters.clips else None
    listed = labelled_clips(parameters.labels.absolute(), workspace.root, folder)
    skipped = list(listed.skipped)
    tell(skipped, context)
    context.progress(0, len(listed.clips), "clips")  # before libraries are loaded, which may take seconds
    work = _Work(
        experiment=experiment,
        encoder=_encoder_folder(parameters, workspace),
        speakers=_speakers(parameters, workspace),
        devices=Devices(parameters.gpu_numbers, parameters.device),
        context=context,
        clips=listed.clips,
    )
    with Ledger(experiment.folder / LEDGER, experiment.folder) as ledger:
        work.run(ledger)
    done = len(work.usable)
    skipped += [work.faults[clip.name] for clip in listed.clips if clip.name in work.faults]
    context.progress(len(listed.clips), len(listed.clips), "clips")
    if not done:
        raise nothing_left(f"No clip of {parameters.labels} can be used.", skipped)
    for made_folder in work.folders:
        context.artifact(made_folder, "features")
    return StageResult(
        summary=f"The content features of {done} clips are in {experiment.ssl_folder}.",
        artifacts=tuple(ArtifactRef(kind="features", path=str(path)) for path in work.folders),
        skipped=tuple(skipped),
        numbers={"clips": done, "unchanged": len(work.usable - work.made)},
    )


def _encoder_folder(parameters: SslFeaturesParameters, workspace: Workspace) -> Path:
    chosen = (
        parameters.content_encoder or pretrained(workspace, model_version(parameters.version)).content_encoder
    )
    folder = chosen.absolute()
    if not folder.is_dir():
        raise MissingModel(
            f"There is no content encoder at {folder}.",
            hint="Choose the folder of a HuBERT model, or put it there.",
        )
    return folder


def _speakers(parameters: SslFeaturesParameters, workspace: Workspace) -> SpeakerVectors | None:
    facts = model_version(parameters.version)
    if not facts.speaker_embedding:
        return None
    weights = parameters.speaker_encoder or pretrained(workspace, facts).speaker_encoder
    return SpeakerVectors(
        experiment=workspace.experiment(parameters.experiment),
        weights=require_speaker_encoder(weights.absolute() if weights else None),
    )


@dataclass(slots=True, kw_only=True)
class _Work:
    """The clips of a run, and what has become of them.

    Attributes:
        usable: Names of the clips whose files are all there.
        made: Names of those for which anything had to be made.
        faults: Why the others are left out.
    """

    experiment: Experiment
    encoder: Path
    speakers: SpeakerVectors | None
    devices: Devices
    context: Context
    clips: Sequence[LabelledClip]
    usable: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    faults: dict[str, Skipped] = field(default_factory=dict)
    _settled: int = 0

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where everything goes."""
        both = (self.experiment.wav_folder, self.experiment.ssl_folder)
        return both if self.speakers is None else (*both, self.experiment.speaker_folder)

    def run(self, ledger: Ledger) -> None:
        """Copies and content features first, then the speakers."""
        for folder in self.folders:
            remove_parts(folder)
        self._contents(ledger)
        if self.speakers is not None:
            self._speakers(self.speakers, ledger)

    def _contents(self, ledger: Ledger) -> None:
        mark = folder_mark(self.encoder)
        waiting = [clip for clip in self.clips if not self._content_there(clip, mark, ledger)]
        if not waiting:
            return
        marks = {clip.name: fingerprint(file_mark(clip.path), mark) for clip in waiting}
        groups = in_groups(self._by_length(waiting), together(self.devices.names))
        tasks = [[self._task(clip) for clip in group] for group in groups]
        work = work_through(ContentStep(encoder=self.encoder), tasks, self.devices.names, self.context)
        with contextlib.closing(work):
            for number, reports in work:
                for clip, report in zip(groups[number], reports, strict=True):
                    self._take(clip, report)
                    if not report.fault:
                        ledger.record(clip.name, marks[clip.name], self._places(clip))

    def _content_there(self, clip: LabelledClip, mark: str, ledger: Ledger) -> bool:
        """Whether nothing is left to do for a clip."""
        self.context.check_cancelled()
        self._progress()
        if not clip.path.is_file():
            self._leave_out(clip, missing(clip))
            self._settled += 1
            return True
        copy, features = self._places(clip)
        wanted = fingerprint(file_mark(clip.path), mark)
        if not ledger.done(clip.name, wanted):
            if ledger.entry(clip.name) is not None or not _taken_over(copy, features):
                features.unlink(missing_ok=True)  # of another recording: nobody may learn from it
                return False
            ledger.record(clip.name, wanted, [copy, features])
        self.usable.add(clip.name)
        self._settled += 1
        return True

    def _by_length(self, clips: list[LabelledClip]) -> list[LabelledClip]:
        """The order in which clips that are heard together are about equally long."""
        if together(self.devices.names) == 1:
            return clips
        return sorted(clips, key=lambda clip: (size_of(clip.path), clip.name))

    def _speakers(self, speakers: SpeakerVectors, ledger: Ledger) -> None:
        clips = [clip for clip in self.clips if clip.name in self.usable]
        waiting = [clip for clip in clips if not self._vector_there(speakers, clip, ledger)]
        if not waiting:
            return
        step = SpeakerStep(encoder=speakers.weights)
        tasks = [[speakers.task(clip.name)] for clip in waiting]
        work = work_through(step, tasks, self.devices.names, self.context)
        with contextlib.closing(work):
            for number, (report,) in work:
                clip = waiting[number]
                self._take(clip, report)
                if not report.fault:
                    speakers.record(clip.name, ledger)

    def _vector_there(self, speakers: SpeakerVectors, clip: LabelledClip, ledger: Ledger) -> bool:
        self.context.check_cancelled()
        self._progress()
        there = speakers.there(clip.name, ledger)
        self._settled += there
        return there

    def _take(self, clip: LabelledClip, report: ClipReport) -> None:
        for warning in report.warnings:
            self.context.log(warning, "warning")
        if report.fault:
            self._leave_out(clip, Skipped(name=clip.name, reason=f"Line {clip.row.line}: {report.fault}"))
        else:
            self.usable.add(clip.name)
            self.made.add(clip.name)
        self._settled += 1
        self._progress()

    def _leave_out(self, clip: LabelledClip, why: Skipped) -> None:
        tell([why], self.context)
        self.usable.discard(clip.name)
        self.made.discard(clip.name)
        self.faults[clip.name] = why

    def _progress(self) -> None:
        passes = 1 if self.speakers is None else 2
        self.context.progress(self._settled / passes, len(self.clips), "clips")

    def _places(self, clip: LabelledClip) -> tuple[Path, Path]:
        return self.experiment.wav_folder / clip.name, self.experiment.ssl_folder / f"{clip.name}.pt"

    def _task(self, clip: LabelledClip) -> ContentTask:
        copy, features = self._places(clip)
        return ContentTask(source=clip.path, copy=copy, features=features)


def _taken_over(copy: Path, features: Path) -> bool:
    """Whether both files are there from elsewhere and can be read."""
    from engine.checkpoints.tensors import read_tensor

    if size_of(copy) <= 0 or size_of(features) <= 0:
        return False
    try:
        return read_tensor(features).dim() == 3  # (1, C, T)
    except BadCheckpoint:
        return False
