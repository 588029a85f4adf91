"""The languages of texts: what a label says, and the choices for a text that is to be spoken."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

LABEL_LANGUAGES: Final = ("zh", "yue", "en", "ja", "ko")
"""Languages that a clip of a `.list` file can be in."""

TEXT_MODES: Final = MappingProxyType(
    {
        "en": "English",
        "zh": "Chinese with English",
        "yue": "Cantonese with English",
        "ja": "Japanese with English",
        "ko": "Korean with English",
        "all_zh": "Chinese",
        "all_yue": "Cantonese",
        "all_ja": "Japanese",
        "all_ko": "Korean",
        "auto": "Several languages, found by the program",
        "auto_yue": "Several languages, Cantonese instead of Mandarin",
    }
)
"""How a text is read, and what the user sees; the codes are the original's."""
