"""Voices: a card that says which weights speak, and with which reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from engine.protocol.errors import BadParameters, MissingModel
from engine.protocol.exports import Export, all_gpt_exports, all_sovits_exports
from engine.protocol.label_list import replace_text
from engine.protocol.model import StrictModel
from engine.protocol.versions import VERSIONS, ModelVersion
from engine.protocol.workspace import Workspace

CARD: Final = "voice.json"


class Manner(StrictModel):
    """How a voice speaks where the user says nothing; None for what is usual.

    The first three are how it chooses its tokens; `noise_scale` is the liveliness of its sound.
    """

    top_k: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, gt=0)
    repetition_penalty: float | None = Field(default=None, ge=1)
    noise_scale: float | None = Field(default=None, ge=0, le=1)


class VoiceCard(StrictModel):
    """`voice.json`: paths are relative to the card's folder, or absolute."""

    name: str
    version: str = "v2"
    language: str = "en"
    gpt: str = Field(description="GPT weights")
    sovits: str = Field(description="SoVITS weights")
    content_encoder: str = Field(description="folder of the HuBERT model that the codes were made with")
    reference: str = Field(description="3-10 s recording whose voice and manner are taken")
    prompt_text: str = Field(default="", description="what is said in the reference")
    prompt_language: str = "en"
    manner: Manner = Field(default=Manner(), description="how it speaks, unless the user says so")
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice that can speak: all paths absolute; `card` is None for a pair of weights without one."""

    name: str
    version: str
    language: str
    gpt: Path
    sovits: Path
    content_encoder: Path | None
    reference: Path | None
    prompt_text: str
    prompt_language: str
    card: Path | None
    manner: Manner = field(default_factory=Manner)


def read_voice(card: Path) -> Voice:
    """The voice of a card.

    Raises:
        MissingModel: there is no card, or it names a file that is not there.
        BadParameters: the card cannot be read.
    """
    if not card.is_file():
        raise MissingModel(f"There is no voice at {card}.", hint="Choose another voice.")
    try:
        data = VoiceCard.model_validate_json(card.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise BadParameters(
            f"The voice card {card} cannot be read.", hint="Mend or remove it.", detail=str(error)
        ) from error
    folder = card.parent
    voice = Voice(
        name=data.name,
        version=data.version,
        language=data.language,
        gpt=folder / data.gpt,
        sovits=folder / data.sovits,
        content_encoder=folder / data.content_encoder,
        reference=folder / data.reference,
        prompt_text=data.prompt_text,
        prompt_language=data.prompt_language,
        card=card,
        manner=data.manner,
    )
    for part in (voice.gpt, voice.sovits, voice.content_encoder, voice.reference):
        if part is not None and not part.exists():
            raise MissingModel(
                f"The voice {data.name!r} names {part}, which is not there.",
                hint="Put the file back, or mend voice.json.",
            )
    return voice


def write_voice(folder: Path, card: VoiceCard) -> Path:
    """Writes `voice.json` into `folder` and gives its path."""
    path = folder / CARD
    replace_text(path, card.model_dump_json(indent=2) + "\n")
    return path


def find_voices(workspace: Workspace, built_in: Sequence[Path] = ()) -> tuple[Voice, ...]:
    """Every voice that can speak: built-in cards, the workspace's cards, then pairs of exported weights.

    A card that cannot be read is left out here; `read_voice` says why.
    """
    cards = [folder / CARD for folder in built_in]
    if workspace.voices.is_dir():
        cards += sorted(workspace.voices.glob(f"*/{CARD}"))
    voices = []
    for card in cards:
        try:
            voices.append(read_voice(card))
        except (BadParameters, MissingModel):
            continue
    return (*voices, *_pairs(workspace))


def find_voice(name: str, workspace: Workspace, built_in: Sequence[Path] = ()) -> Voice:
    """The voice called `name`, or the one whose card or folder `name` is the path of.

    Raises:
        MissingModel: there is none.
    """
    path = Path(name)
    if path.is_dir() and (path / CARD).is_file():
        return read_voice(path / CARD)
    if path.is_file() and path.name == CARD:
        return read_voice(path)
    voices = find_voices(workspace, built_in)
    for voice in voices:
        if voice.name == name:
            return voice
    known = ", ".join(voice.name for voice in voices) or "none"
    raise MissingModel(f"There is no voice called {name!r}.", hint=f"Known voices: {known}.")


def _pairs(workspace: Workspace) -> Iterator[Voice]:
    """The newest GPT and SoVITS weights of every name that has both; then each mean with the other kind."""
    for version in VERSIONS.values():
        all_gpts, all_sovits = all_gpt_exports(workspace, version), all_sovits_exports(workspace, version)
        gpts, sovits = _newest(all_gpts), _newest(all_sovits)
        for name in sorted(gpts.keys() & sovits.keys()):
            yield _pair(name, version, gpts[name], sovits[name])
        for mean in all_gpts:
            if mean.also and mean.experiment in sovits:
                yield _pair(mean.path.stem, version, mean.path, sovits[mean.experiment])
        for mean in all_sovits:
            if mean.also and mean.experiment in gpts:
                yield _pair(mean.path.stem, version, gpts[mean.experiment], mean.path)


def _pair(name: str, version: ModelVersion, gpt: Path, sovits: Path) -> Voice:
    return Voice(
        name=name,
        version=version.name,
        language="en",
        gpt=gpt,
        sovits=sovits,
        content_encoder=None,
        reference=None,
        prompt_text="",
        prompt_language="en",
        card=None,
    )


def _newest(exports: Sequence[Export]) -> dict[str, Path]:
    """The save of the last epoch of every experiment; means are not among them."""
    return {one.experiment: one.path for one in exports if not one.also}
