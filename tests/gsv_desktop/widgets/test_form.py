import json

import pytest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QToolButton

from engine.protocol.stages.base import fields
from engine.protocol.stages.registry import STAGES, stage
from gsv_desktop.widgets.editors import field_type
from gsv_desktop.widgets.form import StageForm

REQUIRED = {
    "input": "/a b/用户 it's 名",
    "labels": "/x/y.list",
    "workspace": "/w",
    "experiment": "e",
    "text": "Hi.",
    "files": ["/x/me-e4.ckpt", "/x/它-e8.ckpt"],
}
OTHERS = {
    "threshold_db": -41.5,
    "min_length_ms": 3000,
    "peak": 0.85,
    "batch_size": 7,
    "learning_rate": 3e-5,
    "dpo": True,
    "keep_only_latest": False,
    "seed": 99,
    "speed": 1.25,
    "clips": "/clips/用户 it's 名",
    "model": "large-v3",
    "prompt_text": "What it says.",
    "total_epochs": 3,
}


@pytest.mark.parametrize("name", STAGES)
def test_the_values_of_every_stage_go_in_and_come_out_unchanged(qtbot, name: str):
    spec = STAGES[name]
    form = StageForm(spec)
    qtbot.addWidget(form)
    names = spec.parameters.model_fields
    wanted = {key: value for key, value in {**REQUIRED, **OTHERS}.items() if key in names}
    options = {field.name: field_type(field).options for field in fields(spec.parameters)}
    wanted.update({key: options[key][-1] for key in names if options[key]})
    form.set_values(wanted)
    values = json.loads(json.dumps(form.values()))
    assert {key: values[key] for key in wanted} == wanted
    assert spec.parse(values) == spec.parse(wanted)


@pytest.mark.parametrize("name", STAGES)
def test_an_untouched_form_holds_the_declared_defaults(qtbot, name: str):
    spec = STAGES[name]
    form = StageForm(spec)
    qtbot.addWidget(form)
    required = {key: value for key, value in REQUIRED.items() if key in spec.parameters.model_fields}
    assert spec.parse({**form.values(), **required}) == spec.parse(required)


@pytest.mark.parametrize("name", STAGES)
def test_every_control_has_a_name_and_a_tool_tip(qtbot, name: str):
    form = StageForm(STAGES[name])
    qtbot.addWidget(form)
    for row in form.rows.values():
        assert row.editor.control.accessibleName()
        assert row.editor.toolTip()
    for kind in (QToolButton, QSpinBox, QDoubleSpinBox):
        for control in form.findChildren(kind):
            assert control.accessibleName(), control


def test_a_reset_button_puts_the_default_back(qtbot):
    form = StageForm(stage("slice"))
    qtbot.addWidget(form)
    row = form.rows["min_length_ms"]
    assert not row.reset.isEnabled()
    row.editor.set_value(9000)
    assert row.reset.isEnabled()
    row.reset.click()
    assert form.values()["min_length_ms"] == 4000


def test_expert_fields_hide_until_they_are_wanted(qtbot):
    form = StageForm(stage("slice"))
    qtbot.addWidget(form)
    form.show()
    experts = {field.name for field in fields(stage("slice").parameters) if field.expert}
    assert experts
    assert {name for name, row in form.rows.items() if not row.editor.isVisible()} == experts
    form.set_expert(True)
    assert all(row.editor.isVisible() for row in form.rows.values())


def test_what_is_wrong_stands_at_its_field_and_goes_away_with_the_correction(qtbot, tmp_path):
    form = StageForm(stage("slice"))
    qtbot.addWidget(form)
    form.show()
    assert not form.validate()
    row = form.rows["input"]
    assert "fill this in" in row.fault.text()
    assert row.fault.isVisible()
    row.editor.set_value(str(tmp_path / "nowhere"))
    assert not row.fault.isVisible()
    assert not form.validate()
    assert "nothing at this path" in row.fault.text()
    row.editor.set_value(str(tmp_path))
    assert form.validate()


def test_a_text_that_is_no_number_is_said_to_be_none(qtbot):
    form = StageForm(stage("speak"), only={"seed"})
    qtbot.addWidget(form)
    line = form.rows["seed"].editor.findChild(QLineEdit)
    line.setText("many")
    assert not form.validate({"text": "Hi."})
    assert form.rows["seed"].fault.text()
    line.setText("")
    assert form.validate({"text": "Hi."})
    assert form.values() == {"seed": None}


def test_a_wrong_expert_value_is_shown_even_in_the_basic_view(qtbot):
    form = StageForm(stage("train_gpt"))
    qtbot.addWidget(form)
    form.show()
    form.rows["learning_rate"].editor.set_value(5.0)
    assert not form.validate({"workspace": "/w", "experiment": "e"})
    assert form.rows["learning_rate"].editor.isVisible()


def test_choices_with_titles_show_them_and_give_their_codes(qtbot):
    form = StageForm(stage("speak"))
    qtbot.addWidget(form)
    box = form.rows["language"].editor.findChild(QComboBox)
    assert box.currentText() == "English"
    box.setCurrentText("Japanese with English")
    assert form.values()["language"] == "ja"
    prompt = form.rows["prompt_language"].editor
    assert form.values()["prompt_language"] is None
    prompt.set_value("auto_yue")
    assert form.values()["prompt_language"] == "auto_yue"


@pytest.mark.parametrize("name", ["separate", "slice", "denoise", "transcribe"])
def test_several_paths_go_in_and_come_out_and_each_lost_one_is_named(qtbot, tmp_path, name: str):
    form = StageForm(stage(name))
    qtbot.addWidget(form)
    wanted = [str(tmp_path / "a b.wav"), str(tmp_path / "它 it's.wav")]
    (tmp_path / "a b.wav").write_bytes(b"")
    form.set_values({"input": wanted})
    assert form.values()["input"] == wanted
    assert not form.validate()
    assert "它 it's.wav" in form.rows["input"].fault.text()
    assert "a b.wav" not in form.rows["input"].fault.text()
    (tmp_path / "它 it's.wav").write_bytes(b"")
    assert form.validate()
