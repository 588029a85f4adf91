"""The judges of SoVITS training."""

import pytest
import torch

from engine.checkpoints.writer import write_weights
from engine.models.discriminators import DiscriminatorConfig, Discriminators, load_discriminators
from engine.protocol.errors import BadCheckpoint


@pytest.fixture
def judges():
    torch.manual_seed(0)
    return Discriminators(DiscriminatorConfig(narrower=16))


def test_each_judge_scores_every_row(judges):
    said = judges(torch.randn(3, 1, 2571))
    assert len(said) == 6
    assert [len(one.features) for one in said] == [7, 6, 6, 6, 6, 6]
    for one in said:
        assert one.score.shape == (3, one.features[-1].numel() // 3)
        assert torch.equal(one.features[-1].flatten(1), one.score)


@pytest.mark.parametrize("narrower", [1, 2, 4, 8, 16])
def test_every_width_can_be_built(narrower):
    with torch.device("meta"):
        made = Discriminators(DiscriminatorConfig(narrower=narrower))
    assert made.state_dict()["discriminators.1.convs.4.weight_v"].shape[0] == 1024 // narrower
    assert made.state_dict()["discriminators.0.convs.3.weight_v"].shape[1:] == (4, 41)


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match="narrower"):
        DiscriminatorConfig(narrower=3)


@pytest.mark.parametrize("periods", [(2, 3, 5, 7, 11), (2, 3, 5, 7, 11, 17, 23)])
def test_a_file_shows_its_sizes(tmp_path, periods):
    torch.manual_seed(0)
    judges = Discriminators(DiscriminatorConfig(narrower=16, periods=periods))
    folder = tmp_path / "用户 it's 名"
    path = write_weights(folder / "D.pth", {"weight": judges.state_dict()})
    again = load_discriminators(path)
    assert again.config == judges.config
    wave = torch.randn(1, 1, 640)
    assert torch.equal(again(wave)[-1].score, judges(wave)[-1].score)


def test_other_files_are_refused(tmp_path, judges):
    path = write_weights(tmp_path / "a.pth", {"weight": {"dec.x": torch.zeros(3)}})
    with pytest.raises(BadCheckpoint, match="no discriminator"):
        load_discriminators(path)
    state = judges.state_dict()
    del state["discriminators.5.conv_post.weight_g"]
    path = write_weights(tmp_path / "b.pth", {"weight": state})
    with pytest.raises(BadCheckpoint, match=r"discriminators\.5\.conv_post\.weight_g"):
        load_discriminators(path)
