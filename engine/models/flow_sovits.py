"""SoVITS of v3 and v4: from semantic codes and phones to a mel spectrogram, by flow matching."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engine.audio.spectrogram import V3_MEL, V4_MEL, MelSpec, denormalise_mel, normalise_mel
from engine.checkpoints.layout import HEADERS, OFFICIAL_START_BYTES, OFFICIAL_STARTS
from engine.checkpoints.reader import Checkpoint, read_checkpoint
from engine.checkpoints.writer import write_sovits
from engine.models.adapters import adapter_weights, add_adapters, file_name, merged
from engine.models.diffusion_transformer import DiffusionTransformer, TransformerSizes
from engine.models.flow_matching import FlowDraws, FlowOptions, draw, flow_loss, sample
from engine.models.prior_encoder import PriorEncoder, change_speed
from engine.models.reference_encoder import ReferenceEncoder
from engine.models.sovits_config import SovitsConfig, shown_sizes
from engine.models.sovits_network import FRAMES_PER_CODE, StyleReference
from engine.models.weights import put_weights
from engine.modules.lengths import length_mask
from engine.modules.quantizer import Quantizer
from engine.modules.wavenet import GatedStack
from engine.protocol.errors import BadAudio, BadCheckpoint, MissingModel
from engine.protocol.versions import version as version_facts

_ESTIMATOR: Final = "cfm.estimator."
_PHONE_TABLE: Final = "enc_p.text_embedding.weight"
_UNSEEN: Final = ("enc_p.", "ssl_proj.", "quantizer.")


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
            BadCheckpoint: the configuration does not fit together.
        """
        first = weights["wns1.enc.in_layers.0.weight_v"].shape
        layers = sum(
            name.startswith("wns1.enc.in_layers.") and name.endswith(".weight_v") for name in weights
        )
        return cls(
            encoder=replace(SovitsConfig.from_checkpoint(config, shown_sizes(weights)), version=version),
            transformer=TransformerSizes.of_weights(weights, _ESTIMATOR),
            gate_layers=layers,
            gate_kernel=first[2],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MelPrompt:
    """A recording whose sound the flow goes on from.

    Attributes:
        mel: (1, bands, P) normalised.
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
        return MelPrompt(mel=normalise_mel(mel[..., kept]).to(condition), condition=condition[..., kept])

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
            (1, bands, n) log-mel for a vocoder.
        """
        options = options or FlowOptions(steps=self.version.steps)
        before = prompt
        given = prompt.mel.shape[2]
        for part in condition.split(chunk_frames or self.version.window_frames - given, dim=2):
            asked = torch.cat((before.condition, part), dim=2)
            shape = (1, prompt.mel.shape[1], asked.shape[2])
            device = generator.device if generator is not None else asked.device
            noise = torch.randn(shape, generator=generator, device=device, dtype=torch.float32).to(asked)
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
            content = _fit_length(self._content(self.extract_codes(ssl)), spectrogram.shape[2])
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


def _fit_length(x: Tensor, steps: int) -> Tensor:
    """(B, C, T) cut, or its last step repeated, to a number of steps."""
    missing = steps - x.shape[2]
    return F.pad(x, (0, missing), mode="replicate") if missing > 0 else x[..., :steps]


def load_flow_sovits(path: Path, base: Path | None = None, *, version: str | None = None) -> FlowSovits:
    """The network of a weight file, in float32 on the CPU, in evaluation mode.

    Args:
        path: a whole SoVITS weight file of v3 or v4, or an adapter (LoRA) to one.
        base: the pretrained weights that an adapter belongs to; whole files need none.
        version: v3 or v4; None reads it off the file, and takes v3 where the file does not say.

    Raises:
        MissingModel: there is no such file, or an adapter's pretrained weights are not there.
        BadCheckpoint: a file is damaged, of another kind or version, or they do not fit together.
    """
    found = read_checkpoint(path)
    weights, config = found.weights, found.config
    facts = _flow_version(version or flow_version(found), path)
    if is_adapter(found):
        weights, config = _with_base(found, base, facts)
    if _PHONE_TABLE not in weights or not any(name.startswith(_ESTIMATOR) for name in weights):
        raise BadCheckpoint(
            f"{path} is no SoVITS weight file of v3 or v4.", hint="Choose a SoVITS .pth file of that version."
        )
    try:
        sizes = FlowSizes.of_weights(weights, config, facts.name)
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise BadCheckpoint(
            f"{path} lacks parts of the network.",
            hint="Choose a complete weight file of this version.",
            detail=repr(error),
        ) from error
    with torch.device("meta"):
        model = FlowSovits(sizes, facts)
    put_weights(model, weights, path)
    return model.eval()


def is_adapter(found: Checkpoint) -> bool:
    """Whether a file holds an adapter to a whole model."""
    return found.lora_rank is not None or any(".lora_A." in name for name in found.weights)


def flow_version(found: Checkpoint) -> str:
    """The version that a file itself tells; v3 where it does not.

    The header tells it, else the configuration, else that the file is a known official one.
    """
    facts = HEADERS.get(found.header)
    if facts is not None:
        return facts.version
    model = found.config.get("model")
    said = (model.get("version") if isinstance(model, Mapping) else None) or found.config.get("version")
    if said in FLOW_VERSIONS:
        return str(said)
    with found.path.open("rb") as file:
        start = hashlib.md5(file.read(OFFICIAL_START_BYTES), usedforsecurity=False).hexdigest()
    return OFFICIAL_STARTS.get(start, "v3")


def _flow_version(name: str, path: Path) -> FlowVersion:
    if name not in FLOW_VERSIONS:
        raise BadCheckpoint(
            f"{path} is a SoVITS model of {name}, not of {' or '.join(FLOW_VERSIONS)}.",
            hint="Choose a model of that version.",
        )
    return FLOW_VERSIONS[name]


def _with_base(
    found: Checkpoint, base: Path | None, facts: FlowVersion
) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """The weights and the configuration of a whole model with an adapter merged into it."""
    if base is None or not base.is_file():
        wanted = version_facts(facts.name).pretrained.generator
        raise MissingModel(
            f"{found.path} is a fine-tuning of the pretrained {facts.name} model, "
            f"which is not {'given' if base is None else f'at {base}'}.",
            hint=f"Put {wanted} into the folder of pretrained models.",
        )
    whole = read_checkpoint(base)
    try:
        return merged(whole.weights, found.weights), whole.config
    except (KeyError, ValueError, RuntimeError) as error:
        raise BadCheckpoint(
            f"{found.path} does not fit the pretrained model {base}.",
            hint=f"It belongs to the pretrained weights of {facts.name}.",
            detail=repr(error),
        ) from error


def prepare_adapters(model: FlowSovits, rank: int, generator: torch.Generator | None = None) -> None:
    """Makes a pretrained network ready for fine-tuning: adapters in the flow, and what else may learn.

    The flow itself and the encoder of content and text are frozen.

    Args:
        model: a whole network.
        rank: rank of the adapters.
        generator: source of their first numbers.
    """
    model.requires_grad_(requires_grad=True)
    for name, tensor in model.named_parameters():
        if name.startswith(_UNSEEN):
            tensor.requires_grad_(requires_grad=False)
    add_adapters(model.cfm, rank, generator)


def export_adapters(
    model: FlowSovits, path: Path, *, rank: int, info: str, config: Mapping[str, Any] | None = None
) -> Path:
    """Writes a fine-tuning as the official trainer does: float16, adapters and what else was learnt.

    Args:
        model: a network made ready by `prepare_adapters`.
        path: file to write.
        rank: rank of the adapters.
        info: a remark, such as `2epoch_200iteration`.
        config: the training's configuration, whose entries are kept beside the sizes.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    buffers = {name for name, _ in model.named_buffers()}
    learnt = {name for name, tensor in model.named_parameters() if tensor.requires_grad}
    weights = {
        file_name(name): tensor
        for name, tensor in model.state_dict().items()
        if name in buffers or (name in learnt and ".lora_" not in name)
    }
    weights |= dict(adapter_weights(model))
    header = version_facts(model.version.name).adapter_header
    if header is None:
        raise ValueError(f"{model.version.name} has no adapters")
    settings = model.config.to_checkpoint(config)
    return write_sovits(path, weights, settings, info, header=header, lora_rank=rank)


def export_flow_sovits(
    model: FlowSovits, path: Path, *, info: str, config: Mapping[str, Any] | None = None
) -> Path:
    """Writes a whole network in the official layout, float16.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    return write_sovits(path, model.state_dict(), model.config.to_checkpoint(config), info)
