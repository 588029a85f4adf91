"""The stage that speaks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from engine.protocol.stages.base import FieldKind, StageParameters, StageSpec, parameter
from engine.protocol.stages.dataset import AUDIO_SUFFIXES


class CutMethod(StrEnum):
    """Where long text is cut."""

    NONE = "cut0"
    FOUR_SENTENCES = "cut1"
    FIFTY_CHARACTERS = "cut2"
    CHINESE_STOP = "cut3"
    ENGLISH_STOP = "cut4"
    PUNCTUATION = "cut5"


class SpeakParameters(StageParameters):
    """Parameters of `speak`."""

    text: str = parameter(..., "Text", "What is to be said.", kind=FieldKind.TEXT, min_length=1)
    language: str = parameter("en", "Language", "Language of the text.", choices=("en",))
    voice: str | None = parameter(
        None, "Voice", "Name of a voice, or the path of its folder; its files are used where none is named."
    )
    gpt: Path | None = parameter(
        None,
        "GPT weights",
        "File that turns text into tokens.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".ckpt",),
    )
    sovits: Path | None = parameter(
        None,
        "SoVITS weights",
        "File that turns tokens into sound.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".pth",),
    )
    content_encoder: Path | None = parameter(
        None,
        "Content encoder",
        "Folder of the HuBERT model; empty takes the voice's, the workspace's, else the program's own.",
        kind=FieldKind.OPEN_FOLDER,
        expert=True,
    )
    reference: Path | None = parameter(
        None,
        "Reference recording",
        "3-10 s whose voice and manner are taken.",
        kind=FieldKind.OPEN_FILE,
        suffixes=AUDIO_SUFFIXES,
    )
    prompt_text: str | None = parameter(
        None, "Text of the reference", "What is said in the reference; empty goes without."
    )
    prompt_language: str | None = parameter(
        None, "Language of the reference", "Language of that text.", choices=("en",)
    )
    out: Path | None = parameter(
        None, "Save to", "Sound file to write.", kind=FieldKind.SAVE_FILE, suffixes=(".wav",)
    )
    workspace: Path = parameter(
        Path(), "Workspace", "Folder that holds voices and models.", kind=FieldKind.OPEN_FOLDER, expert=True
    )
    cut: CutMethod = parameter(
        CutMethod.PUNCTUATION, "Cut text", "Where long text is cut into pieces that are spoken one by one."
    )
    top_k: int = parameter(15, "Top k", "Choose among the k likeliest tokens.", expert=True, ge=1, le=1025)
    top_p: float = parameter(
        1.0, "Top p", "Choose among tokens that make up this probability.", expert=True, gt=0, le=1
    )
    temperature: float = parameter(
        1.0, "Temperature", "Lower is steadier, higher is livelier.", expert=True, gt=0, le=2
    )
    repetition_penalty: float = parameter(
        1.35, "Repetition penalty", "Higher avoids repeated sounds.", expert=True, ge=1, le=2
    )
    speed: float = parameter(1.0, "Speed", "1 is the voice's own.", ge=0.5, le=2)
    pause_s: float = parameter(0.3, "Pause", "Silence after each piece.", unit="s", ge=0, le=5)
    stream: bool = parameter(
        False,
        "Play within sentences",
        "Sound comes while a sentence is still being made; faint seams between its parts are possible.",
    )
    seed: int | None = parameter(None, "Seed", "The same seed gives the same speech; empty is random.", ge=0)
    device: str = parameter(
        "auto",
        "Device",
        "auto takes the GPU when there is one.",
        choices=("auto", "cpu", "cuda:0"),
        expert=True,
    )


SPEAK = StageSpec(
    name="speak",
    title="Speak",
    about="Says a text with a voice.",
    parameters=SpeakParameters,
    entry="engine.infer.speak:run",
    heavy=True,
)
