"""Weight files of every official variant: told apart by their content, written as the official ones are."""

import io
import json
import sys
import types
from collections import OrderedDict

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from engine.checkpoints.convert import convert
from engine.checkpoints.inspection import inspect
from engine.checkpoints.layout import OFFICIAL_START_BYTES, OFFICIAL_STARTS
from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_gpt, write_sovits, write_weights
from engine.protocol.versions import VERSIONS
from tests.parity.kit import official
from tests.parity.kit.official import known_variants, manifest, write_official

LATER = ("v2", "v3", "v4", "v2Pro", "v2ProPlus")
EITHER = ("v3", "v4")
SPEAKER = ("v2Pro", "v2ProPlus")

# variant -> kind, version, fits
EXPECTED = {
    "s1_v1": ("gpt", "v1", ("v1",)),
    "s1_v2": ("gpt", "v2", LATER),
    "s1_v3": ("gpt", "v2", LATER),
    "s2G_v1": ("sovits", "v1", ("v1",)),
    "s2G_v2": ("sovits", "v2", ("v2",)),
    "s2G_v2Pro": ("sovits", "v2Pro", ("v2Pro",)),
    "s2G_v2ProPlus": ("sovits", "v2ProPlus", ("v2ProPlus",)),
    "s2G_v3": ("sovits", "unknown", EITHER),
    "s2G_v4": ("sovits", "unknown", EITHER),
    "s2_v3_lora": ("sovits", "v3", ("v3",)),
    "s2_v4_lora": ("sovits", "v4", ("v4",)),
    "s2D_v1": ("discriminator", "v2", ("v1", "v2")),
    "s2D_v2": ("discriminator", "v2", ("v1", "v2")),
    "s2D_v2Pro": ("discriminator", "v2Pro", SPEAKER),
    "s2D_v2ProPlus": ("discriminator", "v2Pro", SPEAKER),
    "chinese_hubert_base": ("content_encoder", "", ()),
    "chinese_roberta_wwm_ext_large": ("text_encoder", "", ()),
    "eres2netv2_sv": ("speaker_encoder", "", SPEAKER),
    "bigvgan_v2_24khz_100band_256x": ("vocoder", "v3", ("v3",)),
    "v4_vocoder": ("vocoder", "v4", ("v4",)),
}
DTYPES = {"float16": torch.float16, "float32": torch.float32, "int64": torch.int64}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.fixture
def hollow(monkeypatch):
    """Writes official files of full size whose numbers are holes: quick, and no memory."""

    def unreal(variant, _seed=0, *, half=False):
        return OrderedDict(
            (name, torch.empty(shape, dtype=DTYPES[dtype]))
            for name, (shape, dtype) in manifest(variant)["params"].items()
        )

    def write(variant, path, **more):
        with (
            monkeypatch.context() as patched,
            FakeTensorMode(),
            torch.serialization.skip_data(materialize_fake_tensors=True),
        ):
            patched.setattr(official, "weights", unreal)
            return write_official(variant, path, half=True, **more)

    return write


def test_every_variant_has_an_expectation():
    assert set(known_variants()) <= set(EXPECTED)


FORMS = [
    pytest.param(variant, exported, id=f"{variant}-{'exported' if exported else 'pretrained'}")
    for variant in known_variants()
    for exported in (False, True)
    if not exported or "header" in manifest(variant).get("exported", {})
]


@pytest.mark.parametrize(("variant", "exported"), FORMS)
def test_a_file_of_full_size_is_told_by_its_content(folder, hollow, variant, exported):
    facts = manifest(variant)
    path = hollow(variant, folder / "weights.pth", exported=exported)
    info = inspect(path)
    assert (info.kind, info.version, info.fits) == EXPECTED[variant]
    absent = tuple(facts.get("exported", {}).get("absent_prefixes", ())) if exported else ()
    kept = {name: shape for name, (shape, _) in facts["params"].items() if not name.startswith(absent)}
    assert (info.safe, info.tensors) == (True, len(kept))
    assert info.parameters == sum(torch.Size(shape).numel() for shape in kept.values())
    assert info.lora == ("lora" in variant)
    assert info.lora_rank == facts.get("scalars", {}).get("lora_rank")
    content = read_checkpoint(path, shapes_only=True)
    assert [(name, list(tensor.shape)) for name, tensor in content.weights.items()] == list(kept.items())
    layout = facts["container"]["top_level"]
    held = layout if isinstance(layout, dict) else {}
    assert content.config == (facts["config"] if "config" in held else {})
    assert content.info == (facts["info"] if "info" in held else "")
    with path.open("rb") as file:
        start = file.read(2).decode("ascii")
    assert info.header == ("" if start == "PK" else start)
    json.dumps(info.as_json())
    path.unlink()


def test_the_sizes_of_a_gpt_are_shown(folder, hollow):
    info = inspect(hollow("s1_v2", folder / "s1.ckpt"))
    assert info.sizes == {
        "layers": 24,
        "width": 512,
        "semantic_rows": 1025,
        "bert_channels": 1024,
        "heads": 16,
    }
    assert (info.symbol_rows, info.dtype) == (732, "float16")


def small(variant):
    """A state dict with the official names, order and types, random, each axis cut to a few values."""
    source = torch.Generator().manual_seed(0)
    made = OrderedDict()
    for name, (shape, dtype) in manifest(variant)["params"].items():
        rows = [
            size if name.endswith(("text_embedding.weight", "dec.conv_pre.weight")) else min(size, 5)
            for size in shape
        ]
        numbers = torch.randn([min(size, 900) for size in rows], generator=source)
        made[name] = (numbers * 9).to(DTYPES[dtype])
    return made


def same_bits(ours, wanted):
    assert list(ours) == list(wanted)
    for name, tensor in wanted.items():
        assert ours[name].dtype == tensor.dtype, name
        assert ours[name].shape == tensor.shape, name
        assert torch.equal(ours[name], tensor), name


def as_the_original_reads(path, monkeypatch):
    """Loads a file as the original does: magic restored, its own class at hand."""
    module = types.ModuleType("utils")
    module.HParams = type("HParams", (), {})
    monkeypatch.setitem(sys.modules, "utils", module)
    return torch.load(io.BytesIO(b"PK" + path.read_bytes()[2:]), weights_only=False)  # noqa: TID251


GPTS = [name for name in known_variants() if name.startswith("s1_")]
SOVITS = [name for name in known_variants() if name.startswith("s2G_")]
ADAPTERS = [name for name in known_variants() if name.endswith("_lora")]
OTHERS = [name for name in known_variants() if name not in {*GPTS, *SOVITS, *ADAPTERS}]


@pytest.mark.parametrize("variant", GPTS)
def test_a_written_gpt_is_the_official_one(folder, monkeypatch, variant):
    facts, weights = manifest(variant), small(variant)
    path = write_gpt(folder / "声-e15.ckpt", weights, facts["config"], facts["info"])
    loaded = as_the_original_reads(path, monkeypatch)
    assert list(loaded) == list(facts["container"]["top_level"])
    same_bits(loaded["weight"], weights)
    assert (loaded["config"], loaded["info"]) == (facts["config"], facts["info"])
    again = read_checkpoint(path)
    same_bits(again.weights, weights)
    assert (again.config, again.info) == (facts["config"], facts["info"])


@pytest.mark.parametrize("variant", [*SOVITS, *ADAPTERS])
def test_a_written_sovits_is_the_official_one(folder, monkeypatch, variant):
    facts, weights = manifest(variant), small(variant)
    row = VERSIONS[EXPECTED[variant][1] if variant in ADAPTERS else variant.removeprefix("s2G_")]
    rank = facts.get("scalars", {}).get("lora_rank")
    header = row.adapter_header if variant in ADAPTERS else row.header
    path = write_sovits(
        folder / "声_e8_s200.pth", weights, facts["config"], facts["info"], header=header, lora_rank=rank
    )
    wanted = facts["container"]["header"] if variant in ADAPTERS else facts["exported"]["header"]
    assert path.read_bytes()[:2] == wanted.encode()
    loaded = as_the_original_reads(path, monkeypatch)
    assert list(loaded) == list(facts["container"]["top_level"])
    kept = OrderedDict((name, tensor) for name, tensor in weights.items() if not name.startswith("enc_q."))
    same_bits(loaded["weight"], kept)
    assert loaded["config"].model.upsample_rates == facts["config"]["model"]["upsample_rates"]
    assert loaded.get("lora_rank") == rank
    again = read_checkpoint(path)
    same_bits(again.weights, kept)
    assert (again.config, again.info, again.lora_rank) == (facts["config"], facts["info"], rank)


@pytest.mark.parametrize("variant", OTHERS)
def test_other_networks_come_back_bit_for_bit(folder, variant):
    layout, weights = manifest(variant)["container"]["top_level"], small(variant)
    payload = weights if layout == "bare state dict" else {next(iter(layout)): weights}
    path = write_weights(folder / "weights.pth", payload)
    same_bits(read_checkpoint(path).weights, weights)
    same_bits(torch.load(path) if payload is weights else torch.load(path)[next(iter(layout))], weights)  # noqa: TID251


@pytest.mark.parametrize("variant", ["s1_v1", "s2G_v2ProPlus", "s2_v4_lora", "eres2netv2_sv", "s2D_v2"])
def test_our_own_form_says_all_that_the_official_one_does(folder, variant):
    facts = manifest(variant)
    rank = facts.get("scalars", {}).get("lora_rank")
    weights = small(variant)
    version = EXPECTED[variant][1]
    if EXPECTED[variant][0] == "sovits":
        header = VERSIONS[version].adapter_header if rank else VERSIONS[version].header
        source = write_sovits(
            folder / "a.pth", weights, facts["config"], facts["info"], header=header, lora_rank=rank
        )
    else:
        source = write_gpt(folder / "a.ckpt", weights, facts["config"], facts.get("info", ""))
    target = convert(source, folder / "ours.safetensors")
    before, after = inspect(source), inspect(target)
    for name in (
        "kind",
        "version",
        "fits",
        "lora",
        "lora_rank",
        "tensors",
        "parameters",
        "dtype",
        "info",
        "sizes",
    ):
        assert getattr(after, name) == getattr(before, name), name
    one, other = read_checkpoint(source), read_checkpoint(target)
    assert one.config == other.config
    same_bits({name: other.weights[name] for name in one.weights}, one.weights)


@pytest.mark.parametrize("variant", ["s2G_v3", "s2G_v4"])
def test_full_files_of_v3_and_v4_are_told_by_what_they_say(folder, monkeypatch, variant):
    facts, version = manifest(variant), variant.removeprefix("s2G_")
    said = {**facts["config"], "model": {**facts["config"]["model"], "version": version}}
    info = inspect(write_sovits(folder / "a.pth", small(variant), said, ""))
    assert (info.version, info.fits) == (version, (version,))
    # The last resort is the official file's own fingerprint.
    path = write_sovits(folder / "b.pth", small(variant), facts["config"], "")
    assert inspect(path).fits == EITHER
    published = facts["official_files"][0]["md5_of_first_8192_bytes"]
    assert OFFICIAL_STARTS[published] == version
    monkeypatch.setattr("engine.checkpoints.inspection._start_md5", lambda _: published)
    assert inspect(path).version == version


def test_the_fingerprints_are_the_published_ones():
    assert OFFICIAL_START_BYTES == 8192
    listed = {}
    for variant in SOVITS:
        for file in manifest(variant)["official_files"]:
            if "md5_of_first_8192_bytes" in file:
                listed[file["md5_of_first_8192_bytes"]] = variant.removeprefix("s2G_")
    assert listed.items() <= OFFICIAL_STARTS.items()
    assert len(listed) == len(SOVITS)


def test_a_gpt_of_full_size_comes_back_bit_for_bit(folder):
    facts = manifest("s1_v2")
    bits = OrderedDict(
        (name, torch.randint(0, 0x7BFF, shape, dtype=torch.int16).view(torch.float16))
        for name, (shape, _) in facts["params"].items()
    )
    path = write_gpt(folder / "声-e15.ckpt", bits, facts["config"], facts["info"])
    same_bits(read_checkpoint(path).weights, bits)
    assert inspect(path).parameters == facts["element_count"]
