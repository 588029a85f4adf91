"""Speaker vectors of the clips, as part of 1b."""

import shutil

import pytest
import torch

from engine.audio.io import read_audio
from engine.checkpoints.tensors import read_tensor
from engine.dataset import prepare, ssl_features
from engine.models.speaker_encoder import load_speaker_encoder
from engine.protocol.context import RecordingContext
from engine.protocol.errors import MissingModel
from engine.protocol.stages.features import PrepareParameters, SslFeaturesParameters
from tests.engine.dataset.conftest import write_clip
from tests.engine.models.tiny import SPEAKER_CHANNELS


def run(project, speaker_encoder, **more):
    given = {
        "version": "v2Pro",
        "content_encoder": project.encoder,
        "speaker_encoder": speaker_encoder,
        **more,
    }
    return ssl_features.run(SslFeaturesParameters(**project.common(**given)), RecordingContext())


def times(project):
    return {path.name: path.stat().st_mtime_ns for path in (project.folder / "7-sv_cn").iterdir()}


def changed(project, before):
    return [name for name, time in times(project).items() if time != before[name]]


def test_every_clip_gets_the_vector_of_its_copy(project, speaker_encoder):
    result = run(project, speaker_encoder)
    assert result.numbers == {"clips": 3, "unchanged": 0}
    assert str(project.folder / "7-sv_cn") in [one.path for one in result.artifacts]
    encoder = load_speaker_encoder(speaker_encoder)
    for name in project.texts:
        vector = read_tensor(project.folder / "7-sv_cn" / f"{name}.pt")
        assert vector.shape == (1, SPEAKER_CHANNELS)
        heard = torch.from_numpy(read_audio(project.folder / "5-wav32k" / name, 16000))
        assert torch.allclose(vector, encoder.embed(heard[None]), atol=1e-5)


def test_only_changed_clips_are_done_again(project, speaker_encoder):
    run(project, speaker_encoder)
    before = times(project)
    assert run(project, speaker_encoder).numbers["unchanged"] == 3
    assert changed(project, before) == []
    write_clip(project.root / "clips" / "a.wav", 2, 9)
    assert run(project, speaker_encoder).numbers["unchanged"] == 2
    assert changed(project, before) == ["a.wav.pt"]
    other = project.root / "sv 2.ckpt"
    shutil.copyfile(speaker_encoder, other)
    assert run(project, other).numbers["unchanged"] == 0


def test_vectors_are_added_to_what_another_version_prepared(project, speaker_encoder):
    run(project, speaker_encoder, version="v2")
    assert not (project.folder / "7-sv_cn").exists()
    features = project.folder / "4-cnhubert" / "a.wav.pt"
    before = features.stat().st_mtime_ns
    assert run(project, speaker_encoder).numbers["unchanged"] == 0
    assert len(times(project)) == 3
    assert features.stat().st_mtime_ns == before


def test_vectors_made_elsewhere_are_taken_over_unless_damaged(project, speaker_encoder):
    run(project, speaker_encoder)
    (project.folder / ssl_features.LEDGER).unlink()
    (project.folder / "7-sv_cn" / "a.wav.pt").write_bytes(b"damaged")
    before = times(project)
    assert run(project, speaker_encoder).numbers == {"clips": 3, "unchanged": 2}
    assert changed(project, before) == ["a.wav.pt"]


def test_a_missing_speaker_encoder_is_named_where_one_is_needed(project):
    with pytest.raises(MissingModel, match=r"no speaker encoder at .*eres2netv2"):
        run(project, None)
    assert run(project, None, version="v1").numbers["clips"] == 3


def test_preparation_in_one_go_makes_them_too(project, speaker_encoder):
    given = PrepareParameters(
        **project.common(
            version="v2Pro",
            content_encoder=project.encoder,
            speaker_encoder=speaker_encoder,
            pretrained_sovits=project.sovits,
        )
    )
    assert prepare.run(given, RecordingContext()).numbers["clips"] == 3
    assert len(times(project)) == 3
