"""What both trainings of SoVITS have in common."""

from pathlib import Path

import pytest

from engine.protocol.stages.training import TrainSovitsParameters
from engine.train.recipe import rate_of


@pytest.mark.parametrize(("schedule", "falls"), [("full_at_first", (0, 1, 2)), ("original", (1, 2, 3))])
def test_the_rate_of_the_original_has_fallen_once_before_the_first_epoch(schedule, falls):
    given = TrainSovitsParameters(workspace=Path(), experiment="a", schedule=schedule, learning_rate=1e-3)
    assert [rate_of(given, epoch) for epoch in range(3)] == pytest.approx(
        [1e-3 * 0.999875**times for times in falls], rel=1e-12
    )
