"""The one door to `audio-separator`: its networks and its tables of bands, none of its programs.

Nothing of it that loads, downloads or writes is used: weights are read by `engine.checkpoints`, sound by
`engine.audio`. So it needs neither torchvision nor an ffmpeg program, and there is no way to the network.
"""

from __future__ import annotations

import importlib
import inspect
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any, Final

from torch import nn

from engine.protocol.errors import BadParameters, MissingModel

_NETWORKS: Final = "audio_separator.separator.uvr_lib_v5"
INSTALL: Final = (
    "Start the program with packaging/bootstrap.py once more, or install packaging/locks/separate.txt: "
    "pip install --no-deps -r packaging/locks/separate.txt"
)


def old_mask_network(bins: int, capacity: list[tuple[int, ...]], kind: int) -> Any:
    """A VR network of the first generation (HP2, HP3, HP5); (1, 2, bins + 1, F) -> its mask.

    Raises:
        MissingModel: the library is not installed.
    """
    with _library():
        nets = importlib.import_module(f"{_NETWORKS}.vr_network.nets")
        return nets.CascadedASPPNet(bins * 2, capacity, kind)


def new_mask_network(bins: int, channels: int, recurrent: int) -> Any:
    """A VR network of the second generation (DeEcho, DeReverb); (1, 2, bins + 1, F) -> its mask.

    Raises:
        MissingModel: the library is not installed.
    """
    with _library():
        nets = importlib.import_module(f"{_NETWORKS}.vr_network.nets_new")
        return nets.CascadedNet(bins * 2, 0, nout=channels, nout_lstm=recurrent)


def roformer(kind: str, sizes: Mapping[str, Any]) -> nn.Module:
    """A network of the kind `bs_roformer` or `mel_band_roformer`; (B, 2, S) -> its stems.

    Args:
        kind: One of the two.
        sizes: What its class takes; other entries are left out, and lists become tuples.

    Raises:
        MissingModel: the library is not installed.
        BadParameters: the sizes fit neither each other nor the network.
    """
    name = {"bs_roformer": "BSRoformer", "mel_band_roformer": "MelBandRoformer"}[kind]
    with _library():
        make = getattr(importlib.import_module(f"{_NETWORKS}.roformer.{kind}"), name)
    wanted = inspect.signature(make).parameters
    taken = {key: tuple(v) if isinstance(v, list) else v for key, v in sizes.items() if key in wanted}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it counts the rows of a transform without a window
            made: nn.Module = make(**taken)
    except Exception as error:  # wrong values come back as errors of many kinds
        raise BadParameters(
            "The sizes of the network cannot be used.",
            hint="Put the model's own .yaml beside it, unchanged.",
            detail=str(error),
        ) from error
    return made


def bands(name: str) -> dict[str, Any]:
    """The table of bands called `name`, such as 4band_v2.

    Raises:
        MissingModel: the library is not installed.
        BadParameters: there is no such table.
    """
    with _library():
        folder = resources.files(f"{_NETWORKS}.vr_network") / "modelparams"
    known = sorted(
        file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json")
    )
    if name not in known:
        raise BadParameters(f"There is no table of bands {name!r}.", hint=f"Known are: {', '.join(known)}.")
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


@contextmanager
def _library() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    except ImportError as error:
        raise MissingModel(
            "The networks for separating are not installed.", hint=f"{INSTALL}.", detail=str(error)
        ) from error
