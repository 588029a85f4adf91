"""Every stage that is built in, in the order of the work."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from engine.protocol.errors import BadParameters
from engine.protocol.stages.audition import AUDITION
from engine.protocol.stages.averaging import AVERAGE
from engine.protocol.stages.base import StageSpec
from engine.protocol.stages.cleaning import DENOISE, SEPARATE
from engine.protocol.stages.dataset import CHECK, SLICE, TRANSCRIBE
from engine.protocol.stages.features import PREPARE, SEMANTIC_TOKENS, SSL_FEATURES, TEXT_FEATURES
from engine.protocol.stages.speech import SPEAK
from engine.protocol.stages.training import TRAIN_GPT, TRAIN_SOVITS

STAGES: Final = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            SEPARATE,
            SLICE,
            DENOISE,
            TRANSCRIBE,
            CHECK,
            TEXT_FEATURES,
            SSL_FEATURES,
            SEMANTIC_TOKENS,
            PREPARE,
            TRAIN_SOVITS,
            TRAIN_GPT,
            AUDITION,
            AVERAGE,
            SPEAK,
        )
    }
)


def stage(name: str) -> StageSpec:
    """The stage called `name`.

    Raises:
        BadParameters: there is none.
    """
    try:
        return STAGES[name]
    except KeyError:
        raise BadParameters(
            f"There is no stage {name!r}.", hint=f"Stages are: {', '.join(STAGES)}."
        ) from None
