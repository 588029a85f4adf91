"""What the original's endpoints do, without gradio itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from engine.api.gradio_endpoints import StageEndpoint, Value
from engine.api.gradio_values import clean_path, device_of, find_model, stage_values
from engine.api.jobs import Job, Jobs
from engine.api.safety import check_path
from engine.api.settings import ServerSettings
from engine.api.windows import Windows
from engine.protocol.builtin import starter_voice
from engine.protocol.errors import BadParameters, MissingFile
from engine.protocol.results import StageResult
from engine.protocol.stages.training import TrainSovitsParameters
from engine.protocol.versions import VERSIONS, ModelVersion, version
from engine.protocol.voices import CARD, read_voice
from engine.protocol.workspace import PRETRAINED, Workspace

PATIENCE_S: Final = 0.5
"""How often a caller that waits for a stage's end hears of its progress."""
_DIGITS: Final = re.compile(r"(\d+)")
_LABEL_PAGE: Final = "label"
_SEPARATION_PAGE: Final = "separate"
Update = dict[str, Any]


class Speaking(Protocol):
    """The part of the server that speaks."""

    @property
    def is_open(self) -> bool:
        """Whether it was opened with weights, and not closed since."""

    def open(self, gpt: Path, sovits: Path, content_encoder: Path | None) -> str:
        """Takes these weights and gives the address to call.

        Raises:
            EngineError: they cannot speak.
        """

    def close(self) -> None:
        """Lets go of the weights, and ends what speaks with them."""


class Calls:
    """The original's endpoints as methods. A failure is an `EngineError`, a cancelled job `Cancelled`.

    Args:
        jobs: The stages that run.
        settings: Workspace and allowed folders.
        windows: Opens pages of the window.
        speaking: What speaks; None where nothing does.
    """

    def __init__(
        self, jobs: Jobs, settings: ServerSettings, windows: Windows, speaking: Speaking | None = None
    ) -> None:
        self._jobs = jobs
        self._settings = settings
        self._windows = windows
        self._speaking = speaking
        self._version = "v2"

    @property
    def version(self) -> str:
        """The model version that stages are run for."""
        return self._version

    def open(self, endpoint: StageEndpoint, given: Mapping[str, Value]) -> Iterator[tuple[str, ...]]:
        """Runs a stage: progress while it runs, and last what the original gives back.

        Raises:
            EngineError: it could not be started, or failed.
            Cancelled: it was cancelled.
        """
        values = stage_values(endpoint, given, self._version, self._settings)
        job = self._jobs.start(endpoint.stage, values.parameters)
        empty = ("",) * len(endpoint.paths)
        told = ""
        while not job.wait(PATIENCE_S):
            if job.status != told:
                told = job.status
                yield told, *empty
        result = job.result()
        words = " ".join([result.summary, *values.notes])
        yield words, *(_path(title, job, result) for title in endpoint.paths)

    def close(self, endpoint: StageEndpoint) -> str:
        """Cancels a stage and waits for its end."""
        if self._jobs.cancel(endpoint.stage):
            return f"{endpoint.title} was cancelled; what was done is kept."
        return f"{endpoint.title} was not running."

    def weights(self) -> tuple[list[str], list[str]]:
        """SoVITS and GPT weights that can be chosen, as paths from the workspace."""
        workspace = Workspace(self._settings.workspace.absolute())
        sovits: list[str] = []
        gpt: list[str] = []
        for row in VERSIONS.values():
            sovits += _below(workspace.root, workspace.sovits_weights(row), ".pth")
            gpt += _below(workspace.root, workspace.gpt_weights(row), ".ckpt")
        starter = read_voice(starter_voice() / CARD)
        sovits = [*_there(workspace, _generators()), *sorted(sovits, key=_natural)]
        gpt = [*_there(workspace, _gpts()), *sorted(gpt, key=_natural)]
        return sovits or [starter.sovits.as_posix()], gpt or [starter.gpt.as_posix()]

    def switch_version(self, name: str) -> tuple[Update, ...]:
        """Turns to another model version, and gives what its fields become.

        Raises:
            BadParameters: there is no such version.
        """
        row = version(name.strip())
        self._version = row.name
        return _fields_of(row)

    def toggle_labels(self, path_list: str) -> str:
        """Opens the window's page for labels with a file, or closes it again.

        Raises:
            EngineError: the file is not there, or the window did not open.
        """
        if self._windows.close(_LABEL_PAGE):
            return "The page for labels was closed."
        path = check_path(clean_path(path_list), self._settings)
        if not path.is_file():
            raise MissingFile(f"There is no label file {path_list!r}.", hint="Name a .list file.")
        return self._windows.open(_LABEL_PAGE, path)

    def toggle_separation(self) -> str:
        """Opens the window's page that sets voices apart, or closes it again.

        Raises:
            EngineError: the window did not open.
        """
        if self._windows.close(_SEPARATION_PAGE):
            return "The page that sets voices apart was closed."
        return self._windows.open(_SEPARATION_PAGE)

    def toggle_speaking(self, given: Mapping[str, Value]) -> str:
        """Starts to speak with the weights that were chosen, or stops it.

        Raises:
            EngineError: the weights cannot speak.
        """
        if self._speaking is None:
            raise BadParameters("This server does not speak.", hint="Start it with python -m engine serve.")
        if self._speaking.is_open:
            self._speaking.close()
            return "The speaking server was stopped."
        notes: list[str] = []
        device_of("gpu_number", given["gpu_number"])
        encoder = find_model(
            "cnhubert_base_path", str(given["cnhubert_base_path"]), self._version, self._settings, notes
        )
        gpt, sovits = (self._find_weights(name, str(given[name])) for name in ("gpt_path", "sovits_path"))
        address = self._speaking.open(gpt, sovits, encoder)
        return " ".join([f"The speaking server is on: {address}", *notes])

    def _find_weights(self, name: str, text: str) -> Path:
        """A file by its path, or by its name in a folder of weights; the starter's for what is missing."""
        cleaned = clean_path(text)
        if not cleaned:
            raise BadParameters(f"{name} is empty.", hint="Choose one of /change_choices.")
        folders = [folder for row in VERSIONS.values() for folder in (row.gpt_folder, row.sovits_folder)]
        places = [Path(), *map(Path, folders)] if Path(cleaned).name == cleaned else [Path()]
        for place in places:
            path = check_path(str(place / cleaned), self._settings)
            if path.is_file():
                return path
        if text.startswith(PRETRAINED.as_posix()):
            starter = read_voice(starter_voice() / CARD)
            return starter.gpt if name == "gpt_path" else starter.sovits
        raise MissingFile(f"{name}: there is no {text!r}.", hint="Choose one of /change_choices.")


def sync(text: str) -> str:
    """What one field shows is shown by the other."""
    return text


def _path(title: str, job: Job, result: StageResult) -> str:
    for artifact in result.artifacts:
        if artifact.kind == title:
            return artifact.path
    return str(job.parameters.get(title, ""))


def _below(root: Path, folder: Path, suffix: str) -> list[str]:
    found = folder.glob(f"*{suffix}") if folder.is_dir() else ()
    return [path.relative_to(root).as_posix() for path in found]


def _there(workspace: Workspace, names: list[str]) -> list[str]:
    unique = dict.fromkeys(names)
    return [(PRETRAINED / name).as_posix() for name in unique if (workspace.pretrained / name).is_file()]


def _generators() -> list[str]:
    return [row.pretrained.generator for row in VERSIONS.values()]


def _gpts() -> list[str]:
    return [row.pretrained.gpt for row in VERSIONS.values()]


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts e2 before e10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(name)]


def _fields_of(row: ModelVersion) -> tuple[Update, ...]:
    """What the twelve fields that depend on the version become, in the original's order."""
    names = row.pretrained
    training = TrainSovitsParameters.model_fields
    discriminator = (PRETRAINED / names.discriminator).as_posix() if names.discriminator else ""
    generator = (PRETRAINED / names.generator).as_posix()
    gpt = (PRETRAINED / names.gpt).as_posix()
    return (
        {"value": generator},
        {"value": discriminator},
        {"value": gpt},
        {"value": gpt},
        {"value": generator},
        {"value": 2},
        {"value": training["total_epochs"].default},
        {"value": training["save_every_epochs"].default},
        {"visible": not row.adapters},
        {"value": False, "interactive": True},
        {"value": False, "interactive": True},
        {"visible": row.adapters},
    )
