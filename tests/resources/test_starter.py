"""The starter voice's recipe: times of spoken phones find their places in a text."""

import pytest

from resources.starter.evaluate import errors, words
from resources.starter.lessons import phone_places, plain_phone, read_times, token_places


def test_phones_of_all_programs_are_one():
    assert [plain_phone(one) for one in ("AH0", "ax", "ER1", "axr", ",", "pau", "dx")] == [
        "ah",
        "ah",
        "er",
        "er",
        "pau",
        "pau",
        "t",
    ]


def test_spoken_phones_find_their_places():
    wanted = ("HH", "EH1", "L", "OW0", ",", "DH", "EH1", "R", ".")
    spoken = ("pau", "hh", "ax", "l", "ow", "pau", "dh", "eh", "r", "pau")
    assert phone_places(wanted, spoken) == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_another_sentence_has_no_places():
    assert phone_places(("K", "AE1", "T", "."), ("pau", "d", "ao", "g", "z", "pau")) is None


def test_tokens_look_at_the_phone_in_their_middle(tmp_path):
    path = tmp_path / "用户 it's.lab"
    path.write_text("#\n0.08 100 pau\n0.15 100 k\n0.30 100 ae\n0.38 100 t\n", encoding="utf-8")
    places = token_places(read_times(path), ("K", "AE1", "T"), 11)
    assert places == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [("One two three.", "one two three", 0), ("One two three.", "one too", 2), ("One.", "", 1)],
)
def test_word_errors(said, heard, wrong):
    assert errors(words(said), words(heard)) == wrong
