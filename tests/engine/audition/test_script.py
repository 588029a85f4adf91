import pytest

from engine.audition.script import make_script
from engine.corpus.manifests import write_semantic
from engine.protocol.errors import MissingFile, NothingToDo
from engine.protocol.label_list import LabelRow, write_labels
from engine.protocol.stages.audition import AuditionParameters
from engine.protocol.workspace import Workspace
from tests.engine.infer.voices import write_tone

TEXTS = {
    "1.wav": "It is the first of all.",
    "2.wav": "And here comes the second one.",
    "3.wav": "Third, it is.",
}


@pytest.fixture
def experiment(tmp_path):
    made = Workspace(tmp_path / "用户 it's 名").experiment("me")
    for (name, text), seconds in zip(TEXTS.items(), (2.0, 3.2, 9.0), strict=True):
        write_tone(made.wav_folder / name, seconds, rate_hz=8000)
        with made.text_file.open("a", encoding="utf-8") as file:
            file.write(f"{name}\tHH\tNone\t{text.lower()}\n")
    return made


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "标注.list"
    rows = [LabelRow(path=name, speaker="a", language="ja", text=text) for name, text in TEXTS.items()]
    write_labels(path, [*rows, LabelRow(path="4.wav", speaker="a", language="ja", text="Never learnt from.")])
    return path


def script(experiment, **more):
    values = {"workspace": experiment.folder.parent.parent, "experiment": "me", **more}
    return make_script(AuditionParameters(**values), experiment)


def test_labels_give_sentences_language_and_the_clip_nearest_to_five_seconds(experiment, labels):
    made = script(experiment, labels=labels, count=2)
    assert len(made.texts) == 2
    assert made.language == "ja"
    assert made.reference == experiment.wav_folder / "2.wav"
    assert made.prompt_text == TEXTS["2.wav"]
    assert made.prompt_language == "ja"


def test_texts_that_were_not_learnt_from_come_first(experiment, labels):
    write_semantic(experiment.semantic_file, dict.fromkeys(TEXTS, (1, 2)))
    assert script(experiment, labels=labels).texts == ("Never learnt from.",)
    held_back = labels.with_name("heldout.list")
    write_labels(held_back, [LabelRow(path="9.wav", speaker="a", language="en", text="Held back.")])
    made = script(experiment, labels=labels)
    assert made.texts == ("Held back.",)
    assert made.language == "en"


def test_prepared_texts_do_where_there_are_no_labels(experiment):
    made = script(experiment)
    assert set(made.texts) == {text.lower() for text in TEXTS.values()}
    assert made.language == "auto"
    assert made.prompt_text == TEXTS["2.wav"].lower()


def test_given_sentences_and_a_given_reference_are_taken(experiment, tmp_path):
    sound = write_tone(tmp_path / "参考.wav", 4.0, rate_hz=8000)
    made = script(
        experiment, sentences="One.\n\n Two. \n", language="en", reference=sound, prompt_text=" It says. "
    )
    assert made.texts == ("One.", "Two.")
    assert (made.reference, made.prompt_text) == (sound, "It says.")
    with pytest.raises(MissingFile):
        script(experiment, reference=tmp_path / "none.wav")


def test_without_texts_or_a_clip_of_good_length_it_says_what_is_missing(experiment, tmp_path):
    (experiment.wav_folder / "2.wav").unlink()
    (experiment.wav_folder / "3.wav").unlink()
    with pytest.raises(NothingToDo, match="no reference"):
        script(experiment)
    experiment.text_file.unlink()
    with pytest.raises(NothingToDo, match="no sentence"):
        script(experiment)
