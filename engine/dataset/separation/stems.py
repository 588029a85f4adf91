"""What every separating network does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.audio.stereo import Stereo

Stems = NDArray[np.float32]
"""(2, 2, S): the voice and the rest, each in two channels."""

RATE_HZ: Final = 44100

Tell = Callable[[float], None]
"""Is told which share of a piece is done; raises Cancelled when the user has stopped."""


class Separator(Protocol):
    """A loaded network."""

    def separate(self, mix: Stereo, tell: Tell) -> Stems:
        """The voice and the rest of (2, S) at 44.1 kHz; together they are the whole."""
        ...


def stems_of(mix: Stereo, found: Stereo, *, is_voice: bool) -> Stems:
    """The stem that was found and what is left without it, the voice first."""
    rest = mix - found
    return np.stack([found, rest] if is_voice else [rest, found]).astype(np.float32)
