"""What every engine of speech recognition gives back, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from engine.audio.resample import Samples
from engine.protocol.transcripts import Word

RATE_HZ: Final = 16000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard.

    Attributes:
        language: Lower-case code.
        text: The words; empty when there were none.
        avg_logprob: Mean log probability, weighted by length; 0 without words.
        no_speech: Probability that nobody speaks, the highest of all stretches; 1 without words.
        words: When each word was said.
    """

    language: str
    text: str
    avg_logprob: float
    no_speech: float
    words: tuple[Word, ...] = ()


class Listener(Protocol):
    """A loaded engine."""

    def hear(self, samples: Samples, language: str | None, go_on: Callable[[], None]) -> Heard:
        """Writes down what is said.

        Args:
            samples: (S,) float32 at 16 kHz.
            language: lower-case code; None finds it.
            go_on: is called between stretches of speech; what it raises ends the work.
        """
