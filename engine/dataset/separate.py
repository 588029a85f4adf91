"""The stage `separate`: sets voices apart from what else sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from engine.audio.stereo import Stereo, StereoWriter, read_stereo, stereo_writer
from engine.corpus.ledger import file_mark
from engine.dataset.file_work import FileWork
from engine.dataset.separation.find import ModelFile, find_model
from engine.dataset.separation.load import load_separator
from engine.dataset.separation.pieces import Pieces
from engine.dataset.separation.stems import RATE_HZ, Separator, Stems, Tell
from engine.modules.device import choose_device
from engine.protocol.context import Context
from engine.protocol.errors import BadAudio, BadParameters
from engine.protocol.files import replacing
from engine.protocol.results import ArtifactRef, StageResult
from engine.protocol.sources import source_folders
from engine.protocol.stages.cleaning import SeparateParameters
from engine.protocol.workspace import Workspace

STATE: Final = "separate_state.json"
PIECES: Final = Pieces(length=30 * RATE_HZ, margin=RATE_HZ, fade=RATE_HZ // 10)
_SHORTEST: Final = RATE_HZ // 10


def run(parameters: SeparateParameters, context: Context, pieces: Pieces = PIECES) -> StageResult:
    """Writes two files for every sound file, 44.1 kHz stereo: its voice, and what is left without it.

    Raises:
        MissingModel: there is no such model, or the networks are not installed.
        BadCheckpoint: the model is damaged or no model for separating.
        MissingFile: the input is not there.
        NothingToDo: there is no sound file.
        BadAudio: no file could be used.
        BadParameters: files would take each other's place, or settings cannot be used.
        OutOfSpace: a file cannot be written.
        Cancelled: the user stopped; files that are finished stay.
    """
    given = parameters.input
    output, other = parameters.output.absolute(), parameters.other.absolute()
    _check_folders(given, output, other)
    model = find_model(parameters.model, Workspace(parameters.workspace).separation_models.absolute())
    work = FileWork(
        given=given, output=output, state=STATE, settings=_settings(model, parameters), kind="clip"
    )

    @cache
    def separator() -> Separator:
        context.log(f"Loading {model.path.name} …")
        device = choose_device(parameters.device, lambda text: context.log(text, "warning"))
        return load_separator(model, parameters.aggressiveness, device)

    def make(source: Path) -> list[Path]:
        network = separator()
        kind = parameters.format.value
        name = source.name if source.suffix.lower() == f".{kind}" else f"{source.name}.{kind}"
        voice, rest = output / f"vocal_{name}", other / f"instrument_{name}"
        blocks = read_stereo(source, RATE_HZ, lambda text: context.log(text, "warning"))
        heard, written = _Heard(), 0

        def separated(mix: Stereo) -> Stems:
            def tell(share: float) -> None:
                context.check_cancelled()
                piece = min(mix.shape[1], pieces.length - pieces.fade)
                within_s = (written + share * piece) / RATE_HZ
                context.progress(min(work.done_s + within_s, work.total_s), work.total_s, "s")

            return _separated(network, mix, tell)

        with replacing(voice) as voice_part, replacing(rest) as rest_part:
            with _both(voice_part, rest_part, kind) as writers:
                for stems in pieces.separate(heard.passed(blocks), separated):
                    for stem, writer in zip(stems, writers, strict=True):
                        writer.add(stem)
                    written += stems.shape[-1]
            if not heard.sound:
                raise BadAudio(
                    f"{source} is silent from start to end.", hint="Record it again, or leave it out."
                )
        return [voice, rest]

    work.run(make, context)
    work.made = [path for path in work.made if path.parent == output and path.name.startswith("vocal_")]
    result = work.result("of voices are in")
    rest_folder = ArtifactRef(kind="folder", path=str(other))
    return result.model_copy(update={"artifacts": (*result.artifacts, rest_folder)})


class _Heard:
    """Notices when there is any sound in what goes by."""

    def __init__(self) -> None:
        self.sound = False

    def passed(self, blocks: Iterator[Stereo]) -> Iterator[Stereo]:
        for block in blocks:
            self.sound = self.sound or bool(block.any())
            yield block


@contextmanager
def _both(voice: Path, rest: Path, kind: str) -> Iterator[tuple[StereoWriter, StereoWriter]]:
    with stereo_writer(voice, kind, RATE_HZ) as first, stereo_writer(rest, kind, RATE_HZ) as second:
        yield first, second


def _separated(network: Separator, mix: Stereo, tell: Tell) -> Stems:
    """The stems of a piece; one that is too short for the networks is lengthened with silence."""
    short = max(_SHORTEST - mix.shape[1], 0)
    stems = network.separate(np.pad(mix, ((0, 0), (0, short))), tell)
    return stems[..., : mix.shape[1]]


def _settings(model: ModelFile, parameters: SeparateParameters) -> str:
    """What the outcome depends on beside the recordings."""
    marks = " ".join(file_mark(path) for path in (model.path, *model.settings))
    return f"{marks} {parameters.aggressiveness} {parameters.format} {parameters.other.absolute()}"


def _check_folders(given: Path | Sequence[Path], output: Path, other: Path) -> None:
    if among := source_folders(given) & {output, other}:
        raise BadParameters(
            f"The voices would be put among the recordings in {min(among)}.",
            hint="Choose other folders for them.",
        )
    if output == other:
        raise BadParameters(
            f"Voices and the rest would both be in {output}.",
            hint="Choose a folder of its own for the rest: the next stage takes every file of the folder.",
        )
