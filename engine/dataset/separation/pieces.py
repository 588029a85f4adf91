"""Long recordings: worked on piece by piece, the joints faded, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.audio.stereo import Stereo
from engine.dataset.separation.stems import Stems, Tell

Separate = Callable[[Stereo], Stems]

_FADE_SHARE: Final = 10


@dataclass(frozen=True, slots=True)
class Pieces:
    """How a recording is cut up, in samples.

    Attributes:
        length: Of a piece.
        margin: What a piece hears of its neighbours; at least twice `fade`.
        fade: Half of the stretch in which one piece goes over into the next.
    """

    length: int
    margin: int
    fade: int

    def separate(self, blocks: Iterable[Stereo], separate: Separate) -> Iterator[Stems]:
        """The stems of a recording, (2, 2, S) each; together they are as long as the blocks."""
        waiting, before, held = np.zeros((2, 0), np.float32), 0, np.zeros((2, 2, 0), np.float32)
        for block in blocks:
            waiting = np.concatenate([waiting, block], axis=1)
            while waiting.shape[1] > before + self.length + self.margin:
                stems = separate(waiting[:, : before + self.length + self.margin])
                end = before + self.length
                yield self._joined(held, stems, before, end - self.fade)
                held = stems[..., end - self.fade : end + self.fade]
                waiting, before = waiting[:, end - self.margin :], self.margin
        if waiting.shape[1]:
            yield self._joined(held, separate(waiting), before, waiting.shape[1])

    def _joined(self, held: Stems, stems: Stems, before: int, end: int) -> Stems:
        """What is final of a piece: its beginning goes over from what the piece before said of it."""
        if not held.shape[-1]:
            return stems[..., :end].copy()
        made = stems[..., before - self.fade : end].copy()
        width = min(held.shape[-1], made.shape[-1])
        rise = np.linspace(0, 1, held.shape[-1] + 2, dtype=np.float32)[1:-1][:width]
        made[..., :width] = made[..., :width] * rise + held[..., :width] * (1 - rise)
        return made


def overlapped(mix: Stereo, size: int, step: int, run: Callable[[Stereo], Stems], tell: Tell) -> Stems:
    """What a network that hears `size` samples at a time makes of a recording, its windows overlapping.

    Args:
        mix: (2, S)
        size: Samples of a window.
        step: Samples from one window to the next.
        run: Makes (K, 2, size) of (2, size).
        tell: Is told which share is done.

    Returns:
        (K, 2, S)
    """
    fade = max(min(size // _FADE_SHARE, (size - step) // 2), 1)
    rise = np.linspace(0, 1, fade + 2, dtype=np.float32)[1:-1]
    weight = np.ones(size, np.float32)
    weight[:fade], weight[-fade:] = rise, rise[::-1]
    windows = max(-(-(mix.shape[1] + 2 * fade - size) // step), 0) + 1
    total = (windows - 1) * step + size
    padded = np.pad(mix, ((0, 0), (fade, total - mix.shape[1] - fade)))
    made: Stems | None = None
    weights = np.zeros(total, np.float32)
    for start in range(0, windows * step, step):
        tell(start / (windows * step))
        found = run(padded[:, start : start + size])
        if made is None:
            made = np.zeros((*found.shape[:2], total), np.float32)
        made[..., start : start + size] += found * weight
        weights[start : start + size] += weight
    if made is None:
        raise ValueError("there is always one window")
    made /= weights
    return made[..., fade : fade + mix.shape[1]]
