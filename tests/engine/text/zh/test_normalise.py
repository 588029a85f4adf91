import pytest

from engine.text.zh.normalise import normalise
from engine.text.zh.signs import plain
from tests.benchmarks.polyphones.score import numbers


def test_numbers_are_read_as_in_the_list():
    wrong = numbers()["numbers, all"].wrong
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("你好\n世界", "你好.世界"),
        ("a;b", ","),
        ("你好;世界", "你好,世界"),
        ("𠮷野家", "吉野家"),
        ("兙", "十克"),
        ("嗯", "恩"),
        ("乾淨的乾隆", "干净的乾隆"),
        ("...真的？！", "…真的?"),
        (".3个", ".三个"),
        ("和/或", "和,或"),
        ("5/人", "五,人"),
        ("500-1000", "五百到一千"),
        ("5-3", "五减三"),
        ("3-201室", "三,二零幺室"),
        ("123-4567", "幺二三,四五六七"),
        ("-10~-5℃", "负十到零下五度"),
        ("2年级2班", "二年级二班"),
        ("3>2", "三大于二"),
        ("Windows 11", "十一"),
        ("0", "零"),
        ("1" * 40, "幺" * 40),
    ],
)
def test_signs_become_words_and_marks(text, spoken):
    assert normalise(plain(text)) == spoken
