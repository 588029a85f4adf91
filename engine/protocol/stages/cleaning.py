"""Stages that clean recordings: each sound file of a folder becomes another one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from engine.protocol.sources import Sources
from engine.protocol.stages.base import FieldKind, StageParameters, StageSpec, parameter
from engine.protocol.stages.dataset import AUDIO_SUFFIXES

SEPARATION_MODELS = (
    "HP2_all_vocals",
    "HP3_all_vocals",
    "HP5_only_main_vocal",
    "VR-DeEchoNormal",
    "VR-DeEchoAggressive",
    "VR-DeEchoDeReverb",
    "onnx_dereverb_By_FoxJoy",
    "model_bs_roformer_ep_317_sdr_12.9755",
)


class SoundFormat(StrEnum):
    """Formats of sound files that are written."""

    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"
    M4A = "m4a"


class NoiseFilter(StrEnum):
    """Networks that take noise out."""

    AUTO = "auto"
    DEEP_FILTER = "deepfilternet"
    FRCRN = "frcrn"


class SeparateParameters(StageParameters):
    """Parameters of `separate`."""

    input: Sources = parameter(
        ...,
        "Recordings",
        "A recording, a folder of recordings, or several of either, whose voices are to be set apart.",
        kind=FieldKind.OPEN_FILE_OR_FOLDER,
        suffixes=AUDIO_SUFFIXES,
        api="inp_root",
    )
    model: str = parameter(
        "HP5_only_main_vocal",
        "Model",
        "Name of a model in the workspace's tools/uvr5/uvr5_weights, or a file. HP2, HP3 and RoFormer keep"
        " every voice, HP5 the main one; DeEcho and dereverb take echo and reverberation out.",
        kind=FieldKind.OPEN_FILE,
        choices=SEPARATION_MODELS,
        suffixes=(".pth", ".onnx", ".ckpt"),
        api="model_name",
    )
    output: Path = parameter(
        Path("output/uvr5_opt"),
        "Voices go to",
        "Folder for the voices.",
        kind=FieldKind.SAVE_FOLDER,
        api="save_root_vocal",
    )
    other: Path = parameter(
        Path("output/uvr5_opt/other"),
        "The rest goes to",
        "Folder for what is not the voice: instruments, echo, reverberation.",
        kind=FieldKind.SAVE_FOLDER,
        api="save_root_ins",
    )
    format: SoundFormat = parameter(
        SoundFormat.FLAC, "Format", "Format of the files; mp3 and m4a lose some quality.", api="format0"
    )
    aggressiveness: int = parameter(
        10,
        "Aggressiveness",
        "How strictly HP2, HP3 and HP5 tell voices from instruments; other models do not use it.",
        expert=True,
        api="agg",
        ge=0,
        le=20,
    )
    device: str = parameter(
        "auto",
        "Device",
        "Where to compute; auto takes the GPU when there is one.",
        choices=("auto", "cpu", "cuda"),
        expert=True,
    )
    workspace: Path = parameter(
        Path(),
        "Workspace",
        "Folder that holds the models.",
        kind=FieldKind.OPEN_FOLDER,
        expert=True,
    )


class DenoiseParameters(StageParameters):
    """Parameters of `denoise`."""

    input: Sources = parameter(
        ...,
        "Recordings",
        "A recording, a folder of recordings or clips, or several of either, whose noise is to be taken out.",
        kind=FieldKind.OPEN_FILE_OR_FOLDER,
        suffixes=AUDIO_SUFFIXES,
        api="denoise_inp_dir",
    )
    output: Path = parameter(
        Path("output/denoise_opt"),
        "Clean files go to",
        "Folder for the clean files; they keep their names.",
        kind=FieldKind.SAVE_FOLDER,
        api="denoise_opt_dir",
    )
    method: NoiseFilter = parameter(
        NoiseFilter.AUTO,
        "Method",
        "DeepFilterNet comes with the program and keeps all frequencies. FRCRN lies in the workspace's"
        " tools/denoise-model and keeps those up to 8 kHz; auto takes it when it is there.",
        choices={"auto": "Automatic", "deepfilternet": "DeepFilterNet 3", "frcrn": "FRCRN (16 kHz)"},
        expert=True,
    )
    limit_db: float = parameter(
        12.0,
        "Strongest reduction",
        "DeepFilterNet makes noise quieter by at most this much. More silences pauses wholly, and takes faint"
        " speech with it: recognisers then hear fewer words.",
        unit="dB",
        expert=True,
        ge=3,
        le=100,
    )
    workspace: Path = parameter(
        Path(),
        "Workspace",
        "Folder that holds the models.",
        kind=FieldKind.OPEN_FOLDER,
        expert=True,
    )


SEPARATE = StageSpec(
    name="separate",
    title="Separate",
    about="Sets voices apart from music and echo, with UVR's models; clean recordings do not need it.",
    parameters=SeparateParameters,
    entry="engine.dataset.separate:run",
    heavy=True,
)
DENOISE = StageSpec(
    name="denoise",
    title="Denoise",
    about="Takes noise out of recordings; works offline (DeepFilterNet 3, or FRCRN where it is installed).",
    parameters=DenoiseParameters,
    entry="engine.dataset.denoise:run",
)
