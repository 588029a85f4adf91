"""Says what a weight file is, by the names and shapes in it, never by its size or its name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from engine.checkpoints.containers import FileFormat, detect_format, open_container
from engine.checkpoints.layout import HEADERS, OFFICIAL_START_BYTES, OFFICIAL_STARTS
from engine.checkpoints.outline import Outline, outline
from engine.checkpoints.records import TensorRecord
from engine.protocol.versions import VERSIONS, Decoder, Vocoder

Records = Mapping[str, TensorRecord]

UNKNOWN_VERSION: Final = "unknown"

_V1: Final = VERSIONS["v1"]
_ADAPTER: Final = ".lora_A."
_STYLE_INPUT: Final = "ref_enc.spectral.0.fc.weight"
_PRO_PLUS_WIDTH: Final = 768
_JUDGES: Final = 6
"""Discriminators of versions without a speaker embedding: one of scale, five of periods."""

_GPT_LATER: Final = tuple(row.name for row in VERSIONS.values() if row.gpt_phone_rows == 732)
_FLOW_MATCHING: Final = tuple(row.name for row in VERSIONS.values() if row.decoder is Decoder.MEL)
_WITH_SPEAKER: Final = tuple(row.name for row in VERSIONS.values() if row.speaker_embedding)


class ModelKind(StrEnum):
    """What a weight file is for."""

    GPT = "gpt"
    SOVITS = "sovits"
    DISCRIMINATOR = "discriminator"
    CONTENT_ENCODER = "content_encoder"
    TEXT_ENCODER = "text_encoder"
    SPEAKER_ENCODER = "speaker_encoder"
    VOCODER = "vocoder"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInfo:
    """What a weight file is.

    Attributes:
        path: The file.
        format: How it is packed.
        safe: Whether it holds nothing but weights and plain values.
        refused: Names of code that an unsafe file would run.
        kind: What it is for.
        version: Model version, where the content tells it; `unknown` where it may be one of several.
            GPT files of v2 and later are alike: `v2`; discriminators of v1 and v2, too.
        fits: Model versions that it can be used with.
        lora: Whether it is an adapter to a pretrained model.
        lora_rank: Rank of the adapter.
        training_state: Whether it is a state to go on training from, not a finished weight.
        header: The first two bytes, when they say something.
        symbol_rows: Rows of the phone table; 0 where there is none.
        tensors: Number of tensors.
        parameters: Number of values in them.
        dtype: Type of most values.
        info: The trainer's remark.
        sizes: Dimensions of the network.
    """

    path: Path
    format: FileFormat
    safe: bool
    refused: tuple[str, ...] = ()
    kind: ModelKind = ModelKind.UNKNOWN
    version: str = ""
    fits: tuple[str, ...] = ()
    lora: bool = False
    lora_rank: int | None = None
    training_state: bool = False
    header: str = ""
    symbol_rows: int = 0
    tensors: int = 0
    parameters: int = 0
    dtype: str = ""
    info: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return {
            **asdict(self),
            "path": str(self.path),
            "refused": list(self.refused),
            "fits": list(self.fits),
        }


def inspect(path: Path) -> CheckpointInfo:
    """What a weight file is; nothing in it is run, and its numbers stay on disk.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, or no weight file.
    """
    packed = detect_format(path)
    with open_container(path) as container:
        if container.content.refused:
            return CheckpointInfo(path=path, format=packed, safe=False, refused=container.content.refused)
        found = outline(path, container)
    kind = _kind(found.weights)
    fits = _fits(kind, found)
    counts: dict[str, int] = {}
    for record in found.weights.values():
        counts[record.storage.dtype] = counts.get(record.storage.dtype, 0) + record.count
    return CheckpointInfo(
        path=path,
        format=packed,
        safe=True,
        kind=kind,
        version=_version(kind, fits),
        fits=fits,
        lora=_is_lora(found),
        lora_rank=_lora_rank(found),
        training_state=found.training_state,
        header=found.header.decode("ascii") if found.header in HEADERS else "",
        symbol_rows=_symbol_rows(found.weights),
        tensors=len(found.weights),
        parameters=sum(counts.values()),
        dtype=max(counts, key=lambda name: counts[name]),
        info=found.info,
        sizes=_sizes(kind, found),
    )


# What a name ends with; where the mark is a common word, the whole name.
_MARKS: Final = (
    (ModelKind.GPT, ".ar_predict_layer.weight"),
    (ModelKind.SOVITS, ".enc_p.text_embedding.weight"),
    (ModelKind.SOVITS, ".ref_enc.fc.fc.weight"),
    (ModelKind.DISCRIMINATOR, ".discriminators.0.convs.0.bias"),
    (ModelKind.CONTENT_ENCODER, ".feature_projection.projection.weight"),
    (ModelKind.TEXT_ENCODER, ".embeddings.word_embeddings.weight"),
    (ModelKind.SPEAKER_ENCODER, ".fuse34.local_att.0.weight"),
)
_VOCODER_MARK: Final = "conv_pre.bias"


def _kind(weights: Records) -> ModelKind:
    for kind, mark in _MARKS:
        if any(f".{name}".endswith(mark) for name in weights):
            return kind
    return ModelKind.VOCODER if _VOCODER_MARK in weights else ModelKind.UNKNOWN


def _shape(weights: Records, ending: str) -> tuple[int, ...] | None:
    return next((record.shape for name, record in weights.items() if name.endswith(ending)), None)


def _size(weights: Records, ending: str, axis: int) -> int:
    """One axis of a tensor; 0 where there is none."""
    shape = _shape(weights, ending) or ()
    return shape[axis] if axis < len(shape) else 0


def _has(weights: Records, start: str) -> bool:
    return any(name.startswith(start) for name in weights)


def _model_settings(found: Outline) -> Mapping[str, object]:
    settings = found.config.get("model")
    return settings if isinstance(settings, Mapping) else {}


def _symbol_rows(weights: Records) -> int:
    rows = _size(weights, "ar_text_embedding.word_embeddings.weight", 0)
    return rows or _size(weights, "enc_p.text_embedding.weight", 0)


def _is_lora(found: Outline) -> bool:
    facts = HEADERS.get(found.header)
    if found.lora_rank is not None or (facts is not None and facts.lora):
        return True
    return any(_ADAPTER in name for name in found.weights)


def _lora_rank(found: Outline) -> int | None:
    """As the file says, or as its adapters show."""
    if found.lora_rank is not None:
        return found.lora_rank
    shapes = (record.shape for name, record in found.weights.items() if _ADAPTER in name)
    return next((shape[0] for shape in shapes if shape), None)


def _fits(kind: ModelKind, found: Outline) -> tuple[str, ...]:
    match kind:
        case ModelKind.GPT:
            rows = _symbol_rows(found.weights)
            same = tuple(one.name for one in VERSIONS.values() if one.gpt_phone_rows == rows)
            return same or _GPT_LATER
        case ModelKind.SOVITS:
            return _sovits_fits(found)
        case ModelKind.DISCRIMINATOR:
            judges = {name.split(".")[1] for name in found.weights if name.startswith("discriminators.")}
            return ("v1", "v2") if len(judges) <= _JUDGES else _WITH_SPEAKER
        case ModelKind.SPEAKER_ENCODER:
            return _WITH_SPEAKER
        case ModelKind.VOCODER:
            wanted = Vocoder.BIGVGAN if _has(found.weights, "activation_post.") else Vocoder.HIFIGAN
            return tuple(one.name for one in VERSIONS.values() if one.vocoder is wanted)
    return ()


def _version(kind: ModelKind, fits: tuple[str, ...]) -> str:
    """One name for files that several versions share, except where it decides how they sound."""
    if len(fits) == 1:
        return fits[0]
    match kind:
        case ModelKind.SOVITS:
            return UNKNOWN_VERSION
        case ModelKind.GPT:
            return fits[0]
        case ModelKind.DISCRIMINATOR:
            return "v2" if "v2" in fits else fits[0]
    return ""


def _sovits_fits(found: Outline) -> tuple[str, ...]:
    """As declared; else what only one version has; else the configuration; last the known files."""
    if found.version in VERSIONS:
        return (found.version,)
    weights = found.weights
    if _has(weights, "cfm."):
        said = (_model_settings(found).get("version"), found.config.get("version"))
        known = next((one for one in said if one in _FLOW_MATCHING), None)
        known = known or OFFICIAL_STARTS.get(_start_md5(found.path))
        return (str(known),) if known in _FLOW_MATCHING else _FLOW_MATCHING
    if "sv_emb.weight" in weights:
        wide = _size(weights, "dec.conv_pre.weight", 0) == _PRO_PLUS_WIDTH
        return ("v2ProPlus",) if wide else ("v2Pro",)
    rows = _symbol_rows(weights)
    if rows == _V1.symbol_rows or (not rows and _size(weights, _STYLE_INPUT, 1) == _V1.style_bins):
        return ("v1",)
    return ("v2",)


def _start_md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.md5(file.read(OFFICIAL_START_BYTES), usedforsecurity=False).hexdigest()


def _sizes(kind: ModelKind, found: Outline) -> dict[str, int]:
    def at(ending: str, axis: int) -> int:
        return _size(found.weights, ending, axis)

    match kind:
        case ModelKind.GPT:
            layers = {
                name.split("h.layers.")[1].split(".")[0] for name in found.weights if "h.layers." in name
            }
            heads = _model_settings(found).get("head")
            return {
                "layers": len(layers),
                "width": at("ar_predict_layer.weight", 1),
                "semantic_rows": at("ar_predict_layer.weight", 0),
                "bert_channels": at("bert_proj.weight", 1),
                "heads": heads if isinstance(heads, int) else 0,
            }
        case ModelKind.SOVITS:
            return {
                "width": at("enc_p.text_embedding.weight", 1),
                "style_channels": at("ref_enc.fc.fc.weight", 0),
                "spectrogram_bins": at(_STYLE_INPUT, 1),
                "decoder_channels": at("dec.conv_pre.weight", 0),
                "ssl_channels": at("ssl_proj.weight", 1),
                "codes": at("_codebook.embed", 0),
            }
    return {}
