"""Writes weight files that the original opens, and training states; whole or not at all."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, Final

import torch
from torch import Tensor

from engine.checkpoints.layout import (
    HEADERS,
    ORIGINAL_CONFIG_CLASS,
    OUR_FORMAT,
    OUR_LAYOUT,
    ZIP_MAGIC,
    Attributes,
    to_attributes,
)
from engine.protocol.files import not_written, replacing

_GLOBAL_LINE: Final = pickle.GLOBAL + "{}\n{}\n".format(*ORIGINAL_CONFIG_CLASS).encode("ascii")


class _OriginalPickler(pickle._Pickler):
    """Writes Attributes under the name that the original's configuration class has.

    The C pickler insists on importing what it names; this one only writes the name.
    """

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if obj is Attributes:
            self.write(_GLOBAL_LINE)  # type: ignore[attr-defined]
            self.memoize(obj)  # type: ignore[attr-defined]
        else:
            super().save_global(obj, name)  # type: ignore[misc]


_ORIGINAL_PICKLE: Final = SimpleNamespace(__name__="original_names", Pickler=_OriginalPickler)


def write_gpt(
    path: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any], info: str, *, half: bool = True
) -> Path:
    """Writes GPT weights: a plain dict configuration, no header.

    Args:
        path: file to write; its folder is made.
        weights: official state dict, keys with `model.`.
        config: the official configuration.
        info: a remark, such as `GPT-e15`.
        half: store as float16, as official files are.

    Returns:
        The path.

    Raises:
        OutOfSpace: the file cannot be written; what was there before stays.
    """
    payload = {"weight": _stored(weights, half=half), "config": _plain(config), "info": info}
    return _write(path, lambda file: torch.save(payload, file))


def write_sovits(
    path: Path,
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any],
    info: str,
    *,
    header: bytes = ZIP_MAGIC,
    lora_rank: int | None = None,
    half: bool = True,
) -> Path:
    """Writes SoVITS weights: the configuration as the original's own class, and the version's header.

    Args:
        path: file to write; its folder is made.
        weights: official state dict; every key with `enc_q` is left out, as the original does.
        config: the official configuration as nested dicts.
        info: a remark, such as `8epoch_200iteration`.
        header: first two bytes; see HEADERS.
        lora_rank: rank of the adapter, for a LoRA file.
        half: store as float16, as official files are.

    Returns:
        The path.

    Raises:
        OutOfSpace: the file cannot be written; what was there before stays.
    """
    if header != ZIP_MAGIC and header not in HEADERS:
        raise ValueError(f"unknown header {header!r}")
    kept = {name: tensor for name, tensor in weights.items() if "enc_q" not in name}
    payload: dict[str, Any] = {
        "weight": _stored(kept, half=half),
        "config": to_attributes(config),
        "info": info,
    }
    if lora_rank is not None:
        payload["lora_rank"] = lora_rank

    def save(file: BinaryIO) -> None:
        torch.save(payload, file, pickle_module=_ORIGINAL_PICKLE)
        file.seek(0)
        file.write(header)

    return _write(path, save)


def write_safetensors(
    path: Path,
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any],
    info: str,
    *,
    version: str = "",
    lora_rank: int | None = None,
    half: bool = True,
) -> Path:
    """Writes weights in our own form: safetensors, with everything else in its metadata.

    Any program that reads safetensors opens it; `config` and `lora_rank` stand there as JSON.

    Args:
        path: file to write; its folder is made.
        weights: official state dict.
        config: the configuration as nested dicts.
        info: a remark, such as `8epoch_200iteration`.
        version: model version, which other layouts say in their header.
        lora_rank: rank of the adapter, for a LoRA file.
        half: store as float16, as official files are.

    Returns:
        The path.

    Raises:
        OutOfSpace: the file cannot be written; what was there before stays.
    """
    from safetensors.torch import save

    remarks = {OUR_FORMAT: OUR_LAYOUT, "format": "pt", "info": info, "config": json.dumps(_plain(config))}
    if version:
        remarks["version"] = version
    if lora_rank is not None:
        remarks["lora_rank"] = json.dumps(lora_rank)
    content = save(dict(_stored(weights, half=half)), metadata=remarks)

    def write(file: BinaryIO) -> None:
        file.write(content)

    return _write(path, write)


def write_state(path: Path, state: Mapping[str, Any]) -> Path:
    """Writes a training state: nested dicts and lists of tensors and plain values.

    Raises:
        OutOfSpace: the file cannot be written; what was there before stays.
    """
    return _write(path, lambda file: torch.save(dict(state), file))


def write_weights(path: Path, payload: Mapping[str, Any]) -> Path:
    """Writes a bare container, such as `{"weight": state dict}` of a discriminator or a state dict itself.

    Raises:
        OutOfSpace: the file cannot be written; what was there before stays.
    """
    return _write(path, lambda file: torch.save(dict(payload), file))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def _stored(weights: Mapping[str, Tensor], *, half: bool) -> OrderedDict[str, Tensor]:
    def stored(tensor: Tensor) -> Tensor:
        copy = tensor.detach().to("cpu")
        return (copy.half() if half and copy.is_floating_point() else copy).contiguous().clone()

    return OrderedDict((name, stored(tensor)) for name, tensor in weights.items())


def _write(path: Path, save: Callable[[BinaryIO], None]) -> Path:
    """Saves beside the target and renames, so that a reader never sees half a file."""
    try:
        with replacing(path, synced=True) as waiting, waiting.open("w+b") as file:
            save(file)
    except RuntimeError as error:  # the zip writer's own words when a write of the stream failed
        if "unexpected pos" in str(error) or "writing file" in str(error):
            reason = error.__context__  # what the stream said, such as that the disk is full
            raise not_written(path, reason if isinstance(reason, OSError) else error) from error
        raise
    return path
