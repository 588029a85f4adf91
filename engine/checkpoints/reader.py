"""Reads weight files without running anything that is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.checkpoints.containers import Container, FileFormat, detect_format, open_container
from engine.checkpoints.layout import ZIP_MAGIC
from engine.checkpoints.outline import Walk, outline, plain_content
from engine.checkpoints.records import Storage, TensorRecord
from engine.checkpoints.refusals import shortened
from engine.protocol.errors import BadCheckpoint, OutOfMemory

__all__ = [
    "Checkpoint",
    "FileFormat",
    "Weights",
    "detect_format",
    "read_checkpoint",
    "read_state",
    "read_value",
]

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a weight file holds.

    Attributes:
        path: Where it was read from.
        weights: The state dict, in the types of the file, on the CPU.
        config: The configuration as plain dicts and lists; empty where there is none.
        info: The trainer's remark, such as `8epoch_200iteration`.
        header: The first two bytes.
        version: Model version that the header, or our own metadata, declares; empty where neither does.
        lora_rank: Rank of the adapter, for a LoRA file.
        extras: Other top-level entries that are plain values; tensors in them lie on the `meta` device.
    """

    path: Path
    weights: Weights
    config: dict[str, Any] = field(default_factory=dict)
    info: str = ""
    header: bytes = ZIP_MAGIC
    version: str = ""
    lora_rank: int | None = None
    extras: dict[str, Any] = field(default_factory=dict)


def read_checkpoint(path: Path, *, shapes_only: bool = False) -> Checkpoint:
    """The content of a weight file.

    Args:
        path: a `.ckpt`, `.pth`, `.pt`, `.bin` or `.safetensors` file.
        shapes_only: leave the numbers on disk; the tensors lie on the `meta` device.

    Returns:
        Its weights, configuration and remarks.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, of a foreign format, would run code, or has weights that are
            no finite numbers.
    """
    with open_container(path) as container:
        found = outline(path, container)
        give = _empty if shapes_only else _Numbers(path, container).tensor
        weights = {name: give(record) for name, record in found.weights.items()}
        extras = _replaced(found.extras, _empty)
    if not shapes_only:
        _require_finite(path, weights)
    return Checkpoint(
        path=path,
        weights=weights,
        config=found.config,
        info=found.info,
        header=found.header,
        version=found.version,
        lora_rank=found.lora_rank,
        extras=extras,
    )


def read_state(path: Path) -> dict[str, Any]:
    """A training state: nested dicts and lists of tensors and plain values.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, or holds anything but tensors and plain values.
    """
    if detect_format(path) not in (FileFormat.TORCH_ZIP, FileFormat.TORCH_LEGACY):
        raise BadCheckpoint(
            f"{path} is not a saved training state, or it is damaged.",
            hint="Remove it and start the training again.",
        )
    payload = read_value(path)
    if not isinstance(payload, dict):
        raise BadCheckpoint(f"{path} holds no training state.", hint="Remove it and start again.")
    return payload


def read_value(path: Path) -> Any:
    """Whatever a PyTorch file holds: a tensor, or nested dicts and lists of tensors and plain values.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, or holds anything but tensors and plain values.
    """
    with open_container(path) as container:
        return _replaced(plain_content(path, container), _Numbers(path, container).tensor)


class _Numbers:
    """Tensors of an open file; those that share a storage there share it here."""

    def __init__(self, path: Path, container: Container) -> None:
        self._path = path
        self._container = container
        self._read: dict[Storage, Tensor] = {}

    def tensor(self, record: TensorRecord) -> Tensor:
        """The numbers of a record, whose declaration was checked."""
        if record.storage not in self._read:
            self._read[record.storage] = self._storage(record.storage)
        return self._read[record.storage].as_strided(record.shape, record.stride, record.offset)

    def _storage(self, storage: Storage) -> Tensor:
        try:
            raw = torch.empty(storage.size_bytes, dtype=torch.uint8)
        except RuntimeError as error:  # more than the machine has
            raise OutOfMemory(
                f"There is not enough memory to read {self._path}.",
                hint="Close other programs, or use a smaller model.",
                detail=str(error),
            ) from error
        self._container.read_into(storage, raw.numpy().data)
        return raw.view(_dtype(storage.dtype))


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name)
    if not isinstance(found, torch.dtype):
        raise TypeError(f"{name} is no type of numbers")
    return found


def _empty(record: TensorRecord) -> Tensor:
    return torch.empty_strided(record.shape, record.stride, dtype=_dtype(record.storage.dtype), device="meta")


def _replaced(value: Any, give: Callable[[TensorRecord], Tensor]) -> Any:
    return Walk(lambda _, record: give(record)).through(value)


def _require_finite(path: Path, weights: Weights) -> None:
    """Refuses weights with values that are no numbers: what they speak would be silence or noise.

    Raises:
        BadCheckpoint: some are.
    """
    broken = [name for name, tensor in weights.items() if not _is_finite(tensor)]
    if broken:
        raise BadCheckpoint(
            f"{path} cannot be used: {len(broken)} of its {len(weights)} tensors hold values that are not "
            f"numbers or are infinite ({shortened(broken, 4)}).",
            hint="Its training failed; use a file that was saved earlier.",
        )


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    low, high = tensor.aminmax()
    return bool(torch.isfinite(low) & torch.isfinite(high))
