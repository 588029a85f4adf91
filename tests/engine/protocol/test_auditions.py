import os

from engine.protocol.auditions import (
    Audition,
    AuditionLine,
    audition_folder,
    audition_weights,
    error_name,
    read_audition,
    read_auditions,
    recommend,
    write_audition,
)
from engine.protocol.versions import version
from engine.protocol.workspace import Workspace

V2 = version("v2")


def report(sovits, gpt, error=None, similarity=None, texts=("One.", "Two."), language="en"):
    lines = tuple(
        AuditionLine(text=text, sound=f"{number}.wav", seconds=1.0, error=error, similarity=similarity)
        for number, text in enumerate(texts, 1)
    )
    return Audition(
        gpt=f"me-e{gpt}.ckpt",
        gpt_epoch=gpt,
        sovits=f"me_e{sovits}_s{sovits}.pth",
        sovits_epoch=sovits,
        version="v2",
        language=language,
        lines=lines,
        reference="a.wav",
        prompt_text="",
        prompt_language="en",
        content_encoder="hubert",
        spoken_from="x",
    )


def heard(tmp_path, *reports):
    experiment = Workspace(tmp_path / "用户 it's 名").experiment("me")
    for number, one in enumerate(reports):
        folder = audition_folder(experiment, V2) / f"{one.sovits_epoch}_{one.gpt_epoch}"
        path = write_audition(folder, one)
        os.utime(path, (number, number))
        for line in one.lines:
            (folder / line.sound).write_bytes(b"")
    return read_auditions(experiment, V2)


def test_the_fewest_errors_win_and_the_reason_says_so(tmp_path):
    found = heard(tmp_path, report(4, 15, 0.3, 0.83), report(8, 15, 0.08, 0.82), report(8, 5, 0.2, 0.8))
    made = recommend(found)
    assert (made.best.audition.sovits_epoch, made.best.audition.gpt_epoch) == (8, 15)
    assert made.reason == (
        "Epoch 8 of SoVITS with epoch 15 of GPT: "
        "lowest word error 0.08; similarity 0.82, within 0.01 of the highest."
    )


def test_among_about_equal_errors_the_more_alike_voice_wins(tmp_path):
    made = recommend(heard(tmp_path, report(4, 15, 0.10, 0.70), report(8, 15, 0.115, 0.80)))
    assert made.best.audition.sovits_epoch == 8
    assert "about as low as the lowest 0.10; highest similarity 0.80" in made.reason


def test_without_recognition_the_likeness_decides_and_without_both_the_newest(tmp_path):
    found = heard(tmp_path, report(4, 15, None, 0.9), report(8, 15, None, 0.7))
    assert recommend(found).best.audition.sovits_epoch == 4
    assert "error" not in recommend(found).reason
    made = recommend(heard(tmp_path / "other", report(4, 15), report(8, 15)))
    assert made.best.audition.sovits_epoch == 8
    assert "the newest; neither" in made.reason


def test_a_single_pair_and_bad_speech_are_called_what_they_are(tmp_path):
    made = recommend(heard(tmp_path, report(8, 15, 0.9, 0.2)))
    assert "the only pair heard so far" in made.reason
    assert "None of them is easy to understand yet" in made.reason
    assert recommend(()) is None


def test_other_sentences_do_not_compare(tmp_path):
    found = heard(tmp_path, report(4, 15, 0.0, 0.9, texts=("Old.",)), report(8, 15, 0.4, 0.5))
    assert recommend(found).best.audition.sovits_epoch == 8


def test_a_broken_report_or_a_missing_sound_is_left_out(tmp_path):
    heard(tmp_path, report(4, 15), report(8, 15))
    experiment = Workspace(tmp_path / "用户 it's 名").experiment("me")
    folder = audition_folder(experiment, V2)
    (folder / "4_15" / "2.wav").unlink()
    (folder / "8_15" / "audition.json").write_text("{", encoding="utf-8")
    assert read_auditions(experiment, V2) == ()
    assert read_audition(folder / "8_15") is None
    assert read_audition(folder / "none") is None


def test_weights_are_found_by_name(tmp_path):
    workspace = Workspace(tmp_path)
    gpt, sovits = audition_weights(report(8, 15), workspace, V2)
    assert gpt == tmp_path / "GPT_weights_v2" / "me-e15.ckpt"
    assert sovits == tmp_path / "SoVITS_weights_v2" / "me_e8_s8.pth"


def test_mistakes_are_counted_by_character_where_words_are_not_set_apart():
    assert error_name("all_zh") == "character error"
    assert error_name("en") == "word error"
