"""Files in the official layouts, filled with deterministic weights.

Written apart from engine.checkpoints on purpose: the reader and the writer of the program
are tested against files that neither of them made.
"""

import json
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.parity.kit import deterministic
from tests.parity.kit.cases import cases_folder, read_json

_DTYPES = {"float16": torch.float16, "float32": torch.float32, "int64": torch.int64}


def manifest(variant: str) -> dict[str, Any]:
    """Key table, container and facts of an official file."""
    return read_json("manifest", f"{variant}.json")


def known_variants() -> list[str]:
    """Every variant that the cases folder has a manifest of."""
    return sorted(path.stem for path in (cases_folder() / "manifest").glob("*.json"))


def weights(variant: str, seed: int = 0, *, half: bool = False) -> "OrderedDict[str, Tensor]":
    """The official state dict of a variant, in the order of its manifest.

    Args:
        variant: name of a manifest.
        seed: seed of the deterministic values.
        half: float16 as official files have it, instead of the float32 of the golden numbers.
    """
    params = manifest(variant)["params"]

    def make(name: str) -> Tensor:
        shape, dtype = params[name]
        tensor = torch.from_numpy(deterministic.values(name, shape, seed))
        kept = torch.float32 if dtype == "float16" and not half else _DTYPES[dtype]
        return tensor.contiguous().to(kept)

    with ThreadPoolExecutor(max_workers=2) as pool:  # NumPy computes without holding others up
        return OrderedDict(zip(params, pool.map(make, params), strict=True))


@contextmanager
def foreign_class(module: str, name: str) -> Iterator[type]:
    """A class that pickles as `module.name`, while the block lasts."""
    kind = type(name, (), {"__module__": module})
    stand_in = types.ModuleType(module)
    setattr(stand_in, name, kind)
    before = sys.modules.get(module)
    sys.modules[module] = stand_in
    try:
        yield kind
    finally:
        if before is None:
            del sys.modules[module]
        else:
            sys.modules[module] = before


def _as_attributes(kind: type, values: Mapping[str, Any]) -> object:
    made = kind()
    for key, value in values.items():
        setattr(made, key, _as_attributes(kind, value) if isinstance(value, dict) else value)
    return made


def _container(facts: Mapping[str, Any], state: Mapping[str, Tensor], hparams: type) -> object:
    layout = facts["container"]["top_level"]
    if layout == "bare state dict":
        return state
    makers = {
        "state dict": lambda _: state,
        "HParams": lambda _: _as_attributes(hparams, facts["config"]),
        "dict": lambda _: facts["config"],
        "int": lambda key: int(facts["scalars"][key]),
        "str": lambda _: facts.get("info", ""),
    }
    return {key: makers[kind](key) for key, kind in layout.items()}


def write_official(
    variant: str, path: Path, *, seed: int = 0, half: bool = False, exported: bool = False
) -> Path:
    """Write a file as the official project publishes it.

    Args:
        variant: name of a manifest.
        path: file to write; a model that has a config.json gets it in the same folder.
        seed: seed of the deterministic values.
        half: float16 instead of float32.
        exported: as a trainer exports it (its header, and without what it leaves out).

    Returns:
        The path.
    """
    facts = manifest(variant)
    state = weights(variant, seed, half=half)
    header = facts["container"].get("header", "PK")
    if exported:
        leaves_out = tuple(facts.get("exported", {}).get("absent_prefixes", ()))
        state = OrderedDict((key, value) for key, value in state.items() if not key.startswith(leaves_out))
        header = facts.get("exported", {}).get("header", header)
    with foreign_class("utils", "HParams") as hparams:
        torch.save(_container(facts, state, hparams), path)
    if header != "PK":
        with path.open("r+b") as file:
            file.write(header.encode("ascii"))
    if facts.get("config_json"):
        (path.parent / "config.json").write_text(json.dumps(facts["config"], indent=2), encoding="utf-8")
    return path
