"""What was heard of exported weights: sentences spoken by pairs of them, figures, and the best pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from engine.protocol.exports import epochs_told
from engine.protocol.label_list import replace_text
from engine.protocol.model import StrictModel
from engine.protocol.versions import ModelVersion
from engine.protocol.workspace import Experiment, Workspace

REPORT: Final = "audition.json"
ABOUT_EQUAL_ERROR: Final = 0.02
"""Errors that differ by less are taken as equal: one word of some fifty."""
HARD_TO_UNDERSTAND: Final = 0.5
_BY_CHARACTER: Final = frozenset({"zh", "yue", "ja", "ko"})


class AuditionLine(StrictModel):
    """A test sentence as a pair spoke it."""

    text: str
    sound: str = Field(description="file name of the sound beside the report")
    seconds: float = Field(description="length of the sound")
    similarity: float | None = Field(default=None, description="to the training clips; None: not measured")
    heard: str | None = Field(default=None, description="what speech recognition heard; None: not measured")
    error: float | None = Field(default=None, description="share of wrong words or characters")


class Audition(StrictModel):
    """Everything that a pair of weights said: `audition.json` in the pair's folder."""

    gpt: str = Field(description="file name of the GPT weights")
    gpt_epoch: int
    sovits: str = Field(description="file name of the SoVITS weights")
    sovits_epoch: int
    version: str
    language: str = Field(description="how the sentences are read, one of TEXT_MODES")
    lines: tuple[AuditionLine, ...]
    reference: str = Field(
        description="recording whose voice was taken; relative to the workspace, or absolute"
    )
    prompt_text: str
    prompt_language: str
    content_encoder: str = Field(description="folder of the content encoder; as the reference")
    encoder: str = Field(default="", description="what the similarity was measured with")
    own_similarity: float | None = Field(default=None, description="of the training clips to one another")
    recogniser: str = Field(default="", description="what heard the words; empty for nothing")
    spoken_from: str = Field(description="changes with weights, sentences and reference")
    measured_by: str = Field(default="", description="changes with encoder and recogniser")

    @property
    def similarity(self) -> float | None:
        """Mean over the sentences; None where it was not measured."""
        return _mean(line.similarity for line in self.lines)

    @property
    def error(self) -> float | None:
        """Mean over the sentences; None where it was not measured."""
        return _mean(line.error for line in self.lines)

    @property
    def epochs(self) -> tuple[str, str]:
        """Epochs of SoVITS and GPT for people; all of them where one is a mean."""
        sovits, gpt = epochs_told(self.sovits, self.sovits_epoch), epochs_told(self.gpt, self.gpt_epoch)
        return sovits, gpt

    @property
    def epoch_words(self) -> tuple[str, str]:
        """The same as `epoch 8` and `mean 8+4`."""
        sovits, gpt = (told if "+" in told else f"epoch {told}" for told in self.epochs)
        return sovits, gpt

    @property
    def texts(self) -> tuple[str, ...]:
        """The sentences."""
        return tuple(line.text for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A pair's report and where it lies."""

    folder: Path
    audition: Audition

    def sound(self, number: int) -> Path:
        """The sound of a sentence, counted from 0."""
        return self.folder / self.audition.lines[number].sound

    @property
    def title(self) -> str:
        """The pair for people."""
        sovits, gpt = self.audition.epoch_words
        return f"{sovits} of SoVITS with {gpt} of GPT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The pair to take, and why."""

    best: Heard
    reason: str


def audition_folder(experiment: Experiment, version: ModelVersion) -> Path:
    """Where the pairs of a version have their folders."""
    return experiment.folder / "audition" / version.name


def error_name(language: str) -> str:
    """What is counted in a language: words, or characters where words are not set apart."""
    code = language.removeprefix("all_")
    return "character error" if code in _BY_CHARACTER else "word error"


def read_audition(folder: Path) -> Audition | None:
    """The report in a pair's folder; None when there is none, or one that cannot be read."""
    path = folder / REPORT
    try:
        return Audition.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None


def write_audition(folder: Path, audition: Audition) -> Path:
    """Writes a pair's report, whole or not at all.

    Raises:
        OutOfSpace: it cannot be written.
    """
    path = folder / REPORT
    replace_text(path, audition.model_dump_json(indent=1) + "\n")
    return path


def read_auditions(experiment: Experiment, version: ModelVersion) -> tuple[Heard, ...]:
    """Every report of an experiment whose sounds are there, by SoVITS epoch, then by GPT epoch."""
    folder = audition_folder(experiment, version)
    found = []
    for pair in sorted(folder.iterdir()) if folder.is_dir() else ():
        audition = read_audition(pair)
        if audition is not None and all((pair / line.sound).is_file() for line in audition.lines):
            found.append(Heard(folder=pair, audition=audition))
    return tuple(sorted(found, key=lambda one: (one.audition.sovits_epoch, one.audition.gpt_epoch)))


def audition_weights(audition: Audition, workspace: Workspace, version: ModelVersion) -> tuple[Path, Path]:
    """Where the pair's GPT and SoVITS weights are, or were before they were pruned."""
    return workspace.gpt_weights(version) / audition.gpt, workspace.sovits_weights(version) / audition.sovits


def recommend(heard: Sequence[Heard]) -> Recommendation | None:
    """The pair to take: the fewest errors, and of those about equal the voice that is most alike.

    Pairs that spoke other sentences than the newest report are left out: their figures do not compare.
    """
    comparable = _comparable(heard)
    if not comparable:
        return None
    errors = [error for one in comparable if (error := one.audition.error) is not None]
    lowest = min(errors, default=None)
    near = [one for one in comparable if lowest is None or _error(one) <= lowest + ABOUT_EQUAL_ERROR]
    best = max(near, key=lambda one: (_similarity(one), -_error(one), _epochs(one)))
    parts = [_error_words(best, lowest), _similarity_words(best, comparable)]
    said = "; ".join(part for part in parts if part)
    if len(comparable) == 1:
        said = "; ".join(("the only pair heard so far", said)) if said else "the only pair heard so far"
    elif not said:
        said = "the newest; neither likeness nor words could be measured"
    if lowest is not None and lowest > HARD_TO_UNDERSTAND:
        said += ". None of them is easy to understand yet: train longer, or check the labels"
    title = best.title
    return Recommendation(best=best, reason=f"{title[0].upper()}{title[1:]}: {said}.")


def _comparable(heard: Sequence[Heard]) -> list[Heard]:
    if not heard:
        return []
    newest = max(heard, key=lambda one: (one.folder / REPORT).stat().st_mtime_ns if _there(one) else 0)
    return [one for one in heard if one.audition.texts == newest.audition.texts]


def _there(one: Heard) -> bool:
    return (one.folder / REPORT).is_file()


def _error_words(best: Heard, lowest: float | None) -> str:
    error = best.audition.error
    if lowest is None or error is None:
        return ""
    name = error_name(best.audition.language)
    if error <= lowest:
        return f"lowest {name} {error:.2f}"
    return f"{name} {error:.2f}, about as low as the lowest {lowest:.2f}"


def _similarity_words(best: Heard, comparable: Sequence[Heard]) -> str:
    similarity = best.audition.similarity
    if similarity is None:
        return ""
    highest = max(_similarity(one) for one in comparable)
    if similarity >= highest:
        return f"highest similarity {similarity:.2f}"
    return f"similarity {similarity:.2f}, within {max(highest - similarity, 0.01):.2f} of the highest"


def _error(one: Heard) -> float:
    error = one.audition.error
    return float("inf") if error is None else error


def _similarity(one: Heard) -> float:
    similarity = one.audition.similarity
    return float("-inf") if similarity is None else similarity


def _epochs(one: Heard) -> tuple[int, int]:
    return one.audition.sovits_epoch, one.audition.gpt_epoch


def _mean(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None
