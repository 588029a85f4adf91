import math

from engine.protocol.curves import CurveFile, read_curve


def test_figures_are_kept_and_read_back(tmp_path):
    path = tmp_path / "用户 it's 名" / "curve.jsonl"
    curve = CurveFile(path)
    curve.add(1, {"loss": 2.5, "epoch": 1})
    curve.add(2, {"loss": math.nan, "epoch": 1})
    CurveFile(path).add(3, {"loss": 1.23456789})
    assert read_curve(path) == {"loss": [(1.0, 2.5), (3.0, 1.23457)], "epoch": [(1.0, 1.0), (2.0, 1.0)]}


def test_steps_that_were_done_again_replace_those_of_before(tmp_path):
    curve = CurveFile(tmp_path / "c")
    for step, loss in ((1, 9), (2, 8), (3, 7), (2, 6)):
        curve.add(step, {"loss": loss})
    assert read_curve(tmp_path / "c") == {"loss": [(1.0, 9.0), (2.0, 6.0)]}


def test_a_line_cut_off_is_left_out_and_a_missing_file_is_empty(tmp_path):
    path = tmp_path / "c"
    CurveFile(path).add(1, {"loss": 2})
    with path.open("a", encoding="utf-8") as file:
        file.write('[1]\n{"step": "x"}\n{"step": 2, "lo')
    assert read_curve(path) == {"loss": [(1.0, 2.0)]}
    assert read_curve(tmp_path / "none") == {}


def test_a_long_file_takes_fewer_steps(tmp_path):
    path = tmp_path / "c"
    path.write_text('{"step": 0}\n' * 4500, encoding="utf-8")
    curve = CurveFile(path)
    for step in range(1, 31):
        curve.add(step, {"loss": 1})
    assert [step for step, _ in read_curve(path)["loss"]] == [3 * number for number in range(1, 11)]
