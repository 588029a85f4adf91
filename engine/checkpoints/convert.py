"""Turns a weight file of any known form into our own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.checkpoints.inspection import UNKNOWN_VERSION, inspect
from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_safetensors
from engine.protocol.errors import BadParameters

_SUFFIX: Final = ".safetensors"


def convert(source: Path, target: Path) -> Path:
    """Writes the weights, configuration and remarks of a file as safetensors, in the types that it has.

    Args:
        source: any weight file; of a training state only the weights are taken.
        target: a `.safetensors` file to write.

    Returns:
        The file that was written.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: it is damaged, unsafe or no weight file.
        BadParameters: the target is of another form.
        OutOfSpace: the target cannot be written.
    """
    if target.suffix.lower() != _SUFFIX:
        raise BadParameters(f"{target} is no name for safetensors.", hint=f"Let it end in {_SUFFIX}.")
    about = inspect(source)
    content = read_checkpoint(source)
    return write_safetensors(
        target,
        content.weights,
        content.config,
        content.info,
        version="" if about.version == UNKNOWN_VERSION else about.version,
        lora_rank=about.lora_rank,
        half=False,
    )
