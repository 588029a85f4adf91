"""Who writes down what is said: the engines of speech recognition and what can be chosen with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from engine.protocol.errors import BadParameters

WHISPER_SIZES: Final = (
    "tiny",
    "base",
    "small",
    "medium",
    "medium.en",
    "large-v2",
    "large-v3",
    "large-v3-turbo",
)
"""Sizes of Whisper; the folder of each is `faster-whisper-<size>`."""


class Recogniser(StrEnum):
    """An engine of speech recognition."""

    WHISPER = "whisper"
    FUNASR = "funasr"
    SENSE_VOICE = "sense-voice"
    FUN_ASR_NANO = "fun-asr-nano"


class Precision(StrEnum):
    """Arithmetic of speech recognition."""

    INT8 = "int8"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunAsrFolders:
    """Folders of one FunASR recogniser, under the workspace's tools/asr/models.

    Attributes:
        speech: The network that hears words.
        pauses: The one that finds speech in a long recording; empty for none.
        marks: The one that sets punctuation; empty for none.
    """

    speech: str
    pauses: str = ""
    marks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecogniserChoices:
    """What can be chosen with an engine. The first of each is what it does unasked.

    Attributes:
        title: Its name in the original's menus and calls.
        aliases: Names that other editions of the original give it.
        languages: Lower-case codes; `auto` finds the language of each clip.
        sizes: Sizes of the model.
        precisions: Arithmetic that it can do.
        folders: The folders of a FunASR engine for each language; empty for Whisper.
    """

    title: str
    aliases: tuple[str, ...] = ()
    languages: tuple[str, ...]
    sizes: tuple[str, ...]
    precisions: tuple[Precision, ...]
    folders: Mapping[str, FunAsrFolders] = field(default_factory=dict)


_PAUSES: Final = "speech_fsmn_vad_zh-cn-16k-common-pytorch"
_MANY: Final = ("auto", "zh", "yue", "en", "ja", "ko")
_SENSE_VOICE: Final = FunAsrFolders(speech="SenseVoiceSmall", pauses=_PAUSES)
_NANO: Final = FunAsrFolders(speech="Fun-ASR-Nano-2512", pauses=_PAUSES)

RECOGNISERS: Final[Mapping[Recogniser, RecogniserChoices]] = MappingProxyType(
    {
        Recogniser.WHISPER: RecogniserChoices(
            title="Faster Whisper (多语种)",
            languages=("auto", "en", "zh", "ja", "ko", "yue"),
            sizes=WHISPER_SIZES,
            precisions=(Precision.INT8, Precision.FLOAT16, Precision.FLOAT32),
        ),
        Recogniser.FUNASR: RecogniserChoices(
            title="达摩 ASR (中文)",
            aliases=("达摩 ASR (中文经典)",),
            languages=("zh", "yue"),
            sizes=("large",),
            precisions=(Precision.FLOAT32,),
            folders=MappingProxyType(
                {
                    "zh": FunAsrFolders(
                        speech="speech_paraformer-large_asr_nat-zh-cn-16k-common-vocab8404-pytorch",
                        pauses=_PAUSES,
                        marks="punc_ct-transformer_zh-cn-common-vocab272727-pytorch",
                    ),
                    "yue": FunAsrFolders(
                        speech="speech_UniASR_asr_2pass-cantonese-CHS-16k-common-vocab1468-tensorflow1-online"
                    ),
                }
            ),
        ),
        Recogniser.SENSE_VOICE: RecogniserChoices(
            title="SenseVoice (极速, 5语种)",
            aliases=("SenseVoice",),
            languages=_MANY,
            sizes=("small",),
            precisions=(Precision.FLOAT32,),
            folders=MappingProxyType(dict.fromkeys(_MANY, _SENSE_VOICE)),
        ),
        Recogniser.FUN_ASR_NANO: RecogniserChoices(
            title="Fun-ASR-Nano (31语种+方言, 推荐)",
            aliases=("Fun-ASR-Nano",),
            languages=_MANY,
            sizes=("nano",),
            precisions=(Precision.FLOAT32,),
            folders=MappingProxyType(dict.fromkeys(_MANY, _NANO)),
        ),
    }
)
"""Every engine, in the order of the menu."""


def recogniser(name: str) -> Recogniser:
    """The engine of this name: ours (`funasr`) or one of the original's (`达摩 ASR (中文)`).

    Raises:
        BadParameters: there is none.
    """
    for engine, choices in RECOGNISERS.items():
        if name in (engine.value, choices.title, *choices.aliases):
            return engine
    raise BadParameters(
        f"There is no speech recogniser {name!r}.",
        hint=f"Choose one of: {', '.join(choices.title for choices in RECOGNISERS.values())}.",
    )


def asr_languages(engine: str) -> tuple[str, ...]:
    """Languages to choose from with an engine, by either of its names.

    Raises:
        BadParameters: there is no such engine.
    """
    return RECOGNISERS[recogniser(engine)].languages


def asr_sizes(engine: str) -> tuple[str, ...]:
    """Sizes to choose from with an engine, by either of its names.

    Raises:
        BadParameters: there is no such engine.
    """
    return RECOGNISERS[recogniser(engine)].sizes


def asr_precisions(engine: str) -> tuple[str, ...]:
    """Arithmetic to choose from with an engine, by either of its names.

    Raises:
        BadParameters: there is no such engine.
    """
    return tuple(precision.value for precision in RECOGNISERS[recogniser(engine)].precisions)
