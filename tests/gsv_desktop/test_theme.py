import json

import pytest
from PySide6.QtGui import QColor, QPalette

from engine.protocol.builtin import resource
from gsv_desktop.theme import palette


def luminance(colour: QColor) -> float:
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.getRgbF()[:3]
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(QColor(first)), luminance(QColor(second))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["light.json", "dark.json"])
def test_texts_can_be_read_on_their_grounds(name: str):
    colours = json.loads(resource("styles", name).read_text(encoding="utf-8"))
    pairs = [("text", "window"), ("text", "base"), ("muted", "window"), ("muted", "base"), ("bad", "window")]
    pairs += [("good", "window"), ("wait", "window"), ("on_accent", "accent"), ("text", "bad_ground")]
    for ink, ground in pairs:
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    assert palette(colours).color(QPalette.ColorRole.Text) == QColor(colours["text"])
