"""SoVITS as weight files hold it: loading and exporting the network, whose parts are also found here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from engine.checkpoints.layout import HEADERS
from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_sovits
from engine.models.sovits_config import SovitsConfig, shown_sizes, shown_version
from engine.models.sovits_network import FRAMES_PER_CODE, Sovits, SpeakSettings, SpokenChunk, StyleReference
from engine.models.sovits_training import SovitsDraws, SovitsTrainingOutput
from engine.models.weights import put_weights
from engine.protocol.errors import BadCheckpoint
from engine.protocol.versions import VERSIONS, Decoder, version

__all__ = [
    "FRAMES_PER_CODE",
    "Sovits",
    "SovitsDraws",
    "SovitsTrainingOutput",
    "SpeakSettings",
    "SpokenChunk",
    "StyleReference",
    "build_sovits",
    "export_sovits",
    "load_sovits",
]

_POSTERIOR: Final = "enc_q."
_PHONE_TABLE: Final = "enc_p.text_embedding.weight"
_MEL_DECODER: Final = "cfm."


def load_sovits(path: Path, *, posterior: bool | None = None) -> Sovits:
    """The network of a weight file, in float32 on the CPU, in evaluation mode.

    Args:
        path: a pretrained or exported SoVITS weight file of a version that decodes to a waveform.
        posterior: with the posterior encoder, for training; exported files lack it, and it then
            starts at random. None keeps what the file has.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, of another kind or version, or does not fit together.
    """
    content = read_checkpoint(path)
    facts = HEADERS.get(content.header)
    said = facts.version if facts is not None else ""
    return build_sovits(content.weights, content.config, path, posterior=posterior, said=said)


def has_posterior(path: Path) -> bool:
    """Whether a SoVITS weight file has the posterior encoder, which training needs; reads its names only.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged.
    """
    return any(name.startswith(_POSTERIOR) for name in read_checkpoint(path, shapes_only=True).weights)


def build_sovits(
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any],
    path: Path,
    *,
    posterior: bool | None = None,
    said: str = "",
) -> Sovits:
    """The network of a state dict and a configuration.

    Args:
        weights: official state dict.
        config: its nested configuration.
        path: the file they are from, for messages.
        posterior: as `load_sovits` takes it.
        said: the version that the file's header names; empty where it names none.

    Raises:
        BadCheckpoint: they are of another kind or version, or do not fit together.
    """
    if any(name.startswith(_MEL_DECODER) for name in weights):
        kinds = [row.name for row in VERSIONS.values() if row.decoder is not Decoder.WAVE]
        raise BadCheckpoint(
            f"{path} is a SoVITS model of {' or '.join(kinds)}, which has no waveform decoder of its own.",
            hint="Choose the version that the file was made for.",
        )
    if _PHONE_TABLE not in weights:
        raise BadCheckpoint(f"{path} is no SoVITS weight file.", hint="Choose a SoVITS .pth file.")
    stored = any(name.startswith(_POSTERIOR) for name in weights)
    wanted = stored if posterior is None else posterior
    sizes = SovitsConfig.from_checkpoint(config, shown_sizes(weights))
    sizes = replace(sizes, version=shown_version(sizes, said or sizes.version).name)
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
    """Writes what speaking needs, as the official trainer does.

    The numbers are float16, the posterior encoder is left out, and the first two bytes are those of
    the network's version.

    Args:
        model: a trained network.
        path: file to write.
        info: a remark, such as `8epoch_200iteration`.
        config: the training's configuration, whose entries are kept beside the sizes.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    sizes = model.config
    header = version(sizes.version).header
    return write_sovits(path, model.state_dict(), sizes.to_checkpoint(config), info, header=header)
