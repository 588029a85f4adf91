import importlib

import pytest

from engine.protocol.errors import BadParameters
from engine.protocol.stages.base import fields
from engine.protocol.stages.registry import STAGES, stage


@pytest.mark.parametrize("spec", STAGES.values(), ids=lambda spec: spec.name)
def test_every_stage_has_its_function_and_a_schema(spec):
    module, name = spec.entry.split(":")
    assert callable(getattr(importlib.import_module(module), name))
    schema = spec.parameters.model_json_schema()
    for field in fields(spec.parameters):
        assert field.title
        assert field.about.endswith(".")
        assert field.name in schema["properties"]


def test_every_wrong_value_is_named():
    with pytest.raises(BadParameters) as caught:
        stage("slice").parse({"input": "a.wav", "threshold_db": 7, "speed": 2})
    assert "threshold_db" in caught.value.message
    assert "speed" in caught.value.message


def test_an_unknown_stage_lists_the_known_ones():
    with pytest.raises(BadParameters) as caught:
        stage("knit")
    assert "slice" in caught.value.hint
