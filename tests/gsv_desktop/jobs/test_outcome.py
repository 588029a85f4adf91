from pathlib import Path

from engine.protocol.messages import Done, Failed, JobCancelled
from engine.protocol.results import ArtifactRef, StageResult
from gsv_desktop.core.state import WorkState
from gsv_desktop.jobs.outcome import death, outcome_of


def test_a_result_with_its_files_is_done(tmp_path: Path):
    made = tmp_path / "a.wav"
    made.write_bytes(b"x")
    result = StageResult(summary="1 clip.", artifacts=(ArtifactRef(kind="clip", path=str(made)),))
    outcome = outcome_of(Done(job="j", result=result))
    assert outcome.successful
    assert outcome.message == "1 clip."


def test_a_result_without_its_files_is_a_failure_that_names_the_file(tmp_path: Path):
    gone = str(tmp_path / "gone.wav")
    result = StageResult(summary="1 clip.", artifacts=(ArtifactRef(kind="clip", path=gone),))
    outcome = outcome_of(Done(job="j", result=result))
    assert outcome.state is WorkState.FAILED
    assert gone in outcome.message


def test_stopping_is_no_failure():
    outcome = outcome_of(JobCancelled(job="j"))
    assert outcome.state is WorkState.CANCELLED
    assert "kept" in outcome.message


def test_a_failure_keeps_words_and_code():
    outcome = outcome_of(Failed(job="j", code="bad_audio", message="m", hint="h", detail="d"))
    assert (outcome.code, outcome.message, outcome.hint, outcome.detail) == ("bad_audio", "m", "h", "d")


def test_death_is_told_apart_from_leaving():
    assert "signal 15" in death("j", crashed=True, exit_code=15, last_words="").message
    assert "exit code 1" in death("j", crashed=False, exit_code=1, last_words="").message
