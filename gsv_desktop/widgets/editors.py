"""One editor for each type of parameter."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import JsonValue
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from engine.protocol.stages.base import FieldKind, FieldSpec
from gsv_desktop.widgets.path_edit import PathEdit

WIDEST: Final = 2**24 - 1
LARGEST: Final = 2**31 - 1
DECIMALS: Final = 3
SMALLEST_STEP: Final = 0.01
CHOICE_LETTERS: Final = 10
"""A box of choices may be as narrow as this: long titles do not widen the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """What a field's annotation and limits say.

    Attributes:
        base: bool, int, float, str or Path.
        optional: Whether it may be empty.
        options: The only values that it may have.
        least: Smallest value.
        most: Largest value.
        several: Whether a list of values may be given, too.
    """

    base: type
    optional: bool
    options: tuple[str, ...]
    least: float | None
    most: float | None
    several: bool = False


def field_type(spec: FieldSpec) -> FieldType:
    """Reads a field's annotation."""
    annotation: Any = spec.info.annotation
    parts = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    plain = [part for part in parts if part is not type(None)]
    several = spec.kind is not FieldKind.TEXT and any(get_origin(_bare(part)) is tuple for part in plain)
    first = get_args(_bare(plain[0]))[0] if several and get_origin(_bare(plain[0])) is tuple else plain[0]
    options: tuple[str, ...] = ()
    if get_origin(first) is Literal:
        options, first = tuple(str(value) for value in get_args(first)), str
    elif isinstance(first, type) and issubclass(first, Enum):
        options, first = tuple(str(member.value) for member in first), str
    limits = {
        name: getattr(part, name)
        for part in spec.info.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(part, name)
    }
    return FieldType(
        base=first,
        optional=len(plain) < len(parts),
        options=options,
        least=limits.get("ge", limits.get("gt")),
        most=limits.get("le", limits.get("lt")),
        several=several,
    )


def _bare(annotation: Any) -> Any:
    """A type without the limits that are written beside it."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


class Editor(QWidget):
    """Asks for one value.

    Signals:
        edited: the value is another one.
    """

    edited = Signal()

    def __init__(self, control: QWidget) -> None:
        super().__init__()
        self.control = control
        control.installEventFilter(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(control)
        if control.maximumWidth() < WIDEST:
            layout.addStretch(1)
        self.setFocusProxy(control)

    def set_unit(self, unit: str) -> bool:  # noqa: ARG002 - for editors that can show it
        """Shows the unit, when the editor has a place for it."""
        return False

    def value(self) -> JsonValue:
        """The value as JSON; None when it is left empty."""
        raise NotImplementedError

    def set_value(self, value: JsonValue) -> None:
        """Puts a value in."""
        raise NotImplementedError

    def offers(self, value: str) -> bool:  # noqa: ARG002 - for editors with suggestions
        """Whether the value is one of those that it suggests."""
        return False

    def set_placeholder(self, text: str) -> None:
        """Says what an empty field means, where the editor has a place for it."""
        for line in self.findChildren(QLineEdit):
            line.setPlaceholderText(text)

    def set_name(self, name: str, about: str) -> None:
        """Names it for screen readers."""
        self.control.setAccessibleName(name)
        self.control.setAccessibleDescription(about)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keeps the wheel, when it scrolls the page, from changing a value that it happens to pass."""
        if event.type() is QEvent.Type.Wheel and not self.control.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


class BoolEditor(Editor):
    """Yes or no."""

    def __init__(self) -> None:
        self._box = QCheckBox()
        super().__init__(self._box)
        self._box.toggled.connect(self.edited)

    def value(self) -> JsonValue:
        """True or False."""
        return self._box.isChecked()

    def set_value(self, value: JsonValue) -> None:
        """Ticks it."""
        self._box.setChecked(bool(value))


class IntEditor(Editor):
    """A whole number in its limits."""

    def __init__(self, kind: FieldType) -> None:
        self._box = QSpinBox()
        self._box.setRange(
            int(kind.least) if kind.least is not None else -LARGEST,
            int(kind.most) if kind.most is not None else LARGEST,
        )
        super().__init__(_plain(self._box))
        self._box.valueChanged.connect(self.edited)

    def set_unit(self, unit: str) -> bool:
        """Shows the unit behind the number."""
        self._box.setSuffix(f" {unit}" if unit else "")
        return True

    def value(self) -> JsonValue:
        """The number."""
        return self._box.value()

    def set_value(self, value: JsonValue) -> None:
        """Puts a number in."""
        if isinstance(value, int | float):
            self._box.setValue(int(value))


class _ShortSpinBox(QDoubleSpinBox):
    """Shows 1 and 0.35, not 1.000 and 0.350."""

    def textFromValue(self, val: float) -> str:
        """The number without trailing noughts."""
        return self.locale().toString(val, "g", 6)


class FloatEditor(Editor):
    """A number in its limits."""

    def __init__(self, kind: FieldType) -> None:
        self._box = _ShortSpinBox()
        self._box.setDecimals(DECIMALS)
        self._box.setRange(
            kind.least if kind.least is not None else -1e9, kind.most if kind.most is not None else 1e9
        )
        wide = kind.most is None or kind.least is None or kind.most - kind.least > 20
        self._box.setSingleStep(1.0 if wide else 0.05)
        super().__init__(_plain(self._box))
        self._box.valueChanged.connect(self.edited)

    def set_unit(self, unit: str) -> bool:
        """Shows the unit behind the number."""
        self._box.setSuffix(f" {unit}" if unit else "")
        return True

    def value(self) -> JsonValue:
        """The number."""
        return round(self._box.value(), DECIMALS)

    def set_value(self, value: JsonValue) -> None:
        """Puts a number in."""
        if isinstance(value, int | float):
            self._box.setValue(float(value))


class NumberTextEditor(Editor):
    """A number that may be empty, or is too small for a spin box, as text; the form judges it."""

    def __init__(self, base: type) -> None:
        self._line = QLineEdit()
        self._line.setMaximumWidth(180)
        self._base = base
        super().__init__(self._line)
        self._line.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self._line.textChanged.connect(self.edited)

    def value(self) -> JsonValue:
        """The number; None when empty; the text itself when it is no number."""
        text = self._line.text().strip()
        if not text:
            return None
        try:
            return int(text) if self._base is int else float(text.replace(",", "."))
        except ValueError:
            return text

    def set_value(self, value: JsonValue) -> None:
        """Puts a number in."""
        self._line.setText("" if value is None else f"{value:g}" if isinstance(value, float) else str(value))


class ChoiceEditor(Editor):
    """One of some values, or none where that is allowed."""

    def __init__(self, options: tuple[str, ...], labels: tuple[str, ...], *, optional: bool = False) -> None:
        self._box = QComboBox()
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(CHOICE_LETTERS)
        if optional:
            self._box.addItem("", None)
        self._labels = dict(zip(options, labels, strict=True))
        for option, label in self._labels.items():
            self._box.addItem(label, option)
        super().__init__(self._box)
        self._box.currentIndexChanged.connect(self.edited)

    def value(self) -> JsonValue:
        """The chosen value; None for none."""
        chosen = self._box.currentData()
        return None if chosen is None else str(chosen)

    def set_placeholder(self, text: str) -> None:
        """Says what no choice means."""
        if self._box.itemData(0) is None:
            self._box.setItemText(0, text)

    def set_value(self, value: JsonValue) -> None:
        """Chooses."""
        place = self._box.findData(None if value is None else str(value))
        if place >= 0:
            self._box.setCurrentIndex(place)

    def set_choices(self, choices: tuple[str, ...]) -> None:
        """Offers only these of its values; the first when the chosen one is not among them."""
        kept, blocked = self.value(), self._box.blockSignals(True)
        for place in reversed(range(self._box.count())):
            if self._box.itemData(place) is not None:
                self._box.removeItem(place)
        for option in choices:
            self._box.addItem(self._labels.get(option, option), option)
        self._box.setCurrentIndex(max(0, self._box.findData(kept)))
        self._box.blockSignals(blocked)
        if self.value() != kept:
            self.edited.emit()


class TextEditor(Editor):
    """A line of text, perhaps with suggestions."""

    def __init__(self, choices: tuple[str, ...], *, optional: bool) -> None:
        self._optional = optional
        self._combo = QComboBox() if choices else None
        if self._combo is not None:
            self._combo.setEditable(True)
            self._combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            self._combo.addItems(list(choices))
        line = self._combo.lineEdit() if self._combo is not None else None
        self._line = line if line is not None else QLineEdit()
        super().__init__(self._combo or self._line)
        self._line.textChanged.connect(self.edited)

    def value(self) -> JsonValue:
        """The text; None when it is empty and may be."""
        text = self._line.text().strip()
        return None if self._optional and not text else text

    def set_value(self, value: JsonValue) -> None:
        """Puts text in."""
        text = "" if value is None else str(value)
        if self._combo is not None:
            self._combo.setCurrentText(text)
        else:
            self._line.setText(text)
            self._line.setCursorPosition(0)

    def offers(self, value: str) -> bool:
        """Whether the value is one of those that it suggests."""
        return self._combo is not None and self._combo.findText(value) >= 0

    def set_choices(self, choices: tuple[str, ...]) -> None:
        """Suggests others; the text stays."""
        if self._combo is None or choices == tuple(
            self._combo.itemText(number) for number in range(self._combo.count())
        ):
            return
        text, blocked = self._line.text(), self._line.blockSignals(True)
        self._combo.clear()
        self._combo.addItems(list(choices))
        self._combo.setCurrentText(text)
        self._line.blockSignals(blocked)

    def set_name(self, name: str, about: str) -> None:
        """Names the inner line too."""
        super().set_name(name, about)
        self._line.setAccessibleName(name)


class LongTextEditor(Editor):
    """Text of several lines."""

    def __init__(self) -> None:
        self._edit = QPlainTextEdit()
        self._edit.setTabChangesFocus(True)
        super().__init__(self._edit)
        self._edit.setMinimumHeight(64)
        self._edit.textChanged.connect(self.edited)

    def value(self) -> JsonValue:
        """The text."""
        return self._edit.toPlainText().strip()

    def set_value(self, value: JsonValue) -> None:
        """Puts text in."""
        self._edit.setPlainText("" if value is None else str(value))


class PathEditor(Editor):
    """A path, or several where they may be; empty is None."""

    def __init__(self, kind: FieldKind, suffixes: tuple[str, ...], *, several: bool = False) -> None:
        self._edit = PathEdit(kind, suffixes, several=several)
        super().__init__(self._edit)
        self._edit.edited.connect(self.edited)

    def value(self) -> JsonValue:
        """The path as text; a list of several."""
        paths = self._edit.paths()
        return list(paths) if len(paths) > 1 else next(iter(paths), None)

    def set_value(self, value: JsonValue) -> None:
        """Puts a path in, or several."""
        given = value if isinstance(value, list) else [] if value is None else [value]
        self._edit.set_paths([str(path) for path in given if path != ""])

    def take(self, paths: Sequence[Path]) -> bool:
        """Puts in what was dropped and fits; whether anything did."""
        return self._edit.take(paths)

    def set_name(self, name: str, about: str) -> None:
        """Names the line and the button."""
        super().set_name(name, about)
        self._edit.set_name(name)


class NameOrPathEditor(TextEditor):
    """A suggested name or a path, such as a Whisper size or a model's folder."""

    def __init__(self, spec: FieldSpec, *, optional: bool) -> None:
        super().__init__(spec.choices, optional=optional)
        self._browse = PathEdit(spec.kind, spec.suffixes, self)
        self._browse.line.hide()
        self._browse.edited.connect(lambda: self.set_value(self._browse.text()))
        self._browse.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.control.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout = self.layout()
        if layout is not None:
            layout.setSpacing(4)
            layout.addWidget(self._browse)

    def set_name(self, name: str, about: str) -> None:
        """Names the line and the button."""
        super().set_name(name, about)
        self._browse.set_name(name)


def make_editor(spec: FieldSpec, labels: dict[str, str]) -> Editor:
    """The editor that fits a parameter.

    Args:
        spec: the parameter.
        labels: words for the values or titles of choices; one without words shows itself.
    """
    kind = field_type(spec)
    if kind.options:
        named = dict(zip(spec.choices, spec.choice_titles, strict=False))
        shown = [named.get(option, option) for option in kind.options]
        return ChoiceEditor(kind.options, tuple(labels.get(title, title) for title in shown))
    if spec.choice_titles:
        titles = tuple(labels.get(title, title) for title in spec.choice_titles)
        return ChoiceEditor(spec.choices, titles, optional=kind.optional)
    if kind.base is bool:
        return BoolEditor()
    if kind.base in (int, float):
        default = spec.info.default
        tiny = isinstance(default, float) and 0 < abs(default) < SMALLEST_STEP
        if kind.optional or tiny:
            return NumberTextEditor(kind.base)
        return IntEditor(kind) if kind.base is int else FloatEditor(kind)
    if kind.base is Path:
        return PathEditor(spec.kind, spec.suffixes, several=kind.several)
    if spec.kind is FieldKind.TEXT:
        return LongTextEditor()
    if spec.kind is FieldKind.PLAIN:
        return TextEditor(spec.choices, optional=kind.optional)
    return NameOrPathEditor(spec, optional=kind.optional)


def _plain(box: QAbstractSpinBox) -> QAbstractSpinBox:
    box.setMinimumWidth(130)
    box.setMaximumWidth(150)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setKeyboardTracking(True)
    return box
