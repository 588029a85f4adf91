"""Single tensors on disk: content features, text features."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor

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
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, OSError) as error:
        raise BadCheckpoint(
            f"{path} is damaged or incomplete.",
            hint="Remove it and prepare the clips again.",
            detail=str(error),
        ) from error
    if not isinstance(found, Tensor):
        raise BadCheckpoint(f"{path} holds no tensor.", hint="Remove it and prepare the clips again.")
    return found
