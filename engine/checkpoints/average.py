"""The mean of several weight files of one network: often steadier than the last one alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from torch import Tensor

from engine.checkpoints.inspection import CheckpointInfo, ModelKind, inspect
from engine.checkpoints.layout import ZIP_MAGIC
from engine.checkpoints.reader import Checkpoint, read_checkpoint
from engine.checkpoints.refusals import shortened
from engine.checkpoints.writer import write_gpt, write_sovits
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint, BadParameters
from engine.protocol.exports import by_age, mean_name
from engine.protocol.results import StageResult, artifacts
from engine.protocol.stages.averaging import AverageParameters

_FEWEST: Final = 2


def average(paths: Sequence[Path], out: Path) -> Path:
    """Writes the mean of weight files in the official layout of their kind.

    Of adapters (LoRA) both factors are averaged: near to the mean of what they add for saves of one
    training, and not the same.

    Args:
        paths: two or more GPT or SoVITS files of one shape, such as saves of one training; the last
            one gives configuration, header, and whatever is no fraction.
        out: file to write; none of `paths`.

    Returns:
        `out`.

    Raises:
        BadParameters: fewer than two files, or `out` is one of them.
        MissingModel: a file is not there.
        BadCheckpoint: a file is damaged, or they are not of one kind and shape.
        OutOfSpace: the file cannot be written.
    """
    if len(paths) < _FEWEST:
        raise BadParameters("A mean takes two weight files or more.", hint="Name at least two files.")
    if out.absolute() in {path.absolute() for path in paths}:
        raise BadParameters(f"{out} is one of the files to average.", hint="Choose another name to write to.")
    about = _one_kind(paths)
    last = read_checkpoint(paths[-1])
    weights = _mean(paths, last)
    info = f"mean of {len(paths)}: " + ", ".join(path.stem for path in paths)
    half = about.dtype == "float16"
    if about.kind is ModelKind.GPT:
        return write_gpt(out, weights, last.config, info, half=half)
    header = last.header or ZIP_MAGIC
    return write_sovits(out, weights, last.config, info, header=header, lora_rank=last.lora_rank, half=half)


def run(parameters: AverageParameters, context: Context) -> StageResult:
    """The stage `average`: writes the mean beside the newest of the saves, under the names of all.

    Raises:
        BadParameters: they are not two or more saves of one training.
        MissingModel: a file is not there.
        BadCheckpoint: a file is damaged, or they are not of one kind and shape.
        OutOfSpace: the file cannot be written.
    """
    files = by_age([path.absolute() for path in parameters.files])
    out = parameters.out or files[-1].with_name(mean_name([path.name for path in files]))
    context.check_cancelled()
    average(files, out.absolute())
    context.artifact(out, "weights")
    return StageResult(
        summary=f"The mean of {len(files)} saves is {out.name}.", artifacts=artifacts("weights", [out])
    )


def _one_kind(paths: Sequence[Path]) -> CheckpointInfo:
    """What all files are.

    Raises:
        BadCheckpoint: they differ, or are neither GPT nor SoVITS.
    """
    first, *others = (inspect(path) for path in paths)
    if first.kind not in (ModelKind.GPT, ModelKind.SOVITS):
        raise BadCheckpoint(
            f"{paths[0]} is neither GPT nor SoVITS weights.", hint="Choose files of an experiment's saves."
        )
    for path, other in zip(paths[1:], others, strict=True):
        if (other.kind, other.version, other.lora) != (first.kind, first.version, first.lora):
            raise BadCheckpoint(
                f"{path} is of another kind or version than {paths[0]}.",
                hint="Average saves of one training only.",
                detail=f"{first.kind} {first.version} and {other.kind} {other.version}",
            )
    return first


def _mean(paths: Sequence[Path], last: Checkpoint) -> dict[str, Tensor]:
    """The mean of every tensor with fractions, in float32; one file is in memory beside it at a time."""
    sums = {name: value.float() for name, value in last.weights.items() if value.is_floating_point()}
    for path in paths[:-1]:
        found = read_checkpoint(path).weights
        wrong = [
            name
            for name in last.weights.keys() | found.keys()
            if name not in found or name not in last.weights or found[name].shape != last.weights[name].shape
        ]
        if wrong:
            raise BadCheckpoint(
                f"{path} has other sizes than {paths[-1]}: {shortened(sorted(wrong), 4)}.",
                hint="Average saves of one training only.",
            )
        for name in sums:
            sums[name] += found[name].float()
    return {
        name: (sums[name] / len(paths)).to(value.dtype) if name in sums else value
        for name, value in last.weights.items()
    }
