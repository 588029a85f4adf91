"""The sizes of a SoVITS network, as its weight file states them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from torch import Tensor

from engine.audio.spectrogram import MelSpec, SpectrogramSpec
from engine.models.weights import MOST_LAYERS
from engine.protocol.errors import BadCheckpoint
from engine.protocol.versions import VERSIONS, Decoder, ModelVersion

_SHAPES = "sizes"
_SHOWN = "shown"
_SHOWN_BY: Mapping[str, tuple[str, int]] = {
    "symbol_rows": ("enc_p.text_embedding.weight", 0),
    "style_bins": ("ref_enc.spectral.0.fc.weight", 1),
    "speaker_channels": ("sv_emb.weight", 1),
}
"""Fields that the weights show: a tensor's name, and which of its sizes it is."""


def _read(section: str, key: str, default: Any) -> Any:
    """A field with its place in the official configuration."""
    return field(default=default, metadata={"section": section, "key": key})


@dataclass(frozen=True, slots=True, kw_only=True)
class SovitsConfig:
    """Sizes of the network; the defaults are those of the official v2 model.

    What official configurations do not name (from `ssl_channels` on) stands in the section
    `model` of our own files when it differs from the official model; the last three are never
    written, because the weights show them.

    Attributes:
        segment_samples: Length of the stretch that a training step decodes.
        rate_hz: Sample rate of the decoder's output.
        fft_samples: Window of the linear spectrogram; it has half as many bins, plus one.
        hop_samples: Samples between two frames.
        window_samples: Samples that the analysis window covers.
        mel_bands: Bands of the mel loss.
        mel_low_hz: Lower end of the lowest band.
        mel_high_hz: Upper end of the highest band; none for half the sample rate.
        latent_channels: Width of the latent that the decoder speaks.
        hidden_channels: Width of the encoders.
        filter_channels: Inner width of the feed-forward layers.
        heads: Attention heads of the encoders.
        layers: Layers of the text encoder; the others have half as many.
        kernel: Kernel of the feed-forward layers; odd.
        dropout: Dropout of the encoders in training.
        resblock: Kind of residual block; only "1" is known.
        resblock_kernels: Kernels of the decoder's parallel residual blocks.
        resblock_dilations: Dilations of each of them.
        upsample_rates: Factors of the decoder's stages; their product is `hop_samples`.
        upsample_channels: Width of the decoder's first stage; halved by each.
        upsample_kernels: Kernels of the decoder's stages.
        style_channels: Width of the style vector.
        version: Name of the model version.
        ssl_channels: Width of the content features.
        codebook_size: Number of semantic codes.
        mrte_channels: Width where text meets content; equal to `style_channels` unless a speaker
            vector is heard too.
        mrte_heads: Attention heads there.
        relative_window: How far attention knows relative positions.
        posterior_layers: Gated layers of the posterior encoder.
        flow_count: Couplings of the flow.
        flow_layers: Gated layers of each coupling.
        gate_kernel: Kernel of the gated layers; odd.
        style_width: Inner width of the style encoder.
        style_heads: Attention heads of the style encoder.
        symbol_rows: Rows of the phone table.
        style_bins: Lowest spectrogram bins that the style is read from.
        speaker_channels: Width of the speaker vector that the style hears too; 0 where it hears none.
    """

    segment_samples: int = _read("train", "segment_size", 20480)
    rate_hz: int = _read("data", "sampling_rate", 32000)
    fft_samples: int = _read("data", "filter_length", 2048)
    hop_samples: int = _read("data", "hop_length", 640)
    window_samples: int = _read("data", "win_length", 2048)
    mel_bands: int = _read("data", "n_mel_channels", 128)
    mel_low_hz: float = _read("data", "mel_fmin", 0.0)
    mel_high_hz: float | None = _read("data", "mel_fmax", None)
    latent_channels: int = _read("model", "inter_channels", 192)
    hidden_channels: int = _read("model", "hidden_channels", 192)
    filter_channels: int = _read("model", "filter_channels", 768)
    heads: int = _read("model", "n_heads", 2)
    layers: int = _read("model", "n_layers", 6)
    kernel: int = _read("model", "kernel_size", 3)
    dropout: float = _read("model", "p_dropout", 0.1)
    resblock: str = _read("model", "resblock", "1")
    resblock_kernels: tuple[int, ...] = _read("model", "resblock_kernel_sizes", (3, 7, 11))
    resblock_dilations: tuple[tuple[int, ...], ...] = _read(
        "model", "resblock_dilation_sizes", ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    )
    upsample_rates: tuple[int, ...] = _read("model", "upsample_rates", (10, 8, 2, 2, 2))
    upsample_channels: int = _read("model", "upsample_initial_channel", 512)
    upsample_kernels: tuple[int, ...] = _read("model", "upsample_kernel_sizes", (16, 16, 8, 2, 2))
    style_channels: int = _read("model", "gin_channels", 512)
    version: str = _read("model", "version", "v2")
    ssl_channels: int = _read(_SHAPES, "ssl_channels", 768)
    codebook_size: int = _read(_SHAPES, "codebook_size", 1024)
    mrte_channels: int = _read(_SHAPES, "mrte_channels", 512)
    mrte_heads: int = _read(_SHAPES, "mrte_heads", 4)
    relative_window: int = _read(_SHAPES, "relative_window", 4)
    posterior_layers: int = _read(_SHAPES, "posterior_layers", 16)
    flow_count: int = _read(_SHAPES, "flow_count", 4)
    flow_layers: int = _read(_SHAPES, "flow_layers", 4)
    gate_kernel: int = _read(_SHAPES, "gate_kernel", 5)
    style_width: int = _read(_SHAPES, "style_width", 128)
    style_heads: int = _read(_SHAPES, "style_heads", 2)
    symbol_rows: int = _read(_SHOWN, "symbol_rows", 732)
    style_bins: int = _read(_SHOWN, "style_bins", 704)
    speaker_channels: int = _read(_SHOWN, "speaker_channels", 0)

    def __post_init__(self) -> None:
        rate = 1
        for factor in self.upsample_rates:
            rate *= factor
        rules = {
            "upsample_rates must multiply to hop_length": rate == self.hop_samples,
            "upsample_rates and upsample_kernel_sizes must be equally many": len(self.upsample_rates)
            == len(self.upsample_kernels),
            "resblock_kernel_sizes and resblock_dilation_sizes must be equally many": len(
                self.resblock_kernels
            )
            == len(self.resblock_dilations),
            "resblock must be 1": self.resblock == "1",
            f"there must be 1 to {MOST_LAYERS} layers": all(
                1 <= count <= MOST_LAYERS for count in (self.layers, self.posterior_layers, self.flow_layers)
            ),
            "kernel_size and gate_kernel must be odd": bool(self.kernel % 2 and self.gate_kernel % 2),
            "hidden_channels must be a multiple of n_heads": self.hidden_channels % self.heads == 0,
            "mrte_channels must be a multiple of mrte_heads": self.mrte_channels % self.mrte_heads == 0,
            "mrte_channels must equal gin_channels": self.mrte_channels == self.style_channels
            or self.speaker_channels > 0,
            "style_width must be a multiple of style_heads": self.style_width % self.style_heads == 0,
            "inter_channels must be even": self.latent_channels % 2 == 0,
            "segment_size must be a multiple of hop_length": self.segment_samples % self.hop_samples == 0,
        }
        broken = [rule for rule, kept in rules.items() if not kept]
        if broken:
            raise BadCheckpoint(
                f"The configuration of the SoVITS model does not fit together: {'; '.join(broken)}.",
                hint="Use a weight file of a supported version.",
            )

    @property
    def spectrogram(self) -> SpectrogramSpec:
        """How recordings are analysed."""
        return SpectrogramSpec(
            rate_hz=self.rate_hz,
            fft_samples=self.fft_samples,
            hop_samples=self.hop_samples,
            window_samples=self.window_samples,
        )

    @property
    def mel(self) -> MelSpec:
        """What the mel loss compares."""
        return MelSpec(
            spectrogram=self.spectrogram,
            bands=self.mel_bands,
            low_hz=self.mel_low_hz,
            high_hz=self.mel_high_hz,
        )

    @property
    def spectrogram_bins(self) -> int:
        """Bins of the linear spectrogram."""
        return self.spectrogram.bins

    @property
    def segment_frames(self) -> int:
        """Frames of the stretch that a training step decodes."""
        return self.segment_samples // self.hop_samples

    @classmethod
    def from_checkpoint(
        cls, config: Mapping[str, Any], shown: Mapping[str, int] | None = None
    ) -> SovitsConfig:
        """The sizes that a weight file's configuration states.

        Args:
            config: the file's nested `train`, `data` and `model` sections; what is missing there
                has the official v2 model's value, and keys that do not concern the network are
                left alone.
            shown: fields that the weights show by their own shapes; see `shown_sizes`.

        Raises:
            BadCheckpoint: a value has the wrong type, or the sizes do not fit together.
        """
        values: dict[str, Any] = {}
        for one in fields(cls):
            section, key = one.metadata["section"], one.metadata["key"]
            place = config.get("model" if section == _SHAPES else section)
            if section != _SHOWN and isinstance(place, Mapping) and key in place:
                values[one.name] = _typed(one, key, place[key])
        values |= shown or {}
        return cls(**values)

    def to_checkpoint(self, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The configuration for a weight file.

        Args:
            base: a configuration whose other entries are kept (of the file that was fine-tuned,
                and of the training).

        Returns:
            Nested dicts with at least `train`, `data` and `model`.
        """
        made: dict[str, Any] = {
            key: dict(value) if isinstance(value, Mapping) else value for key, value in (base or {}).items()
        }
        for one in fields(self):
            section, value = one.metadata["section"], getattr(self, one.name)
            if section == _SHOWN:
                continue
            place = made.setdefault("model" if section == _SHAPES else section, {})
            if section != _SHAPES or value != one.default or one.metadata["key"] in place:
                place[one.metadata["key"]] = _plain(value)
        made["model"].setdefault("semantic_frame_rate", "25hz")
        return made


def shown_sizes(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """The sizes that a state dict shows by its own shapes, as far as it has the tensors."""
    return {name: weights[key].shape[axis] for name, (key, axis) in _SHOWN_BY.items() if key in weights}


def shown_version(config: SovitsConfig, said: str) -> ModelVersion:
    """The version whose row of the table a network fits best.

    Args:
        config: the network's sizes.
        said: the version that its file names; it decides where the sizes do not.
    """
    hears_speaker = config.speaker_channels > 0
    fitting = [
        row
        for row in VERSIONS.values()
        if row.decoder is Decoder.WAVE and row.speaker_embedding == hears_speaker
    ]

    def likeness(row: ModelVersion) -> tuple[int, bool]:
        alike = (row.symbol_rows == config.symbol_rows, row.decoder_channels == config.upsample_channels)
        return sum(alike), row.name == said

    return max(fitting, key=likeness)


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _integers(value: Any) -> tuple[int, ...]:
    return tuple(_integer(part) for part in value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise ValueError("no whole number")
    return int(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "int": _integer,
    "float": float,
    "float | None": lambda value: None if value is None else float(value),
    "str": str,
    "tuple[int, ...]": _integers,
    "tuple[tuple[int, ...], ...]": lambda value: tuple(_integers(row) for row in value),
}


def _typed(one: Field[Any], key: str, value: Any) -> Any:
    if one.default is MISSING:
        raise TypeError(f"{one.name} has no default")
    try:
        return _READERS[str(one.type)](value)
    except (TypeError, ValueError) as error:
        raise BadCheckpoint(
            f"The configuration of the SoVITS model has an unusable value for {key}: {value!r}.",
            hint="Use another weight file.",
        ) from error
