"""What a finished stage hands to the forms of the stages after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import JsonValue

from engine.protocol.results import StageResult
from gsv_desktop.core.project import LABEL

LABEL_READERS: Final = (LABEL, "prepare", "text_features", "ssl_features", "semantic_tokens")
_LIST: Final = ".list"
_NEXT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"separate": ("slice",), "slice": ("denoise", "transcribe"), "denoise": ("transcribe",)}
)
"""Who takes the folder of what was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A value for a field of a later stage's form."""

    stage: str
    field: str
    value: str


def handovers(stage: str, values: Mapping[str, JsonValue], result: StageResult) -> tuple[Handover, ...]:
    """The values that follow from a stage's end."""
    if stage in _NEXT:
        output = str(values.get("output", ""))
        return tuple(Handover(stage=later, field="input", value=output) for later in _NEXT[stage])
    if stage == "transcribe":
        lists = [part.path for part in result.artifacts if Path(part.path).suffix == _LIST]
        return labels_handover(lists[0]) if lists else ()
    return ()


def labels_handover(path: str) -> tuple[Handover, ...]:
    """The values that follow from a new label file."""
    return tuple(Handover(stage=stage, field="labels", value=path) for stage in LABEL_READERS)


def voice_handover(folder: Path) -> tuple[Handover, ...]:
    """The value that follows from a new voice: it is the one that speaks."""
    return (Handover(stage="speak", field="voice", value=str(folder)),)
