"""Japanese: numbers, signs, own readings, the dictionary's folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyopenjtalk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.text.en import lexicon
from engine.text.ja import openjtalk
from engine.text.ja.kana import as_said, katakana, moras
from engine.text.ja.loanwords import in_kana
from engine.text.ja.normalise import normalise
from engine.text.ja.phones import to_phones
from engine.text.spoken import TextSettings
from engine.text.symbols import symbol_ids


def said(text, **entries):
    spoken = to_phones(text, TextSettings(entries={word: (kana,) for word, kana in entries.items()}))
    return " ".join(spoken.phones)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("1,234,567人", "1234567人"),
        ("２０２４／３／１５", "2024年3月15日"),
        ("9:30〜12:45", "9時30分から12時45分"),
        ("13:00:05", "13時0分5秒"),
        ("10〜20℃", "10から20度"),
        ("60km/h", "60キロメートル毎時"),
        ("5㎏と100m²", "5キログラムと100平方メートル"),
        ("￥1,500と$5.50", "1500円と5.50ドル"),
        ("3-5日", "3から5日"),
        ("気温は-5度", "気温はマイナス5度"),
        ("A-5", "A-5"),
        ("½", "2ぶんの1"),
        ("1.2.3", "1てん2てん3"),
        ("東京〜大阪", "東京から大阪"),
        ("すご〜い", "すごーい"),
        ("ｶﾞｷﾞｸﾞﾊﾟ", "ガギグパ"),
        ("こゝろ、いすゞ", "こころ、いすず"),
        ("𠮷野家の髙橋", "吉野家の高橋"),
        ("待って・・・ね", "待って…ね"),
        ("90-1234-5678", "90-1234-5678"),
        ("Pythonの Word を NASA で xqz", "パイソンの ワード を NASA で xqz"),
        ("0120-333-906", "ゼロイチニーゼロ-サンサンサン-キューゼロロク"),
    ],
)
def test_written_signs_are_said(text, spoken):
    assert normalise(text) == spoken


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("橋と箸", "h a [ sh i ] t o # h a ] sh i"),
        ("3.14", "s a [ N t e N # i [ ch i y o ] N"),
        ("〆切。", "sh i [ m e k i r i ."),
        ("二〇二四年", "n i [ s e ] N # n i ] j u u # y o ] n e N"),
        ("あ、い。", "a , i ."),
        ("「本」", "# h o ] N #"),
        ("😀♪한", ""),
        ("", ""),
    ],
)
def test_phones_and_pitch_marks(text, phones):
    assert said(text) == phones


@pytest.mark.parametrize(
    ("word", "kana"),
    [
        ("hello", "ハロー"),
        ("people", "ピープル"),
        ("apple", "アップル"),
        ("station", "ステーション"),
        ("computer", "コンピューター"),
        ("school", "スクール"),
        ("singer", "シンガー"),
        ("New", "ニュー"),
        ("jump", "ジャンプ"),
        ("cats", "キャツ"),
        ("power", "パワー"),
        ("door", "ドア"),
        ("fire", "ファイアー"),
        ("music", "ミュージック"),
        ("months", "マンス"),
        ("blorptastic", ""),
    ],
)
def test_english_words_are_said_in_kana(word, kana):
    assert in_kana(word) == kana


def test_every_english_word_has_kana_or_is_spelled():
    letters = {letter for word in list(lexicon.words())[::40] for letter in in_kana(word)}
    assert letters <= {chr(code) for code in range(ord("ァ"), ord("ヺ") + 1)} | {"ー"}


def test_own_words_win_and_leave_the_sentence_as_it_was():
    assert said("GSVを買った。", GSV="じーえすぶい") == "j i [ i e s u b u i o # k a [ cl t a ."
    assert said("東京大学と東京", 東京大学="トーダイ", 東京="ひがしきょう") == (
        "t o [ o d a i t o # h i [ g a sh i ky o o"
    )


def test_an_own_word_is_found_beside_the_stand_in_itself():
    assert said("蒲公英とGSV", GSV="タコ").endswith("t a [ k o")
    everything = "蒲公英轆轤躑躅蟋蟀とGSV"
    assert said(everything, GSV="タコ").endswith("t a ] k o")


def test_own_words_without_kana_do_not_count():
    assert said("東京", 東京="tokyo") == said("東京")


def test_own_readings_show_in_the_spoken_text():
    spoken = to_phones("GSVを5個", TextSettings(entries={"GSV": ("じー", "えす")}))
    assert spoken.norm_text == "ジーエスを5個"
    assert spoken.word2ph is None


def test_kana():
    assert katakana("じーえすﾌﾞイ x漢") == "ジーエスブイ"
    assert as_said("トウキョウノセンセイ") == "トーキョーノセンセー"
    assert moras("シャッター") == 4


def test_a_stretch_longer_than_the_library_holds_is_spoken_in_parts():
    phones = to_phones("あいうえお" * 2000, TextSettings()).phones
    assert sum(phone in "aiueo" for phone in phones) == 10000


LETTERS = st.characters() | st.sampled_from(
    "あいうえおんっーゃァヴ々〆〇〜・「」。、？0123456789.,-/:%円人日月kmAz蒲公英今日橋"
)


@settings(max_examples=50, deadline=None)
@given(st.text(LETTERS, max_size=2000))
def test_any_text_gives_known_phones(text):
    phones = to_phones(text, TextSettings()).phones
    assert set(phones) - {"#"} <= set(symbol_ids("v2"))


@pytest.fixture
def _fresh_library():
    openjtalk.openjtalk.cache_clear()
    yield
    openjtalk.openjtalk.cache_clear()


@pytest.fixture
def foreign_dictionary(tmp_path):
    folder = tmp_path / "用户 it's 名" / "dic"
    folder.mkdir(parents=True)
    for part in Path(os.fsdecode(pyopenjtalk.OPEN_JTALK_DICT_DIR)).iterdir():
        (folder / part.name).symlink_to(part)
    return folder


@pytest.mark.usefixtures("_fresh_library")
def test_a_dictionary_below_a_foreign_name_is_read(foreign_dictionary, monkeypatch):
    monkeypatch.setattr(pyopenjtalk, "OPEN_JTALK_DICT_DIR", os.fsencode(foreign_dictionary))
    assert said("橋") == "h a [ sh i"


@pytest.mark.usefixtures("_fresh_library")
def test_a_copy_is_read_where_the_system_opens_plain_names_only(foreign_dictionary, tmp_path, monkeypatch):
    store = tmp_path / "store"
    monkeypatch.setattr(pyopenjtalk, "OPEN_JTALK_DICT_DIR", os.fsencode(foreign_dictionary))
    plain = openjtalk.native_folder
    monkeypatch.setattr(
        openjtalk, "native_folder", lambda folder: plain(folder, opens_any_name=False, stores=[store])
    )
    assert said("橋") == "h a [ sh i"
    assert (next(store.iterdir()) / "sys.dic").is_file()


@pytest.mark.usefixtures("_fresh_library")
def test_a_missing_dictionary_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pyopenjtalk, "OPEN_JTALK_DICT_DIR", os.fsencode(tmp_path / "没有"))
    with pytest.raises(openjtalk.MissingFile, match="没有"):
        said("橋")


def test_the_library_works_when_it_is_installed_below_a_foreign_name(tmp_path):
    home = Path(pyopenjtalk.__file__).parent
    there = tmp_path / "用户 it's 名" / "site-packages"
    shutil.copytree(home, there / home.name, symlinks=True, copy_function=os.symlink)
    code = (
        "import pyopenjtalk, sys; from engine.text.ja.phones import to_phones;"
        "from engine.text.spoken import TextSettings;"
        "sys.stdout.buffer.write('\\n'.join([pyopenjtalk.__file__,"
        " *to_phones('橋', TextSettings()).phones]).encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(there)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
    )
    place, *phones = done.stdout.decode().split("\n")
    assert Path(place).is_relative_to(there)
    assert phones == ["h", "a", "[", "sh", "i"]
