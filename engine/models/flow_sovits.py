"""SoVITS of v3 and v4 as weight files hold it: whole models and adapters; the network is also found here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from engine.checkpoints.layout import HEADERS, OFFICIAL_START_BYTES, OFFICIAL_STARTS
from engine.checkpoints.reader import Checkpoint, read_checkpoint
from engine.checkpoints.writer import write_sovits
from engine.models.adapters import adapter_weights, add_adapters, file_name, merged
from engine.models.flow_matching import FlowDraws, FlowOptions
from engine.models.flow_network import (
    ESTIMATOR,
    FLOW_VERSIONS,
    FlowSizes,
    FlowSovits,
    FlowVersion,
    MelPrompt,
)
from engine.models.weights import put_weights
from engine.protocol.errors import BadCheckpoint, MissingModel
from engine.protocol.versions import version as version_facts

__all__ = [
    "FLOW_VERSIONS",
    "FlowDraws",
    "FlowOptions",
    "FlowSizes",
    "FlowSovits",
    "FlowVersion",
    "MelPrompt",
    "export_adapters",
    "export_flow_sovits",
    "flow_version",
    "is_adapter",
    "load_flow_sovits",
    "prepare_adapters",
    "prepare_whole",
]

_PHONE_TABLE: Final = "enc_p.text_embedding.weight"
_UNSEEN: Final = ("enc_p.", "ssl_proj.", "quantizer.")


def load_flow_sovits(path: Path, base: Path | None = None, *, version: str | None = None) -> FlowSovits:
    """The network of a weight file, in float32 on the CPU, in evaluation mode.

    Args:
        path: a whole SoVITS weight file of v3 or v4, or an adapter (LoRA) to one.
        base: the pretrained weights that an adapter belongs to; whole files need none.
        version: v3 or v4, which the file must not contradict; None reads it off the file, and takes v3
            where the file does not say.

    Raises:
        MissingModel: there is no such file, or an adapter's pretrained weights are not there.
        BadCheckpoint: a file is damaged, of another kind or version, or they do not fit together.
    """
    found = read_checkpoint(path)
    weights: Mapping[str, Tensor] = found.weights
    config: Mapping[str, Any] = found.config
    said = flow_version(found)
    facts = _flow_version(version or said or "v3", said, path)
    if is_adapter(found):
        weights, config = _with_base(found, base, facts)
    if _PHONE_TABLE not in weights or not any(name.startswith(ESTIMATOR) for name in weights):
        raise BadCheckpoint(
            f"{path} is no SoVITS weight file of v3 or v4.", hint="Choose a SoVITS .pth file of that version."
        )
    try:
        with torch.device("meta"):
            model = FlowSovits(FlowSizes.of_weights(weights, config, facts.name), facts)
    except (KeyError, IndexError, ArithmeticError, ValueError, RuntimeError) as error:
        raise BadCheckpoint(
            f"{path} lacks parts of the network, or they do not fit together.",
            hint="Choose a complete weight file of this version.",
            detail=repr(error),
        ) from error
    put_weights(model, weights, path)
    return model.eval()


def is_adapter(found: Checkpoint) -> bool:
    """Whether a file holds an adapter to a whole model."""
    return found.lora_rank is not None or any(".lora_A." in name for name in found.weights)


def flow_version(found: Checkpoint) -> str:
    """The version that a file itself tells; empty where it does not.

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
    return OFFICIAL_STARTS.get(start, "")


def _flow_version(name: str, said: str, path: Path) -> FlowVersion:
    """Facts of the version that was asked for, which must be the one that the file tells, if it does."""
    if said not in ("", name) or name not in FLOW_VERSIONS:
        wanted = " or ".join(FLOW_VERSIONS) if name == said else name
        raise BadCheckpoint(
            f"{path} is a SoVITS model of {said or ' or '.join(FLOW_VERSIONS)}, not of {wanted}.",
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


def prepare_whole(model: FlowSovits) -> None:
    """Makes a pretrained network ready for fine-tuning: all but the encoder of content and text may learn.

    Args:
        model: a whole network.
    """
    model.requires_grad_(requires_grad=True)
    for name, tensor in model.named_parameters():
        if name.startswith(_UNSEEN):
            tensor.requires_grad_(False)


def prepare_adapters(model: FlowSovits, rank: int, generator: torch.Generator | None = None) -> None:
    """Makes a pretrained network ready for fine-tuning: adapters in the flow, and what else may learn.

    The flow itself and the encoder of content and text are frozen.

    Args:
        model: a whole network.
        rank: rank of the adapters.
        generator: source of their first numbers.
    """
    prepare_whole(model)
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
