"""The user's own pronunciations."""

import pytest

from engine.text.dictionary import FILE, parse_dictionary, pronunciation_of, read_dictionary

GOOD = """# names of our game

zh\t头发\ttou2 fa5
ZH\t绿\tlv4
en\tZhongli\tjh uh1 ng l iy0
en\tNew York\tN UW1 Y AO1 R K
ja\t中離\tチュウリ
ko\t김치\t김치
yue\t食飯\tsik6 faan6
"""


def test_entries_of_every_language():
    read = parse_dictionary(GOOD.splitlines(), "mine.txt")
    assert read.problems == ()
    assert read.entries("zh") == {"头发": ("tou2", "fa5"), "绿": ("lv4",)}
    assert read.entries("en")["Zhongli"] == ("JH", "UH1", "NG", "L", "IY0")
    assert read.entries("en")["New York"] == ("N", "UW1", "Y", "AO1", "R", "K")
    assert read.entries("ja") == {"中離": ("チュウリ",)}
    assert read.entries("ko") == {"김치": ("김치",)}
    assert read.entries("yue") == {"食飯": ("sik6", "faan6")}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("zh 头发 tou2", "three columns"),
        ("fr\tbonjour\tB AO1", "'fr' is not known; choose one of: zh, yue, en, ja, ko"),
        ("en\t\tB AO1", "word is missing"),
        ("en\tword\t ", "does not say how 'word' is said"),
        ("en\tword\tB AO R", "'AO' is no sound of ARPAbet"),
        ("zh\t头发\ttou fa5", "'tou' is no pinyin"),
        ("zh\t头发\ttou2", "2 characters, but 1 syllables"),
        ("zh\tAB\ta1 bi1", "Chinese characters only"),
        ("yue\t食飯\tsik7 faan6", "'sik7' is no Jyutping"),
        ("ja\t中離\tchuuri", "no kana"),
        ("ko\t김치\tkimchi", "no hangul"),
    ],
)
def test_a_wrong_line_is_named_and_the_rest_is_read(line, wrong):
    read = parse_dictionary([*GOOD.splitlines(), line, "en\tlast\tL AE1 S T"], "mine.txt")
    (problem,) = read.problems
    assert problem.startswith("mine.txt, line 10: ")
    assert wrong in problem
    assert "last" in read.entries("en")
    assert "Zhongli" in read.entries("en")


def test_files_of_windows_and_later_lines(tmp_path):
    file = tmp_path / "用户 it's 名.txt"
    file.write_bytes("\ufeffen\tGPT\tA\r\nen\tGPT\tJH IY1\r\n".encode())
    read = read_dictionary(file)
    assert read.entries("en") == {"GPT": ("JH", "IY1")}
    assert len(read.problems) == 1
    assert str(file) in read.problems[0]
    file.write_bytes("en\tGPT\tJH IY1".encode("utf-16"))
    assert "UTF-8" in read_dictionary(file).problems[0]
    assert read_dictionary(tmp_path / "nowhere.txt").languages == {}
    assert "cannot be read" in read_dictionary(tmp_path).problems[0]


def test_the_project_wins_over_what_is_for_all(tmp_path):
    project = tmp_path / "用户 it's 名"
    project.mkdir()
    shared = tmp_path / "shared.txt"
    shared.write_text("en\tone\tW AH1 N\nen\ttwo\tT UW1\nzh\t重庆\tchong2 qing4\n", encoding="utf-8")
    (project / FILE).write_text("en\ttwo\tT AO1\nbad\n", encoding="utf-8")
    found = pronunciation_of(project, shared)
    assert found.dictionary.entries("en") == {"one": ("W", "AH1", "N"), "two": ("T", "AO1")}
    assert found.dictionary.entries("zh") == {"重庆": ("chong2", "qing4")}
    assert len(found.dictionary.problems) == 1
    assert found.polyphones is None
    model = project / "GPT_SoVITS" / "text" / "G2PWModel"
    model.mkdir(parents=True)
    assert pronunciation_of(project, shared).polyphones == str(model)


def test_entries_that_matter_for_a_text():
    read = parse_dictionary(GOOD.splitlines(), "mine.txt")
    assert read.matching("ZHONGLI went", "en") == ("Zhongli=JH UH1 NG L IY0",)
    assert read.matching("我的頭髮", "zh") == ("头发=tou2 fa5",)
    assert read.matching("我的", "zh") == ()
    assert read.matching("Zhongli", "zh") == ()
