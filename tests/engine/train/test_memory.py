"""What memory is in use, and which errors speak of its lack."""

import gc

import pytest
import torch

from engine.train.memory import PeakMemory, free_bytes, is_lack_of_memory, used_bytes


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("shapes differ"), False),
        (ValueError("not enough memory"), False),
    ],
)
def test_errors_that_speak_of_memory(error, lacks):
    assert is_lack_of_memory(error) is lacks


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU counts its own memory")
def test_a_peak_is_seen_after_it_is_gone():
    gc.collect()  # what earlier tests left would be freed meanwhile, and hide the block
    before = used_bytes()
    with PeakMemory() as peak:
        block = torch.ones(40 * 2**20)
        peak.look()
        del block
    assert peak.peak_bytes - before > 120 * 2**20
    assert free_bytes() > 2**20
