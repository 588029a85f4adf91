"""The stage that listens to what trainings have exported."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from engine.protocol.languages import TEXT_MODES
from engine.protocol.stages.base import FieldKind, StageSpec, parameter
from engine.protocol.stages.dataset import AUDIO_SUFFIXES, WHISPER_SIZES
from engine.protocol.stages.features import ExperimentParameters


class AuditionParameters(ExperimentParameters):
    """Parameters of `audition`."""

    sentences: tuple[str, ...] | None = parameter(
        None,
        "Test sentences",
        "One a line; empty takes texts of the labels: held-back ones (heldout.list) where there are any.",
        kind=FieldKind.TEXT,
    )
    language: str = parameter(
        "auto", "Language", "Language of the test sentences, when they are given.", choices=TEXT_MODES
    )
    labels: Path | None = parameter(
        None,
        "Label file",
        "The .list file that the experiment was made from; empty does with the prepared texts.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".list",),
    )
    count: int = parameter(
        3, "Sentences", "So many are taken from the labels.", unit="sentences", expert=True, ge=1, le=20
    )
    every_pair: bool = parameter(
        False,
        "Every pair",
        "Each GPT with each SoVITS; else each save with the newest of the other kind.",
        expert=True,
    )
    reference: Path | None = parameter(
        None,
        "Reference recording",
        "3-10 s whose voice and manner are taken; empty takes a training clip.",
        kind=FieldKind.OPEN_FILE,
        suffixes=AUDIO_SUFFIXES,
        expert=True,
    )
    prompt_text: str = parameter(
        "", "Text of the reference", "What is said in it, when it is given.", expert=True
    )
    prompt_language: str = parameter(
        "auto", "Language of the reference", "Language of that text.", choices=TEXT_MODES, expert=True
    )
    model: str | None = parameter(
        None,
        "Whisper model",
        "Counts the words that are wrong: a size in the workspace's tools/asr/models, or a folder; "
        "empty takes what is there.",
        kind=FieldKind.OPEN_FOLDER,
        choices=WHISPER_SIZES,
        expert=True,
    )
    seed: int = parameter(
        1234, "Seed", "The same for all, so that only the weights differ.", expert=True, ge=0
    )

    @field_validator("sentences", mode="before")
    @classmethod
    def _one_a_line(cls, value: object) -> object:
        """A form and the command line give lines of text; a program gives a list."""
        if isinstance(value, str):
            return tuple(line.strip() for line in value.splitlines() if line.strip()) or None
        return value


AUDITION = StageSpec(
    name="audition",
    title="Compare",
    about="Lets every save of an experiment speak the same sentences, and measures them.",
    parameters=AuditionParameters,
    entry="engine.audition.run:run",
    heavy=True,
)
