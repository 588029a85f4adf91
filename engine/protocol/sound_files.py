"""Which files of a folder are taken for sound: the endings that FFmpeg's sound and film formats go by."""

from __future__ import annotations

from typing import Final

_SOUND: Final = (
    "wav flac mp3 m4a aac ogg oga opus wma aif aiff aifc caf au snd amr ac3 eac3 dts ape wv tta mka m4b mp2 "
    "weba spx w64 rf64 voc"
)
_FILM: Final = "mp4 m4v mkv mov webm avi flv wmv mpg mpeg ts mts m2ts vob 3gp 3g2 ogv"
SOUND_SUFFIXES: Final = tuple(f".{ending}" for ending in f"{_SOUND} {_FILM}".split())
"""The commonest first. A file that is named by itself may have any other ending."""
