"""Models for separating, as they lie in the user's own folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import yaml

from engine.protocol.errors import BadParameters, MissingModel
from engine.protocol.separation_models import separation_models

_HASHED_BYTES: Final = 10_000 * 1024
_TABLES: Final = ("model_data.json", "model_data_new.json")
_TUPLE: Final = "!!python/tuple"
"""A tag that these files are full of; plain lists serve as well."""

_ROFORMERS: Final = (".ckpt", ".safetensors")
_VOICES: Final = ("vocals", "no reverb", "noreverb", "dry", "no echo")


class Family(StrEnum):
    """Kinds of networks."""

    VR = "vr"
    MDX = "mdx"
    ROFORMER = "roformer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A model that was found.

    Attributes:
        name: What people call it.
        path: Its weights.
        family: Its kind.
        facts: What a file beside it says of it.
        settings: Files beside it that say more, for the record.
    """

    name: str
    path: Path
    family: Family
    facts: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[Path, ...] = ()

    def finds_voice(self, *, default: bool) -> bool:
        """Whether the network's own stem is the voice."""
        stem = str(self.facts.get("primary_stem", "")).lower()
        return stem in _VOICES if stem else default


def find_model(given: str, folder: Path) -> ModelFile:
    """The model of a name in the folder, or of a path.

    Raises:
        MissingModel: there is no such model; the hint says where it belongs.
        BadParameters: a file beside it cannot be read.
    """
    known = separation_models(folder)
    typed = Path(given)
    if given in known:
        path = known[given]
    elif (folder / given).is_file():
        path = folder / given
    elif typed.is_dir() and (inner := sorted(typed.glob("*.onnx"))):
        path = inner[0]
    elif typed.is_file():
        path = typed
    else:
        raise _missing(given, folder, list(known))
    return _described(path.absolute(), folder)


def _described(path: Path, folder: Path) -> ModelFile:
    suffix = path.suffix.lower()
    name = path.stem
    if suffix == ".onnx" and path.parent not in {folder, folder.absolute()} and path.stem == "vocals":
        name = path.parent.name
    families = {".pth": Family.VR, ".onnx": Family.MDX, **dict.fromkeys(_ROFORMERS, Family.ROFORMER)}
    if suffix not in families:
        raise BadParameters(
            f"{path} is no model for separating.",
            hint="Choose a .pth (VR), .onnx (MDX) or .ckpt (RoFormer) file.",
        )
    family = families[suffix]
    beside = _beside(path, name, family)
    facts = _read(beside) if beside else {}
    settings: tuple[Path, ...] = (beside,) if beside else ()
    if not facts and family is not Family.ROFORMER:
        facts, settings = _from_tables(path, folder)
    return ModelFile(name=name, path=path, family=family, facts=facts, settings=settings)


def _beside(path: Path, name: str, family: Family) -> Path | None:
    endings = (".yaml", ".yml") if family is Family.ROFORMER else (".json",)
    names = [path.with_suffix(ending) for ending in endings]
    names += [path.with_name(path.name + ending) for ending in endings]
    names += [path.parent.parent / f"{name}{ending}" for ending in endings if name != path.stem]
    return next((candidate for candidate in names if candidate.is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text.replace(_TUPLE, ""))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(found, dict):
        raise _unreadable(path, "no table")
    return found


def _from_tables(path: Path, folder: Path) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """What UVR's own tables say of a file, when the user has put them into the folder."""
    tables = [place / name for place in {folder, path.parent} for name in _TABLES if (place / name).is_file()]
    if not tables:
        return {}, ()
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _HASHED_BYTES, 0))
        mark = hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
    for table in tables:
        facts = _read(table).get(mark)
        if isinstance(facts, dict):
            return facts, (table,)
    return {}, ()


def _unreadable(path: Path, detail: str) -> BadParameters:
    return BadParameters(
        f"{path} cannot be read as the settings of a model.",
        hint="Download it again together with the model.",
        detail=detail,
    )


def _missing(given: str, folder: Path, known: list[str]) -> MissingModel:
    there = f"There are: {', '.join(known)}." if known else "There is none yet."
    return MissingModel(
        f"There is no model for separating called {given!r} in {folder}.",
        hint=f"Put its file there: .pth (VR), .onnx (MDX), or .ckpt with its .yaml (RoFormer). {there}",
    )
