"""Work that turns each of many sound files into others: stoppable, and going on where it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from engine.audio.io import AudioInfo, probe, probe_each
from engine.corpus.ledger import Ledger, file_mark, fingerprint
from engine.dataset.sources import find_sounds
from engine.protocol.context import Context
from engine.protocol.errors import BadAudio, EngineError, MissingFile
from engine.protocol.files import remove_parts
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.sources import told

LONGEST_TOGETHER_S: Final = 600.0
"""Sound that may be in work at once, where it is more than one file: it lies in memory."""

Make = Callable[[Path], Sequence[Path]]
"""Makes the outputs of one source; raises BadAudio or MissingFile where it cannot be used."""


@dataclass(slots=True, kw_only=True)
class _Turn:
    """A file whose turn it is.

    Attributes:
        source: The file.
        wanted: Fingerprint of what shall come out of it.
        made: Gives what came out, once it is there; raises what went wrong.
        unchanged: Whether that was made before.
    """

    source: Path
    wanted: str
    made: Callable[[], Sequence[Path]] | None = None
    unchanged: bool = False


@dataclass(slots=True, kw_only=True)
class FileWork:
    """The sources, and what has come out so far.

    Attributes:
        given: A sound file, a folder of them, or several of either.
        output: Folder of what comes out.
        state: Name of the record that is kept there.
        settings: What the outcome depends on beside the sources.
        kind: Kind of the artefacts.
        made: What has come out.
        sources: How many files it came from.
        unchanged: How many of these had been done before.
        failures: Files that could not be used, and why.
        done_s: Length of the files that are finished.
        total_s: Length of all files.
    """

    given: Path | Sequence[Path]
    output: Path
    state: str
    settings: str
    kind: str
    made: list[Path] = field(default_factory=list)
    sources: int = 0
    unchanged: int = 0
    failures: list[tuple[Path, EngineError]] = field(default_factory=list)
    done_s: float = 0.0
    total_s: float = 0.0

    def run(self, make: Make, context: Context, at_once: int = 1) -> None:
        """Makes what is not there yet, and counts in seconds of sound.

        Args:
            make: what is done to a file; with several at once it is called on several threads.
            context: hears how far it is, and is asked whether to stop.
            at_once: how many files are in work together, where they are not long.

        Raises:
            MissingFile: there is nothing at the given path.
            NothingToDo: there is no sound file.
            BadAudio: nothing came out of any file.
            OutOfSpace: a file cannot be written.
            Cancelled: the user stopped; what is finished stays.
        """
        found = find_sounds(self.given)
        remove_parts(self.output)
        self.failures += found.faults
        tell(found.faults, context)
        known, unreadable = looked_at(found.files, context)
        self.failures += unreadable.items()
        self.total_s = sum(info.duration_s for info in known.values())
        with Ledger(self.output / self.state) as ledger:
            for turn in self._turns(known, make, ledger, context, at_once):
                context.progress(self.done_s, self.total_s, "s")
                self._take(turn, ledger, context)
                self.done_s += known[turn.source].duration_s
        context.progress(self.total_s, self.total_s, "s")
        if not self.made:
            raise self._nothing_came_out()

    def result(self, words: str) -> StageResult:
        """What came out; `words` says what was done to the files."""
        seconds = sum(_length_s(path) for path in self.made)
        summary = f"{_count(self.sources)} ({seconds:.0f} s) {words} {self.output}."
        if self.unchanged:
            summary += f" {_count(self.unchanged)} had been done before and did not change."
        return StageResult(
            summary=summary,
            artifacts=(
                ArtifactRef(kind="folder", path=str(self.output)),
                *(ArtifactRef(kind=self.kind, path=str(path)) for path in self.made),
            ),
            skipped=tuple(Skipped(name=str(path), reason=error.message) for path, error in self.failures),
            numbers={"files": len(self.made), "seconds": round(seconds, 3), "unchanged": self.unchanged},
        )

    def _turns(
        self, known: Mapping[Path, AudioInfo], make: Make, ledger: Ledger, context: Context, at_once: int
    ) -> Iterator[_Turn]:
        """Every file in its order; with several at once, the next ones are in work meanwhile."""
        waiting = deque(known.items())
        running: deque[tuple[_Turn, float]] = deque()
        with ThreadPoolExecutor(at_once, "file") as pool:
            try:
                while waiting or running:
                    while waiting and _fits(
                        waiting[0][1].duration_s, [long_s for _, long_s in running], at_once
                    ):
                        source, info = waiting.popleft()
                        turn = self._turn(source, ledger)
                        if turn.made is None:
                            turn.made = partial(make, source)
                            if at_once > 1:
                                turn.made = pool.submit(turn.made).result
                        running.append((turn, info.duration_s))
                    context.check_cancelled()
                    yield running[0][0]
                    running.popleft()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _turn(self, source: Path, ledger: Ledger) -> _Turn:
        """A file, with what was made of it before; that is forgotten where it no longer fits."""
        key, wanted = str(source), fingerprint(file_mark(source), self.settings)
        known = ledger.entry(key)
        if known is None or not known.outputs or not ledger.done(key, wanted):
            ledger.forget(key)
            return _Turn(source=source, wanted=wanted)
        there = [self.output / name for name in known.outputs]
        return _Turn(source=source, wanted=wanted, made=lambda: there, unchanged=True)

    def _take(self, turn: _Turn, ledger: Ledger, context: Context) -> None:
        if turn.made is None:
            raise ValueError("nobody works on the file")
        try:
            made = list(turn.made())
        except (BadAudio, MissingFile) as error:
            context.log(error.message, "warning")
            self.failures.append((turn.source, error))
            return
        if turn.unchanged:
            self.unchanged += 1
        else:
            ledger.record(str(turn.source), turn.wanted, made)
        for path in made:
            context.artifact(path, self.kind)
        self.sources += 1
        self.made += made

    def _nothing_came_out(self) -> EngineError:
        if len(self.failures) == 1:
            return self.failures[0][1]
        return BadAudio(
            f"None of the {len(self.failures)} files in {told(self.given)} could be used.",
            hint=self.failures[0][1].hint,
            detail="\n".join(error.message for _, error in self.failures),
        )


def _fits(next_s: float, running_s: Sequence[float], at_once: int) -> bool:
    """Whether one more file may be begun, beside those that are in work."""
    if not running_s:
        return True
    return len(running_s) < at_once and sum(running_s) + next_s <= LONGEST_TOGETHER_S


def tell(faults: Iterable[tuple[Path, EngineError]], context: Context) -> None:
    """Logs what cannot be taken."""
    for _, error in faults:
        context.log(error.message, "warning")


def looked_at(
    sources: Sequence[Path], context: Context
) -> tuple[dict[Path, AudioInfo], dict[Path, EngineError]]:
    """What the files say of themselves; the user is told at once, before any work, which cannot be read.

    Raises:
        Cancelled: the user stopped.
    """

    def before_each() -> None:
        context.check_cancelled()
        context.progress(0, len(sources), "files")

    known, unreadable = probe_each(sources, before_each)
    tell(unreadable.items(), context)
    return known, unreadable


def _length_s(path: Path) -> float:
    try:
        return probe(path).duration_s
    except (BadAudio, MissingFile):
        return 0.0  # reading it says why


def _count(files: int) -> str:
    return f"{files} file" if files == 1 else f"{files} files"
