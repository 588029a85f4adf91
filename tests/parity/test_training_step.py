"""The training stage's own step, wired as the loop runs it, against the golden step at full size."""

from functools import partial
from pathlib import Path

import pytest
import torch

from engine.audio.spectrogram import linear_spectrogram
from engine.models.discriminators import load_discriminators
from engine.models.sovits import SovitsDraws, load_sovits
from engine.protocol.stages.training import TrainSovitsParameters
from engine.train.sovits import SovitsTraining
from engine.train.sovits_data import SovitsBatch, SovitsItem
from tests.parity.kit.cases import GoldenCase

OUTPUTS = {
    "loss_d": "loss_discriminator",
    "loss_gen": "loss_generator",
    "loss_fm": "loss_features",
    "loss_mel": "loss_mel",
    "loss_kl": "loss_kl",
    "total_grad_norm_d": "grad_norm_discriminator",
    "total_grad_norm_g": "grad_norm",
}


def golden_batch(given):
    whole = torch.zeros(2, 1025, 40)
    for row, samples in enumerate(given["wav_len"].tolist()):
        frames = linear_spectrogram(given["wav"][row, :, :samples])
        whole[row, :, : frames.shape[2]] = frames[0]
    return SovitsBatch(
        ssl=given["ssl"],
        spectrogram=whole,
        frames=given["spec_len"],
        wave=given["wav"],
        phones=given["text"],
        phone_lengths=given["text_len"],
    )


@pytest.mark.slow
def test_a_step_of_the_stage(official_file):
    case = GoldenCase("s2_v2_train")
    given = {key: torch.from_numpy(value) for key, value in case.inputs.items()}
    generator, judges = load_sovits(official_file("s2G_v2")), load_discriminators(official_file("s2D_v2"))
    # a rate this small leaves the judges as they are between their step and the generator's
    parameters = TrainSovitsParameters(
        workspace=Path(), experiment="golden", learning_rate=1e-12, device="cpu", precision="fp32"
    )
    item = SovitsItem(name="a", phones=(1,), sound=Path(), content=Path(), frames=40)
    training = SovitsTraining(parameters, generator, judges, [item], Path())
    training.begin_epoch(0)
    generator.eval()  # dropout off
    draws = SovitsDraws(noise=given["eps"], starts=given["ids_slice"])
    generator.forward = partial(generator.forward, draws=draws)
    figures = training.step(golden_batch(given), 0, lambda: None)
    faults = [fault for name, key in OUTPUTS.items() for fault in case.problems(name, figures[key])]
    assert faults == []
    parts = ("loss_generator", "loss_features", "loss_mel", "loss_kl")
    assert figures["loss"] == pytest.approx(sum(figures[key] for key in parts), rel=1e-5)
