"""What weight files say of how they like to speak."""

import pytest
import torch

from engine.checkpoints.manner import manner_entry, merged, read_manner
from engine.checkpoints.writer import write_weights
from engine.protocol.errors import BadCheckpoint, MissingModel
from engine.protocol.voices import Manner


def written(folder, config):
    path = folder / "声音 it's.pth"
    write_weights(path, {"weight": {"a": torch.zeros(2)}, "config": config, "info": ""})
    return path


def test_what_is_said_is_read_and_files_that_say_nothing_say_nothing(tmp_path):
    manner = Manner(temperature=0.3, noise_scale=0.05)
    assert read_manner(written(tmp_path, {"model": {}, **manner_entry(manner)})) == manner
    assert read_manner(written(tmp_path, {"model": {}, **manner_entry(Manner())})) == Manner()
    assert manner_entry(Manner()) == {}


@pytest.mark.parametrize("told", [{"temperature": -1}, {"loudness": 3}, "lively", 4])
def test_nonsense_is_named(tmp_path, told):
    with pytest.raises(BadCheckpoint, match=r"声音 it's\.pth"):
        read_manner(written(tmp_path, {"manner": told}))
    with pytest.raises(MissingModel):
        read_manner(tmp_path / "gone.pth")


def test_the_later_one_wins_where_it_says_something():
    both = merged(Manner(temperature=0.3, top_k=5), Manner(noise_scale=0.1), Manner(temperature=0.7))
    assert both == Manner(temperature=0.7, top_k=5, noise_scale=0.1)
