"""Work on many groups of clips: while one is computed the next are read, in one process or in several."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeVar

from engine.protocol.context import Context
from engine.protocol.errors import WorkerDied

_AHEAD: Final = 2
"""Groups that are read or wait beside the one that is computed."""
_ON_A_GPU: Final = 8
_POLL_S: Final = 0.2
_GRACE_S: Final = 5.0

Task = TypeVar("Task", contravariant=True)
Ready = TypeVar("Ready")
Made = TypeVar("Made", covariant=True)
T = TypeVar("T")


class Kept:
    """What is slow to make, such as a network: it lives as long as the work, and frees its memory then.

    Attributes:
        processes: How many processes share the cores of this machine.
    """

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self._objects: dict[str, Any] = {}

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The object under `key`, made when it is not there."""
        if key not in self._objects:
            if self.processes > 1 and not self._objects:
                _share_cores(self.processes)
            self._objects[key] = make()
        found: T = self._objects[key]
        return found


class Step(Protocol[Task, Ready, Made]):
    """What is done to each group of tasks; it is pickled when other processes do it."""

    def read(self, group: Sequence[Task]) -> Ready:
        """What `make` needs from the disk; called on a thread that runs ahead."""
        ...

    def make(self, ready: Ready, device: str, kept: Kept) -> Made:
        """The outcome of a group; its files are complete on disk."""
        ...


@dataclass(slots=True)
class Devices:
    """Where a stage computes; found out when that is first asked, since it loads libraries for seconds."""

    gpu_numbers: str
    device: str
    _names: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many processes are asked for."""
        return max(len(_entries(self.gpu_numbers)), 1)

    @property
    def names(self) -> tuple[str, ...]:
        """As `devices_of` gives them."""
        if not self._names:
            self._names = devices_of(self.gpu_numbers, self.device)
        return self._names


def _entries(gpu_numbers: str) -> list[str]:
    return [entry for entry in gpu_numbers.replace(" ", "").split("-") if entry]


def devices_of(gpu_numbers: str, device: str) -> tuple[str, ...]:
    """Where the processes compute: one for each entry of `gpu_numbers`, or one alone.

    Args:
        gpu_numbers: such as 0-1 for two GPUs, or 0-0 for two processes on one; may be empty. On a
            machine without GPU, or where the CPU is asked for, the entries only tell how many.
        device: the device that the user chose, or auto.

    Raises:
        BadParameters: there is no such device.
    """
    from engine.modules.device import choose_device

    chosen = choose_device(device)
    entries = _entries(gpu_numbers)
    if not entries:
        return (str(chosen),)
    if chosen.type == "cpu":
        return ("cpu",) * len(entries)
    names = tuple(f"{chosen.type}:{int(entry)}" for entry in entries)
    for name in set(names):
        choose_device(name)
    return names


def together(devices: Sequence[str]) -> int:
    """How many clips a network should get at once.

    A GPU is faster with several. A CPU has enough to do with one; its numbers are then the same to the
    last bit whatever else is done in the same run, so that a run that was stopped ends like any other.
    """
    return 1 if all(device.startswith("cpu") for device in devices) else _ON_A_GPU


def in_groups(tasks: Sequence[T], size: int) -> list[Sequence[T]]:
    """The tasks in their order, `size` together."""
    return [tasks[start : start + size] for start in range(0, len(tasks), size)]


def work_through(
    step: Step[Any, Any, Made], groups: Sequence[Sequence[Any]], devices: Sequence[str], context: Context
) -> Generator[tuple[int, Made], None, None]:
    """Does every group, and gives its number and outcome as soon as it is there, in any order.

    With one device the work is done in this process, else each device entry gets a process of its own that
    loads its models once. Close the generator when it is left early.

    Args:
        step: what is done to a group.
        groups: the tasks.
        devices: as `devices_of` gives them.
        context: is asked whether to stop.

    Raises:
        Cancelled: the user asked to stop; what came out is complete.
        WorkerDied: one of the processes ended by itself.
    """
    if not groups:
        return
    if len(devices) == 1 or len(groups) < 2:
        yield from _here(step, groups, devices[0], context)
    else:
        yield from _elsewhere(step, groups, devices[: len(groups)], context)


def _here(
    step: Step[Any, Any, Made], groups: Sequence[Sequence[Any]], device: str, context: Context
) -> Iterator[tuple[int, Made]]:
    kept = Kept()
    waiting = deque(enumerate(groups))
    read: deque[tuple[int, Future[Any]]] = deque()
    with ThreadPoolExecutor(1, "reader") as reader:
        try:
            while waiting or read:
                while waiting and len(read) <= _AHEAD:
                    number, group = waiting.popleft()
                    read.append((number, reader.submit(step.read, group)))
                context.check_cancelled()
                first, ready = read.popleft()
                yield first, step.make(ready.result(), device, kept)
        finally:
            reader.shutdown(wait=True, cancel_futures=True)


@dataclass(slots=True, kw_only=True)
class _Member:
    """A process of the crew: the parent's end of its pipe, and the groups that it has not answered."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    busy: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    """The outcome of a group, or what stopped it."""

    number: int
    made: object = None
    error: Exception | None = None


def _elsewhere(
    step: Step[Any, Any, Made], groups: Sequence[Sequence[Any]], devices: Sequence[str], context: Context
) -> Iterator[tuple[int, Made]]:
    members: list[_Member] = []
    try:
        for device in devices:  # one by one: those that started are stopped if the next does not
            members.append(_start(step, device, len(devices)))
        waiting = deque(enumerate(groups))
        while waiting or any(member.busy for member in members):
            for member in members:
                while waiting and member.busy <= _AHEAD:
                    _send(member, waiting.popleft())
            for member in _answering(members, context):
                answer = _receive(member)
                member.busy -= 1
                if answer.error is not None:
                    raise answer.error
                yield answer.number, answer.made  # type: ignore[misc]  # what the step made
    finally:
        _stop(members)


def _start(step: Step[Any, Any, Any], device: str, processes: int) -> _Member:
    spawning = multiprocessing.get_context("spawn")  # the same everywhere, and safe beside threads
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(theirs, step, device, processes), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process ends the pipe
    return _Member(process=process, pipe=ours)


def _send(member: _Member, group: tuple[int, Sequence[Any]]) -> None:
    try:
        member.pipe.send(group)
    except OSError as error:
        raise _died(member) from error
    member.busy += 1


def _answering(members: Sequence[_Member], context: Context) -> list[_Member]:
    """Those that have something to say; waits for the first."""
    while True:
        context.check_cancelled()
        found = wait([member.pipe for member in members if member.busy], _POLL_S)
        if found:
            return [member for member in members if member.pipe in found]


def _receive(member: _Member) -> _Answer:
    try:
        answer = member.pipe.recv()
    except (EOFError, OSError) as error:
        raise _died(member) from error
    if not isinstance(answer, _Answer):
        raise TypeError(f"{type(answer)} is no answer")
    return answer


def _died(member: _Member) -> WorkerDied:
    member.process.join(_GRACE_S)
    return WorkerDied(
        f"A process that prepares clips ended by itself (exit code {member.process.exitcode}).",
        hint="Name fewer GPU numbers (0 instead of 0-0) if the memory was short, and start again: what is "
        "done is kept.",
    )


def _stop(members: Sequence[_Member]) -> None:
    """Ends the processes; what they write appears whole or not at all."""
    for member in members:
        member.pipe.close()
    for member in members:
        member.process.join(_GRACE_S)
        if member.process.is_alive():
            member.process.terminate()
            member.process.join()
        member.process.close()


def _serve(pipe: Connection, step: Step[Any, Any, Any], device: str, processes: int) -> None:
    """A member's life: it ends with the pipe, so also when the parent dies."""
    kept = Kept(processes)
    tasks: SimpleQueue[tuple[int, Future[Any]] | None] = SimpleQueue()
    with ThreadPoolExecutor(1, "reader") as reader:
        threading.Thread(target=_listen, args=(pipe, step, reader, tasks), daemon=True).start()
        while (task := tasks.get()) is not None:
            number, ready = task
            answer = _answer(number, ready, step, device, kept)
            try:
                pipe.send(answer)
            except OSError:
                break


def _listen(
    pipe: Connection,
    step: Step[Any, Any, Any],
    reader: ThreadPoolExecutor,
    tasks: SimpleQueue[tuple[int, Future[Any]] | None],
) -> None:
    """Takes what the parent sends at once, so that neither waits for the other."""
    with contextlib.suppress(EOFError, OSError, RuntimeError):  # the last one: no reader any more
        while True:
            number, group = pipe.recv()
            tasks.put((number, reader.submit(step.read, group)))
    tasks.put(None)


def _answer(number: int, ready: Future[Any], step: Step[Any, Any, Any], device: str, kept: Kept) -> _Answer:
    try:
        return _Answer(number, made=step.make(ready.result(), device, kept))
    except Exception as error:  # noqa: BLE001 - it is raised again in the parent
        error.add_note(traceback.format_exc())
        return _Answer(number, error=error)


def _share_cores(processes: int) -> None:
    """Gives this process its part of the cores: more threads than cores slow each other down."""
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // processes)))
