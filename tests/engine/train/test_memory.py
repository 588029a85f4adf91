"""What memory is in use, and which errors speak of its lack."""

import subprocess
import sys

import pytest
import torch

from engine.train.memory import free_bytes, is_lack_of_memory, used_bytes

# In a fresh process: one that has run other tests holds freed memory, and takes a block from it unseen.
_PEAK_OF_A_BLOCK = """
import torch
from engine.train.memory import PeakMemory, used_bytes

before = used_bytes()
with PeakMemory() as peak:
    block = torch.ones(40 * 2**20)
    peak.look()
    del block
print(peak.peak_bytes - before, used_bytes() - before)
"""


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
    done = subprocess.run(
        [sys.executable, "-c", _PEAK_OF_A_BLOCK], capture_output=True, text=True, check=True
    )
    peak, after = map(int, done.stdout.split())
    assert peak > 150 * 2**20
    assert after < 50 * 2**20


def test_what_is_free_and_used_is_counted_in_bytes():
    assert free_bytes() > 2**20
    assert used_bytes() > 2**20
