import random

import pytest

from engine.text.spoken import Spoken, TextSettings
from engine.text.symbols import symbol_ids
from engine.text.zh.phones import say, to_phones


def said(text: str, **entries: tuple[str, ...]) -> Spoken:
    return to_phones(text, TextSettings(entries=entries))


def test_every_character_of_the_text_has_its_phones():
    spoken = said("你好，世界。")
    assert spoken.norm_text == "你好,世界."
    assert spoken.phones == ("n", "i2", "h", "ao3", ",", "sh", "ir4", "j", "ie4", ".")
    assert spoken.word2ph == (2, 2, 1, 2, 2, 1)


@pytest.mark.parametrize("text", ["", "   ", "\n", "😀", "/", "-", "ʕ•ᴥ•ʔ", "\ue000", "\U000f0000"])
def test_text_without_sound_is_silent(text):
    assert said(text) == Spoken(norm_text="", phones=(), word2ph=())


def test_the_users_words_win_over_dictionaries_sandhi_and_numbers():
    assert say("你好", erhua=True) == ["ni2", "hao3"]
    assert said("你好", 你好=("ni3", "hao3")).phones == ("n", "i3", "h", "ao3")
    assert said("住重庆。", 重庆=("zhong4", "qing4")).phones[2:6] == ("zh", "ong4", "q", "ing4")
    spoken = to_phones("每天996！", TextSettings(entries={"996": ("jiu3", "jiu3", "liu4")}))
    assert spoken.norm_text == "每天九九六!"
    assert spoken.phones[4:8] == ("j", "iu3", "j", "iu3")


def test_the_longest_of_the_users_words_wins_and_numbers_are_not_cut():
    entries = {"重": ("chong2",), "重庆": ("zhong4", "qing4"), "12": ("yi1", "er4")}
    spoken = to_phones("重庆重123", TextSettings(entries=entries))
    assert spoken.phones[:6] == ("zh", "ong4", "q", "ing4", "ch", "ong2")
    assert spoken.norm_text == "重庆重幺二三"


def test_a_word_may_have_more_syllables_than_characters():
    spoken = to_phones("一瓩。", TextSettings(entries={"瓩": ("qian1", "wa3")}))
    assert (spoken.norm_text, spoken.word2ph) == ("一瓩.", (2, 4, 1))


def test_entries_that_cannot_be_said_are_left_out():
    assert said("好", 好=("haao3",)) == said("好")
    assert said("绿", 绿=("lü4",)).phones == ("l", "v4")


def test_v1_says_no_erhua():
    assert to_phones("花园儿", TextSettings(version="v2")).phones[-1] == "er2"
    assert to_phones("事儿", TextSettings(version="v2")).phones[-2:] == ("EE", "er4")
    assert to_phones("事儿", TextSettings(version="v1")).phones[-2:] == ("EE", "er2")


def test_the_users_pauses_have_their_own_length():
    spoken = said("他￥你^好，吗")
    assert spoken.norm_text == "他,你,好,吗"
    assert [phone for phone in spoken.phones if phone.startswith("SP") or phone == ","] == ["SP2", "SP3", ","]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_any_signs_give_known_phones(version):
    chosen = random.Random(7)
    signs = "0123456789.-~:/%￥¥$^,，。年月日点个元℃mkghs²½Ⅲ①+=×()"
    signs += "不一儿的地得第了 \n\u2028\ue000\U000f0003😀𠮷兙覅桛٣𝟏㎡bЖㅎ"
    known = set(symbol_ids(version))
    entries = {"不一": ("bu4", "yi1"), "12": ("yi1", "er4"), "第": ("no",)}
    for _ in range(100):
        text = "".join(chosen.choices(signs, k=chosen.randrange(30)))
        spoken = to_phones(text, TextSettings(version=version, entries=entries))
        assert set(spoken.phones) <= known, text
        assert len(spoken.word2ph) == len(spoken.norm_text), text
        assert sum(spoken.word2ph) == len(spoken.phones), text


def test_neighbours_decide_between_readings():
    for text, place, syllable in (
        ("他还钱了", 1, "huan2"),
        ("我得走了", 1, "dei3"),
        ("慢慢地走", 2, "de5"),
        ("睡不着觉", 2, "zhao2"),
        ("背着书包", 0, "bei1"),
    ):
        assert say(text, erhua=True)[place] == syllable, text
