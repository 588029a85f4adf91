"""Chinese text against the stored vectors of the original."""

import json
from collections import Counter
from pathlib import Path

import pytest

from engine.text.spoken import TextSettings
from engine.text.zh.phones import in_tone, to_phones
from engine.text.zh.readings import read_word
from engine.text.zh.sandhi import join_words
from engine.text.zh.syllables import phones
from engine.text.zh.words import Word, words
from tests.parity.kit.cases import text_records

LISTED = json.loads((Path(__file__).parent / "deviations" / "zh.json").read_text(encoding="utf-8"))
IN_PIPELINE = {
    "d1115": "money is named, also before the amount",
    "d1186": "a mark before a number is no decimal point",
}
DEVIATIONS = {*LISTED, *IN_PIPELINE}


def _stretches():
    """(id, version, level, text, wanted) of everything that the original's Chinese front end was given."""
    for record in text_records("vectors.jsonl"):
        name, version, level = record["id"], record["version"], record["level"]
        if level == "pipeline":
            for part in record.get("segments") or ():
                if part["lang"] == "zh":
                    yield name, version, level, part["text"], part
        elif record["lang"] == "zh" and "error" not in record:
            yield name, version, level, record["text"], record


STRETCHES = list(_stretches())
CRASHING = [
    record["text"]
    for record in text_records("vectors.jsonl")
    if record["lang"] in {"zh", "all_zh"} and "error" in record
]
GIVEN = text_records("zh_given_pinyin.jsonl")


def test_the_vectors_are_all_there():
    assert Counter((version, level) for _, version, level, _, _ in STRETCHES) == {
        ("v2", "clean"): 347,
        ("v1", "clean"): 81,
        ("v2", "pipeline"): 49,
        ("v1", "pipeline"): 18,
        ("v2", "train"): 4,
    }
    assert len(GIVEN) == 239
    assert len(CRASHING) == 12


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("level", ["clean", "train", "pipeline"])
def test_phones_are_those_of_the_original_but_for_the_listed(version, level):
    differing, equal = set(), set()
    for name, of_version, of_level, text, wanted in STRETCHES:
        if (of_version, of_level) != (version, level):
            continue
        said = to_phones(text, TextSettings(version=version))
        same = (list(said.phones), list(said.word2ph)) == (wanted["phones"], wanted["word2ph"])
        (equal if same else differing).add(name)
    assert differing - DEVIATIONS == set()
    assert DEVIATIONS & equal - differing == set(), "these agree again: take them off the list"


def test_every_listed_deviation_is_one_of_the_vectors():
    assert {name for name, *_ in STRETCHES} >= DEVIATIONS


@pytest.mark.parametrize("text", CRASHING)
def test_what_the_original_fails_on_is_spoken(text):
    said = to_phones(text, TextSettings())
    assert bool(said.phones) == bool(text.strip())
    assert sum(said.word2ph) == len(said.phones)


def test_words_are_cut_and_joined_as_in_the_original():
    for record in GIVEN:
        for sentence, cut, joined in zip(
            record["given_sentences"], record["tokens"], record["merged_tokens"], strict=True
        ):
            found = words(sentence)
            assert found == [Word(*one) for one in cut], record["id"]
            assert join_words(found, read_word) == [Word(*one) for one in joined], record["id"]


def test_tones_after_a_polyphone_model_are_those_of_the_original():
    for record in GIVEN:
        joined = [Word(*one) for sentence in record["merged_tokens"] for one in sentence]
        said = in_tone(joined, [reading for _, _, reading in record["words"]], erhua=True)
        assert [phone for one in said for phone in phones(one)] == record["phones"], record["id"]
