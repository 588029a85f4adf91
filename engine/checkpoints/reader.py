"""Reads weight files without running anything that is in them."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final

import torch
from torch import Tensor

from engine.checkpoints.layout import HEADERS, ORIGINAL_CONFIG_CLASS, ZIP_MAGIC, Attributes, to_plain
from engine.checkpoints.safety import refused_names
from engine.protocol.errors import BadCheckpoint, MissingModel

Weights = dict[str, Tensor]

_ZIP_REST: Final = b"\x03\x04"
_PICKLE_MAGIC: Final = b"\x80"
_STATE_KEYS: Final = ("weight", "model", "generator")


class FileFormat(StrEnum):
    """How a weight file is packed."""

    TORCH_ZIP = "torch_zip"
    TORCH_LEGACY = "torch_legacy"
    SAFETENSORS = "safetensors"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a weight file holds.

    Attributes:
        path: Where it was read from.
        weights: The state dict, in the types of the file, on the CPU.
        config: The configuration as plain dicts and lists; empty where there is none.
        info: The trainer's remark, such as `8epoch_200iteration`.
        header: The first two bytes.
        lora_rank: Rank of the adapter, for a LoRA file.
        extras: Other top-level entries that are plain values.
    """

    path: Path
    weights: Weights
    config: dict[str, Any] = field(default_factory=dict)
    info: str = ""
    header: bytes = ZIP_MAGIC
    lora_rank: int | None = None
    extras: dict[str, Any] = field(default_factory=dict)


def detect_format(path: Path) -> FileFormat:
    """How a file is packed, by its first bytes.

    Raises:
        MissingModel: there is no such file.
    """
    with _opened(path) as file:
        start = file.read(9)
    if start[2:4] == _ZIP_REST and (start[:2] == ZIP_MAGIC or start[:2] in HEADERS):
        return FileFormat.TORCH_ZIP
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size:
        return FileFormat.SAFETENSORS
    if start[:1] == _PICKLE_MAGIC:
        return FileFormat.TORCH_LEGACY
    return FileFormat.UNKNOWN


def read_checkpoint(path: Path, *, shapes_only: bool = False) -> Checkpoint:
    """The content of a weight file.

    Args:
        path: a `.ckpt`, `.pth`, `.pt`, `.bin` or `.safetensors` file.
        shapes_only: leave the numbers on disk; the tensors lie on the `meta` device.

    Returns:
        Its weights, configuration and remarks.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, of an old or foreign format, or would run code.
    """
    match detect_format(path):
        case FileFormat.TORCH_ZIP:
            payload, header = _load_zip(path, shapes_only=shapes_only, strict=True)
            return _from_payload(path, payload, header)
        case FileFormat.SAFETENSORS:
            return _read_safetensors(path, shapes_only=shapes_only)
        case FileFormat.TORCH_LEGACY:
            raise BadCheckpoint(
                f"{path} is in the old PyTorch format, which cannot be read without running it.",
                hint="Get the file in a current format: saved by PyTorch 1.6 or later, or as safetensors.",
            )
    raise BadCheckpoint(
        f"{path} is not a weight file.", hint="Choose a .ckpt, .pth or .safetensors file that is complete."
    )


def read_state(path: Path) -> dict[str, Any]:
    """A training state: nested dicts and lists of tensors and plain values.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, or holds anything but tensors and plain values.
    """
    if detect_format(path) is not FileFormat.TORCH_ZIP:
        raise BadCheckpoint(
            f"{path} is not a saved training state, or it is damaged.",
            hint="Remove it and start the training again.",
        )
    payload, _ = _load_zip(path, shapes_only=False, strict=False)
    if not isinstance(payload, dict):
        raise BadCheckpoint(f"{path} holds no training state.", hint="Remove it and start again.")
    return payload


def dangerous_names(path: Path) -> tuple[str, ...]:
    """Names that a torch zip file would import beyond what weights need; empty for a safe file.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged.
    """
    with _zip_stream(path) as (stream, _):
        return _refused(path, stream)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise MissingModel(
            f"There is no weight file at {path}.", hint="Check the path, or choose another file."
        ) from None
    except OSError as error:
        raise BadCheckpoint(
            f"{path} cannot be opened.", hint="Choose a file that you may read.", detail=str(error)
        ) from error
    with file:
        yield file


@contextmanager
def _zip_stream(path: Path) -> Iterator[tuple[BinaryIO, bytes]]:
    """The file as a true zip, and the two bytes it really begins with."""
    with _opened(path) as file:
        header = file.read(2)
        if header == ZIP_MAGIC:
            file.seek(0)
            yield file, header
        else:
            yield io.BytesIO(ZIP_MAGIC + file.read()), header


def _damaged(path: Path, error: Exception) -> BadCheckpoint:
    return BadCheckpoint(
        f"{path} is damaged or incomplete.", hint="Download or copy the file again.", detail=str(error)
    )


def _refused(path: Path, stream: BinaryIO) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(stream) as archive:
            pickles = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == "data.pkl"]
            if len(pickles) != 1:
                raise BadCheckpoint(
                    f"{path} is a zip archive but no weight file.", hint="Choose a .ckpt or .pth file."
                )
            names = refused_names(archive.read(pickles[0]))
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise _damaged(path, error) from error
    stream.seek(0)
    return names


def _load_zip(path: Path, *, shapes_only: bool, strict: bool) -> tuple[Any, bytes]:
    """Unpickles with PyTorch's own restricted loader, after a look at the names.

    A weight file (strict) must need nothing but tensors; a training state may use what
    that loader holds for safe.
    """
    with _zip_stream(path) as (stream, header):
        names = _refused(path, stream)
        if strict and names:
            raise _unsafe(path, names)
        try:
            stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
                (Attributes, ".".join(ORIGINAL_CONFIG_CLASS))
            ]
            with torch.serialization.safe_globals(stand_ins), warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # about pickle protocols of other programs
                place = "meta" if shapes_only else "cpu"
                return torch.load(stream, map_location=place, weights_only=True), header
        except pickle.UnpicklingError as error:
            if names:
                raise _unsafe(path, names) from error
            raise _damaged(path, error) from error
        except (RuntimeError, EOFError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise _damaged(path, error) from error


def _unsafe(path: Path, names: tuple[str, ...]) -> BadCheckpoint:
    return BadCheckpoint(
        f"{path} was not opened: it would run code of its own ({', '.join(names)}).",
        hint="Get the file from a source that you trust, with nothing but weights in it.",
    )


def _from_payload(path: Path, payload: object, header: bytes) -> Checkpoint:
    if not isinstance(payload, Mapping):
        raise BadCheckpoint(f"{path} holds no weights.", hint="Choose another file.")
    key = next((key for key in _STATE_KEYS if isinstance(payload.get(key), Mapping)), None)
    state = payload if key is None else payload[key]
    weights = {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
    if not weights:
        raise BadCheckpoint(f"{path} holds no weights.", hint="Choose another file.")
    others = {} if key is None else {str(k): v for k, v in payload.items() if k != key}
    config = to_plain(others.pop("config", {}))
    rank = others.pop("lora_rank", None)
    return Checkpoint(
        path=path,
        weights=weights,
        config=config if isinstance(config, dict) else {},
        info=str(others.pop("info", "")),
        header=header,
        lora_rank=rank if isinstance(rank, int) else None,
        extras={name: to_plain(value) for name, value in others.items() if not isinstance(value, Tensor)},
    )


def _read_safetensors(path: Path, *, shapes_only: bool) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            remarks = file.metadata() or {}
            if shapes_only:
                weights = {name: _empty(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118
            else:
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return Checkpoint(path=path, weights=weights, info=remarks.get("info", ""), extras=dict(remarks))


def _empty(piece: Any) -> Tensor:
    types = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "I64": torch.int64}
    dtype = types.get(piece.get_dtype(), torch.float32)
    return torch.empty(piece.get_shape(), dtype=dtype, device="meta")
