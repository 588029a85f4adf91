"""A tiny voice on disk: real networks with random weights, a content encoder, a reference, a card."""

import math
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.models.gpt import Gpt, GptConfig, export_gpt
from engine.models.hubert import ContentEncoder
from engine.models.sovits import Sovits, export_sovits
from engine.models.sovits_config import SovitsConfig
from engine.protocol.voices import VoiceCard, write_voice

CODES = 32
CONTENT_CHANNELS = 12
HUBERT = {
    "model_type": "hubert",
    "hidden_size": CONTENT_CHANNELS,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "vocab_size": 32,
}
GPT = GptConfig(
    layers=2, width=32, heads=4, phoneme_rows=732, semantic_rows=CODES + 1, eos_token=CODES, bert_channels=8
)
SOVITS = SovitsConfig(
    latent_channels=8,
    hidden_channels=8,
    filter_channels=16,
    layers=2,
    resblock_kernels=(3,),
    resblock_dilations=((1, 3),),
    upsample_channels=32,
    style_channels=16,
    ssl_channels=CONTENT_CHANNELS,
    codebook_size=CODES,
    mrte_channels=16,
    mrte_heads=2,
    posterior_layers=2,
    flow_count=2,
    flow_layers=1,
    style_bins=64,
    style_width=8,
)


@dataclass(frozen=True)
class TinyVoice:
    folder: Path
    gpt: Path
    sovits: Path
    content_encoder: Path
    reference: Path
    prompt_text: str = "This is what it says."


def write_tone(path, seconds, *, rate_hz=32000, level=0.4, lead_s=0.0, tail_s=0.0):
    """A gliding tone with noise, and silence around it."""
    count = int(seconds * rate_hz)
    time = np.arange(count) / rate_hz
    chance = np.random.default_rng(1)
    tone = level * np.sin(2 * math.pi * (120 + 20 * time) * time) + 0.01 * chance.standard_normal(count)
    silence = [np.zeros(int(length * rate_hz)) for length in (lead_s, tail_s)]
    samples = np.concatenate((silence[0], tone, silence[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(rate_hz)
        stream.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def make_voice(folder):
    """Writes the voice into a folder."""
    torch.manual_seed(11)
    encoder = ContentEncoder(HUBERT)
    encoder_folder = folder / "content encoder"
    encoder.network.save_pretrained(encoder_folder)
    sovits = Sovits(SOVITS)
    sovits.set_codebook(torch.randn(CODES, CONTENT_CHANNELS))
    voice = TinyVoice(
        folder=folder,
        gpt=export_gpt(folder / "声-e4.ckpt", Gpt(GPT), "GPT-e4"),
        sovits=export_sovits(sovits, folder / "声_e8_s40.pth", info="8epoch_40iteration"),
        content_encoder=encoder_folder,
        reference=write_tone(folder / "参考 it's.wav", 3.5),
    )
    write_voice(
        folder,
        VoiceCard(
            name="小声 it's",
            gpt=voice.gpt.name,
            sovits=voice.sovits.name,
            content_encoder=encoder_folder.name,
            reference=voice.reference.name,
            prompt_text=voice.prompt_text,
        ),
    )
    return voice
