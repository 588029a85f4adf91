"""Cantonese: syllables, numbers, own words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.text.spoken import TextSettings
from engine.text.symbols import symbol_ids
from engine.text.yue.phones import to_phones
from engine.text.yue.readings import has_reading
from engine.text.yue.syllables import phones, syllables


def spoken(text, **entries):
    return to_phones(
        text, TextSettings(entries={word: tuple(said.split()) for word, said in entries.items()})
    )


@pytest.mark.parametrize(
    ("syllable", "said"),
    [
        ("hoeng1", "Yh Yoeng1"),
        ("gwong2", "Ygw Yong2"),
        ("aa3", "Yaa Ya3"),
        ("m4", "Ym Ym4"),
        ("ng5", "Yng Yg5"),
        ("ang1", "Yang1"),
        ("ung3", "Yung3"),
        ("lem2", "Yl Ye2 Ym2"),
        ("oet1", "Yoe1 Yt1"),
        ("keu4", "Yk Ye4 Yu4"),
        ("xa1", ""),
        ("ngo", ""),
        ("", ""),
    ],
)
def test_syllables(syllable, said):
    assert " ".join(phones(syllable)) == said


def test_a_reading_with_an_unknown_syllable_is_none():
    assert syllables("sap6 hak1") == ("sap6", "hak1")
    assert syllables("xa1 hak1") == ()


@pytest.mark.parametrize(
    ("text", "written", "said"),
    [
        ("我㗎𡃁仔", "我㗎𡃁仔", "Yng Yo5 Yg Yaa3 Yl Yeng1 Yz Yai2"),
        ("好！！靚～", "好!!靓-", "Yh You2 ! ! Yl Yeng3 -"),
        ("25~30度", "二十五到三十度", "Yj Yi6 Ys Yap6 Yng Yg5 Yd You3 Ys Yaam1 Ys Yap6 Yd You6"),
        ("2蚊", "两蚊", "Yl Yoeng5 Ym Yan1"),
        ("９９９", "九九九", "Yg Yau2 Yg Yau2 Yg Yau2"),
        ("乄艹", "", ""),
        ("嗯", "嗯", "Yng Yg6"),
        ("", "", ""),
    ],
)
def test_text_is_written_out_and_read(text, written, said):
    result = spoken(text)
    assert result.norm_text == written
    assert " ".join(result.phones) == said
    assert len(result.word2ph) == len(written)
    assert sum(result.word2ph) == len(result.phones)


def test_characters_may_have_two_syllables():
    assert spoken("瓩").phones == ("Yc", "Yin1", "Yng", "Yaa5")
    assert spoken("瓩").word2ph == (4,)
    assert has_reading("瓩")
    assert not has_reading("艹")


def test_own_words_win_the_longest_first():
    result = spoken("去香港大學，香港。", 香港="hoeng1 gong2", 香港大學="gong2 daai6")
    assert " ".join(result.phones) == "Yh Yeoi3 Yg Yong2 Yd Yaai6 , Yh Yoeng1 Yg Yong2 ."
    assert result.norm_text == "去香港大學,香港."
    assert result.word2ph == (2, 2, 2, 0, 0, 1, 2, 2, 1)


def test_own_words_may_be_of_other_letters_and_longer_than_written():
    result = spoken("用T5", T5="ti1 fai1 fu4")
    assert result.phones == ("Yj", "Yung6", "Yt", "Yi1", "Yf", "Yai1", "Yf", "Yu4")
    assert result.word2ph == (2, 2, 4)


def test_own_words_that_are_no_jyutping_do_not_count():
    assert spoken("香港", 香港="xiang1 gang3") == spoken("香港")
    assert spoken("香港", 香港="hoeng gong") == spoken("香港")


LETTERS = st.characters() | st.sampled_from(
    "我哋㗎𡃁乄兙嗯呣莺香港0123456789.,-/:~～%！？…蚊度年月\U000f0000\ue000"
)


@settings(max_examples=50, deadline=None)
@given(st.text(LETTERS, max_size=2000))
def test_any_text_gives_known_phones(text):
    result = to_phones(text, TextSettings())
    assert set(result.phones) <= set(symbol_ids("v2"))
    assert len(result.word2ph) == len(result.norm_text)
    assert sum(result.word2ph) == len(result.phones)
