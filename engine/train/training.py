"""What a training is to the loop that drives it, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from engine.protocol.results import Skipped
from engine.train.peers import Peers
from engine.train.plan import Batch
from engine.train.state import Figures, Part, Place

B = TypeVar("B")


class Training(Protocol[B]):
    """What the loop drives: data, networks and optimisers of one training.

    `B` is the type of a step's data in memory.

    Attributes:
        peers: The processes that do its steps together.
    """

    peers: Peers

    @property
    def order(self) -> str:
        """Fingerprint of the data and of everything else that fixes their order."""

    def parts(self) -> Mapping[str, Part]:
        """Everything with a state, by name."""

    def plan(self, epoch: int) -> Sequence[Sequence[Batch]]:
        """The steps of an epoch, counted from 0; a step may take several batches. Same each time."""

    def clips(self, step: Sequence[Batch]) -> list[str]:
        """Names of the clips of a step."""

    def heaviest(self, count: int) -> Batch:
        """A batch of so many items that needs as much memory as any."""

    def load(self, step: Sequence[Batch]) -> B:
        """Reads a step's data; runs in a thread beside the step before, and draws no random numbers.

        Where memory is short, a step comes with its batches cut into smaller ones.
        """

    def step(self, data: B, step: int, check_cancelled: Callable[[], None]) -> dict[str, float]:
        """Learns from a step's data, all batches together, each clip with the same weight.

        `check_cancelled` may be called as long as nothing has changed but gradients. The figures
        hold the key `loss`, and nothing that is not finite unless training has gone wrong.
        """

    def begin_epoch(self, epoch: int) -> None:
        """Sets the rates of an epoch, counted from 0; also called when one goes on in its middle.

        The rates follow from the parameters, not from the saved state: a lower one takes effect
        when a training is started again. The loop lowers them further after a break-down.
        """

    def weights_path(self, place: Place) -> Path:
        """Where the weights of a place are exported to."""

    def export(self, place: Place) -> Path:
        """Writes the weights, in the official layout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a training came to.

    Attributes:
        place: Where it stands now.
        weights: Exported files, oldest first.
        figures: The figures kept.
        steps_now: Steps done in this run; 0 when there was nothing to do.
        losses: Mean loss of each epoch that this run completed.
        lost: Clips that could not be read any more while it ran.
    """

    place: Place
    weights: tuple[Path, ...]
    figures: Figures
    steps_now: int
    losses: tuple[float, ...]
    lost: tuple[Skipped, ...] = ()
