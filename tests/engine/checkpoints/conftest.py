"""Folders and small weights for the tests of weight files."""

from collections import OrderedDict

import pytest
import torch


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.fixture
def gpt_weights():
    torch.manual_seed(0)
    shapes = {
        "model.bert_proj.weight": (8, 6),
        "model.ar_text_embedding.word_embeddings.weight": (732, 8),
        "model.h.layers.0.norm1.weight": (8,),
        "model.h.layers.1.norm1.weight": (8,),
        "model.ar_predict_layer.weight": (33, 8),
    }
    return OrderedDict((name, torch.randn(shape)) for name, shape in shapes.items())


@pytest.fixture
def sovits_weights():
    torch.manual_seed(0)
    shapes = {
        "enc_p.text_embedding.weight": (732, 4),
        "enc_q.pre.weight": (4, 9, 1),
        "ref_enc.fc.fc.weight": (5, 3),
        "dec.conv_pre.weight": (6, 4, 7),
        "quantizer.vq.layers.0._codebook.embed": (16, 7),
    }
    return OrderedDict((name, torch.randn(shape)) for name, shape in shapes.items())
