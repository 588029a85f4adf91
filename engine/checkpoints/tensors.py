"""Single tensors on disk: content features, text features."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from engine.checkpoints.reader import read_value
from engine.protocol.errors import BadCheckpoint, MissingFile


def read_tensor(path: Path) -> Tensor:
    """The tensor in a `.pt` file, on the CPU; nothing in the file is run.

    Raises:
        MissingFile: there is no such file.
        BadCheckpoint: the file is damaged, or holds something else.
    """
    if not path.is_file():
        raise MissingFile(f"There is no file {path}.", hint="Prepare the clips again.")
    try:
        found = read_value(path)
    except BadCheckpoint as error:
        raise BadCheckpoint(
            error.message, hint="Remove it and prepare the clips again.", detail=error.detail
        ) from error
    if not isinstance(found, Tensor):
        raise BadCheckpoint(f"{path} holds no tensor.", hint="Remove it and prepare the clips again.")
    return found
