"""The training stage's own step, wired as the loop runs it, against the golden steps at full size."""

from pathlib import Path

import pytest
import torch

from engine.audio.spectrogram import linear_spectrogram, log_mel, mel_of_linear
from engine.models.discriminators import load_discriminators
from engine.models.sovits import SovitsDraws, load_sovits
from engine.modules.lengths import take_segments
from engine.protocol.stages.training import TrainSovitsParameters
from engine.train.sovits import SovitsTraining
from engine.train.sovits_data import SovitsBatch, SovitsItem
from tests.parity.kit.cases import GoldenCase

FIGURES = {
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
        speaker=given.get("sv_emb"),
    )


class Watched:
    """A training whose generator takes the case's draws, and which keeps what its networks gave."""

    def __init__(self, case, given, official_file):
        self.generator = load_sovits(official_file(case.variant, case.seed))
        self.judges = load_discriminators(official_file(case.variant.replace("s2G", "s2D"), case.seed))
        self.draws = SovitsDraws(noise=given["eps"], starts=given["ids_slice"])
        self.judged = {}
        # a rate this small leaves the judges as they are between their step and the generator's
        parameters = TrainSovitsParameters(
            workspace=Path(), experiment="golden", learning_rate=1e-12, device="cpu", precision="fp32"
        )
        item = SovitsItem(name="a", phones=(1,), sound=Path(), content=Path(), frames=40)
        self.training = SovitsTraining(parameters, self.generator, self.judges, [item], Path())
        self.training.begin_epoch(0)
        self.generator.eval()  # dropout off
        self.forward, self.generator.forward = self.generator.forward, self.give_draws
        self.judges.register_forward_hook(lambda _module, _given, judgements: self.keep_first(judgements))

    def give_draws(self, *inputs, **more):
        more.pop("draws", None)
        self.out = self.forward(*inputs, draws=self.draws, **more)
        return self.out

    def keep_first(self, judgements):
        """Scores of each judge, real and fake, and the mean size of every layer of the fake."""
        if self.judged:
            return
        for place, judgement in enumerate(judgements):
            self.judged[f"d_real_{place}"], self.judged[f"d_fake_{place}"] = judgement.score.detach().chunk(2)
        layers = [layer.detach().chunk(2)[1] for judgement in judgements for layer in judgement.features]
        self.judged["fmap_mean_abs"] = torch.stack([layer.abs().mean() for layer in layers])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["s2_v2_train", "s2_v2Pro_train"])
def test_a_step_of_the_stage(name, official_file):
    case = GoldenCase(name)
    given = {key: torch.from_numpy(value) for key, value in case.inputs.items()}
    watched, batch = Watched(case, given, official_file), golden_batch(given)
    figures = watched.training.step([batch], 0, lambda: None)
    out, named = watched.out, dict(watched.generator.named_parameters())
    made = {
        "spec": batch.spectrogram,
        "y_hat": out.wave,
        "z_p": out.prior_latent,
        "m_p": out.prior.mean,
        "logs_p": out.prior.log_scale,
        "m_q": out.posterior.mean,
        "logs_q": out.posterior.log_scale,
        "y_mel": take_segments(mel_of_linear(batch.spectrogram), out.starts, 32),
        "y_hat_mel": log_mel(out.wave.squeeze(1)),
        "grad_norms": torch.stack([named[one].grad.norm() for one in case.facts["grad_names"]]),
        **watched.judged,
        **{output: torch.tensor(figures[key]) for output, key in FIGURES.items()},
    }
    assert set(made) == set(case.outputs)
    assert [fault for one, value in made.items() for fault in case.problems(one, value.detach())] == []
    parts = ("loss_generator", "loss_features", "loss_mel", "loss_kl")
    assert figures["loss"] == pytest.approx(sum(figures[key] for key in parts), rel=1e-5)
    frozen = {key.split(".")[0] for key, one in named.items() if one.grad is None}
    assert frozen == set(case.facts["parameters_without_gradient"])
