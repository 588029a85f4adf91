"""The stage `prepare`."""

import io
import shutil

import pytest
import torch
from pydantic import ValidationError

from engine.checkpoints.tensors import read_tensor
from engine.corpus.manifests import read_semantic, read_text_rows
from engine.dataset.prepare import run
from engine.protocol.context import RecordingContext
from engine.protocol.stages.features import PrepareParameters


def parameters(project, **more):
    return PrepareParameters(
        **project.common(content_encoder=project.encoder, pretrained_sovits=project.sovits, **more)
    )


def files(folder):
    """Every prepared file by its place; the records of what is done know times."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".state.json")
    }


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


def test_several_processes_make_the_same_files(project):
    run(parameters(project), RecordingContext())
    alone = files(project.folder)
    assert len(alone) == 8
    shutil.rmtree(project.folder)
    project.add("clips/missing.wav|me|EN|words")
    result = run(parameters(project, gpu_numbers="0-0"), RecordingContext())
    assert [one.name for one in result.skipped] == ["missing.wav"]
    project.write(project.labels.read_text(encoding="utf-8").splitlines()[:3])
    run(parameters(project, gpu_numbers="0-0"), RecordingContext())
    shared = files(project.folder)
    assert shared.keys() == alone.keys()
    for name in alone:
        if name.endswith(".pt"):  # fewer threads a process add numbers up in another order
            found = read_tensor(project.folder / name)
            assert torch.allclose(found, torch.load(io.BytesIO(alone[name])), rtol=1e-4, atol=1e-4)  # noqa: TID251
        else:
            assert shared[name] == alone[name]


def test_what_are_no_gpu_numbers_is_refused(project):
    assert parameters(project, gpu_numbers=" 0 - 1 ").gpu_numbers
    with pytest.raises(ValidationError, match="gpu_numbers"):
        parameters(project, gpu_numbers="all")


def test_a_changed_transcript_does_that_clip_alone_again(project):
    run(parameters(project), RecordingContext())

    def times():
        return {
            path: path.stat().st_mtime_ns
            for path in project.folder.rglob("*.*")
            if path.parent.name[0] in "45"
        }

    before, lines = times(), (project.folder / "2-name2text.txt").read_text(encoding="utf-8").splitlines()
    text = project.labels.read_text(encoding="utf-8")
    project.labels.write_text(text.replace("Two books", "Four books"), encoding="utf-8")
    result = run(parameters(project), RecordingContext())
    after = (project.folder / "2-name2text.txt").read_text(encoding="utf-8").splitlines()
    assert [old == new for old, new in zip(lines, after, strict=True)] == [True, False, True]
    assert times() == before
    assert result.numbers["unchanged"] == 2


def test_a_changed_text_and_a_changed_clip_are_done_again(project):
    run(parameters(project), RecordingContext())
    text = project.labels.read_text(encoding="utf-8")
    project.labels.write_text(text.replace("Two books", "Four books"), encoding="utf-8")
    run(parameters(project), RecordingContext())
    rows = read_text_rows(project.folder / "2-name2text.txt")
    assert rows["it's b.flac"].norm_text == "Four books."
