"""What training from nothing adds to the program's own trainings, so that it gets somewhere in hours.

The GPT is shown where to look: the times of the synthetic speech's phones say which phone every token
belongs to, and one head of one layer learns to attend to it. SoVITS also hears short windows, in which
single periods of the voice can be told apart, and is told off for a constant offset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.audio.spectrogram import MelSpec, SpectrogramSpec, log_mel
from engine.models.gpt import Gpt
from engine.modules.lengths import take_segments
from engine.modules.token_decoder import FusedAttention, ScaledPosition
from engine.protocol.stages.training import TrainGptParameters
from engine.train.device import gradient_norm
from engine.train.gpt import GptTraining
from engine.train.gpt_data import GptBatch, GptItem
from engine.train.plan import Batch
from engine.train.sovits import SovitsTraining
from engine.train.sovits_data import SovitsBatch

TOKEN_S: Final = 0.04
UNKNOWN: Final = -100
DROPOUT: Final = 0.02
"""Of attention and embeddings: so small a network has nothing to forget."""

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


def token_places(times: Sequence[tuple[float, str]], wanted: Sequence[str], tokens: int) -> list[int] | None:
    """For every token of a clip the place of its phone in the text; None where that is not known."""
    places = phone_places(wanted, [phone for _, phone in times])
    if places is None:
        return None
    found, current = [], 0
    for token in range(tokens):
        middle_s = (token + 0.5) * TOKEN_S
        while current < len(times) - 1 and times[current][0] <= middle_s:
            current += 1
        found.append(places[current])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedBatch:
    """A GPT's batch and where each of its tokens looks.

    Attributes:
        plain: The batch.
        places: (B, T + 1) place in the text of the token that is predicted; the last phone for the end
            mark, UNKNOWN where padded.
    """

    plain: GptBatch
    places: Tensor


class GuidedGptTraining(GptTraining):
    """The GPT's training with a share of the loss for looking at the right phone."""

    def __init__(
        self,
        parameters: TrainGptParameters,
        model: Gpt,
        items: Sequence[GptItem],
        weights: Path,
        places: Mapping[str, Sequence[int]],
    ) -> None:
        super().__init__(parameters, model, items, weights)
        self._places = places
        self.guide_weight = 1.0
        self.guided_layers = (1, 2, 3)
        self._seen: dict[int, Tensor] = {}
        for module in self._model.modules():
            if isinstance(module, FusedAttention | ScaledPosition):
                module.dropout = DROPOUT
        for layer in self.guided_layers:
            self._attention(layer).register_forward_pre_hook(self._watcher(layer))

    def _watcher(self, layer: int) -> Callable[[object, tuple[Tensor, ...]], None]:
        def watch(_: object, given: tuple[Tensor, ...]) -> None:
            self._seen[layer] = given[0]

        return watch

    def _attention(self, layer: int) -> FusedAttention:
        found = self._model.h.layers[layer].get_submodule("self_attn")
        if not isinstance(found, FusedAttention):
            raise TypeError(f"layer {layer} attends in another way")
        return found

    def load(self, step: Sequence[Batch]) -> list[GuidedBatch]:  # type: ignore[override]
        """Reads the batches of a step."""
        batches = []
        for batch, plain in zip(step, super().load(step), strict=True):
            places = torch.full((len(batch), plain.semantic.shape[1] + 1), UNKNOWN)
            for row, index in enumerate(batch):
                item = self._items[index]
                known = self._places[item.name]
                places[row, : len(known) + 1] = torch.tensor([*known, len(item.phones) - 1])
            batches.append(GuidedBatch(plain=plain, places=places))
        return batches

    def step(  # type: ignore[override]
        self, data: list[GuidedBatch], step: int, check_cancelled: Callable[[], None]
    ) -> dict[str, float]:
        """Adds up the gradients of all batches, then moves once."""
        del step
        self._optimiser.zero_grad(set_to_none=True)
        loss = accuracy = guide = 0.0
        for one in data:
            check_cancelled()
            batch = one.plain.to(self._device)
            lengths = batch.semantic_len
            known = (one.places != UNKNOWN).to(self._device)
            logits, targets = self._model._teacher_forced(
                batch.phones, batch.phones_len, batch.semantic, lengths, batch.bert
            )
            entropy = functional.cross_entropy(logits[known], targets[known])
            guided = torch.stack(
                [self._guide(layer, batch, one.places) for layer in self.guided_layers]
            ).mean()
            (known.sum() * (entropy + self.guide_weight * guided)).backward()  # type: ignore[no-untyped-call]
            loss += float(entropy.detach())
            guide += float(guided.detach())
            accuracy += float((logits[known].detach().argmax(-1) == targets[known]).float().mean())
        norm = gradient_norm(self._model.parameters())
        self._optimiser.step()
        count = len(data)
        rate = self._optimiser.param_groups[0]["lr"]
        return {
            "loss": loss / count,
            "top_1": accuracy / count,
            "loss_guide": guide / count,
            "learning_rate": rate,
            "grad_norm": norm,
        }

    def _guide(self, layer: int, batch: GptBatch, places: Tensor) -> Tensor:
        """Cross entropy of the first head's attention over the text."""
        attention = self._attention(layer)
        vectors = self._seen[layer]
        width = attention.in_proj_weight.shape[1] // attention.heads
        total = attention.in_proj_weight.shape[1]
        text_count = batch.phones.shape[1]
        rows = torch.arange(len(vectors), device=vectors.device)
        asking = torch.cat((vectors[rows, batch.phones_len - 1][:, None], vectors[:, text_count:]), dim=1)
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        queries = functional.linear(asking, weight[:width], bias[:width])
        keys = functional.linear(
            vectors[:, :text_count], weight[total : total + width], bias[total : total + width]
        )
        scores = queries @ keys.transpose(1, 2) / width**0.5
        inside = torch.arange(text_count, device=scores.device) < batch.phones_len[:, None]
        scores = scores.masked_fill(~inside[:, None], -1e4)
        wanted = places.to(scores.device)
        return functional.cross_entropy(scores.transpose(1, 2), wanted, ignore_index=UNKNOWN)


class SharperSovitsTraining(SovitsTraining):
    """SoVITS' training that also hears short windows, and any offset."""

    short = MelSpec(
        spectrogram=SpectrogramSpec(rate_hz=32000, fft_samples=512, hop_samples=160, window_samples=400),
        bands=48,
        low_hz=0.0,
        high_hz=None,
    )
    short_weight = 20.0
    offset_weight = 2000.0
    window_frames = 40
    _visits = 0

    def load(self, step: Sequence[Batch]) -> SovitsBatch:
        """Reads a step's data: of every clip a window, so that nothing is computed that is not decoded."""
        batch = super().load(step)
        hop, width = self._config.hop_samples, self.window_frames
        draw = np.random.default_rng([*step[0], self._visits])
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

    def _plain_losses(self, batch: SovitsBatch, made: object) -> dict[str, Tensor]:
        losses = super()._plain_losses(batch, made)  # type: ignore[arg-type]
        hop = self._config.hop_samples
        real = take_segments(batch.wave, made.starts * hop, self._config.segment_samples)  # type: ignore[attr-defined]
        wave = made.wave  # type: ignore[attr-defined]
        wanted, got = (log_mel(one.float().squeeze(1), self.short) for one in (real, wave))
        losses["short"] = functional.l1_loss(wanted, got) * self.short_weight
        losses["offset"] = (wave.mean() - real.mean()).square() * self.offset_weight
        return losses
