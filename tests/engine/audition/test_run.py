"""Tiny networks with random weights are heard in pairs; speech recognition is real where it is there."""

import shutil

import pytest
import torch

from engine.audition.run import choose_pairs, run, spoken_language
from engine.checkpoints.writer import write_weights
from engine.protocol.auditions import read_auditions, recommend
from engine.protocol.context import RecordingContext
from engine.protocol.errors import Cancelled, MissingModel, NothingToDo
from engine.protocol.exports import gpt_exports, sovits_exports
from engine.protocol.stages.audition import AuditionParameters
from engine.protocol.versions import version
from engine.protocol.workspace import Workspace
from tests.engine.audition.studio import Studio, make_studio
from tests.engine.models.tiny import tiny_speaker_encoder
from tests.speech_model import whisper_folder

V2 = version("v2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An experiment whose pairs were heard; what the run told."""
    studio = make_studio(tmp_path_factory.mktemp("finished"))
    context = RecordingContext()
    return studio, run(parameters(studio), context), context


@pytest.fixture
def studio(finished, tmp_path):
    """A copy of it; paths in it are another's, so times and sizes decide what is done."""
    made, _, _ = finished
    shutil.copytree(made.root, tmp_path / made.root.name)
    return Studio(
        tmp_path / made.root.name,
        gpts={epoch: tmp_path / path.relative_to(made.root.parent) for epoch, path in made.gpts.items()},
        sovits={epoch: tmp_path / path.relative_to(made.root.parent) for epoch, path in made.sovits.items()},
    )


def parameters(studio, **more):
    values = {
        "workspace": studio.root,
        "experiment": studio.name,
        "sentences": ("Hello there.", "And on we go."),
        "language": "en",
        "device": "cpu",
    }
    return AuditionParameters(**(values | more))


def heard(studio):
    return read_auditions(Workspace(studio.root).experiment(studio.name), V2)


def test_each_save_speaks_with_the_newest_of_the_other_kind(finished):
    studio, result, context = finished
    found = heard(studio)
    assert [(one.audition.sovits_epoch, one.audition.gpt_epoch) for one in found] == [
        (4, 10),
        (8, 5),
        (8, 10),
    ]
    for one in found:
        assert [line.text for line in one.audition.lines] == ["Hello there.", "And on we go."]
        assert all(one.sound(number).is_file() for number in (0, 1))
        assert all(0 <= line.similarity <= 1 for line in one.audition.lines)
        assert "no speaker encoder" in one.audition.encoder
        assert one.audition.error is None
        assert one.audition.own_similarity > 0.5
        assert one.audition.reference.startswith("logs/")
    assert context.progressed[-1][0] == context.progressed[-1][1]
    assert any("Words are not checked" in text for _, text in context.lines)
    assert result.numbers["pairs"] == 3
    assert "highest similarity" in result.summary


def test_what_is_done_is_not_spoken_again_and_a_new_save_is(studio):
    before = {path: path.stat().st_mtime_ns for path in studio.audition.rglob("*.wav")}
    again = run(parameters(studio), RecordingContext())
    assert again.numbers["unchanged"] == 3
    assert {path: path.stat().st_mtime_ns for path in studio.audition.rglob("*.wav")} == before
    studio.save_gpt(15)
    more = run(parameters(studio), RecordingContext())
    assert more.numbers["unchanged"] == 2  # the newest SoVITS with the older saves of GPT
    assert len(heard(studio)) == 5


def test_other_sentences_are_spoken_by_all_and_compare_only_with_each_other(studio):
    shutil.rmtree(studio.audition / "v2" / "sovits-e4-s20_gpt-e10")
    studio.sovits[4].unlink()
    result = run(parameters(studio, sentences="Another one.\n"), RecordingContext())
    assert result.numbers["unchanged"] == 0
    assert {one.audition.texts for one in heard(studio)} == {("Another one.",)}


def test_it_stops_between_sentences_and_goes_on_from_the_finished_pairs(studio):
    class Impatient(RecordingContext):
        def artifact(self, path, kind):
            super().artifact(path, kind)
            self.cancel()

    shutil.rmtree(studio.audition)
    with pytest.raises(Cancelled):
        run(parameters(studio), Impatient())
    assert len(heard(studio)) == 1
    assert run(parameters(studio), RecordingContext()).numbers["unchanged"] == 1
    assert len(heard(studio)) == 3


def test_a_damaged_save_is_named_and_the_others_are_heard(studio):
    studio.sovits[4].write_bytes(b"PK\x03\x04 not weights")
    context = RecordingContext()
    result = run(parameters(studio), context)
    assert result.numbers["pairs"] == 2
    assert studio.sovits[4].name in result.skipped[0].name
    assert any("was not heard" in text for level, text in context.lines if level == "warning")


def test_without_both_kinds_it_says_which_is_missing(studio):
    for path in studio.gpts.values():
        path.unlink()
    with pytest.raises(NothingToDo, match="no GPT weights"):
        run(parameters(studio), RecordingContext())


def test_a_model_that_is_named_must_be_there(studio):
    with pytest.raises(MissingModel):
        run(parameters(studio, model="small"), RecordingContext())


def test_the_speaker_encoder_of_the_workspace_is_the_ear(studio):
    path = Workspace(studio.root).pretrained / version("v2Pro").pretrained.speaker_encoder
    torch.manual_seed(3)
    write_weights(path, tiny_speaker_encoder().state_dict())
    run(parameters(studio), RecordingContext())
    assert all(path.name in one.audition.encoder for one in heard(studio))
    assert all(one.audition.own_similarity > 0 for one in heard(studio))
    first = [one.audition.similarity for one in heard(studio)]
    path.unlink()
    again = run(parameters(studio), RecordingContext())
    assert again.numbers["unchanged"] == 3  # spoken before, but measured anew
    assert [one.audition.similarity for one in heard(studio)] != first


@pytest.mark.speech_model
def test_words_are_counted_where_there_is_a_recogniser(studio):
    model = Workspace(studio.root).asr_models / "faster-whisper-tiny"
    shutil.copytree(whisper_folder(), model)
    run(parameters(studio), RecordingContext())
    for one in heard(studio):
        assert one.audition.recogniser == "faster-whisper-tiny"
        assert all(0 <= line.error <= 1 for line in one.audition.lines)
        assert all(line.heard is not None for line in one.audition.lines)
    assert "word error" in recommend(heard(studio)).reason


def test_every_pair_can_be_asked_for(studio):
    workspace = Workspace(studio.root)
    gpts = gpt_exports(workspace, V2, studio.name)
    sovits = sovits_exports(workspace, V2, studio.name)
    pairs = choose_pairs(gpts, sovits, every=True)
    assert [(pair.sovits.epoch, pair.gpt.epoch) for pair in pairs] == [(8, 10), (8, 5), (4, 10), (4, 5)]
    assert len({pair.folder_name for pair in pairs}) == 4


def test_recognition_is_told_the_language_where_it_is_certain():
    assert spoken_language("all_ja") == "ja"
    assert spoken_language("yue") == "zh"
    assert spoken_language("auto") is None
