import pytest
import torch

from engine.checkpoints.writer import write_weights
from engine.models.bigvgan import BigVgan
from engine.models.hifigan import StackSizes, WaveStack
from engine.models.vocoder import load_vocoder
from engine.protocol.errors import BadCheckpoint, MissingModel

SIZES = StackSizes(
    channels_in=6,
    channels=32,
    rates=(4, 2),
    kernels=(8, 4),
    resblock_kernels=(3, 7),
    resblock_dilations=((1, 3, 5), (1, 3, 5)),
    last_bias=True,
)


def _loud(network):
    """Weights with which every frame is heard in the samples of the frames around it."""
    torch.manual_seed(3)
    for tensor in network.parameters():
        torch.nn.init.normal_(tensor, std=0.15)
    return network.eval()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.fixture(params=["hifigan", "bigvgan"])
def file(request, folder):
    if request.param == "hifigan":
        return write_weights(folder / "vocoder.pth", _loud(WaveStack(SIZES)).state_dict())
    weights = _loud(BigVgan(SIZES)).state_dict()
    return write_weights(folder / "bigvgan_generator.pt", {"generator": weights})


def test_a_frame_becomes_its_samples(file):
    vocoder = load_vocoder(file)
    assert vocoder.hop_samples == 8
    assert vocoder(torch.randn(2, 6, 10)).shape == (2, 1, 80)


def test_a_folder_is_as_good_as_its_file(file):
    mel = torch.randn(1, 6, 5)
    torch.testing.assert_close(load_vocoder(file.parent)(mel), load_vocoder(file)(mel))


@pytest.mark.parametrize("lengths", [(1, 200, 3, 90), (60,) * 5, (11,) * 12, (5,)])
def test_mel_spoken_in_chunks_sounds_as_if_spoken_whole(file, lengths):
    vocoder = load_vocoder(file)
    torch.manual_seed(1)
    mel = torch.randn(1, 6, sum(lengths))
    pieces = list(vocoder.speak(mel.split(lengths, dim=2)))
    torch.testing.assert_close(torch.cat(pieces, dim=2), vocoder(mel), rtol=1e-4, atol=1e-5)
    assert len(pieces) == 1 or pieces[0].shape[2] < mel.shape[2] * vocoder.hop_samples


def test_nothing_beyond_the_context_is_heard(file):
    vocoder = load_vocoder(file)
    torch.manual_seed(2)
    mel = torch.randn(1, 6, 4 * vocoder.context_frames)
    changed = mel.clone()
    changed[..., : vocoder.context_frames] += 1
    first = 2 * vocoder.context_frames * vocoder.hop_samples
    torch.testing.assert_close(vocoder(mel)[..., first:], vocoder(changed)[..., first:])
    assert not torch.allclose(vocoder(mel)[..., :80], vocoder(changed)[..., :80])


def test_a_file_with_weight_norm_is_the_same_vocoder(file, folder):
    folded = load_vocoder(file)
    weights = {}
    for name, tensor in folded.network.state_dict().items():
        if name.endswith("weight"):
            norm = torch.linalg.vector_norm(tensor, dim=(1, 2), keepdim=True)
            weights |= {
                name.replace("weight", "weight_g"): norm,
                name.replace("weight", "weight_v"): 3 * tensor,
            }
        else:
            weights[name] = tensor
    other = load_vocoder(write_weights(folder / "normed.pth", weights))
    mel = torch.randn(1, 6, 5)
    torch.testing.assert_close(other(mel), folded(mel), rtol=1e-4, atol=1e-6)


def test_half_precision_takes_any_mel(file):
    vocoder = load_vocoder(file)
    mel = torch.randn(1, 6, 9)
    exact = vocoder(mel)
    rounded = vocoder.bfloat16()(mel)
    assert rounded.dtype is torch.bfloat16
    assert (exact - rounded.float()).abs().max() < 0.2 * exact.abs().max()


def test_what_is_no_vocoder_is_refused(folder):
    path = write_weights(folder / "other.pth", {"some.weight": torch.ones(2, 2)})
    with pytest.raises(BadCheckpoint, match=r"other\.pth"):
        load_vocoder(path)
    weights = WaveStack(SIZES).state_dict()
    odd = {name.replace("weight_v", "weight"): value for name, value in weights.items()}
    path = write_weights(folder / "odd.pth", {**odd, "conv_pre.weight": torch.ones(1)})
    with pytest.raises(BadCheckpoint, match=r"odd\.pth"):
        load_vocoder(path)
    with pytest.raises(MissingModel, match="no vocoder"):
        load_vocoder(folder)
    with pytest.raises(MissingModel):
        load_vocoder(folder / "absent.pth")
