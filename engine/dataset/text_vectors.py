"""Text features of the clips: what their Chinese text means, for the GPT to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.corpus.ledger import Ledger, fingerprint, folder_mark, size_of
from engine.corpus.manifests import TextRow
from engine.dataset.crew import Kept
from engine.protocol.errors import BadCheckpoint
from engine.protocol.files import replacing
from engine.protocol.workspace import Experiment, Workspace

ENCODER: Final = "chinese-roberta-wwm-ext-large"
LANGUAGE: Final = "zh"
"""The only language that has text features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextVectorTask:
    """A clip's text, the number of phones of each character, and where its vectors go."""

    text: str
    phones_per_character: tuple[int, ...]
    vectors: Path


@dataclass(frozen=True, slots=True)
class TextVectorStep:
    """Writes the vectors of texts."""

    encoder: Path

    def read(self, group: Sequence[TextVectorTask]) -> Sequence[TextVectorTask]:
        """There is nothing to read."""
        return group

    def make(self, ready: Sequence[TextVectorTask], device: str, kept: Kept) -> None:
        """Writes the vectors of each text.

        Raises:
            MissingModel: a file of the text encoder is not there.
            BadCheckpoint: one is damaged.
            OutOfSpace: the vectors cannot be written.
        """
        import torch

        from engine.models.text_encoder import load_text_encoder

        encoder = kept.get("text encoder", lambda: load_text_encoder(self.encoder).to(device))
        found = encoder.encode_each([(task.text, task.phones_per_character) for task in ready])
        for task, vectors in zip(ready, found, strict=True):
            with replacing(task.vectors) as temporary:
                torch.save(vectors.float().cpu().clone(), temporary)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextVectors:
    """Knows `3-bert/<clip>.pt`, (C, L) for L phones, of an experiment's Chinese clips.

    Without the encoder, vectors of the right length stay, and others go: nobody may learn from those of
    another text.

    Attributes:
        experiment: Where the vectors go.
        encoder: Folder of the text encoder.
    """

    experiment: Experiment
    encoder: Path

    @property
    def encoder_there(self) -> bool:
        """Whether the user has the text encoder."""
        return self.encoder.is_dir()

    @property
    def where_to_put_it(self) -> str:
        """What a user without the text encoder is told."""
        return (
            f"There is no Chinese text encoder: put {self.encoder.name} into {self.encoder.parent}, and the "
            "GPT will learn how Chinese sentences are said."
        )

    def task(self, row: TextRow) -> TextVectorTask:
        """What is to be done for a clip."""
        return TextVectorTask(
            text=row.norm_text, phones_per_character=row.word2ph or (), vectors=self._path(row.name)
        )

    def there(self, row: TextRow, ledger: Ledger) -> bool:
        """Whether the vectors of a clip are there, of this text and from this encoder.

        Args:
            row: the clip's phones, with their number for each character.
            ledger: knows what is done; the key in it is `3-bert/<clip>`.
        """
        return ledger.done(self._key(row.name), self._wanted(row))

    def record(self, row: TextRow, ledger: Ledger) -> None:
        """Notes that the vectors of a clip are there."""
        ledger.record(self._key(row.name), self._wanted(row), [self._path(row.name)], note=_text_of(row))

    def forget(self, name: str, ledger: Ledger) -> None:
        """Removes the vectors of a clip whose text is not Chinese any more."""
        if ledger.entry(self._key(name)) is not None:
            self._path(name).unlink(missing_ok=True)
            ledger.forget(self._key(name))

    def still_fits(self, row: TextRow, ledger: Ledger) -> bool:
        """Whether vectors that are there can be of this text; those that cannot are removed."""
        from engine.checkpoints.tensors import read_tensor

        path, key = self._path(row.name), self._key(row.name)
        if size_of(path) <= 0:
            return False
        known = ledger.entry(key)
        try:
            fits = read_tensor(path).shape[-1] == len(row.phones) and (
                known is None or known.note == _text_of(row)
            )
        except (BadCheckpoint, IndexError):
            fits = False
        if not fits:
            path.unlink()
            ledger.forget(key)
        return fits

    def _path(self, name: str) -> Path:
        return self.experiment.bert_folder / f"{name}.pt"

    def _key(self, name: str) -> str:
        return f"{self.experiment.bert_folder.name}/{name}"

    def _wanted(self, row: TextRow) -> str:
        return fingerprint(_text_of(row), folder_mark(self.encoder))


def _text_of(row: TextRow) -> str:
    return fingerprint(row.norm_text, row.word2ph)


def text_encoder_folder(workspace: Workspace) -> Path:
    """Where the text encoder is looked for."""
    return workspace.pretrained / ENCODER
