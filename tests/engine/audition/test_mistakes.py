import pytest

from engine.audition.mistakes import edits, error_rate, units


@pytest.mark.parametrize(
    ("wanted", "found", "count"),
    [("abc", "abc", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("ab", "ba", 2)],
)
def test_the_fewest_changes_are_counted(wanted, found, count):
    assert edits(wanted, found) == count


def test_marks_capitals_and_apostrophes_do_not_count():
    assert error_rate("Don't stop, please!", "dont STOP please", "en") == 0
    assert error_rate("one two three four", "one too three", "en") == pytest.approx(0.5)


def test_chinese_is_counted_by_character():
    assert units("你好, 世界", "zh") == ["你", "好", "世", "界"]
    assert error_rate("你好世界", "你号世界。", "zh") == pytest.approx(0.25)
    assert units("안녕 세계", "auto") == ["안", "녕", "세", "계"]


def test_babble_is_no_worse_than_all_wrong_and_silence_is_all_missing():
    assert error_rate("one", "la la la la", "en") == 1
    assert error_rate("one two", "", "en") == 1
    assert error_rate("...", "", "en") == 0
