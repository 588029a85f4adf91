"""Stages that clean recordings: each sound file of a folder becomes another one."""

from __future__ import annotations

from pathlib import Path

from engine.protocol.stages.base import FieldKind, StageParameters, StageSpec, parameter
from engine.protocol.stages.dataset import AUDIO_SUFFIXES


class DenoiseParameters(StageParameters):
    """Parameters of `denoise`."""

    input: Path = parameter(
        ...,
        "Recording or folder",
        "A recording, or a folder of recordings or clips, whose noise is to be taken out.",
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
    limit_db: float = parameter(
        100.0,
        "Strongest reduction",
        "Noise is made quieter by at most this much; less keeps some of the room, and of faint speech.",
        unit="dB",
        expert=True,
        ge=3,
        le=100,
    )


DENOISE = StageSpec(
    name="denoise",
    title="Denoise",
    about="Takes steady noise out of recordings; works offline (DeepFilterNet 3).",
    parameters=DenoiseParameters,
    entry="engine.dataset.denoise:run",
)
