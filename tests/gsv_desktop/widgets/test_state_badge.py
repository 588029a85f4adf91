import pytest

from engine.protocol.messages import Progress
from gsv_desktop.widgets.state_badge import how_far


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "3 / 10 clips"),
        ({"eta_s": 130.0}, "3 / 10 clips · 2 min left"),
        ({"eta_s": 0.2}, "3 / 10 clips · 1 s left"),
        ({"eta_s": 130.0, "silent_s": 1.5}, "3 / 10 clips · 2 min left"),
        ({"eta_s": 130.0, "silent_s": 7.4}, "3 / 10 clips · 2 min left · still at it (7 s)"),
        ({"silent_s": 3.0}, "3 / 10 clips · still at it (3 s)"),
    ],
)
def test_how_far_a_job_is(qapp, more, words):
    assert how_far(Progress(job="a", done=3, total=10, unit="clips", **more)) == words
