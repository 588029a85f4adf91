"""A project: a workspace folder, the experiment's name, and what stood in every form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from engine.protocol.errors import BadParameters, MissingFile, OutOfSpace
from engine.protocol.label_list import replace_text
from engine.protocol.stages.base import FieldKind, fields
from engine.protocol.stages.registry import STAGES
from engine.protocol.workspace import Workspace, check_name
from gsv_desktop.core.state import WorkState

FILE_NAME: Final = "project.gsv.json"
LABEL: Final = "label"
FORMAT: Final = 1
Values = dict[str, JsonValue]
_PATH_KINDS: Final = frozenset(FieldKind) - {FieldKind.PLAIN, FieldKind.TEXT}


class StageRecord(BaseModel):
    """How a stage last ended."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    state: WorkState = WorkState.NOT_STARTED
    summary: str = ""
    hint: str = ""
    detail: str = ""


class ProjectFile(BaseModel):
    """What `project.gsv.json` holds. Paths below the workspace are stored relative to it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int = FORMAT
    experiment: str
    forms: dict[str, Values] = Field(default_factory=dict)
    stages: dict[str, StageRecord] = Field(default_factory=dict)


class Project:
    """An open project; every change is saved at once, whole or not at all."""

    def __init__(self, root: Path, data: ProjectFile) -> None:
        self._root = root.absolute()
        self._experiment = data.experiment
        self._forms: dict[str, Values] = {
            name: _unpack(self._root, name, values) for name, values in data.forms.items()
        }
        self._stages = {
            name: StageRecord() if record.state.active else record for name, record in data.stages.items()
        }

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self._root

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return Workspace(self._root)

    @property
    def name(self) -> str:
        """Name for people."""
        return self._root.name or str(self._root)

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self._experiment

    @property
    def log_file(self) -> Path:
        """Where the program's log of this workspace goes."""
        return self._root / "logs" / "gsv_desktop.log"

    def rename_experiment(self, name: str) -> None:
        """Turns to another experiment; what was done for the old one does not count for it.

        Raises:
            BadParameters: the name cannot be a folder's name.
        """
        checked = check_name(name)
        if checked != self._experiment:
            self._experiment = checked
            for stage in EXPERIMENT_STAGES:
                self._stages.pop(stage, None)
            self.save()

    def values(self, stage: str) -> Values:
        """What stands in a stage's form: defaults placed in this workspace, then what was entered."""
        made = self.defaults(stage)
        made.update(self._forms.get(stage, {}))
        made.update(self.own_values(stage))
        return made

    def own_values(self, stage: str) -> Values:
        """The values that the project itself gives: they are not asked for in forms."""
        if stage not in STAGES:
            return {}
        names = STAGES[stage].parameters.model_fields
        own: Values = {"workspace": str(self._root), "experiment": self._experiment}
        return {name: value for name, value in own.items() if name in names}

    def defaults(self, stage: str) -> Values:
        """The stage's declared defaults; relative folders become folders of this workspace."""
        if stage not in STAGES:
            return {}
        made: Values = {}
        for spec in fields(STAGES[stage].parameters):
            if spec.required:
                continue
            default = spec.info.get_default(call_default_factory=True)
            if isinstance(default, Path):
                made[spec.name] = str(self._root / default)
            else:
                made[spec.name] = default
        return made

    def set_values(self, stage: str, values: Mapping[str, JsonValue]) -> None:
        """Remembers what stands in a form."""
        own = self.own_values(stage)
        kept = {name: value for name, value in values.items() if name not in own}
        if kept != self._forms.get(stage):
            self._forms[stage] = kept
            self.save()

    def record(self, stage: str) -> StageRecord:
        """How a stage stands."""
        return self._stages.get(stage, StageRecord())

    def set_record(self, stage: str, record: StageRecord) -> None:
        """Remembers how a stage stands."""
        self._stages[stage] = record
        self.save()

    def save(self) -> None:
        """Writes the project file.

        Raises:
            OutOfSpace: it cannot be written.
        """
        data = ProjectFile(
            experiment=self._experiment,
            forms={name: _pack(self._root, name, values) for name, values in self._forms.items()},
            stages=self._stages,
        )
        replace_text(self._root / FILE_NAME, data.model_dump_json(indent=2) + "\n")


EXPERIMENT_STAGES: Final = tuple(
    name for name, spec in STAGES.items() if "experiment" in spec.parameters.model_fields
)


def open_project(folder: Path) -> Project:
    """The project of a workspace folder; one that has no project file yet gets one.

    Raises:
        MissingFile: there is no such folder.
        BadParameters: the project file cannot be read.
        OutOfSpace: the folder cannot be written.
    """
    if not folder.is_dir():
        raise MissingFile(f"There is no folder {folder}.", hint="Choose an existing folder.")
    path = folder / FILE_NAME
    if not path.is_file():
        project = Project(folder, ProjectFile(experiment=_first_experiment(folder)))
        project.save()
        return project
    try:
        data = ProjectFile.model_validate_json(path.read_text(encoding="utf-8"))
        check_name(data.experiment)
    except (ValidationError, UnicodeDecodeError, OSError) as error:
        raise BadParameters(
            f"The project file {path} cannot be read.",
            hint="Move it away to start with empty forms; clips, labels and weights are not affected.",
            detail=str(error),
        ) from error
    return Project(folder, data)


def create_project(folder: Path) -> Project:
    """Makes the folder when it is not there, and opens it.

    Raises:
        OutOfSpace: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutOfSpace(
            f"The folder {folder} cannot be made.", hint="Choose another place.", detail=str(error)
        ) from error
    return open_project(folder)


def _first_experiment(folder: Path) -> str:
    """The newest experiment of an existing workspace, else a plain name."""
    logs = folder / "logs"
    found = [path for path in logs.iterdir() if path.is_dir()] if logs.is_dir() else []
    if found:
        return max(found, key=lambda path: path.stat().st_mtime).name
    return "my_voice"


def _path_fields(stage: str) -> frozenset[str]:
    if stage == LABEL:
        return frozenset({"labels"})
    if stage not in STAGES:
        return frozenset()
    return frozenset(spec.name for spec in fields(STAGES[stage].parameters) if spec.kind in _PATH_KINDS)


def _pack(root: Path, stage: str, values: Mapping[str, JsonValue]) -> Values:
    packed: Values = {}
    for name, value in values.items():
        if name not in _path_fields(stage):
            packed[name] = value
        elif isinstance(value, list):
            packed[name] = [_packed(root, one) for one in value]
        else:
            packed[name] = _packed(root, value)
    return packed


def _packed(root: Path, value: JsonValue) -> JsonValue:
    if not isinstance(value, str) or not value:
        return value
    path = Path(value)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else value


def _unpack(root: Path, stage: str, values: Mapping[str, Any]) -> Values:
    """Puts relative paths back below the root.

    A field such as the Whisper model takes a name or a folder: what is not there stays as it is.
    """
    unpacked: Values = {}
    for name, value in values.items():
        if name in _path_fields(stage) and isinstance(value, list):
            unpacked[name] = [str(root / one) if isinstance(one, str) and one else one for one in value]
            continue
        placed = root / value if name in _path_fields(stage) and isinstance(value, str) and value else None
        if placed is not None and (not _takes_names(stage, name) or placed.exists()):
            unpacked[name] = str(placed)
        else:
            unpacked[name] = value
    return unpacked


def _takes_names(stage: str, name: str) -> bool:
    if stage not in STAGES:
        return False
    return any(spec.name == name and spec.choices for spec in fields(STAGES[stage].parameters))


__all__ = [
    "EXPERIMENT_STAGES",
    "FILE_NAME",
    "LABEL",
    "OutOfSpace",
    "Project",
    "ProjectFile",
    "StageRecord",
    "Values",
    "create_project",
    "open_project",
]
