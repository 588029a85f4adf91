"""How a stage is declared: once, for the form, the command line and the server alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo

from engine.protocol.errors import BadParameters
from engine.protocol.model import StrictModel


class FieldKind(StrEnum):
    """How a value is asked for."""

    PLAIN = "plain"
    TEXT = "text"
    OPEN_FILE = "open_file"
    OPEN_FILE_OR_FOLDER = "open_file_or_folder"
    OPEN_FOLDER = "open_folder"
    SAVE_FILE = "save_file"
    SAVE_FOLDER = "save_folder"


class StageParameters(StrictModel):
    """Base of every stage's parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """A stage: what it is called, what it takes, and where its function is.

    Attributes:
        name: Stable name on the wire and the command line.
        title: Name for people.
        about: One sentence for people.
        parameters: The model of its parameters.
        entry: `module:function` of `run(parameters, context) -> StageResult`.
        heavy: Whether it wants the GPU slot for itself.
    """

    name: str
    title: str
    about: str
    parameters: type[StageParameters]
    entry: str
    heavy: bool = False

    def parse(self, values: Mapping[str, Any]) -> StageParameters:
        """Checks `values`.

        Raises:
            BadParameters: every wrong value is named in the message.
        """
        try:
            return self.parameters.model_validate(dict(values))
        except ValidationError as error:
            raise BadParameters(
                f"{self.title}: {describe(error)}", hint="Correct the values and start again."
            ) from error


def describe(error: ValidationError) -> str:
    """Every fault of a failed check in one line: `batch_size: Input should be ...; ...`."""
    faults = []
    for fault in error.errors(include_url=False):
        place = ".".join(str(part) for part in fault["loc"]) or "parameters"
        faults.append(f"{place}: {fault['msg']}")
    return "; ".join(faults)


def parameter(  # noqa: PLR0913 - a declaration names every property of a field
    default: Any,
    title: str,
    about: str,
    *,
    unit: str = "",
    kind: FieldKind = FieldKind.PLAIN,
    choices: Sequence[str] | Mapping[str, str] = (),
    suffixes: Sequence[str] = (),
    expert: bool = False,
    api: str = "",
    **limits: Any,
) -> Any:
    """A field of a parameters model.

    Args:
        default: Default value; `...` for a required one.
        title: Label in the form.
        about: Help text: meaning, and what changing it does.
        unit: Unit of a number.
        kind: How it is asked for.
        choices: Suggested values of a text field; others may be typed. With a title for each value,
            a form offers these alone.
        suffixes: File name endings that a file dialog offers.
        expert: Whether the form hides it at first.
        api: Its name in the original's local API, where it has one.
        **limits: pydantic's own limits, such as ge and le.
    """
    extra: dict[str, Any] = {"kind": kind.value}
    optional: dict[str, Any] = {
        "unit": unit,
        "choices": list(choices),
        "suffixes": list(suffixes),
        "api": api,
    }
    if isinstance(choices, Mapping):
        optional["choice_titles"] = list(choices.values())
    extra.update({key: value for key, value in optional.items() if value})
    if expert:
        extra["expert"] = True
    return Field(default, title=title, description=about, json_schema_extra=extra, **limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """A parameter as a form shows it."""

    name: str
    title: str
    about: str
    unit: str
    kind: FieldKind
    choices: tuple[str, ...]
    choice_titles: tuple[str, ...]
    suffixes: tuple[str, ...]
    expert: bool
    required: bool
    info: FieldInfo


def fields(parameters: type[StageParameters]) -> tuple[FieldSpec, ...]:
    """The parameters of a stage in the order of their declaration."""
    made = []
    for name, info in parameters.model_fields.items():
        extra: Mapping[str, Any] = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        made.append(
            FieldSpec(
                name=name,
                title=info.title or name,
                about=info.description or "",
                unit=str(extra.get("unit", "")),
                kind=FieldKind(extra.get("kind", FieldKind.PLAIN)),
                choices=tuple(extra.get("choices", ())),
                choice_titles=tuple(extra.get("choice_titles", ())),
                suffixes=tuple(extra.get("suffixes", ())),
                expert=bool(extra.get("expert", False)),
                required=info.is_required(),
                info=info,
            )
        )
    return tuple(made)
