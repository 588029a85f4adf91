import pytest
from pypinyin.constants import PINYIN_DICT

from engine.text.zh.readings import read_character
from engine.text.zh.syllables import is_syllable, phones, tone, with_tone


def test_syllables_are_two_phones():
    assert phones("lv4") == ("l", "v4")
    assert phones("yuan2") == ("y", "van2")
    assert phones("fiao4") == ("f", "iao4")
    assert phones(",") == (",",)
    with pytest.raises(ValueError, match="no syllable"):
        phones("xyz1")


def test_tones_change_but_marks_do_not():
    assert (tone("hao3"), with_tone("hao3", "2")) == ("3", "hao2")
    assert (tone("."), with_tone(".", "2")) == ("", ".")


@pytest.mark.parametrize("text", ["", "3", "hao", "hao6", "Hao3", "lü4"])
def test_what_is_no_syllable(text):
    assert not is_syllable(text)


def test_nearly_all_characters_of_the_dictionary_can_be_said():
    common = [chr(code) for code in PINYIN_DICT if 0x4E00 <= code <= 0x9FA5]
    assert [sign for sign in common[::7] if read_character(sign) is None] == []
