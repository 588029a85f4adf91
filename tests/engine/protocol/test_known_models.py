"""Which models a workspace lacks, and where they belong."""

import pytest

from engine.protocol.known_models import known_models
from engine.protocol.recognisers import RECOGNISERS
from engine.protocol.versions import VERSIONS
from engine.protocol.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "用户 it's 名")


def rows(workspace):
    return {row.title: row for row in known_models(workspace)}


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def test_every_kind_is_named_with_its_place_and_a_remedy(workspace):
    found = rows(workspace)
    assert {title for title, row in found.items() if row.found} == {"starter voice"}
    for title in (
        "FRCRN",
        "Whisper",
        "text encoder (BERT)",
        "content encoder (HuBERT)",
        "vocoder v3",
        "vocoder v4",
    ):
        assert str(workspace.root) in found[title].remedy
    paths = {row.path for row in found.values()}
    for version in VERSIONS.values():
        names = version.pretrained
        for name in (names.gpt, names.generator, names.discriminator, names.vocoder, names.speaker_encoder):
            assert name is None or workspace.pretrained / name in paths
    for choices in RECOGNISERS.values():
        for folders in choices.folders.values():
            assert workspace.asr_models / folders.speech in paths
    assert "separation model HP2_all_vocals" in found


def test_a_folder_that_lacks_a_file_is_not_found_and_the_file_is_named(workspace):
    touch(workspace.content_encoder / "config.json")
    encoder = rows(workspace)["content encoder (HuBERT)"]
    assert encoder.missing == ("model.safetensors or pytorch_model.bin",)
    touch(workspace.content_encoder / "pytorch_model.bin")
    assert rows(workspace)["content encoder (HuBERT)"].found


def test_what_the_user_put_there_is_listed_under_its_own_name(workspace):
    for name in ("config.json", "model.bin", "tokenizer.json"):
        touch(workspace.asr_models / "faster-whisper-small" / name)
    touch(workspace.separation_models / "my 声 model.ckpt")
    touch(workspace.separation_models / "HP2_all_vocals.pth")
    found = rows(workspace)
    assert found["Whisper small"].found
    assert "Whisper" not in found
    assert found["separation model my 声 model"].found
    assert found["separation model HP2_all_vocals"].found
