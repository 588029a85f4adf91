import pytest
import torch

from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_sovits
from engine.models.adapters import AdaptedLinear
from engine.models.flow_matching import FlowOptions
from engine.models.flow_sovits import (
    export_adapters,
    export_flow_sovits,
    load_flow_sovits,
    prepare_adapters,
)
from engine.models.sovits_network import StyleReference
from engine.protocol.errors import BadCheckpoint, MissingModel
from tests.engine.models.tiny import speech
from tests.engine.models.tiny_flow import SIZES, spoken, tiny_flow
from tests.parity.kit.official import manifest

OFFICIAL_RANK = 32


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def _velocity(network):
    source = torch.Generator().manual_seed(6)
    x = torch.randn(1, SIZES.bands, 9, generator=source)
    condition = torch.randn(1, SIZES.condition_channels, 9, generator=source)
    flow = network.cfm.estimator
    with torch.no_grad():
        read = flow.read_condition(condition)
        return flow(x, torch.zeros_like(x), read, torch.tensor([0.3]), torch.zeros(1))


def _rounded(network):
    """The network as half-precision files hold it."""
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            tensor.copy_(tensor.half().float())
    return network


@pytest.fixture
def base(folder):
    return export_flow_sovits(_rounded(tiny_flow("v4")), folder / "s2Gv4.pth", info="base")


@pytest.fixture
def trained(base):
    """A network after one step of fine-tuning from the base."""
    network = load_flow_sovits(base)
    prepare_adapters(network, 4, torch.Generator().manual_seed(2))
    network.train()
    optimiser = torch.optim.AdamW([one for one in network.parameters() if one.requires_grad], lr=0.05)
    ssl, spectrogram, frames, phones, phone_lengths = speech()
    mel = torch.randn(2, SIZES.bands, 40)
    for _ in range(2):
        loss = network(ssl, spectrogram, frames, phones, phone_lengths, mel=mel, mel_lengths=2 * frames)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return _rounded(network.eval())


def test_a_whole_model_loads_as_it_was_written(folder, base):
    network, read = _rounded(tiny_flow("v4")), load_flow_sovits(base)
    assert read.version.name == "v4"
    assert read.sizes == network.sizes
    for (name, tensor), (other, stored) in zip(
        network.state_dict().items(), read.state_dict().items(), strict=True
    ):
        assert name == other
        assert torch.equal(tensor, stored)
    assert not read.training


def test_a_file_that_does_not_say_its_version_is_what_the_caller_says(folder):
    network = tiny_flow("v3")
    config = network.config.to_checkpoint()
    del config["model"]["version"]
    path = write_sovits(folder / "silent.pth", network.state_dict(), config, "")
    assert load_flow_sovits(path).version.name == "v3"
    assert load_flow_sovits(path, version="v4").version.name == "v4"


def test_a_file_that_contradicts_the_caller_is_refused(base):
    assert load_flow_sovits(base, version="v4").version.name == "v4"
    with pytest.raises(BadCheckpoint, match=r"of v4, not of v3"):
        load_flow_sovits(base, version="v3")
    with pytest.raises(BadCheckpoint, match="not of v2"):
        load_flow_sovits(base, version="v2")


def test_the_rounded_speeds_of_positions_are_read_back(base):
    stored = read_checkpoint(base).weights["cfm.estimator.rotary_embed.inv_freq"]
    read = load_flow_sovits(base).cfm.estimator.rotary_embed.inv_freq
    assert stored.dtype is torch.float16
    assert torch.equal(read, stored.float())
    assert not torch.equal(read, tiny_flow().cfm.estimator.rotary_embed.inv_freq)


def test_an_adapter_speaks_as_the_network_that_was_trained(folder, base, trained):
    path = export_adapters(trained, folder / "mine_e2_s4_l4.pth", rank=4, info="2epoch_4iteration")
    assert path.read_bytes()[:2] == b"04"
    read = load_flow_sovits(path, base)
    assert read.version.name == "v4"
    assert not any(isinstance(part, AdaptedLinear) for part in read.modules())
    torch.testing.assert_close(_velocity(read), _velocity(trained), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(_velocity(read), _velocity(load_flow_sovits(base)), atol=1e-3)
    codes, phones, spectrogram = spoken()
    style = read.mean_style([StyleReference(spectrogram=spectrogram)])
    condition = read.condition(codes, phones, style)
    torch.testing.assert_close(condition, trained.condition(codes, phones, style))
    prompt = read.mel_prompt(torch.randn(1, SIZES.bands, 40), codes, phones, style)
    (mel,) = read.make_mel(condition, prompt, FlowOptions(steps=2))
    assert torch.isfinite(mel).all()


def test_an_adapter_s_file_has_the_official_layout(folder, trained):
    path = export_adapters(trained, folder / "mine.pth", rank=4, info="2epoch_4iteration")
    found = read_checkpoint(path)
    assert (found.lora_rank, found.info, found.header) == (4, "2epoch_4iteration", b"04")
    assert found.config["model"]["version"] == "v4"
    assert {tensor.dtype for tensor in found.weights.values()} == {torch.float16}

    def kinds(names):
        """Names without the numbers of repeated layers, in order, each once."""
        return list(
            dict.fromkeys(
                ".".join("#" if part.isdecimal() else part for part in name.split(".")) for name in names
            )
        )

    assert kinds(found.weights) == kinds(manifest("s2_v4_lora")["params"])


def test_what_is_trained_is_what_the_official_trainer_trains():
    network = tiny_flow()
    prepare_adapters(network, 4)
    learning = {name for name, tensor in network.named_parameters() if tensor.requires_grad}
    wanted = set(manifest("s2_v3_lora")["params"])
    parts = {name.split(".")[0] for name in wanted}
    assert {name.split(".")[0] for name in learning} == parts - {"quantizer"}
    assert not {name for name in learning if name.startswith("cfm.") and ".lora_" not in name}


def test_an_adapter_without_its_base_names_what_is_missing(folder, trained):
    path = export_adapters(trained, folder / "mine.pth", rank=4, info="")
    with pytest.raises(MissingModel, match=r"mine\.pth") as caught:
        load_flow_sovits(path)
    assert "gsv-v4-pretrained/s2Gv4.pth" in caught.value.hint
    with pytest.raises(MissingModel, match=r"absent\.pth"):
        load_flow_sovits(path, folder / "absent.pth")


def test_an_adapter_of_another_base_is_refused(folder, base, trained):
    path = export_adapters(trained, folder / "mine.pth", rank=4, info="")
    found = read_checkpoint(path)
    weights = {name: value for name, value in found.weights.items() if "to_q.lora_B" not in name}
    broken = write_sovits(folder / "half.pth", weights, found.config, "", header=b"04", lora_rank=4)
    with pytest.raises(BadCheckpoint, match=r"half\.pth"):
        load_flow_sovits(broken, base)


def test_files_of_other_kinds_are_refused(folder, base):
    found = read_checkpoint(base)
    lacking = {name: value for name, value in found.weights.items() if "proj_out" not in name}
    with pytest.raises(BadCheckpoint, match=r"lacks parts"):
        load_flow_sovits(write_sovits(folder / "a.pth", lacking, found.config, ""))
    for name, value in (("rotary_embed.inv_freq", torch.ones(7)), ("proj_out.weight", torch.ones(3))):
        odd = {**found.weights, f"cfm.estimator.{name}": value}
        with pytest.raises(BadCheckpoint, match=r"o\.pth lacks parts"):
            load_flow_sovits(write_sovits(folder / "o.pth", odd, found.config, ""))
    lacking = {name: value for name, value in found.weights.items() if name != "bridge.0.bias"}
    with pytest.raises(BadCheckpoint, match=r"bridge\.0\.bias"):
        load_flow_sovits(write_sovits(folder / "b.pth", lacking, found.config, ""))
    voice = {name: value for name, value in found.weights.items() if not name.startswith("cfm.")}
    with pytest.raises(BadCheckpoint, match="no SoVITS weight file of v3 or v4"):
        load_flow_sovits(write_sovits(folder / "c.pth", voice, found.config, ""))
    with pytest.raises(BadCheckpoint, match="of v2Pro"):
        load_flow_sovits(write_sovits(folder / "d.pth", found.weights, found.config, "", header=b"05"))
