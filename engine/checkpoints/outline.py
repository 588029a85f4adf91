"""What a weight file holds, its numbers left on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.checkpoints.containers import Container
from engine.checkpoints.layout import HEADERS, OUR_FORMAT, Attributes
from engine.checkpoints.plain_pickle import Malformed
from engine.checkpoints.records import TensorRecord
from engine.checkpoints.refusals import foreign, unsafe

MAX_DEPTH: Final = 32
"""How deep values may be nested; real files have some five levels."""

MAX_VALUES: Final = 100_000
"""Most values in a file, each counted wherever it stands."""

_STATE_KEYS: Final = ("weight", "state_dict", "model", "generator")
_STATE_MARKS: Final = ("optimizer", "optimizer_states")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A weight file without its numbers.

    Attributes:
        path: The file.
        weights: Where each tensor of the state dict lies, in the order of the file.
        config: The configuration as plain dicts and lists; empty where there is none.
        info: The trainer's remark.
        header: The first two bytes.
        version: Model version that the header, or our own metadata, declares; empty where neither does.
        lora_rank: Rank of the adapter, where the file names it.
        training_state: Whether it is a state to go on training from.
        extras: Other top-level entries; tensors in them are records.
    """

    path: Path
    weights: dict[str, TensorRecord]
    config: dict[str, Any] = field(default_factory=dict)
    info: str = ""
    header: bytes = b""
    version: str = ""
    lora_rank: int | None = None
    training_state: bool = False
    extras: dict[str, Any] = field(default_factory=dict)


def outline(path: Path, container: Container) -> Outline:
    """What an open file holds.

    Raises:
        BadCheckpoint: it would run code, or holds no weights.
        Malformed: something in it is no plain data, or a tensor does not fit its storage.
    """
    payload = plain_content(path, container)
    if not isinstance(payload, dict):
        raise foreign(path, "a PyTorch file without weights")
    key = next((key for key in _STATE_KEYS if isinstance(payload.get(key), dict)), None)
    state = payload if key is None else payload[key]
    weights = {str(name): value for name, value in state.items() if isinstance(value, TensorRecord)}
    if not weights:
        raise foreign(path, "a PyTorch file without weights")
    others = {} if key is None else {str(name): value for name, value in payload.items() if name != key}
    rank = others.pop("lora_rank", None)
    version = str(others.pop("version", "")) if OUR_FORMAT in others else ""
    facts = HEADERS.get(container.header)
    return Outline(
        path=path,
        weights=weights,
        config=_config(others),
        info=str(others.pop("info", "")),
        header=container.header,
        version=facts.version if facts else version,
        lora_rank=rank if type(rank) is int else None,
        training_state=any(mark in others for mark in _STATE_MARKS),
        extras=others,
    )


def plain_content(path: Path, container: Container) -> Any:
    """Everything in an open file as plain values and checked TensorRecords.

    Raises:
        BadCheckpoint: it would run code.
        Malformed: something in it is no plain data, or a tensor does not fit its storage.
    """
    if container.content.refused:
        raise unsafe(path, container.content.refused)
    return Walk(_checked).through(container.content.value)


class Walk:
    """Copies nested values, with something else in place of every tensor."""

    def __init__(self, replaced: Callable[[str, TensorRecord], Any]) -> None:
        """Takes what to put in place of a tensor, given its name and record."""
        self._replaced = replaced
        self._values = 0

    def through(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """The copy.

        Raises:
            Malformed: the values are nested too deeply, too many, or no plain data.
        """
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise Malformed("what it holds is nested without end")
        if isinstance(value, TensorRecord):
            return self._replaced(name, value)
        if isinstance(value, Attributes):
            value = vars(value)
        if isinstance(value, dict):
            return {key: self.through(part, str(key), depth + 1) for key, part in value.items()}
        if isinstance(value, list | tuple | set):
            return type(value)(self.through(part, name, depth + 1) for part in value)
        if value is None or isinstance(value, str | bytes | bool | int | float):
            return value
        raise Malformed(f"{name[:80] or 'a value'!r} in it is no plain data")


def _checked(name: str, record: TensorRecord) -> TensorRecord:
    if fault := record.fault():
        raise Malformed(f"{name[:80] or 'a tensor'!r} {fault}")
    return record


def _config(others: dict[str, Any]) -> dict[str, Any]:
    """The configuration, with text as keys; Lightning keeps it among the hyper-parameters."""
    found = others.pop("config", None)
    inner = others.get("hyper_parameters")
    if found is None and isinstance(inner, dict):
        found = inner.get("config", inner)
    named = _with_text_keys(found)
    return named if isinstance(named, dict) else {}


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            str(key): _with_text_keys(part)
            for key, part in value.items()
            if not isinstance(part, TensorRecord)
        }
    if isinstance(value, list | tuple):
        return type(value)(_with_text_keys(part) for part in value)
    return value
