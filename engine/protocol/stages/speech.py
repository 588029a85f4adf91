"""The stage that speaks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import field_validator

from engine.protocol.languages import TEXT_MODES
from engine.protocol.stages.base import FieldKind, StageParameters, StageSpec, parameter
from engine.protocol.stages.dataset import AUDIO_SUFFIXES
from engine.protocol.versions import VERSIONS


class CutMethod(StrEnum):
    """Where long text is cut."""

    NONE = "cut0"
    FOUR_SENTENCES = "cut1"
    FIFTY_CHARACTERS = "cut2"
    CHINESE_STOP = "cut3"
    ENGLISH_STOP = "cut4"
    PUNCTUATION = "cut5"


class Precision(StrEnum):
    """Numbers that speaking computes with."""

    AUTO = "auto"
    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"


SAMPLE_STEPS = (4, 8, 16, 32)
"""Steps that the mel versions were trained to take from noise to speech."""


class SpeakParameters(StageParameters):
    """Parameters of `speak`."""

    text: str = parameter(..., "Text", "What is to be said.", kind=FieldKind.TEXT, api="text", min_length=1)
    language: str = parameter(
        "en",
        "Language",
        "Language of the text: with English in it, in one language alone (all_…), or found out (auto).",
        choices=TEXT_MODES,
        api="text_lang",
    )
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
    version: str | None = parameter(
        None,
        "Model version",
        "Only needed where a file of v3 or v4 does not say which it is; empty reads it off the file.",
        choices=tuple(VERSIONS),
        expert=True,
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
        api="ref_audio_path",
    )
    prompt_text: str | None = parameter(
        None,
        "Text of the reference",
        "What is said in the reference; empty goes without, which v3 and v4 cannot.",
        api="prompt_text",
    )
    prompt_language: str | None = parameter(
        None,
        "Language of the reference",
        "Language of that text.",
        choices=TEXT_MODES,
        api="prompt_lang",
    )
    references: tuple[Path, ...] | None = parameter(
        None,
        "More recordings",
        "One path a line: more of the same voice, whose timbre is averaged with the reference's. "
        "v3 and v4 take the reference only.",
        kind=FieldKind.TEXT,
        api="aux_ref_audio_paths",
        expert=True,
    )
    out: Path | None = parameter(
        None, "Save to", "Sound file to write.", kind=FieldKind.SAVE_FILE, suffixes=(".wav",)
    )
    workspace: Path = parameter(
        Path(), "Workspace", "Folder that holds voices and models.", kind=FieldKind.OPEN_FOLDER, expert=True
    )
    cut: CutMethod = parameter(
        CutMethod.PUNCTUATION,
        "Cut text",
        "Where long text is cut into pieces that are spoken one by one.",
        api="text_split_method",
    )
    top_k: int | None = parameter(
        None,
        "Top k",
        "Choose among the k likeliest tokens; empty is the voice's own, else 15.",
        expert=True,
        api="top_k",
        ge=1,
        le=1025,
    )
    top_p: float = parameter(
        1.0,
        "Top p",
        "Choose among tokens that make up this probability.",
        expert=True,
        api="top_p",
        gt=0,
        le=1,
    )
    temperature: float | None = parameter(
        None,
        "Temperature",
        "Lower is steadier, higher is livelier; empty is the voice's own, else 1.",
        expert=True,
        api="temperature",
        gt=0,
        le=2,
    )
    repetition_penalty: float | None = parameter(
        None,
        "Repetition penalty",
        "Higher avoids repeated sounds; empty is the voice's own, else 1.35.",
        expert=True,
        api="repetition_penalty",
        ge=1,
        le=2,
    )
    speed: float = parameter(1.0, "Speed", "1 is the voice's own.", api="speed_factor", ge=0.5, le=2)
    pause_s: float = parameter(
        0.3, "Pause", "Silence after each piece.", unit="s", api="fragment_interval", ge=0, le=5
    )
    sample_steps: int | None = parameter(
        None,
        "Sampling steps",
        "v3 and v4: steps from noise to speech, 4, 8, 16 or 32; more is slower and cleaner; "
        "empty is 32 for v3 and 8 for v4.",
        expert=True,
        api="sample_steps",
    )
    batch_size: int | None = parameter(
        None,
        "Sentences at once",
        "Sentences whose tokens are made side by side, faster for long texts; what is said stays the same; "
        "empty lets the program choose, one where sound comes within sentences.",
        expert=True,
        api="batch_size",
        ge=1,
        le=64,
    )
    stream: bool = parameter(
        False,
        "Play within sentences",
        "Sound comes while a sentence is still being made; faint seams between its parts are possible.",
        api="streaming_mode",
    )
    chunk_tokens: int = parameter(
        16,
        "Part of a sentence",
        "When sound comes within sentences: tokens of a part at least, 25 make a second; "
        "v3 and v4 make two seconds at least.",
        unit="tokens",
        expert=True,
        api="min_chunk_length",
        ge=4,
        le=500,
    )
    fixed_chunks: bool = parameter(
        True,
        "Parts of equal length",
        "Off: a part ends where the voice is silent, which hides seams and may take longer to come.",
        expert=True,
        api="fixed_length_chunk",
    )
    seed: int | None = parameter(
        None, "Seed", "The same seed gives the same speech; empty is random.", api="seed", ge=0
    )
    device: str = parameter(
        "auto",
        "Device",
        "auto takes the GPU when there is one that works.",
        choices=("auto", "cpu", "cuda:0", "mps"),
        expert=True,
    )
    precision: Precision = parameter(
        Precision.AUTO,
        "Precision",
        "auto is half precision (fp16) on CUDA cards that are faster in it, and fp32 elsewhere.",
        expert=True,
    )

    @field_validator("references", mode="before")
    @classmethod
    def _one_a_line(cls, value: object) -> object:
        """A form and the command line give lines of text; a program gives a list."""
        if isinstance(value, str):
            return tuple(line.strip() for line in value.splitlines() if line.strip()) or None
        return value

    @field_validator("sample_steps")
    @classmethod
    def _known_steps(cls, value: int | None) -> int | None:
        if value is not None and value not in SAMPLE_STEPS:
            raise ValueError(f"must be one of {', '.join(map(str, SAMPLE_STEPS))}")
        return value


SPEAK = StageSpec(
    name="speak",
    title="Speak",
    about="Says a text with a voice.",
    parameters=SpeakParameters,
    entry="engine.infer.speak:run",
    heavy=True,
)
