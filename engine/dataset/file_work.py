"""Work that turns each of many sound files into others: stoppable, and going on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.audio.io import AudioInfo, probe, probe_each
from engine.corpus.ledger import Ledger, file_mark, fingerprint
from engine.dataset.sources import find_sounds
from engine.protocol.context import Context
from engine.protocol.errors import BadAudio, EngineError, MissingFile
from engine.protocol.files import remove_parts
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.sources import told

Make = Callable[[Path], Sequence[Path]]
"""Makes the outputs of one source; raises BadAudio or MissingFile where it cannot be used."""


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

    def run(self, make: Make, context: Context) -> None:
        """Makes what is not there yet, and counts in seconds of sound.

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
            for source, info in known.items():
                context.check_cancelled()
                context.progress(self.done_s, self.total_s, "s")
                self._one(source, make, ledger, context)
                self.done_s += info.duration_s
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

    def _one(self, source: Path, make: Make, ledger: Ledger, context: Context) -> None:
        key = str(source)
        wanted = fingerprint(file_mark(source), self.settings)
        known = ledger.entry(key)
        if known is not None and known.outputs and ledger.done(key, wanted):
            made = [self.output / name for name in known.outputs]
            self.unchanged += 1
        else:
            ledger.forget(key)
            try:
                made = list(make(source))
            except (BadAudio, MissingFile) as error:
                context.log(error.message, "warning")
                self.failures.append((source, error))
                return
            ledger.record(key, wanted, made)
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
