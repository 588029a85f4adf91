"""What a caller's arguments mean to a stage: the original's words turned into the stage's own parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import JsonValue

from engine.api.gradio_endpoints import BERT_FOLDER, CONTENT_ENCODER, StageEndpoint, Value
from engine.api.safety import check_path
from engine.api.settings import ServerSettings
from engine.protocol.errors import BadParameters
from engine.protocol.stages.base import FieldKind, FieldSpec, fields
from engine.protocol.stages.registry import stage
from engine.protocol.versions import VERSIONS
from engine.protocol.workspace import PRETRAINED

_PATHS: Final = frozenset(FieldKind) - {FieldKind.PLAIN, FieldKind.TEXT}
_WRITTEN: Final = frozenset({FieldKind.SAVE_FILE, FieldKind.SAVE_FOLDER})
_QUOTES: Final = "\"' \t\r\n"


@dataclass(slots=True)
class StageValues:
    """What a stage is started with.

    Attributes:
        parameters: Its parameters, as JSON values.
        notes: What the caller should know about them, a sentence each.
    """

    parameters: dict[str, JsonValue] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def stage_values(
    endpoint: StageEndpoint, given: Mapping[str, Value], version: str, settings: ServerSettings
) -> StageValues:
    """The stage's parameters for the arguments of an `/open…` endpoint.

    Args:
        endpoint: The endpoint.
        given: Its arguments by name, all of them.
        version: Model version that the caller switched to.
        settings: Workspace and allowed folders.

    Raises:
        BadParameters: an argument cannot be used.
        NotAllowed: a path lies outside the allowed folders.
    """
    spec = stage(endpoint.stage)
    declared = {one.name: one for one in fields(spec.parameters)}
    made = StageValues()
    own: dict[str, JsonValue] = {"workspace": str(settings.workspace.absolute()), "version": version}
    made.parameters = {name: value for name, value in own.items() if name in declared}
    names = endpoint.stage_names()
    reader = _Reader(version, settings, made.notes)
    for name in (name for name in given if name in names):
        known = declared[names[name]]
        read = reader.read(name, given[name], known)
        if made.parameters.setdefault(known.name, read) != read:
            made.notes.append(f"{name} is not used: all steps take {made.parameters[known.name]}.")
    for name in (name for name in given if name not in names):
        _SPECIAL[name](name, given[name], made)
    return made


def clean_path(text: str) -> str:
    """A path as people paste it: without quotes and blanks around it, with this system's separators."""
    return text.strip(_QUOTES).replace("\\", os.sep).replace("/", os.sep)


def find_model(name: str, text: str, version: str, settings: ServerSettings, notes: list[str]) -> Path | None:
    """The path of a model; None stands for the one that the program chooses.

    The document's own defaults name the official files of one version. Where the workspace does not have
    them, or where the caller switched to another version, the program's choice is taken, as in the window.

    Args:
        name: The argument's name.
        text: What the caller gave.
        version: Model version that is worked with.
        settings: Workspace and allowed folders.
        notes: Gets a sentence when the program's choice is taken in place of a named file.

    Raises:
        BadParameters: nothing is there.
        NotAllowed: the path lies outside the allowed folders.
    """
    cleaned = clean_path(text)
    if not cleaned:
        return None
    path = check_path(cleaned, settings)
    official = Path(cleaned)
    if official in _OFFICIAL and official not in _official(version):
        notes.append(f"{name} names a file of another version than {version}: the program's choice is taken.")
        return None
    if path.exists():
        return path
    if official in _OFFICIAL:
        notes.append(f"{text} is not in the workspace: the program's own choice is taken.")
        return None
    raise BadParameters(f"{name}: there is no {text!r}.", hint="Name what is there, or leave it empty.")


def device_of(name: str, value: Value) -> str:
    """The device that numbers of cards such as `0` or `0-0` mean: the first card named.

    Raises:
        BadParameters: they are no numbers.
    """
    numbers = str(value).strip().replace(",", "-").split("-")
    if not all(number.strip().isdecimal() for number in numbers):
        raise BadParameters(f"{name}: {value!r} is no number of a card.", hint='Write "0", or "0-1".')
    first = int(numbers[0])
    return "auto" if first == 0 else f"cuda:{first}"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads arguments that are parameters of the stage."""

    version: str
    settings: ServerSettings
    notes: list[str]

    def read(self, name: str, value: Value | None, known: FieldSpec) -> JsonValue:
        text = clean_path("" if value is None else str(value))
        if known.kind not in _PATHS or (known.info.annotation is str and Path(text).name == text):
            return value  # no path, or the name of a thing that may also be a path
        if known.kind in _WRITTEN:
            return str(check_path(text or str(known.info.default), self.settings, write=True))
        if not known.required and known.info.default is None:
            path = find_model(name, text, self.version, self.settings, self.notes)
            return str(path) if path else None
        if not text:
            raise BadParameters(f"{name} is empty.", hint="Name a file or folder.")
        return str(check_path(text, self.settings))


def _official(version: str) -> frozenset[Path]:
    names = VERSIONS[version].pretrained
    files = (names.gpt, names.generator, names.discriminator, names.vocoder, names.speaker_encoder)
    return _SHARED | {PRETRAINED / file for file in files if file}


_SHARED: Final = frozenset({Path(CONTENT_ENCODER), Path(BERT_FOLDER)})
_OFFICIAL: Final = frozenset[Path]().union(*map(_official, VERSIONS))
"""Where the original keeps its pretrained models, below a workspace."""


def _take_device(name: str, value: Value, made: StageValues) -> None:
    device = device_of(name, value)
    if made.parameters.setdefault("device", device) == "auto":
        made.parameters["device"] = device


def _take_weights_choice(_: str, value: Value, made: StageValues) -> None:
    """Without the weights in between, only the last epoch's are exported."""
    if not value:
        made.parameters["save_every_epochs"] = made.parameters["total_epochs"]


def _take_text_model(name: str, value: Value, made: StageValues) -> None:
    """Chinese text is read with the workspace's BERT model, wherever the caller says that it lies."""
    if clean_path(str(value)) not in ("", str(Path(BERT_FOLDER))):
        made.notes.append(f"{name} is not used: the text model is taken from {BERT_FOLDER}.")


def _take_nothing(_: str, __: Value, ___: StageValues) -> None:
    """The stage has no use for it."""


_SPECIAL: Final[Mapping[str, Callable[[str, Value, StageValues], None]]] = MappingProxyType(
    {
        "gpu_numbers": _take_device,
        "gpu_numbers1a": _take_device,
        "gpu_numbers1Ba": _take_device,
        "gpu_numbers1c": _take_device,
        "if_save_every_weights": _take_weights_choice,
        "bert_pretrained_dir": _take_text_model,
        "n_parts": _take_nothing,
        "inp_wav_dir": _take_nothing,
    }
)
"""Arguments that are no parameter of their own."""
