import pytest
from PySide6.QtWidgets import QComboBox

from gsv_desktop.widgets.chart import Curve, LossChart, running_mean


def test_figures_become_series_and_are_drawn(qtbot):
    chart = LossChart()
    qtbot.addWidget(chart)
    chart.resize(500, 300)
    chart.show()
    curve = chart.findChild(Curve)
    empty = curve.grab().toImage()
    for step in range(200):
        chart.add(step, {"loss": 1 / (step + 1), "accuracy": 0.5})
    assert len(chart.points("loss")) == 200
    assert chart.points("accuracy")[-1] == (199, 0.5)
    assert curve.grab().toImage() != empty
    first = curve.grab().toImage()
    chart.findChild(QComboBox).setCurrentText("accuracy")
    assert curve.grab().toImage() != first
    chart.clear()
    assert chart.points("loss") == []


def test_a_long_training_is_thinned_out_but_keeps_its_ends(qtbot):
    chart = LossChart()
    qtbot.addWidget(chart)
    for step in range(25_000):
        chart._series.setdefault("loss", []).append((float(step), 1.0))
    chart.add(25_000, {"loss": 0.5})
    points = chart.points("loss")
    assert len(points) < 13_000
    assert points[0][0] == 0


def test_the_mean_starts_at_the_first_point_and_follows():
    mean = running_mean([(0, 4.0), (1, 2.0), *((step, 1.0) for step in range(2, 100))])
    assert mean[0] == (0, 4.0)
    assert mean[1][1] == pytest.approx(3.0)
    assert mean[-1][1] == pytest.approx(1.0, abs=0.01)


def test_a_training_that_went_back_draws_over_what_it_repeats(qtbot):
    chart = LossChart()
    qtbot.addWidget(chart)
    for step in (1, 2, 3, 4, 2, 3):
        chart.add(step, {"loss": float(step)})
    assert [step for step, _ in chart.points("loss")] == [1, 2, 3]
