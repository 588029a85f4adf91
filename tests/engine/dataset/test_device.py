"""Where features are computed."""

import pytest
import torch

from engine.dataset.device import feature_device
from engine.protocol.errors import BadParameters


def test_auto_takes_the_gpu_when_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert feature_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert feature_device("auto") == torch.device("cuda:0")


@pytest.mark.parametrize("name", ["cuda:7", "gpu", "", "meta"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(BadParameters) as caught:
        feature_device(name)
    assert caught.value.hint
