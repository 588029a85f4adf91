"""Tiny networks of random weights, where a workspace keeps the official ones."""

import json

import torch
from safetensors.torch import save_file

from engine.models.hubert import ContentEncoder
from engine.protocol.builtin import official_models
from engine.protocol.versions import version
from engine.protocol.workspace import Workspace
from engine.train.scratch import new_discriminators, new_generator, new_gpt
from tests.engine.dataset.conftest import HUBERT
from tests.engine.train.experiments import GPT_SIZES, JUDGE_SIZES, SOVITS_SIZES, SSL_CHANNELS


def place(root):
    """Fills `GPT_SoVITS/pretrained_models` of a workspace for v2."""
    wanted = official_models(Workspace(root), version("v2"))
    torch.manual_seed(0)
    sizes = HUBERT | {"hidden_size": SSL_CHANNELS}
    wanted.content_encoder.mkdir(parents=True)
    (wanted.content_encoder / "config.json").write_text(json.dumps(sizes), encoding="utf-8")
    save_file(ContentEncoder(sizes).network.state_dict(), wanted.content_encoder / "model.safetensors")
    wanted.gpt.parent.mkdir(parents=True)
    new_gpt(wanted.gpt, GPT_SIZES, seed=1)
    new_generator(wanted.generator, SOVITS_SIZES, [torch.randn(SSL_CHANNELS, 200)], seed=1)
    new_discriminators(wanted.discriminator, JUDGE_SIZES, seed=1)
