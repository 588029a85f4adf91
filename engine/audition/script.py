"""What is spoken in a comparison, and with which reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.audio.io import probe
from engine.corpus.manifests import read_semantic, read_text_rows
from engine.protocol.errors import BadAudio, MissingFile, NothingToDo
from engine.protocol.label_list import LabelRow, read_labels
from engine.protocol.languages import LABEL_LANGUAGES
from engine.protocol.stages.audition import AuditionParameters
from engine.protocol.workspace import Experiment

HELD_BACK: Final = "heldout.list"
SHORTEST_S: Final = 3.0
LONGEST_S: Final = 10.0
WANTED_S: Final = 5.0
_FEWEST_LETTERS: Final = 12
_MOST_LETTERS: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Sentences and reference, the same for all pairs.

    Attributes:
        texts: What is said.
        language: How it is read, one of TEXT_MODES.
        reference: Recording whose voice is taken.
        prompt_text: What is said in it.
        prompt_language: How that is read.
    """

    texts: tuple[str, ...]
    language: str
    reference: Path
    prompt_text: str
    prompt_language: str


def make_script(parameters: AuditionParameters, experiment: Experiment) -> Script:
    """The given sentences and reference; what is left open comes from labels and prepared clips.

    Raises:
        MissingFile: the label file or the reference is not there.
        BadLabels: the label file cannot be read.
        NothingToDo: there is neither a sentence nor a clip to take one from.
    """
    labels = _labels(parameters.labels)
    texts, language = _texts(parameters, labels, experiment)
    if parameters.reference is not None:
        if not parameters.reference.is_file():
            raise MissingFile(
                f"There is no reference recording at {parameters.reference}.", hint="Choose another one."
            )
        return Script(
            texts=texts,
            language=language,
            reference=parameters.reference,
            prompt_text=parameters.prompt_text.strip(),
            prompt_language=parameters.prompt_language,
        )
    clip, said, spoken = _reference(labels, experiment)
    return Script(texts=texts, language=language, reference=clip, prompt_text=said, prompt_language=spoken)


def _labels(path: Path | None) -> tuple[LabelRow, ...]:
    return read_labels(path).rows if path is not None else ()


def _texts(
    parameters: AuditionParameters, labels: Sequence[LabelRow], experiment: Experiment
) -> tuple[tuple[str, ...], str]:
    """Sentences and how they are read."""
    if parameters.sentences:
        return parameters.sentences, parameters.language
    rows = _held_back(parameters.labels, labels, experiment)
    if rows:
        spoken = [row.language for row in rows]
        language = max(LABEL_LANGUAGES, key=spoken.count)
        texts = [row.text for row in rows if row.language == language]
        return _choose(texts, parameters.count), language
    texts = [row.norm_text for row in read_text_rows(experiment.text_file).values() if row.norm_text.strip()]
    if not texts:
        raise NothingToDo(
            f"There is no sentence to speak: {experiment.folder} holds no prepared texts.",
            hint="Type test sentences, or choose the label file.",
        )
    return _choose(texts, parameters.count), parameters.language


def _held_back(path: Path | None, labels: Sequence[LabelRow], experiment: Experiment) -> Sequence[LabelRow]:
    """Rows that training did not learn from, where there are any; else all rows."""
    beside = path.with_name(HELD_BACK) if path is not None else None
    if beside is not None and beside.is_file():
        rows: Sequence[LabelRow] = read_labels(beside).rows
        if rows:
            return rows
    learnt = read_semantic(experiment.semantic_file)
    unheard = [row for row in labels if row.name not in learnt] if learnt else []
    return unheard or labels


def _choose(texts: Sequence[str], count: int) -> tuple[str, ...]:
    """Different sentences of handy length, from short to long."""
    known = sorted({text.strip() for text in texts}, key=lambda text: (len(text), text))
    handy = [text for text in known if _FEWEST_LETTERS <= len(text) <= _MOST_LETTERS] or known
    if len(handy) <= count:
        return tuple(handy)
    return tuple(handy[(2 * place + 1) * len(handy) // (2 * count)] for place in range(count))


def _reference(labels: Sequence[LabelRow], experiment: Experiment) -> tuple[Path, str, str]:
    """A training clip of good length, what is said in it, and how that is read.

    Raises:
        NothingToDo: no clip has 3-10 s.
    """
    said = {name: (row.norm_text, "auto") for name, row in read_text_rows(experiment.text_file).items()}
    said |= {row.name: (row.text, row.language) for row in labels}
    lengths = {
        path: length
        for path in sorted(experiment.wav_folder.glob("*"))
        if path.name in said and SHORTEST_S <= (length := _length_s(path)) <= LONGEST_S
    }
    if not lengths:
        raise NothingToDo(
            f"None of the clips in {experiment.wav_folder} has {SHORTEST_S:.0f}-{LONGEST_S:.0f} s: "
            "there is no reference to speak with.",
            hint="Choose a reference recording.",
        )
    clip = min(lengths, key=lambda path: abs(lengths[path] - WANTED_S))
    return clip, *said[clip.name]


def _length_s(path: Path) -> float:
    try:
        return probe(path).duration_s
    except (BadAudio, MissingFile):
        return 0.0
