"""What the original's endpoints do beside running stages."""

from pathlib import Path

import pytest

from engine.api.gradio_calls import Calls
from engine.api.gradio_endpoints import GENERATOR, SPEAKING_ARGUMENTS
from engine.api.jobs import Jobs
from engine.api.safety import NotAllowed
from engine.api.settings import ServerSettings
from engine.api.windows import Windows
from engine.protocol.builtin import starter_voice
from engine.protocol.errors import BadParameters, MissingFile
from engine.protocol.stages.training import TrainSovitsParameters
from engine.protocol.versions import VERSIONS


class Speaker:
    """Remembers what it was opened with."""

    def __init__(self):
        self.opened = None

    @property
    def is_open(self):
        return self.opened is not None

    def open(self, gpt, sovits, content_encoder):
        self.opened = (gpt, sovits, content_encoder)
        return "http://127.0.0.1:9874/tts"

    def close(self):
        self.opened = None


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.fixture
def speaker():
    return Speaker()


@pytest.fixture
def calls(folder, speaker):
    settings = ServerSettings(workspace=folder)
    return Calls(Jobs(folder), settings, Windows(folder, environment={}), speaker)


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def speaking(**given):
    return {argument.name: argument.default for argument in SPEAKING_ARGUMENTS} | given


def test_weights_of_every_version_are_listed_in_the_order_of_their_epochs(calls, folder):
    for name in ("ann_e10_s90.pth", "ann_e2_s18.pth"):
        touch(folder / "SoVITS_weights_v2" / name)
    touch(folder / "SoVITS_weights_v4" / "ann_e1_s9_l32.pth")
    touch(folder / "GPT_weights_v2" / "ann-e5.ckpt")
    touch(folder / GENERATOR)
    sovits, gpt = calls.weights()
    assert sovits == [
        GENERATOR,
        "SoVITS_weights_v2/ann_e2_s18.pth",
        "SoVITS_weights_v2/ann_e10_s90.pth",
        "SoVITS_weights_v4/ann_e1_s9_l32.pth",
    ]
    assert gpt == ["GPT_weights_v2/ann-e5.ckpt"]


def test_an_empty_workspace_offers_the_starter_voice(calls):
    sovits, gpt = calls.weights()
    assert [Path(path).parent for path in (*sovits, *gpt)] == [starter_voice()] * 2


@pytest.mark.parametrize("name", list(VERSIONS))
def test_a_version_gives_twelve_fields(name, calls):
    fields = calls.switch_version(name)
    row = VERSIONS[name]
    assert calls.version == name
    assert len(fields) == 12
    assert fields[0]["value"].endswith(row.pretrained.generator)
    assert fields[3]["value"].endswith(row.pretrained.gpt)
    assert [fields[8]["visible"], fields[11]["visible"]] == [not row.adapters, row.adapters]
    TrainSovitsParameters(workspace=Path(), experiment="x", total_epochs=fields[6]["value"])


def test_an_unknown_version_changes_nothing(calls):
    with pytest.raises(BadParameters, match="v9"):
        calls.switch_version("v9")
    assert calls.version == "v2"


def test_the_speaking_server_starts_with_what_was_chosen_and_stops(calls, folder, speaker):
    gpt = touch(folder / "GPT_weights_v2" / "ann-e5.ckpt")
    sovits = touch(folder / "SoVITS_weights_v2" / "ann_e2_s18.pth")
    told = calls.toggle_speaking(
        speaking(gpt_path="ann-e5.ckpt", sovits_path=f"SoVITS_weights_v2/{sovits.name}")
    )
    assert "http://127.0.0.1:9874/tts" in told
    assert speaker.opened == (gpt, sovits, None)
    assert "stopped" in calls.toggle_speaking(speaking())
    assert not speaker.is_open


def test_official_weights_that_are_not_there_are_the_starters(calls, speaker):
    calls.toggle_speaking(speaking())
    assert [path.parent for path in speaker.opened[:2]] == [starter_voice()] * 2


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.ckpt"])
def test_weights_from_elsewhere_are_refused(path, calls):
    with pytest.raises(NotAllowed):
        calls.toggle_speaking(speaking(gpt_path=path))


def test_weights_that_are_not_there_are_named(calls):
    with pytest.raises(MissingFile, match=r"sovits_path.*none\.pth"):
        calls.toggle_speaking(speaking(sovits_path="none.pth"))


def test_labels_must_be_there(calls, folder):
    with pytest.raises(MissingFile, match=r"none\.list"):
        calls.toggle_labels("none.list")
    with pytest.raises(NotAllowed):
        calls.toggle_labels("../x.list")
