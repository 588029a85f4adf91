"""What training from nothing adds to the program's own trainings, so that it gets somewhere in an hour.

It learns from speech of even pace and pitch (`steady.py`), and both trainings make use of that: the GPT's
first layer can find the phone that is spoken before anything is learnt, and SoVITS is told the waveform
itself, since there it follows from the codes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW

from engine.audio.spectrogram import MelSpec, SpectrogramSpec, log_mel
from engine.models.discriminators import Discriminators
from engine.models.gpt import Gpt
from engine.models.prior_encoder import Gaussian
from engine.models.sovits import Sovits
from engine.modules.lengths import draw_starts, fit_steps, length_mask, take_segments
from engine.modules.token_decoder import FusedAttention, ScaledPosition
from engine.protocol.stages.training import TrainGptParameters, TrainSovitsParameters
from engine.train.gpt import GptTraining
from engine.train.gpt_data import GptBatch, GptItem
from engine.train.losses import divergence_loss, mel_loss
from engine.train.plan import Batch
from engine.train.sovits import SovitsTraining
from engine.train.sovits_data import SovitsBatch, SovitsItem, sovits_batch

TOKEN_S: Final = 0.04
TOKENS_OF_PHONE: Final = 2
PAUSE: Final = "pau"
DROPOUT: Final = 0.02
"""So small a network has nothing to forget."""

WRONG: Final = 0.15
"""Share of the tokens before the one to be told that are replaced by any others."""

VARIANTS: Final = 0.3
"""Share of the tokens that SoVITS is given as another code of the same phone, as the GPT gives it."""

PAIRS_TO_HALF_SPEED: Final = 7
PAIRS: Final = (0, 2, 4, 6, 8, 10, 12, 15, 18, 21, 24, 28, 32, 37, 43)
"""The sinusoids by which heads find a place: fast ones for a single phone, slow ones for long texts."""

OFFSETS: Final = (0, 1, -1, 2, -2)
SHARPNESS: Final = 5.6

_SAME: Final = {
    "ax": "ah",
    "axr": "er",
    "dx": "t",
    "el": "l",
    "em": "m",
    "en": "n",
    "hv": "hh",
    "nx": "n",
    "ssil": "pau",
    "brth": "pau",
    "h#": "pau",
}


def plain_phone(phone: str) -> str:
    """A phone of Festival, Flite or the program's English without stress; marks are pauses."""
    bare = phone.lower().rstrip("012")
    return _SAME.get(bare, bare) if bare[:1].isalpha() else "pau"


def read_times(path: Path) -> list[tuple[float, str]]:
    """End in seconds and name of every phone of a `.lab` file."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [(float(line[0]), line[2]) for line in lines if len(line) == 3]


def phone_places(wanted: Sequence[str], spoken: Sequence[str]) -> list[int] | None:
    """For every spoken phone the place of the one in a text that it stands for.

    Args:
        wanted: The text's phones, as the program writes them.
        spoken: What was said.

    Returns:
        As many places as there are spoken phones, never falling; None where the two differ too much.
    """
    left, right = [plain_phone(one) for one in spoken], [plain_phone(one) for one in wanted]
    matcher = SequenceMatcher(a=left, b=right, autojunk=False)
    sounds = sum(one != "pau" for one in left)
    shared = sum(
        left[block.a + step] != "pau" for block in matcher.get_matching_blocks() for step in range(block.size)
    )
    if shared < 0.7 * max(sounds, sum(one != "pau" for one in right)):
        return None
    places: list[int] = []
    for kind, first, last, start, end in matcher.get_opcodes():
        for step in range(last - first):
            if kind == "equal":
                places.append(start + step)
            else:
                inside = start + step * (end - start) // (last - first)
                places.append(min(inside, max(end - 1, start), len(wanted) - 1))
    return places


def likely_variants(vectors: Tensor, owners: Sequence[str]) -> Tensor:
    """How likely each code is said in place of each other one of its phone.

    Of the codes that the trained GPT says for the right phone, and yet not as the encoder has them, the
    nearest one is a quarter, the next an eighth, and so on: one over the place in the row.

    Args:
        vectors: (C, D) of the codes.
        owners: The phone that each of the C codes stands for.

    Returns:
        (C, C): rows sum to 1; a code that is alone with its phone stays.
    """
    phones = {phone: place for place, phone in enumerate(sorted(set(owners)))}
    kind = torch.tensor([phones[owner] for owner in owners])
    others = kind[:, None] == kind[None]
    others.fill_diagonal_(False)
    apart = torch.cdist(vectors, vectors).masked_fill(~others, math.inf)
    places = apart.argsort(dim=1).argsort(dim=1)
    weights = others / (places + 1.0)
    alone = ~others.any(dim=1)
    weights[alone, alone.nonzero()[:, 0]] = 1.0
    return weights / weights.sum(dim=1, keepdim=True)


def warm_cosine(step: int, steps: int, warm: int = 60) -> float:
    """Share of the learning rate at a step: up in a straight line, then down along a cosine to 0.02."""
    if step < warm:
        return (step + 1) / warm
    done = min((step - warm) / max(steps - warm, 1), 1.0)
    return 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * done))


@torch.no_grad()
def look_along(model: Gpt) -> None:
    """Lets the first layer's heads look at the phone that is spoken, and at those beside it.

    Where every phone lasts two tokens, token t belongs to phone t / 2. In a network of width 186 the
    sinusoid of pair k + 7 turns half as fast as that of pair k (10000 ** (-7 / 93) is 0.49995), so a
    linear map of a token's position is enough to point at a place of the text.
    """
    width, heads = model.config.width, model.config.heads
    if width != 186:
        raise ValueError(f"a width of {width} has no sinusoids of half the speed")
    part = width // heads
    attention = model.h.layers[0].get_submodule("self_attn")
    weight, bias = attention.get_parameter("in_proj_weight"), attention.get_parameter("in_proj_bias")
    used = {width - 1}
    for head, offset in enumerate(OFFSETS):
        query, key = head * part, width + head * part
        weight[query : query + part] = 0
        weight[key : key + part] = 0
        for row, pair in enumerate(PAIRS):
            speed = 10000.0 ** (-2 * pair / width)
            angle = speed * (0.25 + offset)
            slow = 2 * (pair + PAIRS_TO_HALF_SPEED)
            sine, cosine = query + 2 * row, query + 2 * row + 1
            weight[sine, slow], weight[sine, slow + 1] = (
                SHARPNESS * math.cos(angle),
                SHARPNESS * math.sin(angle),
            )
            weight[cosine, slow] = -SHARPNESS * math.sin(angle)
            weight[cosine, slow + 1] = SHARPNESS * math.cos(angle)
            weight[key + 2 * row, 2 * pair] = weight[key + 2 * row + 1, 2 * pair + 1] = SHARPNESS
            used |= {slow, slow + 1, 2 * pair, 2 * pair + 1}
        weight[key + 2 * len(PAIRS), width - 1] = bias[query + 2 * len(PAIRS)] = SHARPNESS
    taken = sorted(used)
    for table in (model.ar_text_embedding, model.ar_audio_embedding):
        rows = table.get_parameter("word_embeddings.weight")
        rows.normal_(std=0.2)
        rows[:, taken] = 0
    model.bert_proj.weight.zero_()
    model.bert_proj.bias.zero_()
    model.bert_proj.bias[width - 1] = 1  # of the text, so that heads do not look at tokens
    model.ar_audio_embedding.get_parameter("word_embeddings.weight")[:, width - 1] = -1


class EvenGptTraining(GptTraining):
    """The GPT's training on speech of even pace: some of the tokens that it continues are wrong.

    So it learns to trust the text more than what it has said before.
    """

    def __init__(
        self, parameters: TrainGptParameters, model: Gpt, items: Sequence[GptItem], weights: Path, steps: int
    ) -> None:
        super().__init__(parameters, model, items, weights)
        self._steps = steps
        self._optimiser = AdamW(  # type: ignore[assignment]
            model.parameters(), lr=parameters.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        for module in self._model.modules():
            if isinstance(module, FusedAttention | ScaledPosition):
                module.dropout = DROPOUT
            if isinstance(module, nn.Dropout):
                module.p = DROPOUT

    def step(self, data: list[GptBatch], step: int, check_cancelled: Callable[[], None]) -> dict[str, float]:
        """Moves once, by the mean over all tokens and end marks."""
        check_cancelled()
        batch = data[0].to(self._device)
        for group in self._optimiser.param_groups:
            group["lr"] = self._parameters.learning_rate * warm_cosine(step, self._steps)
        self._optimiser.zero_grad(set_to_none=True)
        other = torch.randint_like(batch.semantic, self._eos)
        wrong = torch.rand(batch.semantic.shape, device=self._device) < WRONG
        logits, _ = self._model._teacher_forced(
            batch.phones,
            batch.phones_len,
            torch.where(wrong, other, batch.semantic),
            batch.semantic_len,
            batch.bert,
        )
        targets = functional.pad(batch.semantic, (0, 1), value=self._eos)
        known = torch.arange(targets.shape[1], device=self._device) <= batch.semantic_len[:, None]
        told, true = logits[known], targets[known]
        loss = functional.cross_entropy(told, true)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self._model.parameters(), 1.0))
        self._optimiser.step()
        return {
            "loss": float(loss.detach()),
            "top_1": float((told.detach().argmax(-1) == true).float().mean()),
            "learning_rate": self._optimiser.param_groups[0]["lr"],
            "grad_norm": norm,
        }


class EvenSovitsTraining(SovitsTraining):
    """SoVITS' training on speech of even pace and pitch.

    There the sound follows from the codes: most windows are decoded from what the codes and the text
    alone tell, as in speaking, and the waveform itself is compared. The style is that of another
    window, so that it cannot tell what is said.
    """

    window_frames = 40
    sizes = (256, 1024)
    wave_weight = 4.0
    kl_weight = 0.01
    noise = 0.1
    """Share of the latent's deviation that is drawn: the sound follows from the codes, and noise hides it."""
    mel_sizes = (2048, 1024, 512)
    """Windows of the log-mels that are compared: short ones tell when a consonant bursts."""
    mel_floor = 0.0005
    """Whisper hears 80 dB below the loudest; consonants above 2 kHz lie mostly between 0.0005 and 0.01."""
    _visits = 0

    def __init__(
        self,
        parameters: TrainSovitsParameters,
        generator: Sovits,
        judges: Discriminators,
        items: Sequence[SovitsItem],
        weights: Path,
        steps: int,
        owners: Sequence[str],
    ) -> None:
        super().__init__(parameters, generator, judges, items, weights)
        self._steps = steps
        vectors = generator.quantizer.vectors(torch.arange(len(owners))[None])[0].T
        self._variants = likely_variants(vectors, owners).to(self._device)
        self._mels = [
            MelSpec(
                spectrogram=SpectrogramSpec(
                    rate_hz=generator.config.rate_hz,
                    fft_samples=size,
                    hop_samples=size // 4,
                    window_samples=size,
                ),
                bands=size // 16,
            )
            for size in self.mel_sizes
        ]

    def load(self, step: Sequence[Batch]) -> list[SovitsBatch]:
        """Reads a step's data: of every clip a window, so that nothing is computed that is not decoded."""
        return [self._windows(batch) for batch in step]

    def _windows(self, places: Batch) -> SovitsBatch:
        batch = sovits_batch([self._items[index] for index in places], self._config)
        hop, width = self._config.hop_samples, self.window_frames
        draw = np.random.default_rng([*places, self._visits])
        self._visits += 1
        starts = [2 * int(draw.integers(max(int(frames) - width, 0) // 2 + 1)) for frames in batch.frames]

        def cut(values: Tensor, scale: int = 1) -> Tensor:
            pieces = [
                row[:, start * scale : (start + width) * scale]
                for row, start in zip(values, starts, strict=True)
            ]
            short = [functional.pad(piece, (0, width * scale - piece.shape[1])) for piece in pieces]
            return torch.stack(short)

        return replace(
            batch,
            ssl=cut(batch.ssl),
            spectrogram=cut(batch.spectrogram),
            wave=cut(batch.wave, hop),
            frames=batch.frames.clamp(max=width),
        )

    def step(
        self, data: list[SovitsBatch], step: int, check_cancelled: Callable[[], None]
    ) -> dict[str, float]:
        """Moves once, by the mean of all batches."""
        rate = self._parameters.learning_rate * warm_cosine(step, self._steps)
        for group in self._generator_optimiser.param_groups:
            group["lr"] = rate
        self._generator_optimiser.zero_grad(set_to_none=True)
        rows = sum(len(one.frames) for one in data)
        figures: dict[str, float] = {}
        for one in data:
            check_cancelled()
            share = len(one.frames) / rows
            losses = self._losses(one.to(self._device))
            (share * torch.stack(list(losses.values())).sum()).backward()  # type: ignore[no-untyped-call]
            for name, value in losses.items():
                figures[f"loss_{name}"] = figures.get(f"loss_{name}", 0.0) + share * float(value.detach())
        norm = float(nn.utils.clip_grad_norm_(self._generator.parameters(), 100.0))
        self._generator_optimiser.step()
        return {"loss": sum(figures.values()), **figures, "grad_norm": norm, "learning_rate": rate}

    def _losses(self, batch: SovitsBatch) -> dict[str, Tensor]:
        """A quarter of the windows are decoded from the posterior, the others from the prior."""
        net = self._generator
        if net.enc_q is None:
            raise ValueError("the posterior encoder is missing")
        mask = length_mask(batch.frames, batch.spectrogram.shape[2])
        words = length_mask(batch.phone_lengths, batch.phones.shape[1])
        style = net.style(batch.spectrogram, batch.frames).roll(1, dims=0)
        codes = self._as_spoken(net.extract_codes(batch.ssl))
        content = fit_steps(net._content(codes), mask.shape[2])
        features = net.enc_p(content, mask, batch.phones, words, net.text_style(style))
        prior = net.enc_p.distribution(features, mask)
        few = max(len(mask) // 4, 1)
        posterior = net.enc_q(batch.spectrogram[:few], mask[:few], style[:few].detach())
        noise = self.noise * torch.randn_like(prior.mean)
        latent = (posterior.mean + noise[:few] * posterior.log_scale.exp()) * mask[:few]
        towards = net.flow(latent, mask[:few], style[:few])
        near = Gaussian(prior.mean[:few], prior.log_scale[:few])
        guess = prior.mean[few:] + 0.5 * noise[few:] * prior.log_scale[few:].exp()
        guessed = net.flow(guess, mask[few:], style[few:], inverse=True)
        segment, hop = self._config.segment_frames, self._config.hop_samples
        starts = draw_starts(batch.frames, segment)
        made = net.dec(take_segments(torch.cat((latent, guessed)), starts, segment), style)[:, 0]
        real = take_segments(batch.wave, starts * hop, segment * hop)[:, 0]
        waves = torch.stack([_difference(real, made, size) for size in self.sizes])
        return {
            "mel": self._mel_difference(real, made),
            "wave": self.wave_weight * waves.sum(),
            "kl": self.kl_weight * divergence_loss(towards, near, posterior, mask[:few]),
        }

    def _as_spoken(self, codes: Tensor) -> Tensor:
        """Codes (B, T), some of them others of the same phone: the GPT does not always say the encoder's."""
        others = torch.multinomial(self._variants[codes.flatten()], 1).view_as(codes)
        return torch.where(torch.rand(codes.shape, device=codes.device) < VARIANTS, others, codes)

    def _mel_difference(self, real: Tensor, made: Tensor) -> Tensor:
        """Of log-mels over a floor, the mean of several windows: what nobody hears is not compared."""
        found = []
        for spec in self._mels:
            floor = self.mel_floor * spec.spectrogram.fft_samples / self.mel_sizes[0]
            levels = [(log_mel(wave, spec).exp() + floor).log() for wave in (real, made)]
            found.append(mel_loss(*levels))
        return torch.stack(found).mean()


def _difference(real: Tensor, made: Tensor, size: int) -> Tensor:
    """How far two waveforms are apart as spectra with their phases, high notes raised; 1 for silence."""
    window = torch.hann_window(size, device=real.device)
    sharper = [wave[:, 1:] - 0.95 * wave[:, :-1] for wave in (real, made)]
    spectra = [
        torch.stft(wave, size, size // 4, window=window, center=False, return_complex=True)
        for wave in sharper
    ]
    return (spectra[0] - spectra[1]).abs().mean() / (spectra[0].abs().mean() + 1e-4)
