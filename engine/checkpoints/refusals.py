"""What is said of files that are not read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.protocol.errors import BadCheckpoint


def damaged(path: Path, why: object) -> BadCheckpoint:
    """A file that breaks off, or contradicts itself; `why` ends the sentence."""
    return BadCheckpoint(
        f"{path} is damaged or incomplete: {why}.", hint="Download or copy the file again.", detail=str(why)
    )


def unsafe(path: Path, names: Sequence[str]) -> BadCheckpoint:
    """A file that would run code, with the names of it."""
    return BadCheckpoint(
        f"{path} was not opened: it would run code of its own ({shortened(names)}).",
        hint="Get the file from a source that you trust, with nothing but weights in it.",
        detail=", ".join(names),
    )


def foreign(path: Path, what: str) -> BadCheckpoint:
    """A file that is something else; `what` follows `is`."""
    return BadCheckpoint(f"{path} is {what}.", hint="Choose a .ckpt, .pth or .safetensors file of weights.")


def dangerous(path: Path, why: str) -> BadCheckpoint:
    """A file that was made to do harm without running code; `why` follows the file's name."""
    return BadCheckpoint(
        f"{path} was not opened: it {why}.", hint="Get the file from a source that you trust.", detail=why
    )


def shortened(names: Sequence[str], most: int = 8) -> str:
    """The first few names of many."""
    shown = [name if len(name) <= 80 else f"{name[:77]}..." for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
