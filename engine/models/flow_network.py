"""The network of SoVITS v3 and v4: from semantic codes and phones to a mel spectrogram."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engine.audio.spectrogram import V3_MEL, V4_MEL, MelSpec, denormalise_mel, normalise_mel
from engine.models.diffusion_transformer import DiffusionTransformer, TransformerSizes
from engine.models.flow_matching import FlowDraws, FlowOptions, draw, flow_loss, sample
from engine.models.prior_encoder import PriorEncoder, change_speed
from engine.models.reference_encoder import ReferenceEncoder
from engine.models.sovits_config import SovitsConfig, shown_sizes
from engine.models.sovits_network import FRAMES_PER_CODE, StyleReference
from engine.modules.lengths import fit_steps, length_mask
from engine.modules.quantizer import Quantizer
from engine.modules.wavenet import GatedStack
from engine.protocol.errors import BadAudio

ESTIMATOR: Final = "cfm.estimator."
"""What stands before the names of the flow's network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVersion:
    """What differs between the versions that make mel spectrograms; their networks are alike.

    Attributes:
        name: Version of the model.
        mel: What is made.
        frames_per_feature: Mel frames to a content frame.
        counted_per_code: Mel frames to a code where content is counted; official v3 counts too many.
        prompt_frames: The longest prompt.
        window_frames: Frames of prompt and speech that are made at once.
        steps: The usual number of steps.
    """

    name: str
    mel: MelSpec
    frames_per_feature: float
    counted_per_code: float
    prompt_frames: int
    window_frames: int
    steps: int


FLOW_VERSIONS: Final[Mapping[str, FlowVersion]] = MappingProxyType(
    {
        row.name: row
        for row in (
            FlowVersion(
                name="v3",
                mel=V3_MEL,
                frames_per_feature=1.875,
                counted_per_code=3.875,
                prompt_frames=468,
                window_frames=934,
                steps=32,
            ),
            FlowVersion(
                name="v4",
                mel=V4_MEL,
                frames_per_feature=2.0,
                counted_per_code=4.0,
                prompt_frames=500,
                window_frames=1000,
                steps=8,
            ),
        )
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSizes:
    """Sizes of the network.

    Attributes:
        encoder: Sizes of the encoders, as the file's configuration states them.
        transformer: Sizes of the flow's network.
        gate_layers: Gated layers between them.
        gate_kernel: Their kernel; odd.
    """

    encoder: SovitsConfig
    transformer: TransformerSizes
    gate_layers: int = 8
    gate_kernel: int = 5

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], config: Mapping[str, Any], version: str) -> FlowSizes:
        """The sizes that a whole model tells.

        Args:
            weights: its state dict.
            config: its nested configuration.
            version: name of its version.

        Raises:
            KeyError: a tensor that tells a size is missing.
            IndexError: one has too few dimensions.
            ArithmeticError: one is empty.
            ValueError: they do not fit together.
            BadCheckpoint: the configuration does not fit together.
        """
        first = weights["wns1.enc.in_layers.0.weight_v"].shape
        layers = sum(
            name.startswith("wns1.enc.in_layers.") and name.endswith(".weight_v") for name in weights
        )
        return cls(
            encoder=replace(SovitsConfig.from_checkpoint(config, shown_sizes(weights)), version=version),
            transformer=TransformerSizes.of_weights(weights, ESTIMATOR),
            gate_layers=layers,
            gate_kernel=first[2],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MelPrompt:
    """A recording whose sound the flow goes on from.

    Attributes:
        mel: (1, bands, P) normalised, float32.
        condition: (1, C, P) what is said in it.
    """

    mel: Tensor
    condition: Tensor


class _ConditionNetwork(nn.Module):
    """Works a style into features."""

    def __init__(self, sizes: FlowSizes) -> None:
        super().__init__()
        width = sizes.transformer.condition_channels
        self.pre = nn.Conv1d(width, width, 1)
        self.enc = GatedStack(
            width,
            layers=sizes.gate_layers,
            kernel=sizes.gate_kernel,
            style_channels=sizes.encoder.style_channels,
        )
        self.proj = nn.Conv1d(width, width, 1)

    def forward(self, features: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        styled: Tensor = self.proj(self.enc(self.pre(features) * mask, mask, style)) * mask
        return styled


class _Flow(nn.Module):
    """Holds the flow's network under the name that official files give it."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.estimator = DiffusionTransformer(sizes)


class FlowSovits(nn.Module):
    """The whole network, under the state-dict names of the official weight files."""

    def __init__(self, sizes: FlowSizes, version: FlowVersion) -> None:
        super().__init__()
        config = sizes.encoder
        width = sizes.transformer.condition_channels
        self.sizes = sizes
        self.version = version
        self.enc_p = PriorEncoder(config)
        self.ref_enc = ReferenceEncoder(config)
        self.ssl_proj = nn.Conv1d(
            config.ssl_channels, config.ssl_channels, FRAMES_PER_CODE, stride=FRAMES_PER_CODE
        )
        self.quantizer = Quantizer(config.codebook_size, config.ssl_channels)
        self.bridge = nn.Sequential(nn.Conv1d(config.hidden_channels, width, 1), nn.LeakyReLU())
        self.wns1 = _ConditionNetwork(sizes)
        self.linear_mel = nn.Conv1d(width, sizes.transformer.bands, 1)  # official files carry it unused
        self.cfm = _Flow(sizes.transformer)

    @property
    def config(self) -> SovitsConfig:
        """Sizes of the encoders."""
        return self.sizes.encoder

    @torch.no_grad()
    def extract_codes(self, ssl: Tensor) -> Tensor:
        """The semantic codes of a recording.

        Args:
            ssl: (B, C, T) content features, 50 a second; an odd last one is left out.

        Returns:
            (B, T // 2) int64, 25 a second.
        """
        return self.quantizer.codes(self.ssl_proj(ssl))

    def style(self, spectrogram: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The style of recordings.

        Args:
            spectrogram: (B, bins, F) linear amplitude of 32 kHz audio.
            lengths: (B,) frames with content; None: all.

        Returns:
            (B, G, 1).
        """
        frames = spectrogram.shape[2]
        if lengths is None:
            lengths = torch.full((spectrogram.shape[0],), frames, device=spectrogram.device)
        vector: Tensor = self.ref_enc(spectrogram, length_mask(lengths, frames).to(spectrogram.dtype))
        return vector

    @torch.no_grad()
    def mean_style(self, references: Sequence[StyleReference]) -> Tensor:
        """The mean of several recordings' styles.

        Args:
            references: at least one.

        Returns:
            (1, G, 1).
        """
        return torch.stack([self.style(one.spectrogram) for one in references]).mean(dim=0)

    @torch.no_grad()
    def condition(self, codes: Tensor, phones: Tensor, style: Tensor, *, speed: float = 1.0) -> Tensor:
        """What the flow is told about speech.

        Args:
            codes: (B, T) semantic codes.
            phones: (B, L) phones of the same words.
            style: (B, G, 1).
            speed: above 1 for faster.

        Returns:
            (B, C, F) at the rate of the mel; F = T * 2 * frames_per_feature at speed 1, rounded down.
        """
        content = self._content(codes)
        everywhere = content.new_ones(content.shape[0], 1, content.shape[2])
        words = content.new_ones(phones.shape[0], 1, phones.shape[1])
        features = change_speed(self.enc_p(content, everywhere, phones, words, style), speed)
        counted = int(codes.shape[1] * self.version.counted_per_code / speed) + (speed != 1)
        lengths = torch.full((codes.shape[0],), counted, device=codes.device)
        return self._styled(features, lengths, style)

    @torch.no_grad()
    def mel_prompt(self, mel: Tensor, codes: Tensor, phones: Tensor, style: Tensor) -> MelPrompt:
        """A prompt of a recording and of what is said in it.

        Args:
            mel: (1, bands, F) log-mel of the recording, taken as `version.mel` says.
            codes: (1, T) its semantic codes.
            phones: (1, L) its phones.
            style: (1, G, 1) of the voice, as for the speech that follows.

        Raises:
            BadAudio: the recording is too short.
        """
        condition = self.condition(codes, phones, style)
        frames = min(mel.shape[2], condition.shape[2])
        if frames < 1:
            raise BadAudio("The reference recording is too short.", hint="Choose one of 3 to 10 seconds.")
        kept = slice(max(frames - self.version.prompt_frames, 0), frames)
        return MelPrompt(
            mel=normalise_mel(mel[..., kept].float()).to(condition.device), condition=condition[..., kept]
        )

    @torch.no_grad()
    def make_mel(
        self,
        condition: Tensor,
        prompt: MelPrompt,
        options: FlowOptions | None = None,
        *,
        chunk_frames: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """Makes speech chunk by chunk; each goes on from the end of the one before.

        Args:
            condition: (1, C, F) of the speech.
            prompt: what the first chunk goes on from.
            options: how; None for the usual number of steps.
            chunk_frames: frames of a chunk, to hear the first one sooner; None for as many as the
                network was trained for (about five seconds).
            generator: source of the noise.

        Yields:
            (1, bands, n) log-mel for a vocoder, float32.
        """
        options = options or FlowOptions(steps=self.version.steps)
        before = prompt
        given = prompt.mel.shape[2]
        step = chunk_frames or self.version.window_frames - given
        for part in torch.split(condition, step, dim=2):
            asked = torch.cat((before.condition, part), dim=2)
            shape = (1, prompt.mel.shape[1], asked.shape[2])
            device = generator.device if generator is not None else asked.device
            noise = torch.randn(shape, generator=generator, device=device, dtype=torch.float32).to(
                asked.device
            )
            made = sample(self.cfm.estimator, asked, before.mel, noise, options)
            fresh = made[..., before.mel.shape[2] :]
            yield denormalise_mel(fresh)
            if chunk_frames:  # short chunks alone are too little to go on from
                heard = torch.cat((before.mel, fresh), dim=2)
                before = MelPrompt(mel=heard[..., -given:], condition=asked[..., -given:])
            else:
                before = MelPrompt(mel=fresh[..., -given:], condition=part[..., -given:])

    def forward(
        self,
        ssl: Tensor,
        spectrogram: Tensor,
        frames: Tensor,
        phones: Tensor,
        phone_lengths: Tensor,
        *,
        mel: Tensor,
        mel_lengths: Tensor,
        draws: FlowDraws | None = None,
    ) -> Tensor:
        """The loss of a training step.

        As in the official training, no gradient reaches the style encoder.

        Args:
            ssl: (B, C, T) content features, T about F.
            spectrogram: (B, bins, F) linear amplitude, zero where padded.
            frames: (B,) frames with content.
            phones: (B, L) int64, padded with 0.
            phone_lengths: (B,).
            mel: (B, bands, M) normalised.
            mel_lengths: (B,) mel frames with content.
            draws: noise, times and prompts, where a test gives them.

        Returns:
            () the flow's loss.
        """
        mask = length_mask(frames, spectrogram.shape[2]).to(spectrogram.dtype)
        words = length_mask(phone_lengths, phones.shape[1]).to(spectrogram.dtype)
        with torch.no_grad():
            style = self.ref_enc(spectrogram, mask)
            content = fit_steps(self._content(self.extract_codes(ssl)), spectrogram.shape[2])
            features = self.enc_p(content, mask, phones, words, style)
        condition = self._styled(features, mel_lengths, style)
        count = min(mel.shape[2], condition.shape[2])
        mel, condition = mel[..., :count], condition[..., :count]
        draws = draws or draw(mel)
        return flow_loss(self.cfm.estimator, mel, mel_lengths.clamp_max(count), condition, draws)

    def train(self, mode: bool = True) -> FlowSovits:
        """Training mode for what is trained; the encoder of content and text never is."""
        super().train(mode)
        for part in (self.enc_p, self.ssl_proj, self.quantizer):
            part.eval()
        return self

    def save_memory(self, *, enabled: bool = True) -> None:
        """Trades training time for memory: the transformer's inner results are computed twice."""
        self.cfm.estimator.saves_memory = enabled

    def _content(self, codes: Tensor) -> Tensor:
        """Code vectors at the rate of the spectrogram: (B, T) to (B, C, 2T)."""
        return self.quantizer.vectors(codes).repeat_interleave(FRAMES_PER_CODE, dim=2)

    def _styled(self, features: Tensor, lengths: Tensor, style: Tensor) -> Tensor:
        """Features at the rate of the mel, with the style worked in."""
        wide = F.interpolate(
            self.bridge(features), scale_factor=self.version.frames_per_feature, mode="nearest"
        )
        mask = length_mask(lengths, wide.shape[2]).to(wide.dtype)
        condition: Tensor = self.wns1(wide, mask, style)
        return condition
