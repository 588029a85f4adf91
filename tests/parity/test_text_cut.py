"""Cutting of text against the golden cases, in every language."""

import re

import pytest

from engine.infer.text_cut import (
    MAX_PIECE_CHARACTERS,
    collapse_marks,
    cut,
    merge_short,
    prepare_text,
    split_long,
)
from engine.protocol.stages.speech import CutMethod
from tests.parity.kit.cases import read_json, text_records

_GOLDEN = [
    {**case, "id": f"golden{number}", "raw": case["cut"], "pieces": case["segments"]}
    for number, case in enumerate(read_json("golden", "text_cut.json")["cases"])
]
_VECTORS = [record for record in text_records("segments.jsonl") if record["kind"] == "cut"]
_HELPERS = [
    r
    for r in text_records("segments.jsonl")
    if r["kind"] in ("merge_short", "split_big", "dedup_punctuation")
]


def _lines(text):
    return [line for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("method", list(CutMethod))
@pytest.mark.parametrize("cases", [_GOLDEN, _VECTORS], ids=["golden", "vectors"])
def test_pieces(method, cases):
    chosen = [case for case in cases if case["method"] == method.value]
    assert len(chosen) >= 5
    wrong = []
    for case in chosen:
        pieces = prepare_text(case["text"], case["lang"], method)
        # Where the original breaks off there is nothing to say, and
        # a lone mark or an empty piece that it hands out is not spoken.
        failed = "error" in case or isinstance(case["pieces"], dict)
        wanted = [] if failed else [piece for piece in case["pieces"] if re.search(r"\w", piece)]
        if any(len(piece) > MAX_PIECE_CHARACTERS for piece in wanted):  # it hands out what is too long
            assert max(map(len, pieces)) <= MAX_PIECE_CHARACTERS
            pieces, wanted = ["".join(pieces)], ["".join(wanted)]
        if pieces != wanted:
            wrong.append((case["id"], case["lang"], case["text"], pieces, wanted))
    assert wrong == []


@pytest.mark.parametrize("method", list(CutMethod))
@pytest.mark.parametrize("cases", [_GOLDEN, _VECTORS], ids=["golden", "vectors"])
def test_raw_cuts(method, cases):
    wrong = []
    for case in (case for case in cases if case["method"] == method.value):
        if not isinstance(case.get("raw"), str):
            continue
        got = _lines("\n".join(cut(case["text"], method)))
        if got != _lines(case["raw"]):
            wrong.append((case["id"], case["text"], got, case["raw"]))
    assert wrong == []


@pytest.mark.parametrize("record", _HELPERS, ids=lambda record: record["id"])
def test_helpers(record):
    match record["kind"]:
        case "merge_short":
            assert merge_short(record["texts"], record["threshold"]) == record["pieces"]
        case "split_big":
            wanted = [piece for piece in record["pieces"] if piece]
            assert split_long(record["text"], record["max_len"]) == wanted
        case "dedup_punctuation":
            assert collapse_marks(record["text"]) == record["result"]
