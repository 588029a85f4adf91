"""SoVITS: from semantic codes and phones to a voice (v2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_sovits
from engine.models.hifigan import Decoder
from engine.models.posterior import PosteriorEncoder
from engine.models.prior_encoder import Gaussian, PriorEncoder, blend_start, change_speed
from engine.models.reference_encoder import ReferenceEncoder
from engine.models.sovits_config import SovitsConfig
from engine.models.weights import put_weights
from engine.modules.flow import CouplingFlow
from engine.modules.lengths import draw_starts, length_mask, take_segments
from engine.modules.normed import fuse_weight_norm
from engine.modules.quantizer import Quantizer
from engine.protocol.errors import BadCheckpoint

FRAMES_PER_CODE = 2
"""A semantic code stands for two frames of the spectrogram and of the content features."""

_POSTERIOR = "enc_q."
_PHONE_TABLE = "enc_p.text_embedding.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class SovitsDraws:
    """What a training step draws; given in tests, drawn otherwise.

    Attributes:
        noise: (B, latent, F) normal noise of the posterior.
        starts: (B,) first frame of the stretch that is decoded.
    """

    noise: Tensor | None = None
    starts: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SovitsTrainingOutput:
    """What the losses need from a training step.

    Attributes:
        wave: (B, 1, segment) decoded stretch, in [-1, 1].
        starts: (B,) first frame of that stretch.
        mask: (B, 1, F) frames that have content.
        latent: (B, latent, F) drawn from the posterior (z).
        prior_latent: The same, mapped to the prior's space (z_p).
        prior: The prior's distribution (m_p, logs_p).
        posterior: The posterior's distribution (m_q, logs_q).
    """

    wave: Tensor
    starts: Tensor
    mask: Tensor
    latent: Tensor
    prior_latent: Tensor
    prior: Gaussian
    posterior: Gaussian


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

    def style(self, spectrogram: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The style of recordings.

        Args:
            spectrogram: (B, bins, F) linear amplitude.
            lengths: (B,) frames with content; none for all.

        Returns:
            (B, G, 1).
        """
        if lengths is None:
            mask = spectrogram.new_ones(spectrogram.shape[0], 1, spectrogram.shape[2])
        else:
            mask = length_mask(lengths, spectrogram.shape[2]).to(spectrogram.dtype)
        vector: Tensor = self.ref_enc(spectrogram, mask)
        return vector

    def mean_style(self, references: Sequence[Tensor]) -> Tensor:
        """The mean of several recordings' styles.

        Args:
            references: linear spectrograms (1, bins, F), at least one.

        Returns:
            (1, G, 1).
        """
        return torch.stack([self.style(spectrogram) for spectrogram in references]).mean(dim=0)

    def prior_features(self, codes: Tensor, phones: Tensor, style: Tensor) -> Tensor:
        """What the prior encoder makes of codes (B, T) and phones (B, L): (B, hidden, 2T)."""
        content = self._content(codes)
        everywhere = content.new_ones(content.shape[0], 1, content.shape[2])
        words = content.new_ones(phones.shape[0], 1, phones.shape[1])
        features: Tensor = self.enc_p(content, everywhere, phones, words, style)
        return features

    @torch.no_grad()
    def decode(
        self,
        codes: Tensor,
        phones: Tensor,
        references: Sequence[Tensor],
        *,
        noise_scale: float = 0.5,
        speed: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Speaks.

        Args:
            codes: (B, T) semantic codes.
            phones: (B, L) phones of what is said.
            references: linear spectrograms (1, bins, F) of the voice, at least one.
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
        draws: SovitsDraws | None = None,
    ) -> SovitsTrainingOutput:
        """One training step's view of a batch.

        Args:
            ssl: (B, C, T) content features, T about F.
            spectrogram: (B, bins, F) linear amplitude, zero where padded.
            frames: (B,) frames with content.
            phones: (B, L) int64, padded with 0.
            phone_lengths: (B,).
            draws: noise and starts, where a test gives them.

        Returns:
            Everything that the losses need.
        """
        if self.enc_q is None:
            raise ValueError("a network without its posterior encoder cannot be trained")
        draws = draws or SovitsDraws()
        mask = length_mask(frames, spectrogram.shape[2]).to(spectrogram.dtype)
        words = length_mask(phone_lengths, phones.shape[1]).to(spectrogram.dtype)
        style = self.ref_enc(spectrogram, mask)

        content = _fit_length(self._content(self.extract_codes(ssl)), spectrogram.shape[2])
        prior = self.enc_p.distribution(self.enc_p(content, mask, phones, words, style), mask)

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


def _fit_length(x: Tensor, steps: int) -> Tensor:
    """(B, C, T) cut, or its last step repeated, to a number of steps."""
    missing = steps - x.shape[2]
    return F.pad(x, (0, missing), mode="replicate") if missing > 0 else x[..., :steps]


def load_sovits(path: Path, *, posterior: bool | None = None) -> Sovits:
    """The network of a weight file, in float32 on the CPU, in evaluation mode.

    Args:
        path: a pretrained or exported SoVITS weight file of v2.
        posterior: with the posterior encoder, for training; exported files lack it, and it then
            starts at random. None keeps what the file has.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, of another kind or version, or does not fit together.
    """
    checkpoint = read_checkpoint(path)
    return build_sovits(checkpoint.weights, checkpoint.config, path, posterior=posterior)


def build_sovits(
    weights: Mapping[str, Tensor], config: Mapping[str, Any], path: Path, *, posterior: bool | None = None
) -> Sovits:
    """The network of a state dict and a configuration; `path` is for messages.

    Raises:
        BadCheckpoint: they are of another kind or version, or do not fit together.
    """
    if _PHONE_TABLE not in weights:
        raise BadCheckpoint(f"{path} is no SoVITS weight file.", hint="Choose a SoVITS .pth file.")
    if any(name.startswith(("cfm.", "sv_emb.")) for name in weights):
        raise BadCheckpoint(
            f"{path} is a SoVITS model of a version that is not supported.", hint="Choose a model of v2."
        )
    stored = any(name.startswith(_POSTERIOR) for name in weights)
    wanted = stored if posterior is None else posterior
    sizes = SovitsConfig.from_checkpoint(config, symbol_rows=weights[_PHONE_TABLE].shape[0])
    taken = {name: value for name, value in weights.items() if wanted or not name.startswith(_POSTERIOR)}
    if wanted and not stored:
        model = Sovits(sizes)
        put_weights(model, taken, path, may_miss=_POSTERIOR)
    else:
        with torch.device("meta"):
            model = Sovits(sizes, posterior=wanted)
        put_weights(model, taken, path)
    return model.eval()


def export_sovits(model: Sovits, path: Path, *, info: str, config: Mapping[str, Any] | None = None) -> Path:
    """Writes what speaking needs, as the official trainer does: float16, no posterior encoder.

    Args:
        model: a trained network.
        path: file to write.
        info: a remark, such as `8epoch_200iteration`.
        config: the training's configuration, whose entries are kept beside the sizes.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    return write_sovits(path, model.state_dict(), model.config.to_checkpoint(config), info)
