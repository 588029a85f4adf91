import pytest

from engine.text.zh.numerals import amount, cardinal, decimal


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        ("0", "零"),
        ("10", "十"),
        ("12", "十二"),
        ("110", "一百一十"),
        ("1001", "一千零一"),
        ("10010", "一万零一十"),
        ("100000", "十万"),
        ("1002000", "一百万二千"),
        ("100000001", "一亿零一"),
        ("20000000000", "二百亿"),
        ("1000000000000", "一万亿"),
        ("007", "七"),
    ],
)
def test_whole_numbers(number, spoken):
    assert cardinal(number) == spoken


def test_counted_things_are_liang():
    assert [amount(number) for number in ("2", "200", "2000", "20000", "12000")] == [
        "二",
        "二百",
        "两千",
        "两万",
        "一万二千",
    ]


def test_zeros_at_the_end_are_said_once():
    assert decimal("15", "500") == "十五点五零"
