"""Where features are computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.protocol.errors import BadParameters

if TYPE_CHECKING:
    import torch


def feature_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes the GPU when there is one.

    Raises:
        BadParameters: there is no such device.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda:0" if gpus else "cpu")
    known = ["cpu", "cuda", *(f"cuda:{number}" for number in range(gpus))]
    if name not in known or (name == "cuda" and not gpus):
        raise BadParameters(f"There is no device {name!r} here.", hint="Choose auto or cpu.")
    return torch.device(name)
