"""A language's text vectors beside what we give, and the list of the differences that are meant.

`tests/parity/deviations/<name>.json` holds {vector id: why we differ}.  A vector that differs and
is not listed fails its test; one that is listed and agrees is stale and fails it too.
`python -m tests.parity.deviations` prints them all.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.parity.kit.cases import text_records

Record = Mapping[str, Any]
Phones = tuple[str, ...]
Word2Ph = tuple[int, ...] | None
Answer = tuple[Phones, Word2Ph]

FOLDER = Path(__file__).parent.parent / "deviations"


@dataclass(frozen=True)
class Comparison:
    """What came of a language's vectors.

    Attributes:
        records: The vectors by id.
        got: Our phones by id; empty where we raised.
        differing: Ids whose phones are not the original's.
        reasons: Those of the list that belong to these vectors.
        raised: Ids on which we raised, with the error.
    """

    records: Mapping[str, Record]
    got: Mapping[str, Phones]
    differing: frozenset[str]
    reasons: Mapping[str, str]
    raised: Mapping[str, str] = field(default_factory=dict)

    @property
    def crashing(self) -> frozenset[str]:
        """Ids that the original raised on; these count neither as equal nor as differing."""
        return frozenset(name for name, record in self.records.items() if "error" in record)

    @property
    def comparable(self) -> frozenset[str]:
        """Ids that the original has an answer to."""
        return frozenset(self.records) - self.crashing

    @property
    def equal(self) -> frozenset[str]:
        """Ids that agree."""
        return self.comparable - self.differing

    @property
    def explained(self) -> frozenset[str]:
        """Ids that differ and are on the list."""
        return self.differing & frozenset(self.reasons)

    @property
    def unexplained(self) -> frozenset[str]:
        """Ids that differ and are not on the list."""
        return self.differing - frozenset(self.reasons)

    @property
    def stale(self) -> frozenset[str]:
        """Ids that are on the list and agree."""
        return frozenset(self.reasons) - self.differing - self.crashing

    def shown(self, ids: Iterable[str]) -> str:
        """Some vectors for a reader: text, the original's phones, ours, and why."""
        return "\n".join(self._one(name) for name in sorted(ids))

    def _one(self, name: str) -> str:
        record = self.records[name]
        wanted = record.get("phones")
        lines = [
            f"{name} {record['version']} {record['level']} {record['lang']}: {record['text']!r}",
            f"  original: {' '.join(wanted) if wanted is not None else record['error']}",
            f"  ours:     {self.raised.get(name) or ' '.join(self.got.get(name, ()))}",
        ]
        if name in self.reasons:
            lines.append(f"  why:      {self.reasons[name]}")
        return "\n".join(lines)


def vectors(
    languages: Iterable[str],
    levels: Iterable[str] = ("clean", "train"),
    versions: Iterable[str] = ("v1", "v2"),
) -> dict[str, Record]:
    """Vectors of some languages, levels and versions by id; every language if none is named."""
    named, levels, versions = set(languages), set(levels), set(versions)
    return {
        record["id"]: record
        for record in text_records("vectors.jsonl")
        if (not named or record["lang"] in named)
        and record["level"] in levels
        and record["version"] in versions
    }


def reasons(name: str) -> dict[str, str]:
    """A deviations list; empty when there is none."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def compare(
    records: Mapping[str, Record], speak: Callable[[Record], Answer], listed: Mapping[str, str]
) -> Comparison:
    """Speaks every vector and compares phones and, where the original has it, word2ph.

    Args:
        records: Vectors by id.
        speak: Gives our phones and word2ph of a vector.
        listed: The deviations that are meant; those of other vectors are left out.
    """
    got: dict[str, Phones] = {}
    raised: dict[str, str] = {}
    differing = set()
    for name, record in records.items():
        try:
            phones, word2ph = speak(record)
        except Exception as error:  # noqa: BLE001 - what is raised is part of the report
            raised[name] = f"{type(error).__name__}: {error}"
            differing.add(name)
            continue
        got[name] = tuple(phones)
        if "error" in record:
            continue
        wanted = record.get("word2ph")
        same = list(phones) == record["phones"] and (wanted is None or list(word2ph or ()) == wanted)
        if not same:
            differing.add(name)
    return Comparison(
        records=records,
        got=got,
        differing=frozenset(differing),
        reasons={name: why for name, why in listed.items() if name in records},
        raised=raised,
    )


def compare_language(language: str) -> Comparison:
    """The vectors of one language, as `engine.text.frontend.phonemize` speaks them."""
    from engine.text.frontend import phonemize

    def speak(record: Record) -> Answer:
        spoken = phonemize(record["text"], language, record["version"])
        return spoken.phones, spoken.word2ph

    return compare(vectors([language]), speak, reasons(language))


def compare_pipeline() -> Comparison:
    """The vectors of pieces in every mode, as `engine.text.frontend.phonemize_piece` speaks them."""
    from engine.text.frontend import phonemize_piece

    def speak(record: Record) -> Answer:
        spoken = phonemize_piece(record["text"], record["lang"], record["version"])
        return spoken.phones, None

    return compare(vectors([], levels=["pipeline"]), speak, reasons("pipeline"))
