"""The stage `ssl_features` (1b): 32 kHz copies of the clips, what is said in them, and who speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.audio.io import read_audio, write_wav
from engine.audio.levels import training_copy
from engine.audio.resample import Samples, resample
from engine.corpus.ledger import Ledger, file_mark, fingerprint, folder_mark, size_of
from engine.dataset.clips import LabelledClip, labelled_clips, missing, nothing_left, tell
from engine.dataset.speaker_vectors import SpeakerVectors, require_speaker_encoder
from engine.modules.device import choose_device
from engine.protocol.builtin import pretrained
from engine.protocol.context import Context
from engine.protocol.errors import BadAudio, BadCheckpoint, MissingFile, MissingModel
from engine.protocol.files import replacing
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.stages.features import SslFeaturesParameters
from engine.protocol.versions import version as model_version
from engine.protocol.workspace import Experiment, Workspace

if TYPE_CHECKING:
    from torch import Tensor

LEDGER: Final = "4-cnhubert.state.json"
RATE_HZ: Final = 32000
CONTENT_HZ: Final = 16000
LONGEST_S: Final = 60.0

Encode = Callable[[Samples], "Tensor"]


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
    work = _Work(
        experiment=experiment,
        encoder=_encoder_folder(parameters, workspace),
        encode=_encoder(parameters, workspace, context),
        speakers=_speakers(parameters, workspace, context),
        context=context,
    )
    done = unchanged = 0
    with Ledger(experiment.folder / LEDGER, experiment.folder) as ledger:
        for number, clip in enumerate(listed.clips):
            context.check_cancelled()
            context.progress(number, len(listed.clips), "clips")
            made = work.one(clip, ledger)
            if isinstance(made, Skipped):
                skipped.append(made)
                tell([made], context)
                continue
            done += 1
            unchanged += not made
    context.progress(len(listed.clips), len(listed.clips), "clips")
    if not done:
        raise nothing_left(f"No clip of {parameters.labels} can be used.", skipped)
    for made_folder in work.folders:
        context.artifact(made_folder, "features")
    return StageResult(
        summary=f"The content features of {done} clips are in {experiment.ssl_folder}.",
        artifacts=tuple(ArtifactRef(kind="features", path=str(path)) for path in work.folders),
        skipped=tuple(skipped),
        numbers={"clips": done, "unchanged": unchanged},
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


def _encoder(parameters: SslFeaturesParameters, workspace: Workspace, context: Context) -> Encode:
    """A function from 16 kHz samples to (1, C, T) features; the model is loaded when it is first called."""
    folder = _encoder_folder(parameters, workspace)
    device = choose_device(parameters.device)

    def encode(samples: Samples) -> Tensor:
        import torch

        from engine.models.hubert import load_content_encoder

        encoder = context.keep(
            f"content encoder {folder_mark(folder)} {device}",
            lambda: load_content_encoder(folder).to(device),
        )
        with torch.inference_mode():
            return encoder.encode(torch.from_numpy(samples)[None].to(device)).float().cpu().clone()

    return encode


def _speakers(
    parameters: SslFeaturesParameters, workspace: Workspace, context: Context
) -> SpeakerVectors | None:
    facts = model_version(parameters.version)
    if not facts.speaker_embedding:
        return None
    weights = parameters.speaker_encoder or pretrained(workspace, facts).speaker_encoder
    return SpeakerVectors(
        experiment=workspace.experiment(parameters.experiment),
        weights=require_speaker_encoder(weights.absolute() if weights else None),
        device=choose_device(parameters.device),
        context=context,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every clip of a run has in common."""

    experiment: Experiment
    encoder: Path
    encode: Encode
    speakers: SpeakerVectors | None
    context: Context

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where everything goes."""
        both = (self.experiment.wav_folder, self.experiment.ssl_folder)
        return both if self.speakers is None else (*both, self.experiment.speaker_folder)

    def one(self, clip: LabelledClip, ledger: Ledger) -> bool | Skipped:
        """Whether anything had to be made for a clip, or why it was left out."""
        made = self._content(clip, ledger)
        if isinstance(made, Skipped) or self.speakers is None:
            return made
        try:
            return self.speakers.write(clip.name, ledger) or made
        except BadAudio as error:
            return Skipped(name=clip.name, reason=f"Line {clip.row.line}: {error.message}")

    def _content(self, clip: LabelledClip, ledger: Ledger) -> bool | Skipped:
        copy = self.experiment.wav_folder / clip.name
        features = self.experiment.ssl_folder / f"{clip.name}.pt"
        if not clip.path.is_file():
            return missing(clip)
        wanted = fingerprint(file_mark(clip.path), folder_mark(self.encoder))
        if ledger.done(clip.name, wanted):
            return False
        if ledger.entry(clip.name) is None and _taken_over(copy, features):
            ledger.record(clip.name, wanted, [copy, features])
            return False
        features.unlink(missing_ok=True)  # of another recording: nobody may learn from it
        try:
            self._make(clip.path, copy, features)
        except (BadAudio, MissingFile) as error:
            return Skipped(name=clip.name, reason=f"Line {clip.row.line}: {error.message}")
        ledger.record(clip.name, wanted, [copy, features])
        return True

    def _make(self, source: Path, copy: Path, features: Path) -> None:
        import torch

        samples = read_audio(source, RATE_HZ, lambda text: self.context.log(text, "warning"))
        if samples.size > LONGEST_S * RATE_HZ:
            raise BadAudio(
                f"{source} is {samples.size / RATE_HZ:.0f} s long; at most {LONGEST_S:.0f} s can be learnt.",
                hint="Slice it first.",
            )
        levelled = training_copy(samples)
        try:
            content = self.encode(resample(levelled.content, RATE_HZ, CONTENT_HZ))
        except torch.OutOfMemoryError as error:
            raise BadAudio(
                f"{source} is too long for the memory of the GPU.",
                hint="Slice it into shorter clips.",
                detail=str(error),
            ) from error
        if not bool(torch.isfinite(content).all()):
            raise BadAudio(f"The content encoder fails on {source}.", hint="Listen to it, and leave it out.")
        write_wav(copy, levelled.pcm, RATE_HZ)
        with replacing(features) as temporary:
            torch.save(content, temporary)


def _taken_over(copy: Path, features: Path) -> bool:
    """Whether both files are there from elsewhere and can be read."""
    from engine.checkpoints.tensors import read_tensor

    if size_of(copy) <= 0 or size_of(features) <= 0:
        return False
    try:
        return read_tensor(features).dim() == 3  # (1, C, T)
    except BadCheckpoint:
        return False
