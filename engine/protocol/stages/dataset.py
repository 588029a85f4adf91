"""Stages that turn recordings into labelled clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from engine.protocol.errors import BadParameters
from engine.protocol.recognisers import RECOGNISERS, Recogniser, recogniser
from engine.protocol.recognisers import WHISPER_SIZES as WHISPER_SIZES
from engine.protocol.recognisers import Precision as Precision
from engine.protocol.sound_files import SOUND_SUFFIXES
from engine.protocol.sources import Sources
from engine.protocol.stages.base import FieldKind, StageParameters, StageSpec, parameter
from engine.protocol.versions import VERSIONS

AUDIO_SUFFIXES = SOUND_SUFFIXES


class SliceParameters(StageParameters):
    """Parameters of `slice`."""

    input: Sources = parameter(
        ...,
        "Recordings",
        "A recording, a folder of recordings, or several of either, to be cut into clips.",
        kind=FieldKind.OPEN_FILE_OR_FOLDER,
        suffixes=AUDIO_SUFFIXES,
        api="inp",
    )
    output: Path = parameter(
        Path("output/slicer_opt"),
        "Clips go to",
        "Folder for the clips.",
        kind=FieldKind.SAVE_FOLDER,
        api="opt_root",
    )
    threshold_db: float = parameter(
        -34.0,
        "Silence threshold",
        "Sound below this level counts as silence. Raise it for noisy recordings.",
        unit="dB",
        api="threshold",
        ge=-100,
        le=0,
    )
    min_length_ms: int = parameter(
        4000,
        "Shortest clip",
        "Pieces are joined until they are this long.",
        unit="ms",
        api="min_length",
        ge=100,
        le=60000,
    )
    max_length_ms: int = parameter(
        50000,
        "Longest clip",
        "A longer piece without a pause is cut where it is quietest; training cannot use clips over 54 s.",
        unit="ms",
        ge=2000,
        le=600000,
    )
    min_interval_ms: int = parameter(
        300,
        "Shortest pause",
        "Only a pause at least this long is a place to cut.",
        unit="ms",
        api="min_interval",
        ge=10,
        le=10000,
    )
    hop_ms: int = parameter(
        10,
        "Step of the loudness curve",
        "Smaller is more exact and slower.",
        unit="ms",
        expert=True,
        api="hop_size",
        ge=1,
        le=100,
    )
    max_silence_ms: int = parameter(
        500,
        "Silence kept",
        "At most this much silence stays at the ends of a clip.",
        unit="ms",
        api="max_sil_kept",
        ge=0,
        le=10000,
    )
    peak: float = parameter(
        0.9,
        "Peak after levelling",
        "Level that the loudest sample is drawn to.",
        expert=True,
        api="_max",
        gt=0,
        le=1,
    )
    mix: float = parameter(
        0.25,
        "Share of levelling",
        "0 keeps the recording's own level; 1 levels every clip fully.",
        expert=True,
        api="alpha",
        ge=0,
        le=1,
    )
    level_once: bool = parameter(
        False,
        "Level loud clips once",
        "Clips beyond full scale are brought down to it and then levelled like any other. Off, they are "
        "divided by their peak twice, as the original does, and come out quieter.",
        expert=True,
    )


def _engine(value: object) -> object:
    """The engine that one of its names means; other values are left for the check to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return recogniser(value)
    except BadParameters as error:
        raise ValueError(f"{error.message} {error.hint}") from error


class TranscribeParameters(StageParameters):
    """Parameters of `transcribe`."""

    input: Sources = parameter(
        ...,
        "Clips",
        "A folder of clips, or clips, all of which are transcribed.",
        kind=FieldKind.OPEN_FILE_OR_FOLDER,
        suffixes=AUDIO_SUFFIXES,
        api="asr_inp_dir",
    )
    output: Path = parameter(
        Path("output/asr_opt"),
        "Label file goes to",
        "Folder for the .list file, which takes the name of the folder of clips, or of the first clip.",
        kind=FieldKind.SAVE_FOLDER,
        api="asr_opt_dir",
    )
    engine: Annotated[Recogniser, BeforeValidator(_engine)] = parameter(
        Recogniser.WHISPER,
        "Recogniser",
        "Who listens. Whisper knows many languages; FunASR is better at Chinese and Cantonese.",
        choices={engine.value: choices.title for engine, choices in RECOGNISERS.items()},
        api="asr_model",
    )
    model: str = parameter(
        "tiny",
        "Model",
        "A size that lies in the workspace's tools/asr/models, or the folder of a model of this recogniser.",
        kind=FieldKind.OPEN_FOLDER,
        choices=WHISPER_SIZES,
        api="asr_model_size",
    )
    language: str = parameter(
        "auto",
        "Language",
        "Language of the recordings; auto finds it for each clip.",
        choices=("auto", "en", "zh", "ja", "ko", "yue"),
        api="asr_lang",
    )
    precision: Precision = parameter(
        Precision.INT8, "Precision", "int8 is fastest on a CPU; float16 needs a GPU.", api="asr_precision"
    )
    speaker: str = parameter(
        "", "Speaker", "Name written into the label file; empty takes the folder's name."
    )
    workspace: Path = parameter(
        Path(),
        "Workspace",
        "Folder that holds the models.",
        kind=FieldKind.OPEN_FOLDER,
        expert=True,
    )


class CheckParameters(StageParameters):
    """Parameters of `check`."""

    labels: Path = parameter(
        ...,
        "Label file",
        "The .list file whose clips are looked at.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".list",),
    )
    version: str = parameter(
        "v2", "Model version", "Version that is to be trained: its limits count.", choices=tuple(VERSIONS)
    )
    workspace: Path = parameter(
        Path(), "Workspace", "Folder that holds the models.", kind=FieldKind.OPEN_FOLDER, expert=True
    )


SLICE = StageSpec(
    name="slice",
    title="Slice",
    about="Cuts long recordings into clips at their pauses.",
    parameters=SliceParameters,
    entry="engine.dataset.slice:run",
)
TRANSCRIBE = StageSpec(
    name="transcribe",
    title="Transcribe",
    about="Writes down what is said in every clip.",
    parameters=TranscribeParameters,
    entry="engine.dataset.transcribe:run",
    heavy=True,
)
CHECK = StageSpec(
    name="check",
    title="Check",
    about="Finds the clips that training would leave out, or that would hurt it.",
    parameters=CheckParameters,
    entry="engine.dataset.check:run",
)
