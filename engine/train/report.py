"""What a training hands back."""

from __future__ import annotations

from collections.abc import Sequence

from engine.protocol.results import Skipped, StageResult, artifacts
from engine.train.forecast import Forecast
from engine.train.memory import GIB
from engine.train.training import Outcome


def training_result(
    network: str, total_epochs: int, outcome: Outcome, skipped: Sequence[Skipped]
) -> StageResult:
    """The result of a training.

    Args:
        network: its name for people.
        total_epochs: epochs that were asked for.
        outcome: what the loop came to.
        skipped: clips that were left out.
    """
    name = outcome.weights[-1].name if outcome.weights else ""
    if outcome.steps_now:
        summary = (
            f"Trained the {network} to epoch {outcome.place.epoch} "
            f"({outcome.steps_now} steps, loss {outcome.losses[-1]:.4g}): {name}"
        )
    else:
        summary = (
            f"The {network} is already at epoch {outcome.place.epoch} of {total_epochs}: "
            f"nothing to do. Its weights are {name}. Set more epochs to train on."
        )
    numbers = {"epoch": float(outcome.place.epoch), "steps": float(outcome.place.step)}
    numbers |= {"steps_now": float(outcome.steps_now)}
    if outcome.figures.best_epoch:
        numbers |= {
            "best_loss": outcome.figures.best_loss,
            "best_epoch": float(outcome.figures.best_epoch),
        }
    if outcome.losses:
        numbers["loss"] = outcome.losses[-1]
    return StageResult(
        summary=summary,
        artifacts=artifacts("weights", outcome.weights),
        skipped=(*skipped, *outcome.lost),
        numbers=numbers,
    )


def forecast_result(
    network: str, batch_size: int, forecast: Forecast, skipped: Sequence[Skipped]
) -> StageResult:
    """What a training would take, as a result.

    Args:
        network: its name for people.
        batch_size: clips of a batch, also where it was found by trial.
        forecast: what was measured.
        skipped: clips that would be left out.
    """
    summary = f"Training the {network}: {forecast.text()}"
    if not forecast.steps:
        summary = f"The {network} is trained already: nothing is left to do."
    elif forecast.free_bytes < GIB:
        summary += f" Little memory is left beside it: {forecast.free_bytes / GIB:.1f} GB."
    return StageResult(
        summary=summary,
        skipped=tuple(skipped),
        numbers=forecast.numbers() | {"batch_size": float(batch_size)},
    )
