"""The prepared text and tokens of an experiment, as the trainings read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.protocol.errors import BadLabels, NothingToDo
from engine.protocol.workspace import Experiment

STAGE_1A: Final = "Text features (1a)"
STAGE_1B: Final = "Content features (1b)"
STAGE_1C: Final = "Semantic tokens (1c)"
_HEADER: Final = "item_name"
_TEXT_FIELDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A clip's semantic tokens."""

    name: str
    tokens: tuple[int, ...]


def read_phones(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Phones of every clip by its name; lines of another form are left out.

    Raises:
        NothingToDo: stage 1a has not run, or gave nothing.
    """
    lines = _lines(experiment.text_file, experiment, STAGE_1A)
    rows = (line.split("\t") for line in lines)
    phones = {row[0]: tuple(row[1].split()) for row in rows if len(row) == _TEXT_FIELDS}
    if not phones:
        raise _missing(experiment.text_file, experiment, STAGE_1A)
    return phones


def read_tokens(experiment: Experiment) -> list[TokenRow]:
    """Semantic tokens of every clip, in the order of the file.

    Raises:
        NothingToDo: stage 1c has not run, or gave nothing.
        BadLabels: a line holds something else than tokens.
    """
    rows = []
    for number, line in enumerate(_lines(experiment.semantic_file, experiment, STAGE_1C), 1):
        name, _, written = line.partition("\t")
        if name == _HEADER and number == 1:
            continue
        try:
            tokens = tuple(int(part) for part in written.split())
        except ValueError as error:
            raise BadLabels(
                f"Line {number} of {experiment.semantic_file} holds no semantic tokens.",
                hint=f"Remove that file and run {STAGE_1C} again.",
                detail=str(error),
            ) from error
        rows.append(TokenRow(name=name, tokens=tokens))
    if not rows:
        raise _missing(experiment.semantic_file, experiment, STAGE_1C)
    return rows


def _lines(path: Path, experiment: Experiment, stage: str) -> list[str]:
    if not path.is_file():
        raise _missing(path, experiment, stage)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadLabels(
            f"{path} is not UTF-8 text.", hint=f"Remove it and run {stage} again.", detail=str(error)
        ) from error
    return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


def _missing(path: Path, experiment: Experiment, stage: str) -> NothingToDo:
    what = "is empty" if path.is_file() else "is not there"
    return NothingToDo(
        f"The experiment {experiment.name!r} is not ready for training: {path} {what}.",
        hint=f"Run {stage} first.",
    )
