from engine.protocol.context import RecordingContext
from engine.protocol.curves import curve_path, read_curve
from engine.train.curve import CurveContext


def test_metrics_are_handed_on_and_kept(tmp_path):
    folder = tmp_path / "用户 it's 名"
    context = RecordingContext()
    keeping = CurveContext(context, folder)
    keeping.metric({"loss": 2.0}, 7)
    keeping.progress(1, 2, "steps")
    assert context.metrics == [(7, {"loss": 2.0})]
    assert context.progressed == [(1, 2, "steps")]
    assert read_curve(curve_path(folder)) == {"loss": [(7.0, 2.0)]}


def test_a_file_that_cannot_be_written_costs_the_curve_and_is_said_once(tmp_path):
    context = RecordingContext()
    curve_path(tmp_path / "states").mkdir()
    keeping = CurveContext(context, tmp_path / "states")
    for step in (1, 2):
        keeping.metric({"loss": 2.0}, step)
    assert len(context.metrics) == 2
    assert len([text for level, text in context.lines if level == "warning"]) == 1
