import pytest
import torch

from engine.checkpoints.writer import write_sovits
from engine.models.codes import load_code_reader
from engine.models.flow_sovits import export_flow_sovits
from engine.models.sovits import export_sovits
from engine.protocol.errors import BadCheckpoint
from tests.engine.models.tiny import TINY, tiny_sovits
from tests.engine.models.tiny_flow import tiny_flow


def test_every_version_s_file_gives_its_codes(tmp_path):
    ssl = torch.randn(1, TINY.ssl_channels, 21)
    for network, export in ((tiny_sovits(), export_sovits), (tiny_flow(seed=3), export_flow_sovits)):
        path = export(network, tmp_path / "用户 it's 名" / "s2G.pth", info="")
        reader = load_code_reader(path)
        assert reader.channels == TINY.ssl_channels
        with torch.no_grad():
            network.ssl_proj.weight.copy_(network.ssl_proj.weight.half().float())
            network.ssl_proj.bias.copy_(network.ssl_proj.bias.half().float())
            network.quantizer.codebook.embed.copy_(network.quantizer.codebook.embed.half().float())
        assert torch.equal(reader.extract_codes(ssl), network.extract_codes(ssl))


def test_recordings_one_after_another_have_their_own_codes(tmp_path):
    reader = load_code_reader(export_sovits(tiny_sovits(), tmp_path / "s2G.pth", info=""))
    contents = [torch.randn(1, TINY.ssl_channels, frames) for frames in (21, 8, 3, 30)]
    for together, content in zip(reader.extract_each(contents), contents, strict=True):
        assert torch.equal(together, reader.extract_codes(content)[0])
    assert reader.extract_each([]) == []


def test_a_file_without_codes_is_refused(tmp_path):
    path = write_sovits(tmp_path / "adapter.pth", {"bridge.0.bias": torch.zeros(2)}, {}, "")
    with pytest.raises(BadCheckpoint, match=r"adapter\.pth"):
        load_code_reader(path)
