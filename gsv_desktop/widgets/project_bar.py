"""The line above the tabs: which workspace, which experiment."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QWidget


class ProjectBar(QWidget):
    """Shows the workspace and asks for the experiment's name.

    Signals:
        experiment_entered: the user entered a name.
    """

    experiment_entered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = QLabel(self)
        self._name.setProperty("role", "heading")
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._path = QLabel(self)
        self._path.setProperty("role", "muted")
        self._path.setTextFormat(Qt.TextFormat.PlainText)
        self._path.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        label = QLabel(self.tr("Experiment"), self)
        self._experiment = QLineEdit(self)
        self._experiment.setAccessibleName(self.tr("Experiment"))
        self._experiment.setToolTip(
            self.tr("Name of the voice that is trained: its data go to logs/<name> in the workspace")
        )
        self._experiment.setFixedWidth(180)
        self._experiment.editingFinished.connect(self._on_entered)
        label.setBuddy(self._experiment)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 6, 16, 6)
        layout.setSpacing(10)
        layout.addWidget(self._name)
        layout.addWidget(self._path, 1)
        layout.addWidget(label)
        layout.addWidget(self._experiment)
        self._shown = ""

    def show_project(self, name: str, path: str, experiment: str) -> None:
        """Shows a project."""
        self._name.setText(name)
        self._path.setText(path)
        self._path.setToolTip(path)
        self._shown = experiment
        self._experiment.setText(experiment)

    @Slot()
    def _on_entered(self) -> None:
        text = self._experiment.text().strip()
        if text != self._shown:
            self.experiment_entered.emit(text)
