"""The stage `text_features`."""

import pytest

from engine.corpus.manifests import read_text_rows
from engine.dataset import text_features
from engine.dataset.text_features import run
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadLabels, Cancelled, MissingFile, NothingToDo
from engine.protocol.stages.features import TextFeaturesParameters


def parameters(project, **more):
    return TextFeaturesParameters(**project.common(**more))


def rows(project):
    return read_text_rows(project.folder / "2-name2text.txt")


def test_every_line_gets_its_phones(project):
    context = RecordingContext()
    result = run(parameters(project), context)
    assert list(rows(project)) == list(project.texts)
    assert rows(project)["a.wav"].phones == ("HH", "AH0", "L", "OW1", ",", "W", "ER1", "L", "D", "!")
    assert rows(project)["a.wav"].norm_text == "Hello, world!"
    text = (project.folder / "2-name2text.txt").read_text(encoding="utf-8")
    assert text.splitlines()[0] == "a.wav\tHH AH0 L OW1 , W ER1 L D !\tNone\tHello, world!"
    assert result.numbers == {"clips": 3, "unchanged": 0}
    assert context.progressed[-1] == (3, 3, "clips")
    assert context.artifacts == [("features", project.folder / "2-name2text.txt")]


def test_only_changed_texts_are_done_again(project, monkeypatch):
    run(parameters(project), RecordingContext())
    project.write(["clips/a.wav|me|EN|Other words.", "clips/it's b.flac|me|en|Two books."])
    asked = []
    real = text_features.phonemize
    monkeypatch.setattr(text_features, "phonemize", lambda *given: asked.append(given[0]) or real(*given))
    result = run(parameters(project), RecordingContext())
    assert asked == ["Other words."]
    assert result.numbers == {"clips": 2, "unchanged": 1}
    assert rows(project)["a.wav"].norm_text == "Other words."
    assert set(rows(project)) == {"a.wav", "it's b.flac"}


def test_lines_that_cannot_be_used_are_reported_and_the_rest_goes_on(project):
    project.add(
        "broken line",
        "clips/x.wav|me|XX|what",
        "clips/y.wav|me|ZH|你好",
        "clips/z.wav|me|EN|。。。",
        "other/A.WAV|me|EN|A clip of the same name.",
    )
    context = RecordingContext()
    result = run(parameters(project), context)
    assert result.numbers["clips"] == 4
    assert rows(project)["y.wav"].phones == ("n", "i2", "h", "ao3")
    assert rows(project)["y.wav"].word2ph == (2, 2)
    reasons = {one.name: one.reason for one in result.skipped}
    assert "fields" in reasons["line 4"]
    assert "XX" in reasons["line 5"]
    assert "Line 7" in reasons["z.wav"]
    assert "Line 8" in reasons["other/A.WAV"]
    assert "line 1" in reasons["other/A.WAV"]
    warnings = [line for level, line in context.lines if level == "warning"]
    assert len(warnings) == 5
    assert "Chinese text encoder" in warnings[-1]


def test_what_cannot_be_started_is_said(project):
    with pytest.raises(MissingFile):
        run(parameters(project, labels=project.root / "nowhere.list"), RecordingContext())
    project.write(["nothing", "clips/a.wav|me|EN|"])
    with pytest.raises(NothingToDo) as caught:
        run(parameters(project), RecordingContext())
    assert "line 1" in caught.value.message
    project.labels.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadLabels):
        run(parameters(project), RecordingContext())
    assert not (project.folder / "2-name2text.txt").exists()


def test_it_stops_when_asked(project):
    context = RecordingContext()
    context.cancel()
    with pytest.raises(Cancelled):
        run(parameters(project), context)
    assert not (project.folder / "2-name2text.txt").exists()


def test_only_clips_that_hold_a_changed_entry_are_done_again(project, monkeypatch):
    run(parameters(project), RecordingContext())
    asked = []
    real = text_features.phonemize
    monkeypatch.setattr(text_features, "phonemize", lambda *given: asked.append(given[0]) or real(*given))
    (project.root / "dictionary.txt").write_text(
        "en\tworld\tW AO1 R L D\nen\tnowhere\tAH0\nen\tbad\tXX\n", encoding="utf-8"
    )
    context = RecordingContext()
    run(parameters(project), context)
    assert asked == ["Hello, world!"]
    assert rows(project)["a.wav"].phones[-5:] == ("AO1", "R", "L", "D", "!")
    assert any("dictionary.txt, line 3" in line for level, line in context.lines if level == "warning")
