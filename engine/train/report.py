"""What a training hands back."""

from __future__ import annotations

from collections.abc import Sequence

from engine.protocol.results import ArtifactRef, Skipped, StageResult
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
            f"nothing to do. Its weights are {name}"
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
        artifacts=tuple(ArtifactRef(kind="weights", path=str(path.resolve())) for path in outcome.weights),
        skipped=tuple(skipped),
        numbers=numbers,
    )
