"""The one place that shows an error."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from types import TracebackType

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from engine.protocol.errors import EngineError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong, for people: message, way out, details."""

    message: str
    hint: str = ""
    detail: str = ""

    def as_text(self) -> str:
        """Everything, for the clipboard."""
        return "\n\n".join(part for part in (self.message, self.hint, self.detail) if part)


def fault_of(error: Exception) -> Fault:
    """The words for an error."""
    if isinstance(error, EngineError):
        return Fault(message=error.message, hint=error.hint, detail=error.detail)
    return Fault(
        message=f"Something went wrong inside the window: {error}",
        hint="Your work is saved. Please report this, with the details.",
        detail="".join(traceback.format_exception(error)),
    )


def show_error(parent: QWidget | None, error: Exception | Fault) -> None:
    """Shows message, hint and details that can be copied."""
    fault = error if isinstance(error, Fault) else fault_of(error)
    log.error("%s %s %s", fault.message, fault.hint, fault.detail)
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle(QCoreApplication.translate("errors", "That did not work"))
    box.setText(fault.message)
    box.setInformativeText(fault.hint)
    if fault.detail:
        box.setDetailedText(fault.detail)
    copy = box.addButton(
        QCoreApplication.translate("errors", "Copy details"), QMessageBox.ButtonRole.ActionRole
    )
    box.addButton(QMessageBox.StandardButton.Close)
    box.buttonClicked.connect(
        lambda button: QGuiApplication.clipboard().setText(fault.as_text()) if button is copy else None
    )
    box.exec()


def show_unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For `sys.excepthook`: a fault of ours is shown too, instead of a window that does nothing."""
    if isinstance(error, Exception):
        show_error(None, error)
    else:
        log.critical("unexpected", exc_info=(kind, error, trace))
