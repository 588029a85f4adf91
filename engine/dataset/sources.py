"""The sound files that a stage is given, and for each that it cannot take, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.audio.io import list_audio
from engine.protocol.errors import BadAudio, EngineError, MissingFile, NothingToDo
from engine.protocol.results import Skipped
from engine.protocol.sources import as_paths, told


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSounds:
    """What there is.

    Attributes:
        files: The sound files, each once, no two of one name: what is made of them takes their names.
        faults: What cannot be taken, and why.
    """

    files: tuple[Path, ...]
    faults: tuple[tuple[Path, EngineError], ...] = ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The faults as a result tells them."""
        return tuple(Skipped(name=str(path), reason=error.message) for path, error in self.faults)


def find_sounds(given: Path | Sequence[Path]) -> FoundSounds:
    """The sound files that are named, and those of the folders that are named.

    A single path that cannot be taken is an error; among several it is left out, with its reason.

    Raises:
        MissingFile: there is nothing at the path, or at any of them.
        NothingToDo: there is no sound file.
    """
    paths = as_paths(given)
    if len(paths) == 1:
        return FoundSounds(files=tuple(_sounds_at(paths[0])))
    faults: list[tuple[Path, EngineError]] = []
    files: dict[str, Path] = {}
    for path in _each(paths, faults):
        key = path.name.casefold()  # file systems of Windows and macOS do not tell a from A
        first = files.setdefault(key, path)
        if first != path and not first.samefile(path):
            faults.append((path, _same_name(path, first)))
    if not files:
        raise NothingToDo(
            f"There is no sound file among {told(given)}. {faults[0][1].message}",
            hint=faults[0][1].hint,
            detail="\n".join(error.message for _, error in faults),
        )
    return FoundSounds(files=tuple(files.values()), faults=tuple(faults))


def _each(paths: Sequence[Path], faults: list[tuple[Path, EngineError]]) -> Iterator[Path]:
    for path in paths:
        try:
            yield from _sounds_at(path)
        except (MissingFile, NothingToDo) as error:
            faults.append((path, error))


def _sounds_at(path: Path) -> list[Path]:
    if path.is_dir():
        return list_audio(path)
    if path.is_file():
        return [path]
    raise MissingFile(
        f"There is no recording or folder at {path}.", hint="Choose an existing recording or folder."
    )


def _same_name(path: Path, first: Path) -> BadAudio:
    return BadAudio(
        f"{path} has the same name as {first}, and what is made of them would take each other's place.",
        hint="Rename one of them, or give them to the stage one after the other, with a folder for each.",
    )
