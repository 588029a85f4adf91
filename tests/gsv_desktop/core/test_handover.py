from engine.protocol.results import ArtifactRef, StageResult
from gsv_desktop.core.handover import handovers


def test_slices_go_to_transcription():
    given = handovers("slice", {"output": "/x/clips"}, StageResult(summary=""))
    assert [(part.stage, part.field, part.value) for part in given] == [
        ("denoise", "input", "/x/clips"),
        ("transcribe", "input", "/x/clips"),
    ]


def test_voices_are_cut_next():
    (given,) = handovers("separate", {"output": "/x/voices"}, StageResult(summary=""))
    assert (given.stage, given.field, given.value) == ("slice", "input", "/x/voices")


def test_clean_clips_take_the_place_of_the_others():
    (given,) = handovers("denoise", {"output": "/x/clean"}, StageResult(summary=""))
    assert (given.stage, given.value) == ("transcribe", "/x/clean")


def test_a_new_list_goes_to_labels_and_preparation():
    result = StageResult(
        summary="",
        artifacts=(ArtifactRef(kind="log", path="/x/log.txt"), ArtifactRef(kind="labels", path="/x/a.list")),
    )
    given = handovers("transcribe", {}, result)
    assert {part.stage for part in given} >= {"label", "prepare", "text_features"}
    assert {(part.field, part.value) for part in given} == {("labels", "/x/a.list")}


def test_other_stages_hand_nothing_over():
    assert handovers("train_gpt", {}, StageResult(summary="")) == ()
