"""Trains a small content encoder in HuBERT's form, for models that are made from nothing.

It learns up to three things at once: to give the features of a larger speech recogniser (distillation),
to tell the phones of the transcript (CTC), and to tell the phone of every frame where their times are
known. What is left out of all of them, such as who speaks, is what a content encoder should forget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
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
PHASES: Final = 4
CONVOLUTION_KERNELS: Final = (320, 3)
CONVOLUTION_STRIDES: Final = (160, 2)
CONTEXT_FRAMES: Final = 9
FIELD_SAMPLES: Final = 640
"""What one frame of the encoder sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSizes:
    """Widths of the small encoder.

    HuBERT's seven convolutions are the dearest part of it, and slow to learn. Here there are two, which
    start as a mel filterbank (`start_as_filterbank`); the stride over both is HuBERT's.
    """

    bands: int = 64
    convolution: int = 192
    width: int = 192
    layers: int = 2
    heads: int = 4
    ffn: int = 768

    def config(self) -> HubertConfig:
        """The configuration that `transformers` reads."""
        return HubertConfig(
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.ffn,
            conv_dim=(PHASES * self.bands, *(self.convolution for _ in CONVOLUTION_KERNELS[1:])),
            conv_kernel=CONVOLUTION_KERNELS,
            conv_stride=CONVOLUTION_STRIDES,
            num_feat_extract_layers=len(CONVOLUTION_KERNELS),
            feat_extract_norm="layer",
            conv_bias=True,
            do_stable_layer_norm=True,
            num_conv_pos_embeddings=CONTEXT_FRAMES,
            num_conv_pos_embedding_groups=1,
            apply_spec_augment=False,
            hidden_dropout=0.0,
            attention_dropout=0.0,
            initializer_range=0.06,
            activation_dropout=0.0,
            feat_proj_dropout=0.0,
            layerdrop=0.0,
        )


def _none() -> Tensor:
    return torch.zeros(0, dtype=torch.long)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderClip:
    """A clip to learn from.

    Attributes:
        wave: (S,) float32 at 16 kHz.
        features: (T, D) teacher's features at 50 frames a second, standardised; T = 0 without a teacher.
        phones: (L,) ids from 1 up; 0 is CTC's blank. Empty: no CTC for this clip.
        labels: (T,) the phone of every frame, from 1 up, 0 where it is not known. Empty: none is.
    """

    wave: Tensor
    features: Tensor = field(default_factory=lambda: torch.zeros(0, 1))
    phones: Tensor = field(default_factory=_none)
    labels: Tensor = field(default_factory=_none)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderLosses:
    """What a group of clips says; zero for what none of them teaches.

    Attributes:
        distillation: Distance to the teacher, mean over frames and channels.
        ctc: Mean over phones.
        frames: Cross entropy of the frames' phones, mean over known frames.
        hits: Share of the known frames whose phone is the likeliest.
    """

    distillation: Tensor
    ctc: Tensor
    frames: Tensor
    hits: float


class Student(nn.Module):
    """The encoder with its two heads, which are thrown away after training."""

    def __init__(self, sizes: EncoderSizes, teacher_width: int, phones: int) -> None:
        super().__init__()
        self.encoder = HubertModel(sizes.config())
        start_as_filterbank(self.encoder, sizes)
        self.to_teacher = nn.Linear(sizes.width, teacher_width)
        self.to_phones = nn.Linear(sizes.width, phones + 1)

    def forward(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) -> teacher's features (B, T, D) and phone logits (B, T, P)."""
        hidden = self.encoder(waves).last_hidden_state
        return self.to_teacher(hidden), self.to_phones(hidden)


@torch.no_grad()
def start_as_filterbank(encoder: HubertModel, sizes: EncoderSizes) -> None:
    """Makes the convolutions of a new encoder hear the strength of mel bands, from where they learn on.

    The first holds each band's windowed wave in four phases; rectified, they add up to about its
    strength wherever the wave stands; it is not trained, since steps of the usual size would wipe out
    its small numbers. The second adds them, for three frames beside each other.
    """
    first, second = (layer.conv for layer in encoder.feature_extractor.conv_layers[:2])
    low_mel, high_mel = (2595 * math.log10(1 + hz / 700) for hz in (100.0, 7600.0))
    mels = np.linspace(low_mel, high_mel, sizes.bands)
    centres_hz = torch.tensor(700 * (10 ** (mels / 2595) - 1), dtype=torch.float32)
    count = CONVOLUTION_KERNELS[0]
    angles = 2 * math.pi * centres_hz[:, None] * torch.arange(count) / RATE_HZ
    window = torch.hann_window(count) / count * (centres_hz[:, None] / 300 + 1)
    waves = torch.cat([(angles + phase * math.pi / 2).cos() * window for phase in range(PHASES)])
    first.weight.copy_(waves[:, None])
    first.bias.zero_()
    first.requires_grad_(requires_grad=False)
    second.weight.normal_(std=0.02)
    for tap, row in enumerate(
        range(0, min(3 * sizes.bands, len(second.weight) - sizes.bands + 1), sizes.bands)
    ):
        for phase in range(PHASES):
            columns = slice(phase * sizes.bands, (phase + 1) * sizes.bands)
            second.weight[row : row + sizes.bands, columns, (tap + 1) % 3] += torch.eye(sizes.bands)


@torch.no_grad()
def standardise(encoder: HubertModel, waves: Sequence[Tensor]) -> None:
    """Sets the convolutions' norms so that every channel has mean 0 and deviation 1 over some clips."""
    norms = [layer.layer_norm for layer in encoder.feature_extractor.conv_layers]
    for norm in (*norms, encoder.feature_projection.layer_norm):
        seen: list[Tensor] = []

        def watch(module: nn.LayerNorm, given: tuple[Tensor], _: Tensor, seen: list[Tensor] = seen) -> None:
            plain = F.layer_norm(given[0], module.normalized_shape, eps=module.eps)
            seen.append(plain.flatten(0, -2))

        hook = norm.register_forward_hook(watch)
        for wave in waves:
            encoder(wave[None])
        hook.remove()
        values = torch.cat(seen)
        deviation = values.std(0) + 1e-3
        norm.weight.copy_(1 / deviation)
        norm.bias.copy_(-values.mean(0) / deviation)


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


def crops(
    clips: Sequence[EncoderClip], seconds: float, crop_s: float, seed: int
) -> Iterator[list[EncoderClip]]:
    """One pass over the clips in any order: a random stretch of each, `seconds` of sound at a time.

    Neighbouring frames teach nearly the same; short stretches of many clips teach more.
    """
    random = np.random.default_rng(seed)
    length = int(crop_s * RATE_HZ) // FRAME_SAMPLES
    size = max(int(seconds / crop_s), 1)
    order = random.permutation(len(clips))
    for first in range(0, len(order) - size + 1, size):
        group = []
        for index in order[first : first + size]:
            clip = clips[index]
            start = int(random.integers(max(len(clip.wave) // FRAME_SAMPLES - length, 0) + 1))
            wave = clip.wave[start * FRAME_SAMPLES : (start + length + 1) * FRAME_SAMPLES]
            group.append(EncoderClip(wave=wave, labels=clip.labels[start : start + length]))
        yield group


def frame_labels(ends_s: Sequence[float], phones: Sequence[int], samples: int) -> Tensor:
    """(T,) the phone in the middle of every frame of a clip; 0 behind the last one's end.

    Args:
        ends_s: Where each phone ends.
        phones: Its id, from 1 up.
        samples: Length of the clip; a frame sees 640 samples.
    """
    count = max((samples - FIELD_SAMPLES + FRAME_SAMPLES) // FRAME_SAMPLES, 0)
    middles = (np.arange(count) * FRAME_SAMPLES + FIELD_SAMPLES / 2) / RATE_HZ
    places = np.searchsorted(np.asarray(ends_s), middles, side="right")
    return torch.from_numpy(np.asarray([*phones, 0], dtype=np.int64)[places])


def losses(student: Student, group: Sequence[EncoderClip], gains: Tensor) -> EncoderLosses:
    """What the student gets wrong on a group of clips; `gains` (B,) scale the sound."""
    waves = pad_sequence([clip.wave for clip in group], batch_first=True) * gains.unsqueeze(1)
    given, logits = student(F.pad(waves, (0, FRAME_SAMPLES)))
    frames, hits = _frame_loss(group, logits)
    return EncoderLosses(
        distillation=_distillation(group, given), ctc=_ctc(group, logits), frames=frames, hits=hits
    )


def _distillation(group: Sequence[EncoderClip], given: Tensor) -> Tensor:
    lengths = torch.tensor([min(len(clip.features), given.size(1)) for clip in group])
    if int(lengths.sum()) == 0:
        return given.new_zeros(())
    wanted = pad_sequence(
        [clip.features[:n] for clip, n in zip(group, lengths, strict=True)], batch_first=True
    )
    given = given[:, : wanted.size(1)]
    mask = (torch.arange(wanted.size(1)) < lengths.unsqueeze(1)).float()
    distance = (given - wanted).abs().mean(-1) + 1 - F.cosine_similarity(given, wanted, dim=-1)
    return (distance * mask).sum() / mask.sum()


def _ctc(group: Sequence[EncoderClip], logits: Tensor) -> Tensor:
    lengths = torch.tensor([len(clip.phones) for clip in group])
    if int(lengths.sum()) == 0:
        return logits.new_zeros(())
    frames = torch.tensor([len(clip.wave) // FRAME_SAMPLES for clip in group])
    return F.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        torch.cat([clip.phones for clip in group]),
        frames.clamp(max=logits.size(1)),
        lengths,
        zero_infinity=True,
    )


def _frame_loss(group: Sequence[EncoderClip], logits: Tensor) -> tuple[Tensor, float]:
    wanted = pad_sequence([clip.labels for clip in group], batch_first=True)[:, : logits.size(1)]
    known = wanted > 0
    if not bool(known.any()):
        return logits.new_zeros(()), 0.0
    guessed, right = logits[:, : wanted.size(1)][known], wanted[known]
    hits = float((guessed.detach().argmax(-1) == right).float().mean())
    return F.cross_entropy(guessed, right), hits


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTraining:
    """How the encoder is trained.

    Attributes:
        epochs: Epochs that the falling rate is planned for.
        stop_after: Epochs after which to stop all the same; None for all.
        batch_s: Seconds of sound in a step.
        crop_s: A step takes a stretch of this length from each of as many random clips as it needs, only
            of clips without `features` and `phones`; None takes whole clips of like length.
        learning_rate: Highest rate.
        warmup_steps: Steps until it is reached.
        ctc_weight: Share of the CTC loss.
        frame_weight: Share of the frames' loss.
        seed: Start of the random numbers.
    """

    epochs: int = 20
    stop_after: int | None = None
    batch_s: float = 12.0
    crop_s: float | None = None
    learning_rate: float = 1.5e-3
    warmup_steps: int = 30
    ctc_weight: float = 0.05
    frame_weight: float = 1.0
    seed: int = 1234


def train_encoder(
    student: Student,
    clips: Sequence[EncoderClip],
    training: EncoderTraining,
    state_file: Path,
    report: Callable[[int, int, EncoderLosses], None],
) -> None:
    """Trains in place; after each epoch the state goes to `state_file`, from which a later call goes on.

    Args:
        student: The network.
        clips: What to learn from.
        training: Rates and lengths.
        state_file: Where the training state is kept.
        report: Gets epoch, step and the losses.
    """
    learnt = [tensor for tensor in student.parameters() if tensor.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=training.learning_rate, weight_decay=0.01)

    def groups(seed: int) -> Iterator[list[EncoderClip]]:
        if training.crop_s is None:
            return batches(clips, training.batch_s, seed)
        return crops(clips, training.batch_s, training.crop_s, seed)

    per_epoch = sum(1 for _ in groups(0))
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
    for epoch in range(first, training.stop_after or training.epochs):
        torch.manual_seed(training.seed + epoch)
        for step, group in enumerate(groups(training.seed + epoch)):
            gains = torch.empty(len(group)).uniform_(0.5, 1.5)
            found = losses(student, group, gains)
            total_loss = (
                found.distillation + training.ctc_weight * found.ctc + training.frame_weight * found.frames
            )
            for settings in optimiser.param_groups:
                settings["lr"] = training.learning_rate * rate(taken)
            optimiser.zero_grad()
            total_loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimiser.step()
            taken += 1
            report(epoch, step, found)
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
