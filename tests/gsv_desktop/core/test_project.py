import shutil
from pathlib import Path

import pytest

from engine.protocol.errors import BadParameters, MissingFile
from engine.protocol.stages.registry import STAGES
from gsv_desktop.core.project import FILE_NAME, StageRecord, create_project, open_project
from gsv_desktop.core.state import WorkState


def test_forms_and_states_survive_a_restart(folder: Path):
    project = create_project(folder / "new")
    project.rename_experiment("声音 1")
    project.set_values("slice", {"input": "/a b/c.wav", "threshold_db": -40.0})
    project.set_record("slice", StageRecord(state=WorkState.DONE, summary="3 clips."))
    again = open_project(folder / "new")
    assert again.experiment == "声音 1"
    assert again.values("slice")["threshold_db"] == -40.0
    assert again.record("slice").summary == "3 clips."


def test_a_moved_workspace_keeps_its_own_paths(folder: Path):
    project = create_project(folder / "old")
    inside, outside = folder / "old" / "clips" / "a.wav", folder / "other.wav"
    project.set_values("slice", {"input": str(inside)})
    project.set_values("denoise", {"input": [str(inside), str(outside)]})
    project.set_values("speak", {"reference": str(outside)})
    shutil.move(folder / "old", folder / "moved")
    again = open_project(folder / "moved")
    moved = str(folder / "moved" / "clips" / "a.wav")
    assert again.values("slice")["input"] == moved
    assert again.values("denoise")["input"] == [moved, str(outside)]
    assert again.values("speak")["reference"] == str(outside)


def test_the_name_of_a_model_is_no_path(folder: Path):
    project = create_project(folder)
    project.set_values("transcribe", {"model": "small"})
    assert open_project(folder).values("transcribe")["model"] == "small"


def test_a_stage_that_was_running_when_the_program_ended_is_not_running_now(folder: Path):
    project = create_project(folder)
    project.set_record("train_gpt", StageRecord(state=WorkState.RUNNING))
    assert open_project(folder).record("train_gpt").state is WorkState.NOT_STARTED


def test_another_experiment_starts_with_nothing_done_but_clips_stay(folder: Path):
    project = create_project(folder)
    for stage in ("slice", "prepare", "train_gpt"):
        project.set_record(stage, StageRecord(state=WorkState.DONE))
    project.rename_experiment("another")
    assert project.record("slice").state is WorkState.DONE
    assert project.record("prepare").state is WorkState.NOT_STARTED
    assert project.record("train_gpt").state is WorkState.NOT_STARTED


@pytest.mark.parametrize("name", ["", "a/b", "con", "x?"])
def test_a_name_that_cannot_be_a_folder_is_refused_and_the_old_one_stays(folder: Path, name: str):
    project = create_project(folder)
    before = project.experiment
    with pytest.raises(BadParameters):
        project.rename_experiment(name)
    assert project.experiment == before


def test_an_existing_workspace_opens_with_its_newest_experiment(folder: Path):
    (folder / "logs" / "mine").mkdir(parents=True)
    assert open_project(folder).experiment == "mine"


def test_a_damaged_project_file_is_named_and_left_alone(folder: Path):
    (folder / FILE_NAME).write_text("{", encoding="utf-8")
    with pytest.raises(BadParameters, match=FILE_NAME):
        open_project(folder)
    assert (folder / FILE_NAME).read_text(encoding="utf-8") == "{"


def test_a_folder_that_is_not_there_is_named(folder: Path):
    with pytest.raises(MissingFile, match="nowhere"):
        open_project(folder / "nowhere")


@pytest.mark.parametrize("stage", STAGES)
def test_the_project_gives_every_stage_its_workspace(folder: Path, stage: str):
    project = create_project(folder)
    names = STAGES[stage].parameters.model_fields
    values = project.values(stage)
    if "workspace" in names:
        assert values["workspace"] == str(folder)
    if "experiment" in names:
        assert values["experiment"] == project.experiment
    if isinstance(values.get("output"), str):
        assert Path(str(values["output"])).is_relative_to(folder)
