"""English: numbers, abbreviations, words."""

import pytest

from engine.protocol.builtin import resource
from engine.text.dictionary import Pronunciation, parse_dictionary
from engine.text.en import lexicon, numbers
from engine.text.en.guess import guess
from engine.text.en.normalise import normalise
from engine.text.en.tagger import tags
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
        ("JavaScript by TikTok and McDonald", "Java Script by Tiktok and Mcdonald"),
        ("ChatGPT, iPhone and HTTPServer", "Chatgpt, i Phone and H T T P Server"),
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


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The wind is strong; wind the clock.", ["W IH1 N D", "W AY1 N D"]),
        ("They live near a live show.", ["L IH1 V", "L AY1 V"]),
        ("The lead pipe can lead.", ["L EH1 D", "L IY1 D"]),
        ("Close the door, it is close.", ["K L OW1 Z", "K L OW1 S"]),
        ("She shed a tear and may tear it.", ["T IH1 R", "T EH1 R"]),
        ("Permit me a permit.", ["P ER0 M IH1 T", "P ER1 M IH2 T"]),
        ("I read a book yesterday.", ["R EH1 D"]),
        ("I read a book every day.", ["R IY1 D"]),
        ("He read the letter and will read it again.", ["R EH1 D", "R IY1 D"]),
        ("I object to that object.", ["AH0 B JH EH1 K T", "AA1 B JH EH0 K T"]),
        ("There was an increase in sales.", ["IH1 N K R IY2 S"]),
        ("Please present the present.", ["P R IY0 Z EH1 N T", "P R EH1 Z AH0 N T"]),
        ("Use it for good use.", ["Y UW1 Z", "Y UW1 S"]),
        ("It was broadcast live from London.", ["L AY1 V"]),
        ("They refuse to take the refuse.", ["R IH0 F Y UW1 Z", "R EH1 F Y UW2 Z"]),
        ("Our lives matter, she lives here.", ["L AY1 V Z", "L IH1 V Z"]),
        ("Record your voice here.", ["R IH0 K AO1 R D"]),
        ("They rebel like a rebel.", ["R IH0 B EH1 L", "R EH1 B AH0 L"]),
    ],
)
def test_the_part_of_speech_decides(text, wanted):
    said = " ".join(phonemize(text, "en").phones)
    place = 0
    for phones in wanted:
        place = said.find(phones, place)
        assert place >= 0, said
        place += len(phones)


def test_parts_of_speech():
    assert tags(["I", "will", "record", "a", "new", "record", "."]) == (
        "PRP",
        "MD",
        "VB",
        "DT",
        "JJ",
        "NN",
        ".",
    )
    assert tags(["In", "1999", "twenty-one", "of", "12th", "3", "-"])[1] == "CD"
    assert tags([]) == ()


@pytest.mark.parametrize(
    ("text", "norm_text"),
    [
        ("Привет мир", "privet mir"),
        ("α and Ω rays, Ελλάδα", "alpha and omega rays, ellada"),
        ("naïve café", "naive cafe"),
    ],
)
def test_other_alphabets_are_spelt_in_latin(text, norm_text):
    assert phonemize(text, "en").norm_text == norm_text


OWN = Pronunciation(
    dictionary=parse_dictionary(
        ["en\tiPhone 15\tAY1 F", "en\tIT\tIH1 T", "en\tZhongli\tJH UH1 NG L IY0", "en\tC++\tS IY1 P"], "own"
    )
)


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("My iphone 15 rings", "M AY1 AY1 F R IH1 NG Z"),
        ("IT is it", "IH1 T IH1 Z IH1 T"),
        ("ZHONGLI's zhongli-like", "JH UH1 NG L IY0 Z JH UH1 NG L IY0 L AY1 K"),
        ("Zhonglis", " ".join(phonemize("Zhonglis", "en").phones)),
        ("We like C++, too", "W IY1 L AY1 K S IY1 P , T UW1"),
        ("zqvx Zhongli", " ".join(phonemize("zqvx Zhongli", "en").phones)),
    ],
)
def test_own_words(text, phones):
    result = phonemize(text, "en", "v2", OWN)
    assert " ".join(result.phones) == phones
    assert "xvqz" not in result.norm_text


def test_text_with_own_words_is_shown_as_written():
    assert phonemize("My Zhongli, iPhone 15.", "en", "v2", OWN).norm_text == "My Zhongli, iPhone 15."


def test_young_words_are_no_guess():
    for word in ("kubernetes", "huawei", "chatgpt", "pytorch"):
        assert lexicon.is_word(word)
    listed = resource("text", "en_words.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert [line for line in listed if not set(line.split("\t")[1].split()) <= set(symbol_ids("v2"))] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$5M or $2.5bn", "five million dollars or two point five billion dollars"),
        ("Jan. 5 and Sept. 12, Mon. to Fri.", "January five and September twelve, Monday to Friday."),
        (
            "Call 555-1234, +1 212-555-0100",
            "Call five five five, one two three four, plus one, two one two, "
            "five five five, zero one zero zero",
        ),
        (
            "See www.example.com/page or a.b@c.org.",
            "See W W W dot example dot com slash page or a dot b at c dot org.",
        ),
        ("24/7, 10am to 9:30pm. I slept", "twenty-four seven, ten A M to nine thirty P M. I slept"),
        ("at 3 a.m. and", "at three A M and"),
        (
            "10:30-12:00 and 5-10, 1990-2000",
            "ten thirty to twelve o'clock and five to ten, nineteen ninety to two thousand",
        ),
        (
            "$5-10, 10-15%, 20–30°C",
            "five to ten dollars, ten to fifteen percent, twenty to thirty degrees celsius",
        ),
        ("1.2.3, #1", "one point two point three, number one"),
        ("Chapter IV of World War II. Henry VIII", "Chapter four of World War two. Henry eight"),
        ("16:9", "sixteen to nine"),
        ("½ cup, 3½ hours", "one half cup, three and one half hours"),
        ("x² > y³", "x squared is greater than y cubed"),
        ("in 2024. Then 1. No", "in twenty twenty-four. Then one. No"),
        ("1. First", "first, First"),
        ("F-16, COVID-19, 21-year-old", "F-sixteen, covid-nineteen, twenty-one-year-old"),
    ],
)
def test_what_is_written_short_is_said_long(text, said):
    assert normalise(text, lexicon.is_word) == said
