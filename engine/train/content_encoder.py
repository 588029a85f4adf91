"""Trains a small content encoder in HuBERT's form, for models that are made from nothing.

It learns two things at once: to give the features of a larger speech recogniser (distillation), and
to tell the phones of the transcript (CTC). What is left out of both, such as who speaks, is what a
content encoder should forget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own name
from torch.nn.utils.rnn import pad_sequence
from transformers import HubertConfig, HubertModel

from engine.checkpoints.reader import read_state
from engine.checkpoints.writer import write_state

RATE_HZ: Final = 16000
FRAME_SAMPLES: Final = 320
_WINDOW_S: Final = 29.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSizes:
    """Widths of the small encoder; strides and kernels are HuBERT's."""

    convolution: int = 160
    width: int = 256
    layers: int = 5
    heads: int = 4
    ffn: int = 768

    def config(self) -> HubertConfig:
        """The configuration that `transformers` reads."""
        return HubertConfig(
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.ffn,
            conv_dim=(self.convolution,) * 7,
            num_conv_pos_embeddings=64,
            num_conv_pos_embedding_groups=16,
            apply_spec_augment=False,
            hidden_dropout=0.05,
            attention_dropout=0.05,
            activation_dropout=0.0,
            feat_proj_dropout=0.0,
            layerdrop=0.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderClip:
    """A clip to learn from.

    Attributes:
        wave: (S,) float32 at 16 kHz.
        features: (T, D) teacher's features at 50 frames a second, standardised.
        phones: (L,) ids from 1 up; 0 is CTC's blank. Empty: no CTC for this clip.
    """

    wave: Tensor
    features: Tensor
    phones: Tensor


class Student(nn.Module):
    """The encoder with its two heads, which are thrown away after training."""

    def __init__(self, sizes: EncoderSizes, teacher_width: int, phones: int) -> None:
        super().__init__()
        self.encoder = HubertModel(sizes.config())
        self.to_teacher = nn.Linear(sizes.width, teacher_width)
        self.to_phones = nn.Linear(sizes.width, phones + 1)

    def forward(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) -> teacher's features (B, T, D) and phone logits (B, T, P)."""
        hidden = self.encoder(waves).last_hidden_state
        return self.to_teacher(hidden), self.to_phones(hidden)


def teacher_features(
    encode: Callable[[np.ndarray], np.ndarray], waves: Sequence[np.ndarray], passes: int, seed: int
) -> list[np.ndarray]:
    """Features of every clip, averaged over several places inside the teacher's window.

    A Whisper encoder marks where in its 30 s window a frame lies; the mean over different places
    weakens that mark.

    Args:
        encode: (S,) at 16 kHz, at most 30 s -> (1500, D).
        waves: The clips.
        passes: How many places each clip is heard at.
        seed: Order of the clips.

    Returns:
        (T, D) float32 for each clip, T = S // 320.
    """
    random = np.random.default_rng(seed)
    sums: list[np.ndarray | None] = [None] * len(waves)
    for _ in range(passes):
        for members in _windows(waves, random):
            parts, starts, filled = [], [], 0
            for index in members:
                starts.append(filled // FRAME_SAMPLES)
                gap = int(random.integers(10, 30)) * FRAME_SAMPLES
                length = -(-len(waves[index]) // FRAME_SAMPLES) * FRAME_SAMPLES + gap
                parts.append(np.pad(waves[index], (0, length - len(waves[index]))))
                filled += length
            features = encode(np.concatenate(parts))
            for index, start in zip(members, starts, strict=True):
                piece = features[start : start + len(waves[index]) // FRAME_SAMPLES]
                known = sums[index]
                sums[index] = piece / passes if known is None else known + piece / passes
    return [piece for piece in sums if piece is not None]


def _windows(waves: Sequence[np.ndarray], random: np.random.Generator) -> Iterator[list[int]]:
    members: list[int] = []
    filled = 0.0
    for index in random.permutation(len(waves)):
        length_s = len(waves[index]) / RATE_HZ + 0.7
        if members and filled + length_s > _WINDOW_S:
            yield members
            members, filled = [], 0.0
        members.append(int(index))
        filled += length_s
    if members:
        yield members


def batches(clips: Sequence[EncoderClip], seconds: float, seed: int) -> Iterator[list[EncoderClip]]:
    """One pass over the clips: of like length together, `seconds` of sound (padding counted) at a time."""
    random = np.random.default_rng(seed)
    blurred = [len(clip.wave) * random.uniform(0.9, 1.1) for clip in clips]
    groups: list[list[EncoderClip]] = [[]]
    for index in np.argsort(blurred):
        clip = clips[index]
        if groups[-1] and len(clip.wave) * (len(groups[-1]) + 1) > seconds * RATE_HZ:
            groups.append([])
        groups[-1].append(clip)
    for index in random.permutation(len(groups)):
        yield groups[index]


def losses(student: Student, group: Sequence[EncoderClip], gains: Tensor) -> tuple[Tensor, Tensor]:
    """Distillation loss (mean over frames and channels) and CTC loss (mean over phones)."""
    waves = pad_sequence([clip.wave for clip in group], batch_first=True) * gains.unsqueeze(1)
    waves = F.pad(waves, (0, FRAME_SAMPLES))
    given, logits = student(waves)
    frames = torch.tensor([min(len(clip.features), given.size(1)) for clip in group])
    wanted = pad_sequence(
        [clip.features[:n] for clip, n in zip(group, frames, strict=True)], batch_first=True
    )
    given = given[:, : wanted.size(1)]
    mask = (torch.arange(wanted.size(1)) < frames.unsqueeze(1)).float()
    distance = (given - wanted).abs().mean(-1) + 1 - F.cosine_similarity(given, wanted, dim=-1)
    distillation = (distance * mask).sum() / mask.sum()
    lengths = torch.tensor([len(clip.phones) for clip in group])
    if int(lengths.sum()) == 0:
        return distillation, distillation.new_zeros(())
    ctc = F.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        torch.cat([clip.phones for clip in group]),
        frames.clamp(max=logits.size(1)),
        lengths,
        zero_infinity=True,
    )
    return distillation, ctc


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTraining:
    """How the encoder is trained."""

    epochs: int = 20
    batch_s: float = 16.0
    learning_rate: float = 5e-4
    warmup_steps: int = 100
    ctc_weight: float = 0.05
    seed: int = 1234


def train_encoder(
    student: Student,
    clips: Sequence[EncoderClip],
    training: EncoderTraining,
    state_file: Path,
    report: Callable[[int, int, float, float], None],
) -> None:
    """Trains in place; after each epoch the state goes to `state_file`, from which a later call goes on.

    Args:
        student: The network.
        clips: What to learn from.
        training: Rates and lengths.
        state_file: Where the training state is kept.
        report: Gets epoch, step, distillation loss and CTC loss.
    """
    optimiser = torch.optim.AdamW(student.parameters(), lr=training.learning_rate, weight_decay=0.01)
    per_epoch = sum(1 for _ in batches(clips, training.batch_s, 0))
    total = per_epoch * training.epochs

    def rate(step: int) -> float:
        if step < training.warmup_steps:
            return (step + 1) / training.warmup_steps
        done = (step - training.warmup_steps) / max(1, total - training.warmup_steps)
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    first = taken = 0
    if state_file.is_file():
        state = read_state(state_file)
        student.load_state_dict(state["student"])
        optimiser.load_state_dict(state["optimiser"])
        first, taken = state["epoch"], state["step"]
    student.train()
    for epoch in range(first, training.epochs):
        torch.manual_seed(training.seed + epoch)
        for step, group in enumerate(batches(clips, training.batch_s, training.seed + epoch)):
            gains = torch.empty(len(group)).uniform_(0.5, 1.5)
            distillation, ctc = losses(student, group, gains)
            for settings in optimiser.param_groups:
                settings["lr"] = training.learning_rate * rate(taken)
            optimiser.zero_grad()
            (distillation + training.ctc_weight * ctc).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimiser.step()
            taken += 1
            report(epoch, step, distillation.item(), ctc.item())
        state = {
            "student": student.state_dict(),
            "optimiser": optimiser.state_dict(),
            "epoch": epoch + 1,
            "step": taken,
        }
        write_state(state_file, state)


def export_encoder(student: Student, folder: Path) -> None:
    """Writes `config.json` and half-precision `model.safetensors`, as `transformers` reads them."""
    student.encoder.half().save_pretrained(folder)
    student.encoder.float()
