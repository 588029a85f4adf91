"""Text features of the clips: what their Chinese text means, for the GPT to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.corpus.ledger import Ledger, fingerprint, folder_mark, size_of
from engine.corpus.manifests import TextRow
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint
from engine.protocol.files import replacing
from engine.protocol.workspace import Experiment, Workspace

ENCODER: Final = "chinese-roberta-wwm-ext-large"
LANGUAGE: Final = "zh"
"""The only language that has text features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextVectors:
    """Writes `3-bert/<clip>.pt`, (C, L) for L phones, of an experiment's Chinese clips.

    Attributes:
        experiment: Where the vectors go.
        encoder: Folder of the text encoder; it is loaded when the first vector is made.
        device: Name of the device that computes, or auto.
        context: Keeps the encoder between stages.
    """

    experiment: Experiment
    encoder: Path
    device: str
    context: Context

    @property
    def there(self) -> bool:
        """Whether the user has the text encoder."""
        return self.encoder.is_dir()

    def write(self, row: TextRow, ledger: Ledger) -> bool:
        """Makes the vectors of a clip unless they are there.

        Without the encoder, vectors of the right length stay, and others go: nobody may learn from those
        of another text.

        Args:
            row: the clip's phones, with their number for each character.
            ledger: knows what is done; the key in it is `3-bert/<clip>`.

        Returns:
            Whether the clip has vectors now.

        Raises:
            BadParameters: there is no such device.
            MissingModel: a file of the text encoder is not there.
            BadCheckpoint: one is damaged.
            OutOfSpace: the vectors cannot be written.
        """
        path = self.experiment.bert_folder / f"{row.name}.pt"
        key = f"{self.experiment.bert_folder.name}/{row.name}"
        text = fingerprint(row.norm_text, row.word2ph)
        if not self.there:
            return self._still_fits(path, key, row, text, ledger)
        wanted = fingerprint(text, folder_mark(self.encoder))
        if not ledger.done(key, wanted):
            self._make(path, row)
            ledger.record(key, wanted, [path], note=text)
        return True

    def forget(self, name: str, ledger: Ledger) -> None:
        """Removes the vectors of a clip whose text is not Chinese any more."""
        key = f"{self.experiment.bert_folder.name}/{name}"
        if ledger.entry(key) is not None:
            (self.experiment.bert_folder / f"{name}.pt").unlink(missing_ok=True)
            ledger.forget(key)

    @staticmethod
    def _still_fits(path: Path, key: str, row: TextRow, text: str, ledger: Ledger) -> bool:
        from engine.checkpoints.tensors import read_tensor

        if size_of(path) <= 0:
            return False
        known = ledger.entry(key)
        try:
            fits = read_tensor(path).shape[-1] == len(row.phones) and (known is None or known.note == text)
        except (BadCheckpoint, IndexError):
            fits = False
        if not fits:
            path.unlink()
            ledger.forget(key)
        return fits

    def _make(self, path: Path, row: TextRow) -> None:
        import torch

        from engine.models.text_encoder import load_text_encoder
        from engine.modules.device import choose_device

        device = choose_device(self.device)
        encoder = self.context.keep(
            f"text encoder {folder_mark(self.encoder)} {device}",
            lambda: load_text_encoder(self.encoder).to(device),
        )
        vectors = encoder.encode(row.norm_text, row.word2ph or ()).float().cpu()
        with replacing(path) as temporary:
            torch.save(vectors.clone(), temporary)


def text_encoder_folder(workspace: Workspace) -> Path:
    """Where the text encoder is looked for."""
    return workspace.pretrained / ENCODER
