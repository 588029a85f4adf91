"""How Cantonese characters are read."""

from __future__ import annotations

from engine.text.yue.syllables import syllables


def readings(text: str) -> list[tuple[str, ...]]:
    """Syllables of each character as the words around it have it; none for a sign, or an unknown one."""
    from ToJyutping import get_jyutping_list

    return [syllables(reading or "") for _, reading in get_jyutping_list(text)]


def has_reading(character: str) -> bool:
    """Whether a character can be read."""
    return any(readings(character))
