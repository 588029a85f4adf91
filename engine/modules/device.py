"""Where to compute."""

from __future__ import annotations

import torch

from engine.protocol.errors import BadParameters


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes the GPU when there is one.

    Raises:
        BadParameters: there is no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadParameters(
            f"{name!r} is not the name of a device.", hint="Choose auto or cpu.", detail=str(error)
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise BadParameters(f"This machine has no device {name!r}.", hint="Choose auto or cpu.")
    return device
