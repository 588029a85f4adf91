"""The tables that give every phone its number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.protocol.builtin import resource
from engine.protocol.versions import version as model_version

UNKNOWN: Final = "UNK"
MARKS: Final = frozenset("!?…,.-")
_SILENT: Final = frozenset({UNKNOWN, "空", "停", "SP", "SP2", "SP3"})


@cache
def symbol_ids(version: str) -> Mapping[str, int]:
    """Symbol -> id of a model version.

    Raises:
        BadParameters: no such version is built in.
    """
    row = model_version(version)
    table = resource("text", f"symbols_{row.symbols}.json")
    listed: list[str] = json.loads(table.read_text(encoding="utf-8"))
    if len(listed) != row.symbol_rows:
        raise ValueError(f"{table.name} has {len(listed)} symbols instead of {row.symbol_rows}")
    return MappingProxyType({symbol: number for number, symbol in enumerate(listed)})


def phone_ids(phones: Iterable[str], version: str) -> tuple[int, ...]:
    """Ids of phones; a phone that the table lacks gets that of UNK."""
    table = symbol_ids(version)
    unknown = table[UNKNOWN]
    return tuple(table.get(phone, unknown) for phone in phones)


def is_sound(phone: str) -> bool:
    """Whether a phone is heard, and no mark of a pause, of pitch or of something unknown."""
    return phone not in _SILENT and phone[:1].isalpha()
