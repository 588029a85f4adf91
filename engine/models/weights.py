"""Puts the weights of a file into a network, and says clearly when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from torch import Tensor, nn

from engine.protocol.errors import BadCheckpoint

MOST_LAYERS: Final = 512
"""A configuration that asks for more is refused before anything is built of it."""

_NAMED = 3


def put_weights(module: nn.Module, weights: Mapping[str, Tensor], path: Path, *, may_miss: str = "") -> None:
    """Gives a network its weights, as float32.

    Args:
        module: the network; one on the `meta` device gets tensors of its own.
        weights: state dict, floating tensors of any precision.
        path: the file they are from, for messages.
        may_miss: prefix of names that may be absent; they keep what they have.

    Raises:
        BadCheckpoint: names are missing or unknown, or a size differs.
    """
    expected = _fitting(module, weights, path, may_miss)
    copies = {name: weights[name].to(expected[name].dtype, copy=True) for name in expected if name in weights}
    module.load_state_dict(copies, strict=not may_miss, assign=True)


def move_weights(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """As `put_weights`, but empties `weights`: large networks are never in memory twice.

    Raises:
        BadCheckpoint: names are missing or unknown, or a size differs.
    """
    expected = _fitting(module, weights, path, "")
    moved = {}
    for name, place in expected.items():
        value = weights.pop(name)
        shared = value.numel() * value.element_size() < value.untyped_storage().nbytes()
        moved[name] = value.to(place.dtype, copy=shared)
    module.load_state_dict(moved, assign=True)


def _fitting(
    module: nn.Module, weights: Mapping[str, Tensor], path: Path, may_miss: str
) -> dict[str, Tensor]:
    """The state dict that a network expects, once the weights are known to fit."""
    expected = module.state_dict()
    missing = [
        name for name in expected if name not in weights and not (may_miss and name.startswith(may_miss))
    ]
    unknown = [name for name in weights if name not in expected]
    unlike = [
        f"{name} is {tuple(weights[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    faults = [
        f"{what}: {', '.join(names[:_NAMED])}{f' and {len(names) - _NAMED} more' * (len(names) > _NAMED)}"
        for what, names in (("missing", missing), ("unknown", unknown), ("of another size", unlike))
        if names
    ]
    if faults:
        raise BadCheckpoint(
            f"The weights in {path} do not fit the network ({'; '.join(faults)}).",
            hint="Choose a complete weight file of this version.",
        )
    return expected
