"""Where to compute, and how exactly: what the machine has, and what a small trial shows that it can do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import torch

from engine.protocol.errors import BadParameters
from engine.protocol.stages.speech import Precision

log = logging.getLogger(__name__)

Tell = Callable[[str], None]

_TRIAL_WIDTH: Final = 8
_TRIAL_TOLERANCE: Final = 0.05
_HALVES: Final = {Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}
_MADE_FOR: Final = {torch.float16: (7, 0), torch.bfloat16: (8, 0)}
"""The oldest generation of cards, as CUDA counts them, that gains from a half precision."""

_GPU_TYPES: Final = frozenset({"cuda", "mps"})


class Probe(Protocol):
    """What can be found out about the machine."""

    def cuda_devices(self) -> int:
        """How many CUDA devices the installed torch sees."""
        ...

    def has_mps(self) -> bool:
        """Whether there is a GPU of Apple's."""
        ...

    def made_for(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Whether a CUDA device computes faster in a half precision than in float32."""
        ...

    def trial(self, device: torch.device, dtype: torch.dtype) -> str:
        """Computes a little on a device; empty when it came out right, else what went wrong."""
        ...


class MachineProbe:
    """Asks torch and the device itself."""

    def cuda_devices(self) -> int:
        """How many CUDA devices the installed torch sees."""
        return torch.cuda.device_count() if torch.cuda.is_available() else 0

    def has_mps(self) -> bool:
        """Whether there is a GPU of Apple's."""
        return torch.backends.mps.is_available()

    def made_for(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Whether a CUDA device computes faster in a half precision than in float32."""
        return torch.cuda.get_device_capability(device) >= _MADE_FOR[dtype]

    def trial(self, device: torch.device, dtype: torch.dtype) -> str:
        """A convolution and a product of matrices, compared with what the CPU makes of them.

        A driver that knows the card says nothing of whether the installed torch has kernels for it;
        only running one does.
        """
        steps = torch.linspace(-1, 1, _TRIAL_WIDTH * _TRIAL_WIDTH).view(1, _TRIAL_WIDTH, _TRIAL_WIDTH)
        expected = _trial_kernels(steps)
        try:
            found = _trial_kernels(steps.to(device, dtype)).float().cpu()
        except (RuntimeError, NotImplementedError, TypeError) as error:
            return str(error).splitlines()[0] if str(error) else type(error).__name__
        off = float((found - expected).abs().max() / expected.abs().max())
        return "" if off < _TRIAL_TOLERANCE else "a trial computation came out wrong"


@dataclass(frozen=True, slots=True)
class Computing:
    """Where and with which numbers to compute.

    Attributes:
        device: The device.
        dtype: Type of the numbers that networks compute with.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32


CPU: Final = Computing(torch.device("cpu"))


def choose_device(name: str, tell: Tell = log.warning, probe: Probe | None = None) -> torch.device:
    """The CUDA device called `name`, or the CPU; `auto` takes a GPU that passes a trial.

    Training and preparation use it; GPUs of Apple's are used for speaking only.

    Raises:
        BadParameters: there is no such device on this machine.
    """
    probe = probe or MachineProbe()
    if name == "auto":
        return _first_working((torch.device("cuda"),) if probe.cuda_devices() else (), tell, probe)
    return _named(name, probe)


def choose_computing(
    name: str, precision: Precision, tell: Tell = log.warning, probe: Probe | None = None
) -> Computing:
    """Where to speak, and with which numbers; every choice is tried out before it is made.

    The CPU computes in float32, and so does `auto` on Apple's GPUs. On CUDA, `auto` takes float16,
    which keeps three more bits of a sound than bfloat16; where that fails its trial, bfloat16; float32
    on cards that gain from neither. A GPU that was not asked for by name and fails is left alone.

    Args:
        name: auto, cpu, mps, cuda or cuda:N.
        precision: what the user chose.
        tell: told in a sentence what was not possible.
        probe: the machine; None asks it.

    Raises:
        BadParameters: the device was named, and is not there or does not compute.
    """
    probe = probe or MachineProbe()
    if name == "auto":
        known = [torch.device("cuda")] if probe.cuda_devices() else []
        known += [torch.device("mps")] if probe.has_mps() else []
        device = _first_working(known, tell, probe)
    else:
        device = _named(name, probe)
        if device.type in _GPU_TYPES and (fault := probe.trial(device, torch.float32)):
            raise BadParameters(
                f"The device {name!r} does not compute.",
                hint="Choose auto or cpu, or install the program for this card.",
                detail=fault,
            )
    return Computing(device, _dtype(device, precision, tell, probe))


def _trial_kernels(x: torch.Tensor) -> torch.Tensor:
    """(1, C, T) -> (1, C, C), through the two kinds of layers that the networks are made of."""
    kernel = torch.ones(x.shape[1], 1, 3, device=x.device, dtype=x.dtype) / 3
    smooth = torch.nn.functional.conv1d(x, kernel, padding=1, groups=x.shape[1])
    return smooth @ smooth.transpose(1, 2)


def _first_working(
    known: list[torch.device] | tuple[torch.device, ...], tell: Tell, probe: Probe
) -> torch.device:
    for device in known:
        fault = probe.trial(device, torch.float32)
        if not fault:
            return device
        tell(f"The GPU ({device.type}) is there but does not compute, so the CPU is used: {fault}.")
    return torch.device("cpu")


def _named(name: str, probe: Probe) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadParameters(
            f"{name!r} is not the name of a device.", hint="Choose auto or cpu.", detail=str(error)
        ) from error
    there = {
        "cpu": True,
        "cuda": (device.index or 0) < probe.cuda_devices(),
        "mps": probe.has_mps(),
    }
    if not there.get(device.type, False):
        raise BadParameters(f"This machine has no device {name!r}.", hint="Choose auto or cpu.")
    return device


def _dtype(device: torch.device, precision: Precision, tell: Tell, probe: Probe) -> torch.dtype:
    if precision is Precision.FP32:
        return torch.float32
    if precision is Precision.AUTO:
        halves = list(_HALVES) if device.type == "cuda" else []
        wanted = [half for half in halves if probe.made_for(device, _HALVES[half])]
    elif device.type == "cpu":
        tell(f"The CPU computes in fp32; {precision.value} is for GPUs.")
        return torch.float32
    else:
        wanted = [precision]
    for half in wanted:
        fault = probe.trial(device, _HALVES[half])
        if not fault:
            return _HALVES[half]
        tell(f"The GPU cannot compute in {half.value}: {fault}.")
    return torch.float32
