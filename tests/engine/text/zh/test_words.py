import subprocess
import sys
import tempfile
from pathlib import Path

from engine.text.zh.words import USER, Word, halves, words


def test_the_places_of_own_words_stay_alone():
    assert words("我\U000f0000了") == [Word("我", "r"), Word("\U000f0000", USER), Word("了", "ul")]


def test_a_word_is_cut_at_the_shortest_word_inside():
    assert halves("蒙古包") == ("蒙古", "包")
    assert halves("纸老虎") == ("纸", "老虎")


def test_many_characters_that_jieba_never_met_are_words_by_themselves():
    strange = "龖龗龞龡龢龣龥龤龝龜龕龒鼺鼿齀齃"
    assert [word.text for word in words(f"我来到北京{strange}")] == ["我", "来到", "北京", *strange]


def test_jieba_is_loaded_without_its_shared_cache(tmp_path: Path):
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    (folder / "jieba.cache").write_bytes(b"planted")
    code = (
        f"import tempfile; tempfile.tempdir = {str(folder)!r}\n"
        "from engine.text.zh.words import words; print(len(words('我来到北京')))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("3", "")
    assert [path.name for path in folder.iterdir()] == ["jieba.cache"]
    assert (folder / "jieba.cache").read_bytes() == b"planted"
    assert tempfile.gettempdir() != str(folder)
