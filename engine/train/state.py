"""Training states on disk: complete, whole or not at all, and never without the one before."""

from __future__ import annotations

import random
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor

from engine.checkpoints.reader import read_state
from engine.checkpoints.writer import write_state
from engine.protocol.errors import BadCheckpoint

FORMAT: Final = 1
KEPT_STATES: Final = 2
SLOWER: Final = 0.5
"""What a return leaves of the learning rate."""
_NAME: Final = re.compile(r"^state_(?P<step>\d{8,})(?P<epoch>_e\d+)?\.pt$")


class Part(Protocol):
    """Something with a state: a network, an optimiser, a scheduler."""

    def state_dict(self) -> dict[str, Any]:
        """Its state."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Takes a state over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a training stands.

    Attributes:
        epoch: Epoch of the next step, counted from 0: as many epochs are complete.
        position: The next step within that epoch, counted from 0.
        step: Steps done in all.
    """

    epoch: int = 0
    position: int = 0
    step: int = 0


@dataclass(slots=True, kw_only=True)
class Figures:
    """Figures that a training keeps over its whole life.

    Attributes:
        epoch_loss: Sum of the losses of the running epoch.
        epoch_steps: Number of losses in that sum.
        best_loss: Lowest mean loss of an epoch; 0 before the first epoch is complete.
        best_epoch: The epoch that had it, counted from 1; 0 before.
    """

    epoch_loss: float = 0.0
    epoch_steps: int = 0
    best_loss: float = 0.0
    best_epoch: int = 0

    def add(self, loss: float) -> None:
        """Takes a step's loss in."""
        self.epoch_loss += loss
        self.epoch_steps += 1

    def close_epoch(self, epoch: int) -> float:
        """Ends the running epoch, counted from 1, and gives its mean loss."""
        mean = self.epoch_loss / max(self.epoch_steps, 1)
        if self.best_epoch == 0 or mean < self.best_loss:
            self.best_loss, self.best_epoch = mean, epoch
        self.epoch_loss, self.epoch_steps = 0.0, 0
        return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """What a training had to be given to go on; kept in its state, so that it holds after an interruption.

    Attributes:
        pieces: Parts that each batch is learnt from in, one after the other; the step is the same.
        rate_share: Share of the learning rate that is left.
        returns: Times that it went back to a good state since the last complete epoch.
    """

    pieces: int = 1
    rate_share: float = 1.0
    returns: int = 0

    def smaller(self) -> Care:
        """With batches in twice as many parts."""
        return replace(self, pieces=self.pieces * 2)

    def slower(self) -> Care:
        """With half the learning rate, after one more return."""
        return replace(self, rate_share=self.rate_share * SLOWER, returns=self.returns + 1)

    def settled(self) -> Care:
        """After an epoch without a fault: lasting trouble begins anew to be counted."""
        return replace(self, returns=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """All that a training needs to go on as if it had never stopped.

    Attributes:
        place: The next step.
        order: Fingerprint of the data and of its order; another one means other data.
        figures: Figures kept so far.
        parts: State of every network, optimiser and scheduler by name.
        randomness: State of every random generator.
        care: What the training had to be given to go on.
    """

    place: Place
    order: str
    figures: Figures
    parts: Mapping[str, Mapping[str, Any]]
    randomness: Mapping[str, Any] = field(default_factory=dict)
    care: Care = field(default_factory=Care)


def randomness() -> dict[str, Any]:
    """State of the generators of PyTorch (CPU and GPU), NumPy and Python, as plain values and tensors."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - the one libraries draw from
    version, words, python_gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": {
            "kind": str(kind),
            "keys": torch.from_numpy(np.asarray(keys).astype(np.int64)),
            "position": int(position),
            "has_gauss": int(has_gauss),
            "gauss": float(gauss),
        },
        "python": {"version": version, "words": torch.tensor(words), "gauss": python_gauss},
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_randomness(state: Mapping[str, Any]) -> None:
    """Puts every generator back to where `randomness` found it."""
    torch.set_rng_state(state["torch"])
    numpy, python = state["numpy"], state["python"]
    keys = numpy["keys"].numpy().astype(np.uint32)
    np.random.set_state(  # noqa: NPY002
        (numpy["kind"], keys, numpy["position"], numpy["has_gauss"], numpy["gauss"])
    )
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    kept: list[Tensor] = state.get("cuda", [])
    if torch.cuda.is_available() and len(kept) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(kept)


def seed_everything(seed: int) -> None:
    """Starts every generator from `seed`."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)


class StateStore:
    """The states in one folder, newest by their step: `state_<step>.pt`, `state_<step>_e<epoch>.pt`."""

    def __init__(self, folder: Path, log: Callable[[str, str], None]) -> None:
        self._folder = folder
        self._log = log

    def states(self) -> list[Path]:
        """Every state, newest first."""
        found = [path for path in self._folder.glob("state_*.pt") if _NAME.match(path.name)]
        return sorted(found, key=_step, reverse=True)

    def save(self, state: TrainingState, *, epoch_end: bool, keep_only_latest: bool) -> Path:
        """Writes a state; older ones go when the new one has been read back whole.

        The one before always stays, so that a damaged newest state costs some steps and not all.

        Raises:
            OutOfSpace: it cannot be written; earlier states are untouched.
            BadCheckpoint: what was written cannot be read back.
        """
        mark = f"_e{state.place.epoch}" if epoch_end and not keep_only_latest else ""
        path = self._folder / f"state_{state.place.step:08d}{mark}.pt"
        write_state(path, _packed(state))
        if fault := _damage(path):
            raise BadCheckpoint(
                f"The training state {path} cannot be read back.",
                hint="Check the disk; training goes on from the state before.",
                detail=fault,
            )
        self._prune(keep_only_latest=keep_only_latest)
        return path

    def load(self) -> TrainingState | None:
        """The newest state that can be read; None where there is none.

        A damaged one is set aside as `*.damaged`, and the user is told. What a killed process left
        half written goes.
        """
        for half in [*self._folder.glob("state_*.part"), *self._folder.glob(".*.part.*")]:
            half.unlink(missing_ok=True)
        for path in self.states():
            try:
                return _read(path)
            except BadCheckpoint as error:
                path.replace(path.with_suffix(".damaged"))
                self._log(
                    f"The training state {path.name} is damaged and was set aside; "
                    f"training goes on from the one before. {error.detail}".rstrip(),
                    "warning",
                )
        return None

    def _prune(self, *, keep_only_latest: bool) -> None:
        for path in self.states()[KEPT_STATES:]:
            found = _NAME.match(path.name)
            if keep_only_latest or (found and not found["epoch"]):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:  # Windows: a virus scanner holds it; the next save tries again
                    self._log(f"The old state {path.name} could not be removed: {error}", "warning")


def _step(path: Path) -> int:
    found = _NAME.match(path.name)
    return int(found["step"]) if found else -1


def _damage(path: Path) -> str:
    """What is wrong with the bytes of a state; empty when every checksum holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        return str(error)
    return f"checksum of {bad}" if bad else ""


def _read(path: Path) -> TrainingState:
    if fault := _damage(path):
        raise BadCheckpoint(f"{path} is damaged.", detail=fault)
    return _unpacked(read_state(path), path)


def _packed(state: TrainingState) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "place": asdict(state.place),
        "order": state.order,
        "figures": asdict(state.figures),
        "parts": {name: dict(part) for name, part in state.parts.items()},
        "randomness": dict(state.randomness),
        "care": asdict(state.care),
    }


def _unpacked(stored: Mapping[str, Any], path: Path) -> TrainingState:
    try:
        if stored["format"] != FORMAT:
            raise BadCheckpoint(f"{path} was saved by another version of the program.")
        return TrainingState(
            place=Place(**stored["place"]),
            order=str(stored["order"]),
            figures=Figures(**stored["figures"]),
            parts=stored["parts"],
            randomness=stored["randomness"],
            care=Care(**stored.get("care", {})),  # states of earlier programs have none
        )
    except (KeyError, TypeError) as error:
        raise BadCheckpoint(f"{path} holds no training state.", detail=repr(error)) from error


def load_parts(parts: Mapping[str, Part], states: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Gives every part its state back.

    Raises:
        BadCheckpoint: the states belong to other networks.
    """
    try:
        for name, part in parts.items():
            part.load_state_dict(dict(states[name]))
    except (KeyError, RuntimeError, ValueError) as error:
        raise BadCheckpoint(
            f"The training states in {folder} belong to networks of another shape.",
            hint="Train from the same pretrained weights as before, or remove that folder to start anew.",
            detail=str(error),
        ) from error


def part_states(parts: Mapping[str, Part]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and state of every part."""
    for name, part in parts.items():
        yield name, part.state_dict()
