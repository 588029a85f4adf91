"""The stage that makes one weight file of several saves."""

from __future__ import annotations

from pathlib import Path

from engine.protocol.stages.base import FieldKind, StageParameters, StageSpec, parameter


class AverageParameters(StageParameters):
    """Parameters of `average`."""

    files: tuple[Path, ...] = parameter(
        ...,
        "Saves",
        "Two or more exported weights of one training; their mean is often steadier than the last one alone.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".pth", ".ckpt"),
        min_length=2,
    )
    out: Path | None = parameter(
        None,
        "Save to",
        "File to write; empty puts it beside the saves, where the voices are looked for.",
        kind=FieldKind.SAVE_FILE,
        suffixes=(".pth", ".ckpt"),
    )


AVERAGE = StageSpec(
    name="average",
    title="Average",
    about="Makes one weight file of several saves of a training.",
    parameters=AverageParameters,
    entry="engine.checkpoints.average:run",
)
