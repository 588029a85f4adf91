"""How speech is made: choices of the user, with the original's defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from engine.protocol.stages.speech import CutMethod
from engine.text.dictionary import PLAIN, Pronunciation

MAX_TOKENS: Final = 1500
"""Where decoding stops at the latest: 60 s of speech."""

MIN_TOKENS: Final = 11
"""The end mark cannot be chosen before so many tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingOptions:
    """How the next token is chosen.

    Attributes:
        top_k: Choose among the k likeliest tokens; 1 is always the likeliest.
        top_p: Choose among the likeliest tokens that make up this probability.
        temperature: Lower is steadier, higher livelier.
        repetition_penalty: Above 1, tokens already used become less likely.
        max_tokens: Stop after so many tokens at the latest.
        min_tokens: Do not end before so many tokens.
    """

    top_k: int = 15
    top_p: float = 1.0
    temperature: float = 1.0
    repetition_penalty: float = 1.35
    max_tokens: int = MAX_TOKENS
    min_tokens: int = MIN_TOKENS

    def __post_init__(self) -> None:
        if self.top_k < 1 or not 0 < self.top_p <= 1 or self.temperature < 0:
            raise ValueError("top_k must be at least 1, top_p in (0, 1], temperature not negative")
        if self.repetition_penalty <= 0 or self.max_tokens < 1:
            raise ValueError("repetition_penalty must be positive and max_tokens at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundOptions:
    """How tokens become sound.

    Attributes:
        speed: 1 is the voice's own; 2 is twice as fast.
        noise_scale: Liveliness of decoders that give a waveform.
        steps: Steps of decoders that sample a mel spectrogram; None for the version's own.
    """

    speed: float = 1.0
    noise_scale: float = 0.5
    steps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """How a sentence is handed out in parts.

    Attributes:
        chunk_tokens: Semantic tokens of a part at least.
        fixed: Whether each part has just so many; else it ends where the voice is silent.
    """

    chunk_tokens: int = 16
    fixed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakOptions:
    """How a text is spoken.

    Attributes:
        sampling: How tokens are chosen.
        sound: How tokens become sound.
        cut: Where long text is cut into pieces.
        pause_s: Silence after each piece, in seconds.
        seed: The same seed gives the same speech.
        stream: How to hand out a piece's audio while it is made; None hands out whole pieces.
        batch_size: Pieces whose tokens are made side by side, when they are handed out whole;
            None for what suits the device.
        tries: How often a piece that is handed out whole is tried, when its tokens go wrong.
        pronunciation: What the user adds to the rules of reading.
    """

    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    sound: SoundOptions = field(default_factory=SoundOptions)
    cut: CutMethod = CutMethod.PUNCTUATION
    pause_s: float = 0.3
    seed: int = 0
    stream: StreamOptions | None = None
    batch_size: int | None = None
    tries: int = 2
    pronunciation: Pronunciation = PLAIN
