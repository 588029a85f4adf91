"""What the trainings of all SoVITS versions have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from torch.optim import AdamW

from engine.protocol.stages.training import SovitsSchedule, TrainSovitsParameters
from engine.train.losses import MEL_WEIGHT

BETAS: Final = (0.8, 0.99)
EPSILON: Final = 1e-9
RATE_DECAY: Final = 0.999875
SHARE: Final = "share"
"""Key of a group's share of the learning rate."""


def adam(groups: list[dict[str, Any]], rate: float) -> AdamW:
    """The official optimiser of both SoVITS trainings; every group has its share of the rate."""
    return AdamW(groups, lr=rate, betas=BETAS, eps=EPSILON, fused=True)


def rate_of(parameters: TrainSovitsParameters, epoch: int) -> float:
    """The learning rate of an epoch, counted from 0: it falls from epoch to epoch."""
    before = 1 if parameters.schedule is SovitsSchedule.ORIGINAL else 0
    return parameters.learning_rate * RATE_DECAY ** (epoch + before)


def official_settings(parameters: TrainSovitsParameters, experiment: Path) -> dict[str, Any]:
    """The parts of an official configuration that tell how the weights were trained."""
    return {
        "train": {
            "log_interval": 100,
            "eval_interval": 500,
            "seed": parameters.seed,
            "epochs": parameters.total_epochs,
            "learning_rate": parameters.learning_rate,
            "betas": list(BETAS),
            "eps": EPSILON,
            "batch_size": parameters.batch_size,
            "fp16_run": False,
            "lr_decay": RATE_DECAY,
            "init_lr_ratio": 1,
            "warmup_epochs": 0,
            "c_mel": MEL_WEIGHT,
            "c_kl": 1.0,
            "text_low_lr_rate": parameters.text_low_lr_rate,
            "grad_ckpt": parameters.save_memory,
            "save_every_epoch": parameters.save_every_epochs,
        },
        "data": {
            "max_wav_value": 32768.0,
            "add_blank": True,
            "n_speakers": 300,
            "cleaned_text": True,
            "exp_dir": experiment.name,
        },
        "model": {"n_layers_q": 3, "use_spectral_norm": False, "freeze_quantizer": True},
        "content_module": "cnhubert",
        "name": parameters.experiment,
        "version": parameters.version,
    }
