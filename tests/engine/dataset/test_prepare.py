"""The stage `prepare`."""

from engine.corpus.manifests import read_semantic, read_text_rows
from engine.dataset.prepare import run
from engine.protocol.context import RecordingContext
from engine.protocol.stages.features import PrepareParameters


def parameters(project):
    return PrepareParameters(
        **project.common(content_encoder=project.encoder, pretrained_sovits=project.sovits)
    )


def test_all_three_steps_are_done_and_then_skipped(project):
    project.add("broken line", "clips/missing.wav|me|EN|words")
    context = RecordingContext()
    result = run(parameters(project), context)
    assert result.numbers["clips"] == 3
    assert set(read_semantic(project.folder / "6-name2semantic.tsv")) == set(project.texts)
    assert set(read_text_rows(project.folder / "2-name2text.txt")) == {*project.texts, "missing.wav"}
    assert [one.name for one in result.skipped] == ["line 4", "missing.wav"]
    shares = [done / total for done, total, _ in context.progressed]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len([line for _, line in context.lines if line.startswith("line 4")]) == 1
    assert "3 clips are ready" in result.summary
    again = run(parameters(project), RecordingContext())
    assert again.numbers["unchanged"] == 3


def test_a_changed_text_and_a_changed_clip_are_done_again(project):
    run(parameters(project), RecordingContext())
    text = project.labels.read_text(encoding="utf-8")
    project.labels.write_text(text.replace("Two books", "Four books"), encoding="utf-8")
    run(parameters(project), RecordingContext())
    rows = read_text_rows(project.folder / "2-name2text.txt")
    assert rows["it's b.flac"].norm_text == "Four books."
