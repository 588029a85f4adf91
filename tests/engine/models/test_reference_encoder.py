"""The style of a recording."""

import pytest
import torch

from engine.models.reference_encoder import ReferenceEncoder
from tests.engine.models.tiny import TINY


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return ReferenceEncoder(TINY).eval()


def test_high_bins_are_not_heard(encoder):
    spectrogram, mask = torch.rand(1, TINY.spectrogram_bins, 9), torch.ones(1, 1, 9)
    changed = spectrogram.clone()
    changed[:, TINY.style_bins :] = 5
    assert torch.equal(encoder(spectrogram, mask), encoder(changed, mask))
    changed[:, TINY.style_bins - 1] = 5
    assert not torch.equal(encoder(spectrogram, mask), encoder(changed, mask))


def test_rows_do_not_hear_each_other_nor_what_is_in_the_padding(encoder):
    spectrogram, mask = torch.rand(2, TINY.spectrogram_bins, 9), torch.ones(2, 1, 9)
    mask[1, :, 5:] = 0
    both = encoder(spectrogram, mask)
    assert torch.allclose(both[:1], encoder(spectrogram[:1], mask[:1]), atol=1e-6)
    spectrogram[1, :, 5:] = 3
    assert torch.allclose(both[1:], encoder(spectrogram[1:], mask[1:]), atol=1e-6)


def test_padding_moves_the_style_of_a_recording_little(encoder):
    spectrogram, mask = torch.rand(1, TINY.spectrogram_bins, 60), torch.ones(1, 1, 60)
    mask[..., 50:] = 0
    padded, alone = encoder(spectrogram, mask), encoder(spectrogram[..., :50], mask[..., :50])
    assert (padded - alone).norm() < 0.02 * alone.norm()
