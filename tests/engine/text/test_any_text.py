"""Any text, in every way of reading it, becomes known phones; the long run is tests.parity.fuzz_text."""

import pytest

from engine.protocol.languages import TEXT_MODES
from tests.parity.fuzz_text import check, property_of

HARD = (
    "",
    " \n\t",
    "...",
    "\x00\ufeff\u200b",
    "٣个苹果 兙兡嗧 覅 乄",
    "9" * 200,
    "好" * 500,
    "Hello, world. 你好，世界。こんにちは。안녕하세요。" * 10,
    "1/0 $,5 £,2 12:99 99/99/9999 -.5 ½ ² ① Ⅳ",
    "👨‍👩‍👧🇯🇵 😀" * 50,
    "zqvxaxvqz \ue000\U000f0000\U0010ffff 頭髪の蒲公英",
)


@pytest.mark.parametrize("text", HARD, ids=range(len(HARD)))
@pytest.mark.parametrize("mode", TEXT_MODES)
def test_hard_texts_become_phones(text, mode):
    check(text, mode, "v2", own=True)


def test_any_text_becomes_phones():
    property_of(40, 7)()
