"""Tiny voices on disk: real networks with random weights, a content encoder, a reference, a card."""

import math
import wave
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from engine.checkpoints.writer import write_weights
from engine.infer.loading import VoiceFiles
from engine.models.bigvgan import BigVgan
from engine.models.diffusion_transformer import TransformerSizes
from engine.models.flow_sovits import FLOW_VERSIONS, FlowSizes, FlowSovits, export_flow_sovits
from engine.models.gpt import Gpt, GptConfig, export_gpt
from engine.models.hifigan import StackSizes, WaveStack
from engine.models.hubert import ContentEncoder
from engine.models.sovits import Sovits, export_sovits
from engine.models.sovits_config import SovitsConfig
from engine.protocol.versions import VERSIONS, Decoder, Vocoder
from engine.protocol.voices import VoiceCard, write_voice
from tests.engine.models.tiny import SPEAKER_CHANNELS, tiny_speaker_encoder

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

TRANSFORMER = TransformerSizes(
    bands=100,
    condition_channels=16,
    condition_inner=16,
    condition_blocks=1,
    width=32,
    blocks=1,
    head_channels=16,
    inner=32,
    wave_channels=16,
    position_kernel=3,
    position_groups=2,
)
STACKS = {
    Vocoder.BIGVGAN: StackSizes(
        channels_in=100,
        channels=16,
        rates=(8, 8, 4),
        kernels=(16, 16, 8),
        resblock_kernels=(3,),
        resblock_dilations=((1, 3, 5),),
        last_bias=False,
    ),
    Vocoder.HIFIGAN: StackSizes(
        channels_in=100,
        channels=16,
        rates=(10, 8, 6),
        kernels=(20, 16, 12),
        resblock_kernels=(3,),
        resblock_dilations=((1, 3, 5),),
        last_bias=True,
    ),
}


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


def make_files(voice, folder, name):
    """The files of a tiny voice of any version, with the content encoder of another one."""
    version = VERSIONS[name]
    torch.manual_seed(17)
    gpt = Gpt(replace(GPT, phoneme_rows=version.gpt_phone_rows))
    files = VoiceFiles(
        gpt=export_gpt(folder / f"{name}-e4.ckpt", gpt, "GPT-e4"),
        sovits=folder / f"{name}_e8_s40.pth",
        content_encoder=voice.content_encoder,
        version=name,
    )
    sizes = replace(SOVITS, version=name, symbol_rows=version.symbol_rows)
    if version.speaker_embedding:
        sizes = replace(sizes, style_channels=24, speaker_channels=SPEAKER_CHANNELS)
        speaker = write_weights(folder / "speaker.ckpt", tiny_speaker_encoder().state_dict())
        files = replace(files, speaker_encoder=speaker)
    if version.decoder is Decoder.WAVE:
        network = Sovits(sizes)
        export_sovits(_spread(network), files.sovits, info="8epoch_40iteration")
        return files
    flow = FlowSizes(encoder=sizes, transformer=TRANSFORMER, gate_layers=1, gate_kernel=3)
    export_flow_sovits(
        _spread(FlowSovits(flow, FLOW_VERSIONS[name])), files.sovits, info="8epoch_40iteration"
    )
    return replace(files, vocoder=_write_vocoder(folder / f"vocoder {name}", version.vocoder))


def _spread(network):
    """Codes that differ."""
    network.quantizer.codebook.fill(torch.randn(CODES, CONTENT_CHANNELS))
    return network


def _write_vocoder(folder, kind):
    if kind is Vocoder.BIGVGAN:
        weights = {"generator": BigVgan(STACKS[kind]).state_dict()}
        return write_weights(folder / "bigvgan_generator.pt", weights).parent
    return write_weights(folder / "vocoder.pth", WaveStack(STACKS[kind]).state_dict())
