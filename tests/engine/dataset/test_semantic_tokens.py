"""The stage `semantic_tokens`."""

import json
import shutil

import pytest
import torch

from engine.corpus.manifests import read_semantic, write_semantic
from engine.dataset.semantic_tokens import LEDGER, run
from engine.models.sovits import load_sovits
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadParameters, MissingModel, NothingToDo
from engine.protocol.stages.features import SemanticTokensParameters
from tests.engine.models.tiny import TINY


def parameters(project, **more):
    return SemanticTokensParameters(**project.common(**({"pretrained_sovits": project.sovits} | more)))


def write_features(project, names, frames=21, channels=TINY.ssl_channels):
    folder = project.folder / "4-cnhubert"
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        made = torch.randn(1, channels, frames, generator=torch.Generator().manual_seed(seed))
        torch.save(made, folder / f"{name}.pt")


def table(project):
    return read_semantic(project.folder / "6-name2semantic.tsv")


def test_every_clip_gets_the_codes_of_its_features(project):
    write_features(project, project.texts)
    result = run(parameters(project), RecordingContext())
    assert list(table(project)) == list(project.texts)
    network = load_sovits(project.sovits)
    for name, tokens in table(project).items():
        features = torch.load(project.folder / "4-cnhubert" / f"{name}.pt")  # noqa: TID251
        assert network.extract_codes(features)[0].tolist() == list(tokens)
        assert len(tokens) == 10
    assert result.numbers == {"clips": 3, "unchanged": 0, "tokens": 30}
    text = (project.folder / "6-name2semantic.tsv").read_text(encoding="utf-8")
    assert text.startswith("item_name\tsemantic_audio\na.wav\t")


def test_only_changed_features_are_done_again(project):
    write_features(project, project.texts)
    run(parameters(project), RecordingContext())
    first = table(project)
    write_features(project, ["x", "a.wav"], frames=31)
    assert run(parameters(project), RecordingContext()).numbers["unchanged"] == 2
    assert len(table(project)["a.wav"]) == 15
    assert table(project)["音.wav"] == first["音.wav"]
    other = project.root / "other.pth"
    shutil.copy(project.sovits, other)
    assert run(parameters(project, pretrained_sovits=other), RecordingContext()).numbers["unchanged"] == 0


def test_tokens_made_elsewhere_are_taken_over(project):
    write_features(project, project.texts)
    write_semantic(project.folder / "6-name2semantic.tsv", {"a.wav": (1, 2, 3)})
    assert run(parameters(project), RecordingContext()).numbers["unchanged"] == 1
    assert table(project)["a.wav"] == (1, 2, 3)
    assert "1 2 3" in json.dumps(json.loads((project.folder / LEDGER).read_text(encoding="utf-8")))


def test_clips_without_usable_features_are_listed(project):
    write_features(project, ["a.wav", "it's b.flac"])
    (project.folder / "4-cnhubert" / "it's b.flac.pt").write_bytes(b"damaged")
    project.add("clips/short.wav|me|EN|words")
    write_features(project, ["short.wav"], frames=1)
    result = run(parameters(project), RecordingContext())
    assert {one.name for one in result.skipped} == {"it's b.flac", "音.wav", "short.wav"}
    assert list(table(project)) == ["a.wav"]


def test_weights_that_do_not_fit_are_said(project):
    write_features(project, project.texts, channels=7)
    with pytest.raises(BadParameters) as caught:
        run(parameters(project), RecordingContext())
    assert "12 channels" in caught.value.message
    with pytest.raises(MissingModel):
        run(parameters(project, pretrained_sovits=project.root / "nowhere.pth"), RecordingContext())


def test_nothing_prepared_is_said(project):
    with pytest.raises(NothingToDo, match="1b"):
        run(parameters(project), RecordingContext())
    assert not (project.folder / "6-name2semantic.tsv").exists()
