"""Even clips of any speaker: phones laid along a recording, and codes that stand for them."""

import json

import numpy as np
import pytest
import soundfile
import torch

from engine.checkpoints.tensors import read_tensor
from engine.models.sovits import Sovits
from engine.protocol.builtin import starter_voice
from engine.protocol.label_list import LabelRow, read_labels, write_labels
from engine.text.frontend import phonemize
from resources.starter.even_clips import (
    CODE_PHONES,
    LIST,
    cheapest_way,
    code_phones,
    filled,
    make_even,
    right_codes,
    starter_aligner,
)
from resources.starter.lessons import plain_phone
from resources.starter.train import CODES, PHONES, SOVITS


def costs_of(kinds, spoken):
    """Nothing for the kind that is spoken in a frame, 1 for all others."""
    costs = np.ones((len(spoken), kinds), dtype=np.float32)
    costs[np.arange(len(spoken)), spoken] = 0
    return costs


def test_the_way_follows_what_is_spoken():
    states, free = [0, 1, 0, 2, 0], [True, False, True, False, True]
    assert list(cheapest_way(costs_of(3, [0, 1, 1, 2, 2, 0]), states, free, 0.1)) == [0, 1, 1, 3, 3, 4]


def test_a_pause_is_taken_only_where_it_is_worth_its_fee():
    states, free = [0, 1, 0, 2, 0], [True, False, True, False, True]
    costs = costs_of(3, [1, 1, 0, 0, 2])
    assert list(cheapest_way(costs, states, free, 0.5)) == [1, 1, 2, 2, 3]
    assert 2 not in cheapest_way(costs, states, free, 3.0)


def test_too_short_a_recording_has_no_way():
    with pytest.raises(ValueError, match="too few"):
        cheapest_way(costs_of(3, [1]), [1, 2], [False, False], 1.0)


def test_every_code_stands_for_a_phone():
    assert len(code_phones()) == CODES
    assert set(json.loads(CODE_PHONES.read_text(encoding="utf-8"))) <= {plain_phone(one) for one in PHONES}


def test_faint_noise_fills_silence():
    wave = np.zeros(6400, dtype=np.float32)
    wave[:100] = 0.1
    made = filled(wave)
    assert made[:100].mean() == pytest.approx(0.8, abs=0.01)
    assert 0.001 < made[200:].std() < 0.002


def test_a_reference_is_made_even_and_another_text_is_left_out(tmp_path):
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    voice = starter_voice()
    wave, rate_hz = soundfile.read(voice / "reference.flac")
    soundfile.write(folder / "a.wav", wave, rate_hz)
    aligner = starter_aligner(voice)
    said = "You are currently the only participant in the conference."
    for name, text in (("own", said), ("other", "Purple elephants seldom juggle.")):
        labels = folder / f"{name}.list"
        write_labels(labels, [LabelRow(path="a.wav", speaker="slt", language="en", text=text)])
        made = make_even(labels, folder / name, aligner)
        assert [row.text for row in read_labels(folder / name / LIST).rows] == [row.text for row in made]
        assert len(made) == (name == "own")
    phones = phonemize(said, "en", "v2").phones
    assert soundfile.info(folder / "own" / "clips" / "0000_a.wav").frames == len(phones) * 2560 + 640


def test_codes_become_those_of_the_spoken_phone(tmp_path):
    torch.manual_seed(0)
    network = Sovits(SOVITS, posterior=False)
    network.average_content()
    network.set_codebook(
        torch.eye(SOVITS.ssl_channels).repeat(3, 1)[:CODES] * torch.arange(1, CODES + 1)[:, None]
    )
    owners = ["k"] * 100 + ["ae"] * (CODES - 100)
    even, features = tmp_path / "even 名", tmp_path / "4-cnhubert"
    even.mkdir()
    features.mkdir()
    (even / "a.lab").write_text("#\n0.08 100 k\n0.16 100 ae\n", encoding="utf-8")
    codes = torch.tensor([[5, 5, 6, 150]])
    content = network.quantizer.vectors(codes).repeat_interleave(2, dim=2)
    torch.save(content.to(torch.float16), features / "a.wav.pt")
    assert right_codes(features, even, network, owners) == 0.75
    found = read_tensor(features / "a.wav.pt").float()
    made = network.extract_codes(found)[0].tolist()
    assert made[:2] == [5, 5]
    assert [owners[code] for code in made] == ["k", "k", "ae", "ae"]
    assert made[3] == 150
