"""Several processes, one training: on several GPUs, several machines, or the cores of one.

One process of them, the first, runs the loop of every training (`engine.train.loop`): it alone saves,
exports and reports. Before each step it tells the others which clips are theirs and at which rates to
learn; all then do the same step and add up their gradients, so that every one makes the same move as a
single process with all the clips would. Whatever stops one of them (a cancel, too little memory, a death)
ends the step for all; the loop decides what follows, and the others start anew when it goes on.

The processes meet by the variables that PyTorch's `torchrun` sets (RANK, WORLD_SIZE, MASTER_ADDR,
MASTER_PORT): it starts them on several machines. On one machine the first process starts the others.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final, Generic, TypeVar

import torch
import torch.distributed as dist

from engine.protocol.context import RecordingContext
from engine.protocol.errors import Cancelled, EngineError, TrainingFailed, WorkerDied
from engine.protocol.stages.training import TRAIN_GPT, TRAIN_SOVITS, TrainGptParameters, TrainingParameters
from engine.train.peers import ALONE, Group
from engine.train.plan import Batch, numbered
from engine.train.state import Part, Place
from engine.train.training import Training

B = TypeVar("B")
_PATIENCE: Final = timedelta(minutes=10)
_GRACE_S: Final = 10.0
_HOST: Final = "127.0.0.1"
_LOCAL_PORT: Final = "GSV_TRAINING_PORT"
"""Set for the processes of one machine, beside the variables of `torchrun`."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What the first process tells another to do.

    Attributes:
        pieces: Batches of its clips.
        step: Number of the step.
        rates: Learning rates of all groups of all optimisers.
        states: States of all parts, where it has others.
    """

    pieces: list[Batch]
    step: int
    rates: list[list[float]]
    states: dict[str, dict[str, Any]] | None = None


@dataclass(slots=True, kw_only=True)
class _Team:
    """The other processes on this machine, and the ends of their pipes, by which they say what went wrong."""

    processes: list[multiprocessing.process.BaseProcess] = field(default_factory=list)
    pipes: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece(Generic[B]):
    """A step's data here, and the clips of the others."""

    here: B
    others: list[list[Batch]]


class SharedTraining(Generic[B]):
    """A training that is shared with other processes, as the loop drives it; close it in the end."""

    def __init__(
        self, training: Training[B], parameters: TrainingParameters, devices: Sequence[str], clips: int
    ) -> None:
        """Takes the training of this process; the others start with the first step.

        Args:
            training: it plans for all processes together.
            parameters: what the others make theirs from.
            devices: where each process computes; empty when `torchrun` started them.
            clips: how many there are.
        """
        self.peers = ALONE
        self._training = training
        self._parameters = parameters
        self._devices = devices
        self._clips = clips
        self._count = len(devices) or int(os.environ["WORLD_SIZE"])
        self._team: _Team | None = None
        self._fresh = False
        self._met = False

    @property
    def order(self) -> str:
        """As the training's own."""
        return self._training.order

    def parts(self) -> Mapping[str, Part]:
        """The parts here; the others take over what is loaded into them."""
        return {name: _Watched(part, self._renew) for name, part in self._training.parts().items()}

    def plan(self, epoch: int) -> Sequence[Sequence[Batch]]:
        """As the training's own."""
        return self._training.plan(epoch)

    def clips(self, step: Sequence[Batch]) -> list[str]:
        """As the training's own."""
        return self._training.clips(step)

    def heaviest(self, count: int) -> Batch:
        """As the training's own."""
        return self._training.heaviest(count)

    def load(self, step: Sequence[Batch]) -> _Piece[B]:
        """Reads the clips of this process."""
        pieces = shares(numbered(step, self._clips), self._count)
        return _Piece(self._training.load(pieces[0]), pieces[1:])

    def step(self, data: _Piece[B], step: int, check_cancelled: Callable[[], None]) -> dict[str, float]:
        """All processes do the step.

        Raises:
            WorkerDied: another process ended by itself.
            EngineError: what another one met, such as too little memory.
        """
        check_cancelled()
        try:
            if self._team is None:
                self._start()
            self._tell(data.others, step)
            return self._training.step(data.here, step, _go_on)
        except BaseException as error:
            reason = self._reason(error)
            self.close()
            if reason is not None:
                raise reason from error
            raise

    def begin_epoch(self, epoch: int) -> None:
        """As the training's own; the rates go to the others with each step."""
        self._training.begin_epoch(epoch)

    def weights_path(self, place: Place) -> Any:
        """As the training's own."""
        return self._training.weights_path(place)

    def export(self, place: Place) -> Any:
        """As the training's own."""
        return self._training.export(place)

    def end(self) -> None:
        """Lets the processes of `torchrun` go, after the last step; they wait also where there was none."""
        if not self._devices and not self._met:
            self._start()
        if self._team is not None and not self._devices:
            dist.broadcast_object_list([None], src=0, device=torch.device("cpu"))
        self.close()

    def close(self) -> None:
        """Ends the other processes."""
        team, self._team, self._fresh = self._team, None, False
        self._training.peers = ALONE
        if team is None:
            return
        for process in team.processes:
            process.terminate()
        for process in team.processes:
            process.join(_GRACE_S)
            if process.is_alive():
                process.kill()
                process.join()
        for pipe in team.pipes:
            pipe.close()
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()

    def _renew(self) -> None:
        self._fresh = False

    def _start(self) -> None:
        if not self._devices and self._met:
            raise TrainingFailed(
                "A step did not succeed, and the processes that torchrun started are gone.",
                hint="Start it again, with a smaller batch size: it goes on from the last saved state.",
            )
        self._met = True
        team = _Team()
        self._team = team
        port = _free_port() if self._devices else 0
        spawning = multiprocessing.get_context("spawn")
        for rank, device in enumerate(self._devices[1:], 1):
            ours, theirs = spawning.Pipe(duplex=False)
            given = self._parameters.model_copy(update={"device": device, "gpu_numbers": ""})
            meeting = (rank, self._count, port)
            process = spawning.Process(target=_peer_process, args=(given, meeting, theirs), daemon=True)
            process.start()
            theirs.close()
            team.processes.append(process)
            team.pipes.append(ours)
        join_group(0, self._count, port)
        self._training.peers = Group(0, self._count)

    def _tell(self, others: Sequence[list[Batch]], step: int) -> None:
        states = None
        if not self._fresh:
            states = {name: part.state_dict() for name, part in self._training.parts().items()}
        orders = [_Order(pieces, step, _rates(self._training), states) for pieces in others]
        dist.broadcast_object_list([orders], src=0, device=torch.device("cpu"))
        self._fresh = True

    def _reason(self, error: BaseException) -> BaseException | None:
        """What another process met, where that is why this one's step failed."""
        if self._team is None or not isinstance(error, RuntimeError) or isinstance(error, EngineError):
            return None
        for rank, (process, pipe) in enumerate(zip(self._team.processes, self._team.pipes, strict=True), 1):
            with contextlib.suppress(EOFError, OSError):
                if pipe.poll(1.0):
                    met: BaseException = pipe.recv()
                    return met
            process.join(1.0)
            if process.exitcode is not None:
                return WorkerDied(
                    f"The training process {rank + 1} of {self._count} ended by itself "
                    f"(exit code {process.exitcode}).",
                    hint="Start again: training goes on from the last saved state. If the memory was short, "
                    "set a smaller batch size or name fewer GPU numbers.",
                    detail=str(error),
                )
        return None


class _Watched:
    """A part that tells when its state is replaced."""

    def __init__(self, part: Part, renew: Callable[[], None]) -> None:
        self._part = part
        self._renew = renew

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of an optimiser; none of a network."""
        found: list[dict[str, Any]] = getattr(self._part, "param_groups", [])
        return found

    def state_dict(self) -> dict[str, Any]:
        """Its state."""
        return self._part.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes a state over, here and later in the other processes."""
        self._renew()
        self._part.load_state_dict(state_dict)


def shares(step: Sequence[Batch], count: int) -> list[list[Batch]]:
    """The batches of a step cut for so many processes; some may get fewer, or none."""
    made: list[list[Batch]] = [[] for _ in range(count)]
    for batch in step:
        edges = [len(batch) * number // count for number in range(count + 1)]
        parts = sorted((batch[start:end] for start, end in pairwise(edges)), key=len)
        for own, part in zip(made, reversed(parts), strict=True):
            if part:
                own.append(part)
    return made


def devices_of(gpu_numbers: str, device: str, cards: int) -> list[str]:
    """Where each process computes; one entry for one process alone.

    Args:
        gpu_numbers: such as 0-1; may be empty. Without a GPU the entries only tell how many processes.
        device: what the user chose.
        cards: how many GPUs there are.
    """
    entries = [entry.strip() for entry in gpu_numbers.split("-") if entry.strip()]
    if len(entries) < 2:
        return [device]
    if device == "cpu" or not cards:
        return ["cpu"] * len(entries)
    return [f"cuda:{int(entry)}" for entry in entries]


def started_by_torchrun() -> bool:
    """Whether `torchrun` started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def process_count() -> int:
    """How many processes `torchrun` started."""
    return int(os.environ["WORLD_SIZE"])


def own_rank() -> int:
    """Number of this process among those that train together; 0 for one alone."""
    return int(os.environ.get("RANK", "0")) if started_by_torchrun() else 0


def join_group(rank: int, count: int, port: int) -> None:
    """Meets the other processes of this machine, or those of `torchrun` where the port is 0."""
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    if not port:
        dist.init_process_group(backend, timeout=_PATIENCE)
        return
    # without libuv, which Windows' PyTorch is built without
    store = dist.TCPStore(  # type: ignore[attr-defined]
        _HOST, port, count, is_master=rank == 0, timeout=_PATIENCE, use_libuv=False
    )
    dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_PATIENCE)


def own_device(device: str) -> str:
    """Where a process of `torchrun` computes."""
    if device == "auto" and torch.cuda.is_available():
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return device


def serve(training: Training[B], parameters: TrainingParameters) -> None:
    """The life of every process but the first: does its part of each step until the first one is gone."""
    rank, count = own_rank(), int(os.environ["WORLD_SIZE"])
    join_group(rank, count, int(os.environ.get(_LOCAL_PORT, "0")))
    training.peers = Group(rank, count)
    while True:
        told: list[Any] = [None]
        dist.broadcast_object_list(told, src=0, device=torch.device("cpu"))
        if told[0] is None:
            return
        order: _Order = told[0][rank - 1]
        if order.states is not None:
            for name, part in training.parts().items():
                part.load_state_dict(order.states[name])
        for group, rate in zip(_groups(training), order.rates, strict=True):
            group["lr"] = rate[0]
        torch.manual_seed((parameters.seed + order.step * count + rank) % 2**63)  # dropout of its own
        training.step(training.load(order.pieces), order.step, _go_on)


def _go_on() -> None:
    """No stop amid a step: the first process asks before it."""


def _groups(training: Training[B]) -> list[dict[str, Any]]:
    parts = training.parts().values()
    return [group for part in parts for group in getattr(part, "param_groups", [])]


def _rates(training: Training[B]) -> list[list[float]]:
    return [[float(group["lr"])] for group in _groups(training)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _peer_process(parameters: TrainingParameters, meeting: tuple[int, int, int], pipe: Any) -> None:
    """A process that the first one started: the same stage, which finds by its rank what it is."""
    rank, count, port = meeting
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(count),
        _LOCAL_PORT: str(port),
    }
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // count))
    spec = TRAIN_GPT if isinstance(parameters, TrainGptParameters) else TRAIN_SOVITS
    module, _, function = spec.entry.partition(":")
    try:
        getattr(importlib.import_module(module), function)(parameters, RecordingContext())
    except (EngineError, MemoryError) as error:
        with contextlib.suppress(OSError):
            pipe.send(error)
    except Cancelled:
        return
