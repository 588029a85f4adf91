"""English: numbers, abbreviations, words."""

import pytest

from engine.text.en import lexicon, numbers
from engine.text.en.guess import guess
from engine.text.en.normalise import normalise
from engine.text.frontend import phonemize
from engine.text.symbols import symbol_ids


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("0", "zero"),
        ("007", "seven"),
        ("110", "one hundred ten"),
        ("1000000", "one million"),
        ("21000", "twenty-one thousand"),
        ("9" * 22, " ".join(["nine"] * 22)),
    ],
)
def test_cardinals(digits, said):
    assert numbers.cardinal(digits) == said


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("1905", "nineteen oh five"),
        ("1900", "nineteen hundred"),
        ("2000", "two thousand"),
        ("2009", "two thousand nine"),
        ("2010", "twenty ten"),
        ("3000", "three thousand"),
        ("999", "nine hundred ninety-nine"),
    ],
)
def test_years(digits, said):
    assert numbers.year(digits) == said


@pytest.mark.parametrize(
    ("digits", "said"), [("1", "first"), ("12", "twelfth"), ("20", "twentieth"), ("103", "one hundred third")]
)
def test_ordinals(digits, said):
    assert numbers.ordinal(digits) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It costs $5 million.", "It costs five million dollars."),
        ("£1.01 & €3.50", "one pound and one penny and three euros and fifty cents"),
        ("-5°C at 100 km/h", "negative five degrees celsius at one hundred kilometers per hour"),
        ("See No. 5.", "See Number five."),
        ("St. John lives on Main St. today", "Saint John lives on Main Street today"),
        ("at 9 a.m. on Monday", "at nine A M on Monday"),
        ("It is 9:05 p.m.", "It is nine oh five P M."),
        ("It is 21:15", "It is nine fifteen P M"),
        ("CDs and DVDs", "C D's and D V D's"),
        ("the 1990s", "the nineteen nineties"),
        ("a VERY big one", "a very big one"),
        ("STOP DOING THAT NOW", "stop doing that now"),
        ("NASA and HTTPS", "N A S A and H T T P S"),
        ("“don’t” — he said…", "don't, he said."),
        ("cats, dogs, etc.", "cats, dogs, et cetera."),
        ("1,500 of 2 + 3 = 5", "fifteen hundred of two plus three equals five"),
        ("mail me@home", "mail me at home"),
        ("2024-13-40", "twenty twenty-four-thirteen-forty"),
    ],
)
def test_written_signs_are_said(text, said):
    assert " ".join(normalise(text, lexicon.is_word).split()) == " ".join(said.split())


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("hello", "HH AH0 L OW1"),
        ("blorp's", "B L AO1 R P S"),
        ("glitch's", "G L IH1 CH AH0 Z"),
        ("deepfake", "D IY1 P F EY1 K"),
        ("thirty-four", "TH ER1 D IY2 F AO1 R"),
        ("re-enter", "R IY1 EH1 N T ER0"),
        ("xzq", "EH1 K S Z IY1 K Y UW1"),
        ("qwrtp", "K Y UW1 D AH1 B AH0 L Y UW0 AA1 R T IY1 P IY1"),
        ("'", ""),
    ],
)
def test_words(word, phones):
    assert " ".join(lexicon.say(word)) == phones


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("I have read it", "AY1 HH AE1 V R EH1 D IH1 T"),
        ("I will read it", "AY1 W IH1 L R IY1 D IH1 T"),
        ("We live near", "W IY1 L IH1 V N IH1 R"),
        ("The wind blows", "DH AH0 W IH1 N D B L OW1 Z"),
        ("Lower or increase the volume", "L OW1 ER0 AO1 R IH2 N K R IY1 S DH AH0 V AA1 L Y UW0 M"),
        ("a new record", "AH0 N UW1 R EH1 K ER0 D"),
    ],
)
def test_words_that_are_said_in_two_ways(text, phones):
    assert " ".join(phonemize(text, "en").phones) == phones


def test_a_guess_ends_and_is_made_of_known_phones():
    for word in ("a" * 100, "zzzzzzz", "é", "blorptastic"):
        said = guess(word)
        assert 0 < len(said) <= 20
        assert set(said) <= set(symbol_ids("v2"))


def test_every_phone_of_the_dictionary_is_in_the_table():
    assert {phone for said in lexicon.words().values() for phone in said.split()} <= set(symbol_ids("v2"))
    assert len(lexicon.words()) > 120000
