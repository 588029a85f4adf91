"""What a caller's arguments become."""

from pathlib import Path

import pytest

from engine.api.gradio_endpoints import GENERATOR, STAGE_ENDPOINTS
from engine.api.gradio_values import clean_path, device_of, find_model, stage_values
from engine.api.safety import NotAllowed
from engine.api.settings import ServerSettings
from engine.protocol.errors import BadParameters
from engine.protocol.stages.registry import stage


@pytest.fixture
def settings(tmp_path):
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    return ServerSettings(workspace=folder)


def arguments(suffix, **given):
    """The document's defaults, and what is given."""
    endpoint = STAGE_ENDPOINTS[suffix]
    defaults = {one.name: "" if one.default is None else one.default for one in endpoint.arguments}
    return endpoint, defaults | given


def parsed(suffix, settings, version="v2", **given):
    endpoint, values = arguments(suffix, **given)
    made = stage_values(endpoint, values, version, settings)
    return stage(endpoint.stage).parse(made.parameters), made.notes


@pytest.mark.parametrize("suffix", [name for name in STAGE_ENDPOINTS if name != "_asr"])
def test_the_documents_defaults_are_parameters_of_every_stage(suffix, settings):
    name = {"_slice": "inp", "_denoise": "denoise_inp_dir"}.get(suffix)
    made, _ = parsed(suffix, settings, **({name: "录音 it's"} if name else {}))
    if name:
        assert made.input == settings.workspace / "录音 it's"
        assert made.output.is_relative_to(settings.workspace / "output")
    else:
        assert made.workspace == settings.workspace
        assert made.experiment == "xxx"


def test_numbers_may_come_as_text(settings):
    made, _ = parsed("_slice", settings, inp="a.wav", threshold="-40.5", min_length="3000", _max="0.5")
    assert (made.threshold_db, made.min_length_ms, made.peak) == (-40.5, 3000, 0.5)


def test_a_wrong_number_is_named(settings):
    with pytest.raises(BadParameters, match="hop_ms"):
        parsed("_slice", settings, inp="a.wav", hop_size="ten")


def test_paths_are_taken_as_people_paste_them():
    assert clean_path(' "output\\asr_opt/x y" \n') == str(Path("output/asr_opt/x y"))


@pytest.mark.parametrize("path", ["../other", "/etc/passwd", "output/../../x", "\\\\host\\share"])
def test_paths_outside_are_refused(path, settings):
    for given in ({"inp": path}, {"inp": "a.wav", "opt_root": path}):
        with pytest.raises(NotAllowed):
            parsed("_slice", settings, **given)


def test_an_empty_input_is_named(settings):
    with pytest.raises(BadParameters, match="inp is empty"):
        parsed("_slice", settings)


def test_an_official_model_that_is_not_there_leaves_the_choice_to_the_program(settings):
    made, notes = parsed("1Ba", settings)
    assert made.pretrained_generator is None
    assert any("s2G2333k.pth is not in the workspace" in note for note in notes)


def test_an_official_model_that_is_there_is_taken(settings):
    file = settings.workspace / GENERATOR
    file.parent.mkdir(parents=True)
    file.touch()
    made, _ = parsed("1Ba", settings)
    assert made.pretrained_generator == file
    made, notes = parsed("1Ba", settings, version="v4")
    assert made.pretrained_generator is None
    assert made.version == "v4"
    assert any("another version" in note for note in notes)


def test_a_model_of_the_users_own_must_be_there(settings):
    with pytest.raises(BadParameters, match=r"pretrained_s2G.*mine\.pth"):
        parsed("1Ba", settings, pretrained_s2G="mine.pth")


def test_an_empty_model_is_the_programs_choice(settings):
    assert find_model("x", " ", "v2", settings, []) is None


def test_without_weights_in_between_only_the_last_are_exported(settings):
    made, _ = parsed("1Ba", settings, if_save_every_weights=False, total_epoch=7, save_every_epoch=2)
    assert (made.save_every_epochs, made.total_epochs) == (7, 7)


@pytest.mark.parametrize(
    ("numbers", "device"), [("0-0", "auto"), ("0", "auto"), ("1", "cuda:1"), (2, "cuda:2")]
)
def test_numbers_of_cards_are_devices(numbers, device):
    assert device_of("gpu_numbers", numbers) == device


def test_words_are_no_cards():
    with pytest.raises(BadParameters, match="gpu_numbers"):
        device_of("gpu_numbers", "all")


def test_clips_may_lie_in_an_allowed_folder(settings, tmp_path):
    other = tmp_path / "clips"
    other.mkdir()
    with pytest.raises(NotAllowed):
        parsed("1b", settings, inp_wav_dir=str(other))
    allowed = ServerSettings(workspace=settings.workspace, folders=(other,))
    made, _ = parsed("1b", allowed, inp_wav_dir=str(other))
    assert made.clips == Path(other)
