"""Choosing a device."""

import pytest
import torch

from engine.modules.device import choose_device
from engine.protocol.errors import BadParameters


def test_auto_takes_the_gpu_when_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("name", ["cuda:77", "toaster", ""])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(BadParameters, match="device"):
        choose_device(name)
