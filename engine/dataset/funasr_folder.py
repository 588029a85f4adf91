"""A FunASR model's folder, read by our own hands: its settings, its word list and its weights.

FunASR's own loader asks the network for what it does not find, runs code that a folder may bring, and
unpickles `model.pt`. None of that happens here: the settings are plain values, and the weights are read by
`engine.checkpoints`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.checkpoints.reader import read_value
from engine.dataset.funasr_library import INSTALL, NETWORKS
from engine.protocol.errors import BadCheckpoint, MissingModel

_SETTINGS: Final = "config.yaml"
_WEIGHTS: Final = "model.pt"
_OURS: Final = frozenset(
    {
        "bf16",
        "config",
        "device",
        "excludes",
        "fp16",
        "hub",
        "init_param",
        "ncpu",
        "ngpu",
        "oss_bucket",
        "punc_kwargs",
        "punc_model",
        "remote_code",
        "scope_map",
        "spk_kwargs",
        "spk_model",
        "trust_remote_code",
        "vad_kwargs",
        "vad_model",
    }
)
"""Settings that say where and how to load: not for a folder to decide."""
_BESIDE: Final = (
    ("tokenizer_conf", "token_list", "tokens.txt"),
    ("tokenizer_conf", "token_list", "tokens.json"),
    ("tokenizer_conf", "seg_dict", "seg_dict"),
    ("tokenizer_conf", "bpemodel", "bpe.model"),
    ("frontend_conf", "cmvn_file", "am.mvn"),
)
"""Files beside the settings, and the setting that each one fills."""
_WRAPPINGS: Final = ("state_dict", "model_state_dict", "model")
_MISSING_ALLOWED: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FunAsrFolder:
    """One network's folder.

    Attributes:
        path: The folder.
        network: FunASR's class.
        settings: What the class takes; paths in it are whole.
        weights: The file of weights.
    """

    path: Path
    network: str
    settings: dict[str, Any]
    weights: Path


def open_folder(path: Path, published: str) -> FunAsrFolder:
    """Reads the settings of a network.

    Args:
        path: its folder.
        published: the name under which it is published, for the hint.

    Raises:
        MissingModel: the folder or one of its files is not there.
        BadCheckpoint: the settings cannot be read, or are those of a network that is not known.
    """
    hint = (
        f"Put the files of {published} from modelscope.cn ({_SETTINGS}, {_WEIGHTS} and what lies beside them)"
        f" into {path}."
    )
    if not (path / _SETTINGS).is_file():
        what = f"{_SETTINGS} missing" if path.is_dir() else "there is no such folder"
        raise MissingModel(f"The speech recognition model in {path} is not complete: {what}.", hint=hint)
    settings = _plain_settings(path / _SETTINGS)
    named = _named_files(path)
    weights = Path(str(named.pop("init_param", "") or path / _WEIGHTS))
    if not weights.is_file():
        raise MissingModel(
            f"The speech recognition model in {path} is not complete: {weights.name} missing.", hint=hint
        )
    network = settings.pop("model", "")
    if network not in NETWORKS:
        raise BadCheckpoint(
            f"The network {network!r} of {path / _SETTINGS} is none that the program knows.",
            hint=f"Choose a folder with one of: {', '.join(sorted(NETWORKS))}.",
        )
    for section, key, name in _BESIDE:
        if (path / name).is_file():
            _section(settings, section)[key] = str(path / name)
    if (path / "jieba_usr_dict").is_file():
        settings["jieba_usr_dict"] = str(path / "jieba_usr_dict")
    _merge(settings, named)
    settings = {key: value for key, value in settings.items() if key not in _OURS}
    settings.setdefault("model_conf", {})
    _keep_at_home(settings)
    return FunAsrFolder(path=path, network=str(network), settings=settings, weights=weights)


def load_weights(network: nn.Module, folder: FunAsrFolder) -> tuple[str, ...]:
    """Puts a folder's weights into its network.

    Returns:
        The names of weights that the file does not have; FunASR itself shrugs at a few.

    Raises:
        BadCheckpoint: the file is damaged, would run code, or belongs to another network.
    """
    weights = _unwrapped(read_value(folder.weights))
    wanted = network.state_dict()
    missing = tuple(name for name in wanted if name not in weights)
    if len(missing) > _MISSING_ALLOWED * len(wanted):
        raise BadCheckpoint(
            f"{folder.weights} does not belong to its settings: {len(missing)} of {len(wanted)} weights are"
            " missing.",
            hint="Download the model's files again, all of them.",
            detail=", ".join(missing[:20]),
        )
    unlike = [name for name in wanted if name in weights and weights[name].shape != wanted[name].shape]
    if unlike:
        raise BadCheckpoint(
            f"{folder.weights} does not belong to its settings: {unlike[0]} has another size.",
            hint="Download the model's files again, all of them.",
            detail=", ".join(unlike[:20]),
        )
    network.load_state_dict({name: weights[name] for name in wanted if name in weights}, strict=False)
    tell = getattr(network, "on_pretrained_model_loaded", None)
    if callable(tell):
        tell(frozenset(name for name in wanted if name in weights))
    return missing


def _plain_settings(path: Path) -> dict[str, Any]:
    try:
        from omegaconf import OmegaConf
    except ImportError as error:
        raise MissingModel("FunASR is not installed.", hint=INSTALL, detail=str(error)) from error
    try:
        made = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except Exception as error:  # a damaged file comes back as errors of many kinds
        raise BadCheckpoint(
            f"{path} cannot be read.", hint="Download the model's files again.", detail=str(error)
        ) from error
    if not isinstance(made, dict):
        raise BadCheckpoint(f"{path} holds no settings.", hint="Download the model's files again.")
    return {str(key): value for key, value in made.items()}


def _named_files(path: Path) -> dict[str, Any]:
    """What `configuration.json` says of the files in the folder."""
    place = path / "configuration.json"
    if not place.is_file():
        return {}
    try:
        found = json.loads(place.read_text(encoding="utf-8")).get("file_path_metas", {})
    except (OSError, ValueError, AttributeError) as error:
        raise BadCheckpoint(
            f"{place} cannot be read.", hint="Download the model's files again.", detail=str(error)
        ) from error
    return _whole_paths(path, found) if isinstance(found, dict) else {}


def _whole_paths(folder: Path, named: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in named.items():
        if isinstance(value, Mapping):
            made[key] = _whole_paths(folder, value)
        elif isinstance(value, str):
            place = (folder / value).resolve()
            if place.is_relative_to(folder.resolve()) and place.exists():
                made[key] = str(folder / value)
    return made


def _merge(settings: dict[str, Any], named: Mapping[str, Any]) -> None:
    for key, value in named.items():
        if isinstance(value, Mapping):
            _merge(_section(settings, key), value)
        else:
            settings[key] = value


def _section(settings: dict[str, Any], name: str) -> dict[str, Any]:
    found = settings.get(name)
    if not isinstance(found, dict):
        found = settings[name] = {}
    return found


def _keep_at_home(settings: dict[str, Any]) -> None:
    """Takes out what would make a part load itself from the network or from another file."""
    for name, part in settings.items():
        if not isinstance(part, dict):
            continue
        for key in ("hub", "trust_remote_code"):
            part.pop(key, None)
        if name != "llm_conf" and "tokenizer" not in name:
            part.pop("init_param_path", None)
        _keep_at_home(part)


def _unwrapped(payload: Any) -> dict[str, Tensor]:
    """The weights themselves, whatever a trainer wrapped around them."""
    for name in _WRAPPINGS:
        if isinstance(payload, dict) and isinstance(payload.get(name), dict):
            payload = payload[name]
    if not isinstance(payload, dict):
        return {}
    return {
        str(name).removeprefix("module."): value
        for name, value in payload.items()
        if isinstance(value, torch.Tensor)
    }
