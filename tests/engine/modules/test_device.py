"""Choosing where and how to compute: every choice is tried out, and says what it could not do."""

from dataclasses import dataclass, field

import pytest
import torch

from engine.modules.device import MachineProbe, choose_computing, choose_device
from engine.protocol.errors import BadParameters
from engine.protocol.stages.speech import Precision

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@dataclass
class FakeMachine:
    """A machine with these GPUs, on which these trials fail."""

    cards: int = 0
    apple: bool = False
    made: tuple = ()
    broken: tuple = ()
    tried: list = field(default_factory=list)

    def cuda_devices(self):
        return self.cards

    def has_mps(self):
        return self.apple

    def made_for(self, device, dtype):
        return device.type == "cuda" and dtype in self.made

    def trial(self, device, dtype):
        self.tried.append((device.type, dtype))
        return "no kernel image is available" if (device.type, dtype) in self.broken else ""


HALVES = (torch.float16, torch.bfloat16)


def _choose(machine, name="auto", precision=Precision.AUTO):
    told = []
    chosen = choose_computing(name, precision, told.append, machine)
    return chosen.device, chosen.dtype, told


def test_without_a_gpu_all_is_done_in_fp32_on_the_cpu():
    assert _choose(FakeMachine()) == (CPU, torch.float32, [])
    device, dtype, told = _choose(FakeMachine(), precision=Precision.BF16)
    assert (device, dtype) == (CPU, torch.float32)
    assert "bf16 is for GPUs" in told[0]


@pytest.mark.parametrize(
    ("made", "broken", "dtype"),
    [
        (HALVES, (), torch.float16),
        ((torch.float16,), (), torch.float16),
        ((), (), torch.float32),
        (HALVES, (torch.float16,), torch.bfloat16),
        (HALVES, HALVES, torch.float32),
    ],
)
def test_a_card_computes_in_the_best_half_that_works(made, broken, dtype):
    machine = FakeMachine(cards=1, made=made, broken=tuple(("cuda", half) for half in broken))
    device, chosen, told = _choose(machine)
    assert (device, chosen) == (CUDA, dtype)
    assert ("cuda", torch.float32) in machine.tried
    assert len(told) == len(broken)


def test_a_card_without_kernels_is_left_alone_unless_it_was_named():
    machine = FakeMachine(cards=1, apple=True, broken=(("cuda", torch.float32),))
    device, dtype, told = _choose(machine)
    assert (device, dtype) == (MPS, torch.float32)
    assert "does not compute" in told[0]
    with pytest.raises(BadParameters, match="'cuda:0' does not compute") as caught:
        _choose(machine, "cuda:0")
    assert "no kernel image" in caught.value.detail


def test_what_is_asked_for_is_tried_and_falls_back():
    machine = FakeMachine(cards=2, made=HALVES, broken=(("cuda", torch.bfloat16),))
    assert _choose(machine, "cuda:1", Precision.FP32) == (torch.device("cuda:1"), torch.float32, [])
    device, dtype, told = _choose(machine, "cuda:1", Precision.BF16)
    assert (device, dtype) == (torch.device("cuda:1"), torch.float32)
    assert "cannot compute in bf16" in told[0]
    assert _choose(FakeMachine(apple=True), "mps", Precision.FP16)[1] is torch.float16


def test_training_takes_a_card_that_computes_and_never_apples():
    told = []
    assert choose_device("auto", told.append, FakeMachine(apple=True)) == CPU
    assert choose_device("auto", told.append, FakeMachine(cards=1)) == CUDA
    assert told == []
    assert choose_device("auto", told.append, FakeMachine(cards=1, broken=(("cuda", torch.float32),))) == CPU
    assert "no kernel image" in told[0]


@pytest.mark.parametrize("name", ["cuda:77", "toaster", "", "mps", "meta"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(BadParameters, match="device"):
        choose_device(name, probe=FakeMachine(cards=1))
    with pytest.raises(BadParameters, match="device"):
        _choose(FakeMachine(cards=1), name)


def test_the_trial_runs_on_the_device_and_sees_what_is_wrong(monkeypatch):
    probe = MachineProbe()
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        assert probe.trial(CPU, dtype) == ""
    assert "meta" in probe.trial(torch.device("meta"), torch.float32)
    right = torch.nn.functional.conv1d

    def fail_in_half(x, *rest, **more):
        made = right(x, *rest, **more)
        return made * torch.nan if x.dtype is torch.float16 else made

    monkeypatch.setattr(torch.nn.functional, "conv1d", fail_in_half)
    assert "came out wrong" in probe.trial(CPU, torch.float16)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device on this machine")
def test_a_real_card_passes_its_trial():
    device, dtype, told = _choose(MachineProbe())
    assert device == CUDA
    assert told == []
    assert (torch.ones(3, device=device, dtype=dtype) * 2).sum().item() == 6
