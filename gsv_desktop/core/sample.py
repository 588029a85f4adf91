"""The sample project: a workspace of the user's whose forms point at the bundled recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.protocol.builtin import sample_project
from engine.protocol.label_list import LabelRow, read_labels, write_labels
from engine.protocol.sources import paths_in
from gsv_desktop.core.handover import LABEL_READERS
from gsv_desktop.core.project import FILE_NAME, LABEL, Project, create_project

EXPERIMENT: Final = "sample"
LIST_NAME: Final = "sample.list"
RECORDING: Final = "recording.opus"


def open_sample(folder: Path, source: Path | None = None) -> Project:
    """The sample project in `folder`; made when it is not there, and pointed anew when the program moved.

    Args:
        folder: The user's workspace for it.
        source: Folder of the bundled recordings; nothing is written into it.

    Raises:
        MissingFile: the bundled recordings are not there.
        OutOfSpace: the folder cannot be written.
    """
    bundled = source if source is not None else sample_project()
    fresh = not (folder / FILE_NAME).is_file()
    project = create_project(folder)
    if fresh:
        project.rename_experiment(EXPERIMENT)
    _point_at_recording(project, bundled)
    _point_at_labels(project, bundled)
    return project


def _point_at_recording(project: Project, bundled: Path) -> None:
    values = project.values("slice")
    if not any(path.exists() for path in paths_in(values.get("input"))):
        project.set_values("slice", {**values, "input": str(bundled / RECORDING)})


def _point_at_labels(project: Project, bundled: Path) -> None:
    path = project.workspace.labels / LIST_NAME
    if path.is_file():
        rows = read_labels(path).rows
        if any(not row.clip(path.parent).is_file() for row in rows):
            write_labels(path, [_placed(row, bundled) for row in rows])
    else:
        bundled_list = bundled / LIST_NAME
        write_labels(path, [_placed(row, bundled) for row in read_labels(bundled_list).rows])
    for stage in LABEL_READERS:
        values = project.values(stage) if stage != LABEL else dict(project.values(LABEL))
        if not values.get("labels"):
            project.set_values(stage, {**values, "labels": str(path)})


def _placed(row: LabelRow, bundled: Path) -> LabelRow:
    clip = bundled / "clips" / row.name
    return replace(row, path=str(clip)) if clip.is_file() else row
