"""Which names a pickle would import, found without running it."""

from __future__ import annotations

import pickletools
from typing import Final

from engine.checkpoints.layout import ORIGINAL_CONFIG_CLASS

_STORAGES: Final = ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Short", "Char", "Byte", "Bool")

ALLOWED_NAMES: Final = frozenset(
    {
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "collections.OrderedDict",
        ".".join(ORIGINAL_CONFIG_CLASS),
        *(f"torch.{kind}Storage" for kind in _STORAGES),
    }
)
"""All that a weight file needs."""


class _NameCollector:
    """Follows the strings of a pickle far enough to know what its imports are called."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._strings: list[str] = []
        self._memo: dict[int, str] = {}

    def take(self, opcode: str, argument: object) -> None:
        match opcode:
            case "GLOBAL" | "INST":
                self.names.add(".".join(str(argument).split(" ", 1)))
            case "STACK_GLOBAL":
                pair = self._strings[-2:]
                self.names.add(".".join(pair) if len(pair) == 2 else "a hidden name")
            case "EXT1" | "EXT2" | "EXT4":
                self.names.add(f"extension {argument}")
            case "MEMOIZE" | "PUT" | "BINPUT" | "LONG_BINPUT":
                index = len(self._memo) if opcode == "MEMOIZE" else int(str(argument))
                self._memo[index] = self._strings[-1] if self._strings else ""
            case "GET" | "BINGET" | "LONG_BINGET":
                self._strings.append(self._memo.get(int(str(argument)), ""))
            case _ if isinstance(argument, str):
                self._strings.append(argument)


def imported_names(pickled: bytes) -> frozenset[str]:
    """Names, as `module.name`, that loading a pickle would import.

    Args:
        pickled: the bytes of one pickle.

    Raises:
        ValueError: the bytes are no pickle.
    """
    collector = _NameCollector()
    for opcode, argument, _ in pickletools.genops(pickled):
        collector.take(opcode.name, argument)
    return frozenset(collector.names)


def refused_names(pickled: bytes) -> tuple[str, ...]:
    """Names that a pickle would import and a weight file does not need, sorted."""
    return tuple(sorted(imported_names(pickled) - ALLOWED_NAMES))
