"""Says what a weight file is, by the names and shapes in it, never by its size or its name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from engine.checkpoints.layout import HEADERS, OFFICIAL_START_BYTES, OFFICIAL_STARTS
from engine.checkpoints.reader import Checkpoint, FileFormat, dangerous_names, detect_format, read_checkpoint
from engine.protocol.versions import VERSIONS, Decoder, Vocoder

Shapes = Mapping[str, tuple[int, ...]]

UNKNOWN_VERSION: Final = "unknown"

_PHONES_V1_SOVITS: Final = VERSIONS["v1"].symbol_rows
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
    if packed is FileFormat.TORCH_LEGACY:
        return CheckpointInfo(path=path, format=packed, safe=False)
    if packed is FileFormat.TORCH_ZIP and (refused := dangerous_names(path)):
        return CheckpointInfo(path=path, format=packed, safe=False, refused=refused)
    content = read_checkpoint(path, shapes_only=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in content.weights.items()}
    kind = _kind(shapes)
    fits = _fits(kind, shapes, content, path)
    counts: dict[str, int] = {}
    for tensor in content.weights.values():
        name = str(tensor.dtype).removeprefix("torch.")
        counts[name] = counts.get(name, 0) + tensor.numel()
    return CheckpointInfo(
        path=path,
        format=packed,
        safe=True,
        kind=kind,
        version=_version(kind, fits),
        fits=fits,
        lora=_is_lora(shapes, content),
        lora_rank=content.lora_rank,
        training_state="optimizer" in content.extras,
        header=content.header.decode("ascii") if content.header in HEADERS else "",
        symbol_rows=_symbol_rows(shapes),
        tensors=len(shapes),
        parameters=sum(counts.values()),
        dtype=max(counts, key=lambda name: counts[name]),
        info=content.info,
        sizes=_sizes(kind, shapes, content),
    )


# A name that ends (or stands anywhere, where the ending is the weight norm's) in a network's own way.
_MARKS: Final = (
    (ModelKind.GPT, "ar_predict_layer.weight"),
    (ModelKind.SOVITS, "enc_p.text_embedding.weight"),
    (ModelKind.SOVITS, "ref_enc.fc.fc.weight"),
    (ModelKind.DISCRIMINATOR, "discriminators.0.convs.0.bias"),
    (ModelKind.CONTENT_ENCODER, "feature_projection.projection.weight"),
    (ModelKind.TEXT_ENCODER, "embeddings.word_embeddings.weight"),
    (ModelKind.SPEAKER_ENCODER, "bn1.running_mean"),
    (ModelKind.VOCODER, "conv_pre.bias"),
)


def _kind(shapes: Shapes) -> ModelKind:
    for kind, mark in _MARKS:
        if any(name == mark or name.endswith(f".{mark}") for name in shapes):
            return kind
    return ModelKind.UNKNOWN


def _shape(shapes: Shapes, ending: str) -> tuple[int, ...] | None:
    return next((shape for name, shape in shapes.items() if name.endswith(ending)), None)


def _symbol_rows(shapes: Shapes) -> int:
    for ending in ("ar_text_embedding.word_embeddings.weight", "enc_p.text_embedding.weight"):
        if shape := _shape(shapes, ending):
            return shape[0]
    return 0


def _is_lora(shapes: Shapes, content: Checkpoint) -> bool:
    facts = HEADERS.get(content.header)
    if content.lora_rank is not None or (facts is not None and facts.lora):
        return True
    return any(".lora_A." in name for name in shapes)


def _fits(kind: ModelKind, shapes: Shapes, content: Checkpoint, path: Path) -> tuple[str, ...]:
    match kind:
        case ModelKind.GPT:
            rows = _symbol_rows(shapes)
            same = tuple(one.name for one in VERSIONS.values() if one.gpt_phone_rows == rows)
            return same or _GPT_LATER
        case ModelKind.SOVITS:
            return _sovits_fits(shapes, content, path)
        case ModelKind.DISCRIMINATOR:
            judges = {name.split(".")[1] for name in shapes if name.startswith("discriminators.")}
            return ("v1", "v2") if len(judges) <= _JUDGES else _WITH_SPEAKER
        case ModelKind.SPEAKER_ENCODER:
            return _WITH_SPEAKER
        case ModelKind.VOCODER:
            wanted = Vocoder.BIGVGAN if _has(shapes, "activation_post") else Vocoder.HIFIGAN
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


def _sovits_fits(shapes: Shapes, content: Checkpoint, path: Path) -> tuple[str, ...]:
    """Header first, then what only one version has, then the configuration, last the known files."""
    if facts := HEADERS.get(content.header):
        return (facts.version,)
    if _has(shapes, "cfm."):
        said = str(content.config.get("model", {}).get("version", ""))
        known = said if said in _FLOW_MATCHING else OFFICIAL_STARTS.get(_start_md5(path), "")
        return (known,) if known in _FLOW_MATCHING else _FLOW_MATCHING
    if "sv_emb.weight" in shapes:
        first = _shape(shapes, "dec.conv_pre.weight")
        return ("v2ProPlus",) if first and first[0] == _PRO_PLUS_WIDTH else ("v2Pro",)
    return ("v1",) if _symbol_rows(shapes) == _PHONES_V1_SOVITS else ("v2",)


def _has(shapes: Shapes, start: str) -> bool:
    return any(name.startswith(start) for name in shapes)


def _start_md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.md5(file.read(OFFICIAL_START_BYTES), usedforsecurity=False).hexdigest()


def _sizes(kind: ModelKind, shapes: Shapes, content: Checkpoint) -> dict[str, int]:
    def at(ending: str, axis: int) -> int:
        shape = _shape(shapes, ending)
        return shape[axis] if shape and axis < len(shape) else 0

    match kind:
        case ModelKind.GPT:
            layers = {name.split("h.layers.")[1].split(".")[0] for name in shapes if "h.layers." in name}
            return {
                "layers": len(layers),
                "width": at("ar_predict_layer.weight", 1),
                "semantic_rows": at("ar_predict_layer.weight", 0),
                "bert_channels": at("bert_proj.weight", 1),
                "heads": int(content.config.get("model", {}).get("head", 0)),
            }
        case ModelKind.SOVITS:
            return {
                "width": at("enc_p.text_embedding.weight", 1),
                "style_channels": at("ref_enc.fc.fc.weight", 0),
                "spectrogram_bins": at("ref_enc.spectral.0.fc.weight", 1),
                "decoder_channels": at("dec.conv_pre.weight", 0),
                "ssl_channels": at("ssl_proj.weight", 1),
                "codes": at("_codebook.embed", 0),
            }
    return {}
