"""The speaker encoder against the golden case, at full size."""

import torch

from engine.audio.filter_bank import filter_bank
from engine.models.speaker_encoder import load_speaker_encoder
from tests.parity.kit.cases import GoldenCase
from tests.parity.kit.official import manifest


def test_speaker_vector(official_file):
    case = GoldenCase("eres2netv2")
    wave = torch.from_numpy(case.inputs["wav16k"])
    encoder = load_speaker_encoder(official_file(case.variant, case.seed))
    faults = case.problems("fbank", filter_bank(wave)[0])
    faults += case.problems("embedding", encoder.embed(wave))
    assert faults == []
    assert encoder.channels == case.stored_output("embedding").shape[1]
    state = {name: list(tensor.shape) for name, tensor in encoder.state_dict().items()}
    official = {name: shape for name, (shape, _) in manifest(case.variant)["params"].items()}
    unused = {name for name in official if name.startswith("seg_1.")}
    assert list(state.items()) == [(name, shape) for name, shape in official.items() if name not in unused]
