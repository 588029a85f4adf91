"""What the GPT learns from: phones, text features and semantic tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from engine.checkpoints.tensors import read_tensor
from engine.corpus.limits import LONGEST_S, PHONES_PER_SECOND, TOKENS_PER_PHONE
from engine.models.gpt import GptConfig, RejectedSequences
from engine.protocol.errors import BadCheckpoint, BadLabels, BadParameters, NothingToDo
from engine.protocol.results import Skipped
from engine.protocol.stages.training import RejectedKind
from engine.protocol.versions import TOKENS_PER_SECOND, ModelVersion
from engine.protocol.workspace import Experiment
from engine.text.symbols import phone_ids
from engine.train.rows import STAGE_1A, STAGE_1C, TokenRow, read_phones, read_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class GptItem:
    """One clip.

    Attributes:
        name: The clip's file name.
        phones: Ids of its phones.
        tokens: Its semantic tokens.
        seconds: Its length as the tokens tell it.
        bert: File of its text features; None for zeros.
    """

    name: str
    phones: tuple[int, ...]
    tokens: tuple[int, ...]
    seconds: float
    bert: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GptBatch:
    """Clips that are learnt from at once, padded on the right.

    Attributes:
        phones: (B, L) ids.
        phones_len: (B,).
        semantic: (B, T) tokens, padded with the end mark.
        semantic_len: (B,).
        bert: (B, C, L).
    """

    phones: Tensor
    phones_len: Tensor
    semantic: Tensor
    semantic_len: Tensor
    bert: Tensor

    def to(self, device: torch.device) -> GptBatch:
        """The same on a device."""
        return GptBatch(**{part.name: getattr(self, part.name).to(device) for part in fields(self)})

    @property
    def targets(self) -> int:
        """All positions that are predicted, with those of the padding."""
        return int(self.semantic.shape[0] * (self.semantic.shape[1] + 1))

    @property
    def own_targets(self) -> int:
        """Positions of the clips themselves: their tokens, and one end mark each."""
        return int(self.semantic_len.sum()) + len(self.semantic_len)


def gpt_items(
    experiment: Experiment, version: ModelVersion, config: GptConfig
) -> tuple[list[GptItem], list[Skipped]]:
    """The clips of an experiment that the GPT can learn from, and those left out with the reason.

    Raises:
        NothingToDo: stage 1a or 1c has not run, or no clip is left.
        BadLabels: a manifest is broken.
        BadParameters: the tokens were made with another codebook.
    """
    phones = read_phones(experiment)
    items: list[GptItem] = []
    skipped: list[Skipped] = []
    for row in read_tokens(experiment):
        item = _item(row, phones, experiment, version)
        if isinstance(item, str):
            skipped.append(Skipped(name=row.name, reason=item))
            continue
        _check_ids(item, config)
        items.append(item)
    with_tokens = {item.name for item in items} | {one.name for one in skipped}
    skipped += [
        Skipped(name=name, reason=f"it has no semantic tokens: run {STAGE_1C}")
        for name in phones
        if name not in with_tokens
    ]
    if not items:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in skipped[:3])
        raise NothingToDo(
            f"No clip of the experiment {experiment.name!r} can be learnt from ({reasons}).",
            hint="Check the labels and the clips, then prepare them again.",
        )
    return items, skipped


def _item(
    row: TokenRow, phones: Mapping[str, Sequence[str]], experiment: Experiment, version: ModelVersion
) -> GptItem | str:
    """The item of a clip, or the reason why there is none."""
    if row.name not in phones:
        return f"it has no phones: run {STAGE_1A}"
    spoken = phones[row.name]
    rate = TOKENS_PER_SECOND
    if not row.tokens or not spoken:
        return "it is empty"
    if len(row.tokens) > LONGEST_S * rate:
        return f"it is longer than {LONGEST_S:g} s"
    if len(spoken) > LONGEST_S * rate / TOKENS_PER_PHONE:
        return f"its text is too long: {len(spoken)} phones"
    seconds = len(row.tokens) / rate
    slowest, fastest = PHONES_PER_SECOND
    if not slowest <= len(spoken) / seconds <= fastest:
        return (
            f"its text does not fit its sound: {len(spoken)} phones in {seconds:.1f} s "
            f"(usual are {slowest:g} to {fastest:g} a second)"
        )
    features = experiment.bert_folder / f"{row.name}.pt"
    return GptItem(
        name=row.name,
        phones=phone_ids(spoken, version.name),
        tokens=row.tokens,
        seconds=seconds,
        bert=features if features.is_file() else None,
    )


def _check_ids(item: GptItem, config: GptConfig) -> None:
    if max(item.tokens) >= config.eos_token or min(item.tokens) < 0:
        raise BadParameters(
            f"The clip {item.name} has the semantic token {max(item.tokens)}; the GPT knows 0 to "
            f"{config.eos_token - 1}: its codes are not those of the SoVITS model.",
            hint=f"Choose pretrained models that belong together, and run {STAGE_1C} again.",
        )
    if max(item.phones) >= config.phoneme_rows:
        raise BadCheckpoint(
            f"The GPT knows {config.phoneme_rows} phones, too few for the clip {item.name}.",
            hint="Choose pretrained GPT weights of this model version.",
        )


def gpt_batch(items: Sequence[GptItem], config: GptConfig) -> GptBatch:
    """The items as padded tensors.

    Raises:
        BadLabels: stored text features do not fit the phones or the network.
    """
    longest, most = max(len(item.phones) for item in items), max(len(item.tokens) for item in items)
    phones = torch.zeros(len(items), longest, dtype=torch.long)
    tokens = torch.full((len(items), most), config.eos_token)
    bert = torch.zeros(len(items), config.bert_channels, longest)
    for row, item in enumerate(items):
        phones[row, : len(item.phones)] = torch.tensor(item.phones)
        tokens[row, : len(item.tokens)] = torch.tensor(item.tokens)
        if item.bert is not None:
            bert[row, :, : len(item.phones)] = _features(item.bert, config.bert_channels, len(item.phones))
    return GptBatch(
        phones=phones,
        phones_len=torch.tensor([len(item.phones) for item in items]),
        semantic=tokens,
        semantic_len=torch.tensor([len(item.tokens) for item in items]),
        bert=bert,
    )


def _features(path: Path, channels: int, phones: int) -> Tensor:
    features = read_tensor(path).float()
    if features.shape != (channels, phones):
        raise BadLabels(
            f"The text features in {path} are {list(features.shape)}; needed are {[channels, phones]}.",
            hint=f"Remove that file and run {STAGE_1A} again.",
        )
    return features


def rejected_sequences(
    batch: GptBatch,
    eos_token: int,
    device: torch.device,
    kind: RejectedKind = RejectedKind.REPEATED_OR_LEFT_OUT,
) -> RejectedSequences:
    """What the network shall find less likely: each row with a stretch said twice, or left out.

    Draws from PyTorch's own generator. The cuts lie inside each row's true tokens; as in the original
    they may lie in its padding, and the stretch between them is always said twice.
    """
    original = kind is RejectedKind.ORIGINAL
    rows = []
    for tokens, length in zip(batch.semantic, batch.semantic_len.tolist(), strict=True):
        true = tokens if original else tokens[:length]
        cuts = len(true) + (0 if original else 1)
        first, second = sorted(torch.randint(0, cuts, (2,)).tolist())
        if original or torch.rand(()) < 0.5:
            rows.append(torch.cat((true[:second], true[first:second], true[second:])))
        else:
            rows.append(torch.cat((true[:first], true[second:])))
    lengths = torch.tensor([len(row) for row in rows])
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=eos_token)
    return RejectedSequences(semantic=padded.to(device), lengths=lengths.to(device))
