"""Every fault that strikes a training has words for the user, and leaves a way on."""

import pytest
import torch

from tests.contract.training_faults import FAULTS

SAID = {
    "disk full (small tmpfs)": ("was not saved: the disk is full", "2 states", True),
    "memory too small for the batch (planted)": (
        "every batch is learnt from in 2 parts",
        "1 exported",
        False,
    ),
    "memory too small for one clip (planted)": ("smaller batch size", "1 states, newest of step 0", True),
    "NaN in one step": ("back to the state of step 4 and on with 0.5", "1 exported", False),
    "NaN in a clip's features": ("说 it's 3.wav", "1 states, newest of step 0", False),
    "newest state cut short": ("is damaged and was set aside", "1 exported", True),
    "content features of a clip missing": ("说 it's 2.wav: it has no content features", "1 exported", False),
    "clip removed while training": ("说 it's 4.wav is left out from now on", "1 exported", False),
    "second start while the first runs": ("already running (process ", "1 exported", True),
    "lock of a killed process": ("had left its id", "1 exported", True),
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Here and in the worker that is compared with."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_words_and_a_way_on(name, tmp_path):
    words, kept, exact = SAID[name]
    fault = FAULTS[name](tmp_path)
    assert words in fault.seen
    assert kept in fault.kept
    assert "to epoch 2" in fault.then
    assert fault.exact is exact
