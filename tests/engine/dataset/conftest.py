"""A workspace with labelled clips and tiny models that fit each other."""

import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from engine.checkpoints.writer import write_weights
from engine.models.hubert import ContentEncoder
from tests.engine.models.tiny import TINY, tiny_sovits, tiny_speaker_encoder

HUBERT = {
    "model_type": "hubert",
    "hidden_size": TINY.ssl_channels,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Folder of a tiny content encoder, and a tiny SoVITS file."""
    folder = tmp_path_factory.mktemp("用户 it's 模型")
    torch.manual_seed(0)
    encoder = folder / "content_encoder"
    encoder.mkdir()
    (encoder / "config.json").write_text(json.dumps(HUBERT), encoding="utf-8")
    save_file(ContentEncoder(HUBERT).network.state_dict(), encoder / "model.safetensors")
    network = tiny_sovits()
    weights = folder / "s2G.pth"
    write_weights(weights, {"weight": network.state_dict(), "config": TINY.to_checkpoint(), "info": "tiny"})
    return encoder, weights


@pytest.fixture(scope="session")
def speaker_encoder(tmp_path_factory):
    """A tiny speaker encoder's file."""
    return write_weights(
        tmp_path_factory.mktemp("用户 it's 声") / "sv.ckpt", tiny_speaker_encoder().state_dict()
    )


def write_clip(path, seconds=1.0, seed=0, rate_hz=24000):
    """A recording of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 0.1, int(seconds * rate_hz)).astype(np.float32)
    soundfile.write(path, noise, rate_hz)
    return path


class Project:
    """A workspace, its clips and its label file."""

    def __init__(self, root, models):
        self.root = root
        self.encoder, self.sovits = models
        self.labels = root / "音.list"
        self.folder = root / "logs" / "voice 名"
        self.texts = {"a.wav": "Hello, world!", "it's b.flac": "Two books.", "音.wav": "Nice to meet you."}
        for number, name in enumerate(self.texts):
            write_clip(root / "clips" / name, 1 + number / 4, number)
        self.write(f"clips/{name}|me|EN|{text}" for name, text in self.texts.items())

    def write(self, lines):
        self.labels.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def add(self, *lines):
        self.write([*self.labels.read_text(encoding="utf-8").splitlines(), *lines])

    def common(self, **more):
        return {
            "workspace": self.root,
            "experiment": "voice 名",
            "labels": self.labels,
            "device": "cpu",
            **more,
        }


@pytest.fixture
def project(tmp_path, models):
    root = tmp_path / "用户 it's 名"
    root.mkdir()
    return Project(root, models)
