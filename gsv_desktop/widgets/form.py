"""A stage's form, made from its declaration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from pydantic import JsonValue, ValidationError
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QToolButton, QWidget

from engine.protocol.languages import TEXT_MODES
from engine.protocol.sources import paths_in
from engine.protocol.stages.base import FieldKind, FieldSpec, StageSpec, fields
from gsv_desktop.widgets.editors import Editor, NumberTextEditor, PathEditor, make_editor
from gsv_desktop.widgets.icons import Glyph, glyph_icon

_OPEN_KINDS: Final = frozenset({FieldKind.OPEN_FILE, FieldKind.OPEN_FOLDER, FieldKind.OPEN_FILE_OR_FOLDER})
_LABEL, _EDITOR, _UNIT, _RESET = range(4)
ROWS_A_FIELD: Final = 2


class FieldRow:
    """The widgets of one parameter."""

    def __init__(self, spec: FieldSpec, editor: Editor, default: JsonValue) -> None:
        self.spec = spec
        self.editor = editor
        self.default = default
        self.label = QLabel()
        self.unit = QLabel("" if editor.set_unit(spec.unit) else spec.unit)
        self.reset = QToolButton()
        self.fault = QLabel()

    def set_visible(self, visible: bool) -> None:
        """Shows or hides the parameter."""
        for widget in (self.label, self.editor, self.reset):
            widget.setVisible(visible)
        self.unit.setVisible(visible and bool(self.unit.text()))
        self.fault.setVisible(visible and bool(self.fault.text()))

    def set_fault(self, text: str) -> None:
        """Says what is wrong, right under the field; empty takes it back."""
        self.fault.setText(f"⚠ {text}" if text else "")
        self.fault.setVisible(bool(text))
        line = self.editor.findChild(QLineEdit)
        if line is not None:
            line.setProperty("faulty", bool(text))
            line.style().polish(line)


class StageForm(QWidget):
    """Fields for the parameters of a stage.

    Signals:
        edited: a value is another one.
    """

    edited = Signal()

    def __init__(
        self,
        spec: StageSpec,
        *,
        only: Collection[str] = (),
        hidden: Collection[str] = (),
        defaults: Mapping[str, JsonValue] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Builds the fields.

        Args:
            spec: the stage.
            only: names of the fields to be shown; empty for all.
            hidden: names of the fields that others ask for.
            defaults: defaults that differ from the declared ones.
            parent: Qt parent.
        """
        super().__init__(parent)
        self.spec = spec
        self._expert = False
        self._found: Mapping[str, str] = {}
        self._only: Collection[str] | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(_EDITOR, 1)
        self.rows: dict[str, FieldRow] = {}
        for field in fields(spec.parameters):
            if field.name not in hidden and (not only or field.name in only):
                self._add(field, (defaults or {}).get(field.name, _declared_default(field)))
        self._grid.setRowStretch(len(self.rows) * ROWS_A_FIELD, 1)
        self.set_expert(False)

    def has_expert_fields(self) -> bool:
        """Whether there is anything that the basic view leaves out."""
        return any(row.spec.expert for row in self.rows.values())

    def set_expert(self, expert: bool) -> None:
        """Shows all fields, or those that most people need."""
        self._expert = expert
        for name, row in self.rows.items():
            wanted = self._only is None or name in self._only
            row.set_visible(wanted and (expert or not row.spec.expert or bool(row.fault.text())))

    def show_only(self, names: Collection[str]) -> None:
        """Hides the fields of other stages that share this form."""
        self._only = frozenset(names)
        self.set_expert(self._expert)

    def set_defaults(self, defaults: Mapping[str, JsonValue]) -> None:
        """Gives fields another value to go back to."""
        for name, row in self.rows.items():
            if name in defaults:
                row.default = defaults[name]
                self._on_edited(row)

    def values(self) -> dict[str, JsonValue]:
        """The values as they stand; an empty field that has no default is left out."""
        made: dict[str, JsonValue] = {}
        for name, row in self.rows.items():
            value = row.editor.value()
            if value is not None or not row.spec.required:
                made[name] = value
        return made

    def set_values(self, values: Mapping[str, JsonValue]) -> None:
        """Puts values in; names that the form does not have are passed over."""
        for name, row in self.rows.items():
            if name in values:
                row.editor.set_value(values[name])

    def reset_values(self) -> None:
        """Puts every default back."""
        for row in self.rows.values():
            row.editor.set_value(row.default)

    def set_extra_fault(self, title: str, words: str) -> None:
        """Adds a fault that concerns no single field; empty words take nothing back."""
        if words:
            self._found = {**self._found, title: words}

    def validate(self, extra: Mapping[str, JsonValue] | None = None) -> bool:
        """Checks all values and writes what is wrong under the fields.

        Args:
            extra: values of the parameters that the form does not ask for.
        """
        faults = self._found = self._faults({**(extra or {}), **self.values()})
        for name, row in self.rows.items():
            row.set_fault(faults.get(name, ""))
        self.set_expert(self._expert)
        for name, row in self.rows.items():
            if name in faults:
                row.editor.setFocus(Qt.FocusReason.OtherFocusReason)
                break
        return not faults

    def fault_text(self) -> str:
        """All that the last check found, for a status line."""
        titles = {field.name: self.tr(field.title) for field in fields(self.spec.parameters)}
        return "; ".join(f"{titles.get(name, name)}: {words}" for name, words in self._found.items())

    def _faults(self, values: Mapping[str, JsonValue]) -> dict[str, str]:
        faults: dict[str, str] = {}
        try:
            self.spec.parameters.model_validate(dict(values))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                name = str(fault["loc"][0]) if fault["loc"] else ""
                faults[name] = self._words(fault["type"], fault["msg"])
        for name, row in self.rows.items():
            if name in faults or row.spec.kind not in _OPEN_KINDS:
                continue
            value = values.get(name)
            if isinstance(value, str) and (value in row.spec.choices or row.editor.offers(value)):
                continue
            paths = paths_in(value)
            lost = [path for path in paths if not path.exists()]
            if lost and len(paths) == 1:
                faults[name] = self.tr("There is nothing at this path.")
            elif lost:
                faults[name] = self.tr("There is nothing at %s.") % ", ".join(map(str, lost))
        return faults

    def _words(self, kind: str, message: str) -> str:
        if kind in ("missing", "string_too_short"):
            return self.tr("Please fill this in.")
        return message.replace("Input should be", self.tr("Must be"))

    def _add(self, field: FieldSpec, default: JsonValue) -> None:
        editor = make_editor(field, self._choice_labels())
        row = FieldRow(field, editor, default)
        about = self._about(field, default)
        title = self.tr(field.title)
        row.label.setText(title)
        row.label.setBuddy(editor)
        row.label.setToolTip(about)
        editor.setToolTip(about)
        editor.set_name(title, about)
        row.unit.setProperty("role", "muted")
        row.fault.setProperty("role", "fault")
        row.fault.setWordWrap(True)
        row.fault.hide()
        row.reset.setIcon(glyph_icon(Glyph.RESET))
        row.reset.setProperty("flat", True)
        row.reset.setAccessibleName(self.tr("Back to the default: %s") % title)
        row.reset.setToolTip(self.tr("Back to the default"))
        row.reset.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.reset.clicked.connect(lambda: row.editor.set_value(row.default))
        if isinstance(editor, NumberTextEditor | PathEditor) and not field.required:
            editor.set_placeholder(self._empty_words(field))
        at = len(self.rows) * ROWS_A_FIELD
        self._grid.addWidget(
            row.label, at, _LABEL, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
        self._grid.addWidget(editor, at, _EDITOR)
        self._grid.addWidget(row.unit, at, _UNIT)
        self._grid.addWidget(row.reset, at, _RESET)
        self._grid.addWidget(row.fault, at + 1, _EDITOR, 1, 3)
        self.rows[field.name] = row
        editor.set_value(default)
        editor.edited.connect(lambda: self._on_edited(row))
        self._on_edited(row, announce=False)

    def _on_edited(self, row: FieldRow, *, announce: bool = True) -> None:
        row.reset.setEnabled(row.editor.value() != row.default)
        if row.fault.text():
            row.set_fault("")
        if announce:
            self.edited.emit()

    def _about(self, field: FieldSpec, default: JsonValue) -> str:
        about = self.tr(field.about)
        if field.unit:
            about += self.tr("\nUnit: %s") % field.unit
        if default not in (None, ""):
            about += self.tr("\nDefault: %s") % default
        return about

    def _empty_words(self, field: FieldSpec) -> str:
        if field.name == "seed":
            return self.tr("random")
        for part in field.about.replace(";", ".").split("."):
            words = part.strip()
            if words.startswith("empty"):
                return self.tr(words).removeprefix(self.tr("empty is "))
        return ""

    def _choice_labels(self) -> dict[str, str]:
        return {title: self.tr(title) for title in TEXT_MODES.values()} | {
            "cut0": self.tr("Not at all"),
            "cut1": self.tr("Every four sentences"),
            "cut2": self.tr("Every 50 characters"),
            "cut3": self.tr("At Chinese full stops"),
            "cut4": self.tr("At English full stops"),
            "cut5": self.tr("At every punctuation mark"),
        }


def _declared_default(field: FieldSpec) -> JsonValue:
    if field.required:
        return None
    default = field.info.get_default(call_default_factory=True)
    return str(default) if isinstance(default, Path) else default
