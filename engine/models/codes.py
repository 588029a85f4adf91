"""Reads semantic codes off content features: the part that the SoVITS networks of all versions share."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Final, Self

import torch
from torch import Tensor, nn

from engine.checkpoints.reader import read_checkpoint
from engine.models.sovits_network import FRAMES_PER_CODE
from engine.models.weights import put_weights
from engine.modules.quantizer import Quantizer
from engine.protocol.errors import BadCheckpoint

_PARTS: Final = ("ssl_proj.", "quantizer.")
_CONTENT: Final = "ssl_proj.weight"
_TABLE: Final = "quantizer.vq.layers.0._codebook.embed"


class CodeReader(nn.Module):
    """A SoVITS network's way from content features to codes, and nothing else of it.

    Attributes:
        channels: Width of the content features.
    """

    def __init__(self, ssl_proj: nn.Conv1d, quantizer: Quantizer) -> None:
        """Takes the two layers."""
        super().__init__()
        self.channels = ssl_proj.in_channels
        self.ssl_proj = ssl_proj
        self.quantizer = quantizer

    @classmethod
    def copy_of(cls, ssl_proj: nn.Conv1d, quantizer: Quantizer) -> Self:
        """A reader with layers of its own, in float32.

        The codes of a reference, and with them all that follows, shall not depend on the precision
        in which a network speaks.
        """
        return cls(deepcopy(ssl_proj).float(), deepcopy(quantizer).float())

    @torch.no_grad()
    def extract_codes(self, ssl: Tensor) -> Tensor:
        """(B, C, T) content features, 50 a second, to (B, T // 2) int64 codes."""
        return self.quantizer.codes(self.ssl_proj(ssl))

    @torch.no_grad()
    def extract_each(self, contents: Sequence[Tensor]) -> list[Tensor]:
        """As `extract_codes` for several recordings at once.

        They stand one after another: a code sees only its own frames, so that nothing has to be padded.

        Args:
            contents: (1, C, T) each, of any lengths from one code on.

        Returns:
            (T // 2,) int64 codes each.
        """
        counts = [content.shape[2] // FRAMES_PER_CODE for content in contents]
        whole = [
            content[:, :, : count * FRAMES_PER_CODE] for content, count in zip(contents, counts, strict=True)
        ]
        return list(torch.split(self.extract_codes(torch.cat(whole, dim=2))[0], counts)) if whole else []


def load_code_reader(path: Path) -> CodeReader:
    """The code reader of a whole SoVITS weight file of any version, in float32 on the CPU.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged or of another kind.
    """
    weights = read_checkpoint(path).weights
    if _CONTENT not in weights or _TABLE not in weights:
        raise BadCheckpoint(
            f"{path} is no whole SoVITS weight file.", hint="Choose the pretrained SoVITS .pth file."
        )
    codes, channels = weights[_TABLE].shape
    with torch.device("meta"):
        projection = nn.Conv1d(channels, channels, FRAMES_PER_CODE, stride=FRAMES_PER_CODE)
        reader = CodeReader(projection, Quantizer(codes, channels))
    kept = {name: tensor for name, tensor in weights.items() if name.startswith(_PARTS)}
    put_weights(reader, kept, path)
    return reader.eval()
