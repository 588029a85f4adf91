"""The stage `prepare`: text features, content features and semantic tokens in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from engine.dataset import semantic_tokens, ssl_features, text_features
from engine.protocol.context import Context
from engine.protocol.results import Skipped, StageResult
from engine.protocol.stages.features import (
    PrepareParameters,
    SemanticTokensParameters,
    SslFeaturesParameters,
    TextFeaturesParameters,
)
from engine.protocol.workspace import Workspace

_STEPS: Final = 3
_COMMON: Final = ("workspace", "experiment", "version", "device", "labels", "gpu_numbers")

T = TypeVar("T")


def run(parameters: PrepareParameters, context: Context) -> StageResult:
    """Runs 1a, 1b and 1c one after another; each goes on where it stopped.

    Raises:
        EngineError: what one of them raises.
        Cancelled: the user asked to stop; what is done stays.
    """
    common = {name: getattr(parameters, name) for name in _COMMON}
    text = text_features.run(TextFeaturesParameters(**common), _Part(context, 0))
    content = ssl_features.run(
        SslFeaturesParameters(
            **common,
            clips=parameters.clips,
            content_encoder=parameters.content_encoder,
            speaker_encoder=parameters.speaker_encoder,
        ),
        _Part(context, 1),
    )
    tokens = semantic_tokens.run(
        SemanticTokensParameters(**common, pretrained_sovits=parameters.pretrained_sovits),
        _Part(context, 2),
    )
    experiment = Workspace(parameters.workspace.absolute()).experiment(parameters.experiment)
    steps = (text, content, tokens)
    ready = min(step.numbers["clips"] for step in steps)
    return StageResult(
        summary=f"{ready:.0f} clips are ready for training in {experiment.folder}.",
        artifacts=tuple(artifact for step in steps for artifact in step.artifacts),
        skipped=_merged(steps),
        numbers={
            "clips": ready,
            "unchanged": min(step.numbers["unchanged"] for step in steps),
            "tokens": tokens.numbers["tokens"],
        },
    )


def _merged(steps: tuple[StageResult, ...]) -> tuple[Skipped, ...]:
    """The first reason for every clip that was left out."""
    first: dict[str, Skipped] = {}
    for step in steps:
        for one in step.skipped:
            first.setdefault(one.name, one)
    return tuple(first.values())


class _Part:
    """A context that shows one step's progress as a third of the whole, and each warning once."""

    def __init__(self, whole: Context, step: int) -> None:
        self._whole = whole
        self._step = step

    def progress(self, done: float, total: float, unit: str) -> None:
        """Reports the step's share."""
        self._whole.progress(self._step * total + done, _STEPS * total, unit)

    def metric(self, values: Mapping[str, float], step: int) -> None:
        """Passes the figures on."""
        self._whole.metric(values, step)

    def log(self, text: str, level: str = "info") -> None:
        """Passes the line on, unless an earlier step said the same of the label file."""
        if self._step == 0 or not text.startswith("line "):
            self._whole.log(text, level)

    def artifact(self, path: Path, kind: str) -> None:
        """Passes the artefact on."""
        self._whole.artifact(path, kind)

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Passes the samples on."""
        self._whole.audio(pcm, rate_hz)

    def check_cancelled(self) -> None:
        """Raises Cancelled once the user has asked to stop."""
        self._whole.check_cancelled()

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """The whole's kept object."""
        return self._whole.keep(key, make)
