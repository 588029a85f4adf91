import torch

from engine.modules.convnext import ConvNextBlock, ResponseNorm


def test_channels_share_their_energy():
    norm = ResponseNorm(2)
    norm.gamma.data.fill_(1.0)
    x = torch.tensor([[[3.0, 1.0], [4.0, 0.0]]])  # energies 5 and 1, mean 3
    wanted = torch.tensor([[[3 + 3 * 5 / 3, 1 + 1 / 3], [4 + 4 * 5 / 3, 0.0]]])
    torch.testing.assert_close(norm(x), wanted, rtol=1e-5, atol=1e-5)


def test_a_block_hears_three_frames_on_each_side():
    torch.manual_seed(0)
    block = ConvNextBlock(4, 8)
    x = torch.randn(1, 20, 4)
    changed = x.clone()
    changed[:, 10] += 1
    differs = (block(x) - block(changed)).abs().sum(dim=2)[0] > 0
    assert differs.nonzero().flatten().tolist() == list(range(7, 14))
