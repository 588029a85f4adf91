"""SoVITS: from semantic codes and phones to a voice, in the versions that decode to a waveform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.models.hifigan import Decoder
from engine.models.posterior import PosteriorEncoder
from engine.models.prior_encoder import PriorEncoder, blend_start, change_speed
from engine.models.reference_encoder import ReferenceEncoder
from engine.models.sovits_config import SovitsConfig
from engine.models.sovits_training import SovitsDraws, SovitsTrainingOutput
from engine.modules.flow import CouplingFlow
from engine.modules.lengths import draw_starts, fit_steps, length_mask, take_segments
from engine.modules.normed import fuse_weight_norm
from engine.modules.quantizer import Quantizer

FRAMES_PER_CODE = 2
"""A semantic code stands for two frames of the spectrogram and of the content features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleReference:
    """A recording whose style is taken.

    Attributes:
        spectrogram: (1, bins, F) linear amplitude.
        speaker: (1, V) speaker vector; only networks whose configuration has `speaker_channels`
            hear it, and they need it.
    """

    spectrogram: Tensor
    speaker: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenChunk:
    """A part of an utterance that is spoken while it is made.

    Attributes:
        wave: (B, 1, S) samples of the kept frames.
        features: (B, hidden, T) features of the kept frames, before a change of speed; the last
            of them are the next call's `overlap`.
    """

    wave: Tensor
    features: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakSettings:
    """How a chunk is spoken.

    Attributes:
        noise_scale: 0 speaks the mean; 0.5 is usual.
        speed: above 1 for faster.
    """

    noise_scale: float = 0.5
    speed: float = 1.0


class Sovits(nn.Module):
    """The whole network, under the state-dict names of the official weight files."""

    def __init__(self, config: SovitsConfig, *, posterior: bool = True) -> None:
        """Builds a network with random weights.

        Args:
            config: its sizes.
            posterior: with the posterior encoder, which only training needs.
        """
        super().__init__()
        self.config = config
        self.enc_p = PriorEncoder(config)
        self.dec = Decoder(config)
        self.enc_q = PosteriorEncoder(config) if posterior else None
        self.flow = CouplingFlow(
            config.latent_channels,
            config.hidden_channels,
            count=config.flow_count,
            layers=config.flow_layers,
            kernel=config.gate_kernel,
            style_channels=config.style_channels,
        )
        self.ref_enc = ReferenceEncoder(config)
        self.ssl_proj = nn.Conv1d(
            config.ssl_channels, config.ssl_channels, FRAMES_PER_CODE, stride=FRAMES_PER_CODE
        )
        self.quantizer = Quantizer(config.codebook_size, config.ssl_channels)
        self.ssl_proj.requires_grad_(requires_grad=False)
        self.sv_emb: nn.Linear | None = None
        if config.speaker_channels:
            self.sv_emb = nn.Linear(config.speaker_channels, config.style_channels)
            self.ge_to512 = nn.Linear(config.style_channels, config.mrte_channels)
            self.prelu = nn.PReLU(config.style_channels)

    @torch.no_grad()
    def project_content(self, ssl: Tensor) -> Tensor:
        """Content features at the rate of the codes: (B, C, T) to (B, C, T // 2)."""
        projected: Tensor = self.ssl_proj(ssl)
        return projected

    def extract_codes(self, ssl: Tensor) -> Tensor:
        """The semantic codes of a recording.

        Args:
            ssl: (B, C, T) content features, 50 a second; an odd last one is left out.

        Returns:
            (B, T // 2) int64, 25 a second.
        """
        return self.quantizer.codes(self.project_content(ssl))

    def set_codebook(self, centroids: Tensor) -> None:
        """Gives a model that starts from nothing its codes.

        Args:
            centroids: (K, C) clusters of `project_content`.
        """
        self.quantizer.codebook.fill(centroids)

    @torch.no_grad()
    def average_content(self) -> None:
        """Makes `project_content` the mean of two frames, for a model that starts from nothing."""
        eye = torch.eye(self.config.ssl_channels, device=self.ssl_proj.weight.device)
        self.ssl_proj.weight.copy_((eye / FRAMES_PER_CODE).unsqueeze(2).expand_as(self.ssl_proj.weight))
        if self.ssl_proj.bias is not None:
            self.ssl_proj.bias.zero_()

    def style(
        self, spectrogram: Tensor, lengths: Tensor | None = None, speaker: Tensor | None = None
    ) -> Tensor:
        """The style of recordings.

        Args:
            spectrogram: (B, bins, F) linear amplitude.
            lengths: (B,) frames with content; none for all.
            speaker: (B, V) speaker vectors, where the network hears them.

        Returns:
            (B, G, 1).

        Raises:
            ValueError: the network hears speaker vectors and got none.
        """
        if lengths is None:
            mask = spectrogram.new_ones(spectrogram.shape[0], 1, spectrogram.shape[2])
        else:
            mask = length_mask(lengths, spectrogram.shape[2]).to(spectrogram.dtype)
        return self._style(spectrogram, mask, speaker)

    def mean_style(self, references: Sequence[StyleReference]) -> Tensor:
        """The mean of several recordings' styles.

        Args:
            references: at least one.

        Returns:
            (1, G, 1).
        """
        styles = [self.style(one.spectrogram, speaker=one.speaker) for one in references]
        return torch.stack(styles).mean(dim=0)

    def text_style(self, style: Tensor) -> Tensor:
        """The style as the prior encoder hears it: (B, G, 1) to (B, mrte, 1)."""
        if self.sv_emb is None:
            return style
        narrow: Tensor = self.ge_to512(style.transpose(1, 2))
        return narrow.transpose(1, 2)

    def prior_features(self, codes: Tensor, phones: Tensor, style: Tensor) -> Tensor:
        """What the prior encoder makes of codes (B, T) and phones (B, L): (B, hidden, 2T)."""
        content = self._content(codes)
        everywhere = content.new_ones(content.shape[0], 1, content.shape[2])
        words = content.new_ones(phones.shape[0], 1, phones.shape[1])
        features: Tensor = self.enc_p(content, everywhere, phones, words, self.text_style(style))
        return features

    @torch.no_grad()
    def decode(
        self,
        codes: Tensor,
        phones: Tensor,
        references: Sequence[StyleReference],
        *,
        noise_scale: float = 0.5,
        speed: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Speaks.

        Args:
            codes: (B, T) semantic codes.
            phones: (B, L) phones of what is said.
            references: recordings of the voice, at least one.
            noise_scale: 0 speaks the mean; 0.5 is usual.
            speed: above 1 for faster.
            generator: source of the noise.

        Returns:
            (B, 1, S) in [-1, 1]; S = T * 2 * hop at speed 1.
        """
        style = self.mean_style(references)
        features = self.prior_features(codes, phones, style)
        return self._speak(change_speed(features, speed), style, noise_scale, generator)

    @torch.no_grad()
    def decode_stream(
        self,
        codes: Tensor,
        phones: Tensor,
        style: Tensor,
        *,
        last_codes: int | None = None,
        overlap: Tensor | None = None,
        settings: SpeakSettings | None = None,
        generator: torch.Generator | None = None,
    ) -> SpokenChunk:
        """Speaks the end of what is known so far; all of it is context.

        Args:
            codes: (1, T) every code so far.
            phones: (1, L) phones of the whole sentence.
            style: (1, G, 1) from `mean_style`.
            last_codes: how many codes at the end to speak; none for all.
            overlap: (1, hidden, n) features that the previous call gave for the first n frames
                of this one; they fade into the new ones.
            settings: noise and speed.
            generator: source of the noise.

        Returns:
            Samples and features of the spoken codes.
        """
        settings = settings or SpeakSettings()
        features = self.prior_features(codes, phones, style)
        if last_codes is not None:
            features = features[..., -FRAMES_PER_CODE * last_codes :]
        if overlap is not None:
            features = blend_start(features, overlap)
        paced = change_speed(features, settings.speed)
        wave = self._speak(paced, style, settings.noise_scale, generator)
        return SpokenChunk(wave=wave, features=features)

    def forward(
        self,
        ssl: Tensor,
        spectrogram: Tensor,
        frames: Tensor,
        phones: Tensor,
        phone_lengths: Tensor,
        *,
        speaker: Tensor | None = None,
        draws: SovitsDraws | None = None,
    ) -> SovitsTrainingOutput:
        """One training step's view of a batch.

        Args:
            ssl: (B, C, T) content features, T about F.
            spectrogram: (B, bins, F) linear amplitude, zero where padded.
            frames: (B,) frames with content.
            phones: (B, L) int64, padded with 0.
            phone_lengths: (B,).
            speaker: (B, V) speaker vectors, where the network hears them.
            draws: noise and starts, where a test gives them.

        Returns:
            Everything that the losses need.
        """
        if self.enc_q is None:
            raise ValueError("a network without its posterior encoder cannot be trained")
        draws = draws or SovitsDraws()
        mask = length_mask(frames, spectrogram.shape[2]).to(spectrogram.dtype)
        words = length_mask(phone_lengths, phones.shape[1]).to(spectrogram.dtype)
        style = self._style(spectrogram, mask, speaker)

        content = fit_steps(self._content(self.extract_codes(ssl)), spectrogram.shape[2])
        features = self.enc_p(content, mask, phones, words, self.text_style(style))
        prior = self.enc_p.distribution(features, mask)

        posterior = self.enc_q(spectrogram, mask, style.detach())
        noise = torch.randn_like(posterior.mean) if draws.noise is None else draws.noise
        latent = (posterior.mean + noise * posterior.log_scale.exp()) * mask

        segment = self.config.segment_frames
        starts = draw_starts(frames, segment) if draws.starts is None else draws.starts
        return SovitsTrainingOutput(
            wave=self.dec(take_segments(latent, starts, segment), style),
            starts=starts,
            mask=mask,
            latent=latent,
            prior_latent=self.flow(latent, mask, style),
            prior=prior,
            posterior=posterior,
        )

    def save_memory(self, *, enabled: bool = True) -> None:
        """Trades training time for memory: the decoder's inner results are computed twice."""
        self.dec.saves_memory = enabled

    def fuse_weight_norm(self) -> None:
        """Makes speaking faster; afterwards the network cannot be trained nor exported."""
        fuse_weight_norm(self)

    def _style(self, spectrogram: Tensor, mask: Tensor, speaker: Tensor | None) -> Tensor:
        """(B, G, 1) of spectrograms (B, bins, F) under a mask (B, 1, F), and of speaker vectors (B, V)."""
        heard: Tensor = self.ref_enc(spectrogram, mask)
        if self.sv_emb is None:
            return heard
        if speaker is None:
            raise ValueError("this network hears a speaker vector beside the spectrogram")
        both: Tensor = self.prelu(heard + self.sv_emb(speaker.to(heard.dtype)).unsqueeze(2))
        return both

    def _content(self, codes: Tensor) -> Tensor:
        """Code vectors at the rate of the frames: (B, T) to (B, C, 2T)."""
        return self.quantizer.vectors(codes).repeat_interleave(FRAMES_PER_CODE, dim=2)

    def _speak(
        self, features: Tensor, style: Tensor, noise_scale: float, generator: torch.Generator | None
    ) -> Tensor:
        mask = features.new_ones(features.shape[0], 1, features.shape[2])
        prior = self.enc_p.distribution(features, mask)
        latent = prior.mean
        if noise_scale:
            device = generator.device if generator is not None else latent.device
            noise = torch.randn(latent.shape, generator=generator, device=device, dtype=torch.float32)
            latent = latent + noise.to(latent) * prior.log_scale.exp() * noise_scale
        wave: Tensor = self.dec(self.flow(latent, mask, style, inverse=True), style)
        return wave
