"""Tiny random networks in the formats of real models for separating."""

import struct

import numpy as np
import pytest
import torch
import yaml

from engine.dataset.separation import library
from engine.protocol.errors import MissingModel

CAPACITY = [
    (2, 2),
    (2, 2),
    (4, 2, 1, 1, 0),
    (2, 2),
    (6, 2, 1, 1, 0),
    (2, 4),
    (4, 2, 1),
    (2, 2, 1),
    (2, 2, 1),
]
ROFORMER = {
    "dim": 8,
    "depth": 1,
    "stereo": True,
    "num_stems": 1,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
    "dim_head": 4,
    "heads": 2,
    "attn_dropout": 0.1,
    "ff_dropout": 0.1,
    "flash_attn": True,
    "dim_freqs_in": 129,
    "stft_n_fft": 256,
    "stft_hop_length": 64,
    "stft_win_length": 256,
    "stft_normalized": False,
    "mask_estimator_depth": 1,
}
BS = {**ROFORMER, "freqs_per_bands": (32, 32, 65)}
MEL = {**ROFORMER, "num_bands": 8, "sample_rate": 44100}


def have_library():
    """Whether the extra is installed."""
    try:
        library.bands("4band_v2")
    except MissingModel:
        return False
    return True


needs_library = pytest.mark.skipif(not have_library(), reason="packaging/locks/separate.txt is not installed")


def write_old_mask(path, kind=123821):
    """A VR model such as HP2: half precision, as the real ones are."""
    torch.manual_seed(1)
    network = library.old_mask_network(672, CAPACITY, kind)
    torch.save({name: _half(value) for name, value in network.state_dict().items()}, path)
    return path


def write_new_mask(path):
    """A VR model such as DeEcho."""
    torch.manual_seed(2)
    weights = library.new_mask_network(672, 4, 4).state_dict()
    weights["out.weight"] = weights["out.weight"] * 20
    torch.save(weights, path)
    return path


def _half(value):
    return value.half() if value.is_floating_point() else value


def write_roformer(path, sizes, *, instruments=("vocals", "other"), target="vocals", chunk=8192):
    """A RoFormer and the settings beside it."""
    torch.manual_seed(3)
    kind = "bs_roformer" if "freqs_per_bands" in sizes else "mel_band_roformer"
    torch.save(library.roformer(kind, sizes).state_dict(), path)
    settings = {
        "audio": {"chunk_size": chunk, "sample_rate": 44100},
        "model": dict(sizes),
        "training": {"instruments": list(instruments), "target_instrument": target},
        "inference": {"batch_size": 1, "num_overlap": 2},
    }
    path.with_suffix(".yaml").write_text(yaml.dump(settings), encoding="utf-8")  # tuples get tags
    return path


def write_onnx(path, rows=1024, frames=8, share=0.25, channels=4):
    """An MDX model that gives back a share of what it hears, written in ONNX's own bytes."""

    def number(field, value):
        return _varint(field << 3) + _varint(value)

    def part(field, content):
        content = content.encode("ascii") if isinstance(content, str) else content
        return _varint(field << 3 | 2) + _varint(len(content)) + content

    def value(name, shape):
        sizes = b"".join(
            part(1, part(2, size) if isinstance(size, str) else number(1, size)) for size in shape
        )
        return part(1, name) + part(2, part(1, number(1, 1) + part(2, sizes)))

    share_of = part(9, struct.pack("<f", share)) + part(8, "share") + number(2, 1) + number(1, 1)
    node = part(1, "input") + part(1, "share") + part(2, "output") + part(4, "Mul")
    shape = ("batch_size", channels, rows, frames)
    graph = part(1, node) + part(2, "tiny") + part(5, share_of)
    graph += part(11, value("input", shape)) + part(12, value("output", shape))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(number(1, 8) + part(7, graph) + part(8, part(1, "") + number(2, 13)))
    return path


def _varint(value):
    made = b""
    while value > 127:
        made += bytes([value & 127 | 128])
        value >>= 7
    return made + bytes([value])


def noise(seconds, channels=2, seed=0):
    """(channels, S) at 44.1 kHz."""
    return np.random.default_rng(seed).normal(0, 0.1, (channels, int(seconds * 44100))).astype(np.float32)
