"""One tiny voice for all tests of speaking."""

import pytest

from tests.engine.infer.voices import make_voice


@pytest.fixture(scope="session")
def voice(tmp_path_factory):
    return make_voice(tmp_path_factory.mktemp("infer") / "用户 it's 名")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made
