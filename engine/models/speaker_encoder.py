"""The speaker encoder: who speaks in 16 kHz audio, as one vector (ERes2NetV2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from engine.audio.filter_bank import FilterBankSpec, filter_bank
from engine.checkpoints.reader import read_checkpoint
from engine.models.weights import put_weights
from engine.modules.split_residual import EXPANSION, AttentiveFusion, SplitResidualBlock
from engine.protocol.errors import BadAudio, BadCheckpoint

_BANK: Final = FilterBankSpec()
RATE_HZ: Final = _BANK.rate_hz
"""Sample rate that the encoder listens at."""

_STRIDES: Final = (1, 2, 2, 2)
_FUSED_FROM: Final = 2
_UNUSED: Final = "seg_1."
_STEM: Final = "conv1.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerEncoderConfig:
    """Sizes of the network; the defaults are those of the official file.

    Attributes:
        planes: Channels of the stem; every stage has twice the planes of the one before.
        blocks: Blocks of the four stages.
    """

    planes: int = 64
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)


class SpeakerEncoder(nn.Module):
    """Residual stages over a filter bank; the last two are fused, and averaged over time."""

    def __init__(self, config: SpeakerEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.conv1 = nn.Conv2d(1, config.planes, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(config.planes)
        self.layer1, self.layer2, self.layer3, self.layer4 = self._stages(config)
        deep = 8 * EXPANSION * config.planes
        self.layer3_ds = nn.Conv2d(deep // 2, deep, 3, stride=2, padding=1, bias=False)
        self.fuse34 = AttentiveFusion(deep)
        self.eval()

    @staticmethod
    def _stages(config: SpeakerEncoderConfig) -> list[nn.Sequential]:
        stages, channels, planes = [], config.planes, config.planes
        for place, (count, stride) in enumerate(zip(config.blocks, _STRIDES, strict=True)):
            stage = nn.Sequential()
            for block in range(count):
                step = 1 if block else stride
                fused = place >= _FUSED_FROM
                stage.append(SplitResidualBlock(channels, planes, stride=step, fusion=fused))
                channels = EXPANSION * planes
            stages.append(stage)
            planes *= 2
        return stages

    @property
    def channels(self) -> int:
        """Width of the speaker vector."""
        return 8 * EXPANSION * self.config.planes * (_BANK.bands // 8)

    @torch.no_grad()
    def embed(self, wave: Tensor) -> Tensor:
        """Who speaks.

        Args:
            wave: (B, S) samples at 16 kHz in [-1, 1].

        Returns:
            (B, V) speaker vectors, 20480 wide in the official model.

        Raises:
            BadAudio: the audio is shorter than one frame of 25 ms.
        """
        if wave.shape[1] < _BANK.frame_samples:
            raise BadAudio(
                f"The audio is too short to tell the speaker: {wave.shape[1] / RATE_HZ:.3f} s.",
                hint="Choose a longer recording.",
            )
        bank = filter_bank(wave, _BANK).to(self.conv1.weight.dtype)
        x = self.bn1(self.conv1(bank.transpose(1, 2).unsqueeze(1))).relu()
        third = self.layer3(self.layer2(self.layer1(x)))
        fused: Tensor = self.fuse34(self.layer4(third), self.layer3_ds(third))
        return fused.flatten(1, 2).mean(dim=2)


def load_speaker_encoder(path: Path) -> SpeakerEncoder:
    """The speaker encoder of a weight file, in float32 on the CPU.

    The file's last linear layer, which only the training of the encoder used, is left aside.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged or of another kind.
    """
    found = read_checkpoint(path).weights
    weights = {name: value for name, value in found.items() if not name.startswith(_UNUSED)}
    with torch.device("meta"):
        encoder = SpeakerEncoder(_config_of(weights, path))
    put_weights(encoder, weights, path)
    return encoder.eval()


def _config_of(weights: Mapping[str, Tensor], path: Path) -> SpeakerEncoderConfig:
    """Sizes, as the names and shapes of a state dict show them."""
    counts = [
        len({name.split(".")[1] for name in weights if name.startswith(f"layer{n}.")}) for n in range(1, 5)
    ]
    stem = weights.get(_STEM)
    if stem is None or not all(counts):
        raise BadCheckpoint(
            f"{path} is no speaker encoder.", hint="Choose the ERes2NetV2 file that v2Pro came with."
        )
    first, second, third, fourth = counts
    return SpeakerEncoderConfig(planes=stem.shape[0], blocks=(first, second, third, fourth))
