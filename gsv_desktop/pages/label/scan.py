"""Looks at the clips of a list beside the window's own work."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from engine.protocol.label_list import LabelRow
from gsv_desktop.pages.label.clips import clip_length
from gsv_desktop.pages.label.table import ClipFacts

log = logging.getLogger(__name__)
TELL_EVERY_S: Final = 0.3


class ClipScan(QObject):
    """Finds out which clips are there and how long they are.

    Signals:
        found: of some clips: paths of those missing, of those there, and facts by name.
        finished: all clips were looked at.
    """

    found = Signal(object, object, object)
    finished = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._request = 0

    def start(self, rows: Sequence[LabelRow], base: Path, *, lengths: bool) -> None:
        """Looks at clips; what was begun before is dropped.

        Args:
            rows: rows whose clips are looked at.
            base: folder of the label file.
            lengths: whether each file is opened for its length.
        """
        self._request += 1
        QThreadPool.globalInstance().start(_Scan(self, self._request, tuple(rows), base, lengths=lengths))

    def drop(self) -> None:
        """What was begun is of no use any more."""
        self._request += 1

    def is_wanted(self, request: int) -> bool:
        """Whether nothing newer was begun."""
        return request == self._request


class _Scan(QRunnable):
    def __init__(
        self, owner: ClipScan, request: int, rows: tuple[LabelRow, ...], base: Path, *, lengths: bool
    ) -> None:
        super().__init__()
        self._owner = owner
        self._request = request
        self._rows = rows
        self._base = base
        self._lengths = lengths

    def run(self) -> None:
        """Looks at the clips, and tells now and then what was found."""
        try:
            rest = iter(self._rows)
            while self._owner.is_wanted(self._request) and self._tell_some(rest):
                pass
            if self._owner.is_wanted(self._request):
                self._owner.finished.emit()
        except RuntimeError:
            log.debug("the page was closed before all clips were looked at")

    def _tell_some(self, rest: Iterator[LabelRow]) -> bool:
        """Tells of the clips that were looked at in TELL_EVERY_S; whether there may be more."""
        missing, there, facts = set(), set(), {}
        until = time.monotonic() + TELL_EVERY_S
        for row in rest:
            clip = row.clip(self._base)
            if not clip.is_file():
                missing.add(row.path)
            else:
                there.add(row.path)
                if self._lengths:
                    facts[row.name] = ClipFacts(length_s=clip_length(clip))
            if time.monotonic() > until:
                break
        if (missing or there) and self._owner.is_wanted(self._request):
            self._owner.found.emit(missing, there, facts)
        return bool(missing or there)
