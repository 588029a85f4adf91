"""Joins pieces of sound that overlap, where they fit each other best.

Shapes: S samples.

The start of each piece is moved a little until it resembles the end of what came before
(synchronised overlap-add), then both are cross-faded.

Source: case `sola` of the parity kit; parity: tests/parity/test_sola.py.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_SILENCE_ENERGY = 1e-8


def best_offset(ending: Samples, beginning: Samples, search: int) -> int:
    """Where in a new piece its resemblance to the end of the old one is greatest.

    Args:
        ending: (overlap,) the last samples of the old piece.
        beginning: (S,) the new piece.
        search: the largest offset to look at.

    Returns:
        An offset from 0 to search; 0 when the new piece is shorter than the overlap.
    """
    overlap = len(ending)
    region = beginning[: overlap + search].astype(np.float64)
    if len(region) < overlap:
        return 0
    likeness = np.correlate(region, ending.astype(np.float64), mode="valid")
    energy = np.convolve(region**2, np.ones(overlap), mode="valid")
    return int(np.argmax(likeness / np.sqrt(np.maximum(energy, 0) + _SILENCE_ENERGY)))


def crossfade(ending: Samples, beginning: Samples) -> Samples:
    """Fades from one piece to another of the same length, with the halves of a periodic Hann window."""
    count = len(ending)
    rising = 0.5 - 0.5 * np.cos(np.pi * np.arange(count) / count)
    return (ending * (1 - rising) + beginning * rising).astype(np.float32)


class Joiner:
    """Joins pieces as they come, and holds back what the next one may still change."""

    def __init__(self, overlap: int, search: int) -> None:
        """Sets the overlap of neighbours and the largest offset, both in samples."""
        self._overlap = overlap
        self._search = search
        self._held = np.zeros(0, np.float32)

    def push(self, piece: Samples) -> Samples:
        """Takes a piece; gives the samples that are final by now."""
        overlap = min(self._overlap, len(self._held), len(piece))
        if overlap:
            ending = self._held[-overlap:]
            offset = best_offset(ending, piece, self._search)
            moved = piece[offset:]
            mixed = crossfade(ending, moved[:overlap])
            piece = np.concatenate((self._held[:-overlap], mixed, moved[overlap:]))
        else:
            piece = np.concatenate((self._held, piece))
        ready = max(len(piece) - self._overlap, 0)
        self._held = piece[ready:].astype(np.float32)
        return piece[:ready].astype(np.float32)

    def finish(self) -> Samples:
        """Gives what was held back, and starts anew."""
        rest, self._held = self._held, np.zeros(0, np.float32)
        return rest


def join(pieces: Iterable[Samples], overlap: int, search: int) -> Samples:
    """All pieces as one."""
    joiner = Joiner(overlap, search)
    ready = [joiner.push(piece) for piece in pieces]
    return np.concatenate([*ready, joiner.finish()])
