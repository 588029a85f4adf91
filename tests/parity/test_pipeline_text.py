"""From a piece of text to phones in every mode, against the stored vectors of the original."""

import json
import os

import pytest

from engine.text.frontend import phonemize_piece
from engine.text.symbols import symbol_ids
from tests.parity.deviations.__main__ import share
from tests.parity.kit.cases import text_records
from tests.parity.kit.text_vectors import FOLDER, compare_pipeline, reasons


@pytest.fixture(scope="module")
def found():
    return compare_pipeline()


def test_the_vectors_are_all_there(found):
    assert len(found.records) >= 100
    assert {found.records[name]["lang"] for name in found.raised} <= {"fr"}  # a choice that is not ours


def test_phones_are_those_of_the_original_but_for_the_listed(found):
    assert not found.unexplained, found.shown(found.unexplained)
    assert not found.stale, found.shown(found.stale)
    assert len(found.equal) >= 0.8 * len(found.comparable)
    assert share(found).startswith(f"{len(found.equal)} of {len(found.comparable)} equal")


def test_runs_are_those_of_the_original(found):
    wrong = {}
    for name in found.equal:
        record = found.records[name]
        result = phonemize_piece(record["text"], record["lang"], record["version"])
        runs = [(part.language, list(part.phones)) for part in result.segments]
        wanted = [(part["lang"], part["phones"]) for part in record["segments"]]
        said = "".join(part.text for part in result.segments).split()
        assert "".join(said).endswith("".join(record["text"].split()))
        if runs != wanted:
            wrong[name] = (runs, wanted)
    assert wrong == {}


def test_what_the_original_fails_on_is_spoken(found):
    assert found.crashing
    for name in found.crashing:
        assert found.got[name]
        assert set(found.got[name]) <= set(symbol_ids("v2")) - {"UNK"}


@pytest.mark.skipif(bool(os.environ.get("GSV_PARITY_CASES")), reason="the lists are those of our own cases")
def test_every_reason_belongs_to_a_record():
    records = {record["id"] for file in ("vectors.jsonl", "segments.jsonl") for record in text_records(file)}
    for path in FOLDER.glob("*.json"):
        listed = json.loads(path.read_text(encoding="utf-8"))
        assert {name.split("/")[0] for name in listed} <= records, path.name
        assert all(len(why) > 10 for why in listed.values()), path.name
        assert reasons(path.stem) == listed
