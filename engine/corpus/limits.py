"""What a clip must be for training to use it: the limits of the original's own trainings."""

from __future__ import annotations

from typing import Final

SHORTEST_S: Final = 0.6
LONGEST_S: Final = 54.0
"""A clip of this length or beyond is left out, in seconds."""
LONGEST_MEL_S: Final = 20.0
"""The same for the versions that learn mel spectrograms."""
PHONES_PER_SECOND: Final = (3.0, 25.0)
"""Slower or faster speech than this is left out."""
TOKENS_PER_PHONE: Final = 2.5
"""A text has at most as many phones as the longest clip has tokens, divided by this."""
