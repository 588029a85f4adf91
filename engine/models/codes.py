"""Reads semantic codes off content features: the part that the SoVITS networks of all versions share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

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
    """A SoVITS network's way from content features to codes, and nothing else of it."""

    def __init__(self, channels: int, codes: int) -> None:
        """Takes the width of the content features and the number of codes."""
        super().__init__()
        self.channels = channels
        self.ssl_proj = nn.Conv1d(channels, channels, FRAMES_PER_CODE, stride=FRAMES_PER_CODE)
        self.quantizer = Quantizer(codes, channels)

    @torch.no_grad()
    def extract_codes(self, ssl: Tensor) -> Tensor:
        """(B, C, T) content features, 50 a second, to (B, T // 2) int64 codes."""
        return self.quantizer.codes(self.ssl_proj(ssl))


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
        reader = CodeReader(channels, codes)
    kept = {name: tensor for name, tensor in weights.items() if name.startswith(_PARTS)}
    put_weights(reader, kept, path)
    return reader.eval()
