"""A prepared experiment of six clips, and tiny networks that fit it."""

import math
import wave
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from engine.models.discriminators import DiscriminatorConfig
from engine.models.gpt import GptConfig
from engine.models.sovits_config import SovitsConfig
from engine.modules.dropout import Dropout
from engine.protocol.versions import version
from engine.protocol.workspace import Experiment, Workspace
from engine.train.scratch import new_discriminators, new_generator, new_gpt

PHONES = ("HH", "AH0", "L", "OW1", "W", "ER1", "L", "D", "DH", "IH1", "S", "IH0", "Z", "AH0", "T", "EH1")
SSL_CHANNELS = 12
CODES = 32
RATE_HZ = 32000
HOP = 640
NAMES = tuple(f"说 it's {number}.wav" for number in range(6))
GPT_SIZES = GptConfig(
    layers=2, width=32, heads=2, phoneme_rows=732, semantic_rows=CODES + 1, eos_token=CODES, bert_channels=8
)
SOVITS_SIZES = SovitsConfig(
    segment_samples=5120,
    latent_channels=8,
    hidden_channels=8,
    filter_channels=16,
    layers=2,
    resblock_kernels=(3,),
    resblock_dilations=((1, 3, 5),),
    upsample_channels=32,
    style_channels=16,
    ssl_channels=SSL_CHANNELS,
    codebook_size=CODES,
    mrte_channels=16,
    mrte_heads=2,
    posterior_layers=2,
    flow_count=2,
    flow_layers=1,
    style_bins=64,
    style_width=8,
)
PRO_SIZES = replace(SOVITS_SIZES, version="v2Pro", style_channels=24, speaker_channels=10)
JUDGE_SIZES = DiscriminatorConfig(periods=(2, 3, 5, 7, 11), narrower=16)


@dataclass(frozen=True)
class Prepared:
    workspace: Path
    experiment: Experiment
    gpt: Path
    generator: Path
    discriminator: Path
    name: str = "声音 it's"


def clip_seconds(number):
    return 1.0 + 0.25 * number


def _wave(number, generator):
    seconds = clip_seconds(number)
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    tone = 0.4 * np.sin(2 * math.pi * (110 + 15 * number) * time)
    return tone + 0.02 * generator.standard_normal(len(time))


def _write_clip(path, samples):
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(RATE_HZ)
        stream.writeframes((samples * 32767).astype("<i2").tobytes())


def prepare(folder: Path, sizes: SovitsConfig = SOVITS_SIZES) -> Prepared:
    """Writes everything that the trainings read into `<folder>/用户 it's 名`."""
    root = folder / "用户 it's 名"
    experiment = Workspace(root).experiment(Prepared.name)
    made = Prepared(root, experiment, root / "s1.ckpt", root / "s2G.pth", root / "s2D.pth")
    generator = np.random.default_rng(7)
    for part in (made.experiment.ssl_folder, made.experiment.wav_folder):
        part.mkdir(parents=True)
    content = []
    text, tokens = [], ["item_name\tsemantic_audio"]
    for number, name in enumerate(NAMES):
        samples = _wave(number, generator)
        _write_clip(made.experiment.wav_folder / name, samples)
        frames = len(samples) // HOP - number % 2  # the encoder may give one frame less than there are
        phones = PHONES[number : number + int(6 * clip_seconds(number))]
        text.append(f"{name}\t{' '.join(phones)}\tNone\thello world {number}")
        ids = (np.arange(frames // 2) * (number + 1) // 3) % CODES
        tokens.append(f"{name}\t{' '.join(map(str, ids))}")
        steps = torch.arange(frames)[None] * torch.arange(1, SSL_CHANNELS + 1)[:, None]
        ssl = torch.sin(0.05 * (number + 1) * steps)
        content.append(ssl)
        torch.save(ssl[None].half(), made.experiment.ssl_folder / f"{name}.pt")
        if sizes.speaker_channels:
            made.experiment.speaker_folder.mkdir(exist_ok=True)
            speaker = torch.full((1, sizes.speaker_channels), 0.1 * number)
            torch.save(speaker, made.experiment.speaker_folder / f"{name}.pt")
    made.experiment.text_file.write_text("\n".join(text) + "\n", encoding="utf-8")
    made.experiment.semantic_file.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    new_gpt(made.gpt, GPT_SIZES, seed=1)
    new_generator(made.generator, sizes, content, seed=1)
    judges = replace(JUDGE_SIZES, periods=version(sizes.version).judge_periods)
    new_discriminators(made.discriminator, judges, seed=1)
    return made


def without_chance(network):
    """Takes the dropout out of a network."""
    for part in network.modules():
        if isinstance(part, Dropout):
            part.share = 0.0
        elif isinstance(part, nn.Dropout):
            part.p = 0.0
        elif hasattr(part, "dropout") and isinstance(part.dropout, float):
            part.dropout = 0.0
