import pytest
from PySide6.QtCore import Qt

from gsv_desktop.widgets.chart import Curve, LossChart, nice_ticks, running_mean


@pytest.fixture
def chart(qtbot):
    made = LossChart()
    qtbot.addWidget(made)
    made.resize(700, 400)
    made.show()
    return made


def learn(chart, steps):
    for step in steps:
        chart.add(step, {"loss": 1 / step, "loss_mel": 2 / step, "steps_per_s": 3.0, "memory_gb": 1.5})


def test_figures_share_a_panel_by_unit_and_are_chosen_by_ticks(chart):
    empty = chart.grab().toImage()
    learn(chart, range(1, 200))
    assert len(chart.points("loss")) == 199
    assert chart.shown_axes() == ("loss", "speed, steps a second")
    first = chart.grab().toImage()
    assert first != empty
    chart.tick("loss_mel", shown=True)
    assert chart.shown_axes() == ("loss", "speed, steps a second")
    assert chart.grab().toImage() != first
    chart.tick("memory_gb", shown=True)
    chart.tick("steps_per_s", shown=False)
    assert set(chart.shown_axes()) == {"loss", "memory, GB"}
    chart.tick("loss", shown=False)
    chart.tick("loss_mel", shown=False)
    chart.tick("memory_gb", shown=False)
    assert chart.shown_axes() == ()


def test_the_list_shows_last_values_and_ticks_stay_for_the_next_training(chart):
    learn(chart, range(1, 5))
    rows = [chart.choice.item(row).text() for row in range(chart.choice.count())]
    assert rows == ["total loss  0.25", "loss: mel  0.5", "speed  3", "memory, peak  1.5"]
    chart.tick("loss_mel", shown=True)
    chart.clear()
    assert chart.points("loss") == []
    assert chart.choice.count() == 0
    learn(chart, range(1, 5))
    assert chart.choice.item(1).checkState() is Qt.CheckState.Checked


def test_series_of_a_panel_differ_in_colour_and_in_stroke(chart):
    learn(chart, range(1, 5))
    one, other = chart._series["loss"], chart._series["loss_mel"]
    assert one.axis == other.axis
    assert one.colour != other.colour
    assert one.stroke != other.stroke


def test_the_curves_of_before_are_loaded_and_go_on(chart):
    chart.load({"loss": [(1.0, 4.0), (2.0, 3.0)]})
    chart.add(3, {"loss": 2.0})
    assert chart.points("loss") == [(1.0, 4.0), (2.0, 3.0), (3.0, 2.0)]


def test_a_long_training_is_thinned_out_but_keeps_its_ends(chart):
    chart.load({"loss": [(float(step), 1.0) for step in range(25_000)]})
    chart.add(25_000, {"loss": 0.5})
    points = chart.points("loss")
    assert len(points) < 13_000
    assert points[0][0] == 0


def test_the_mean_starts_at_the_first_point_and_follows():
    mean = running_mean([(0, 4.0), (1, 2.0), *((step, 1.0) for step in range(2, 100))])
    assert mean[0] == (0, 4.0)
    assert mean[1][1] == pytest.approx(3.0)
    assert mean[-1][1] == pytest.approx(1.0, abs=0.01)


def test_a_training_that_went_back_draws_over_what_it_repeats(chart):
    for step in (1, 2, 3, 4, 2, 3):
        chart.add(step, {"loss": float(step)})
    assert [step for step, _ in chart.points("loss")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 10, [0, 5, 10]),
        (0.3, 0.9, [0.2, 0.4, 0.6, 0.8, 1.0]),
        (2, 2, None),
        (-3, 4, None),
        (1e-5, 9e-5, None),
    ],
)
def test_ticks_are_round_and_reach_around_the_values(low, high, ticks):
    found = nice_ticks(low, high, 4)
    assert found[0] <= low
    assert found[-1] >= high
    assert 2 <= len(found) <= 8
    if ticks is not None:
        assert found == pytest.approx(ticks)


def test_a_curve_of_equal_values_is_drawn(qtbot):
    chart = LossChart()
    qtbot.addWidget(chart)
    chart.resize(500, 300)
    chart.show()
    chart.add(1, {"loss": 0.0})
    chart.add(2, {"loss": 0.0})
    assert not chart.findChildren(Curve)[-1].grab().isNull()
