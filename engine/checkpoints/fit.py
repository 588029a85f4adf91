"""Whether weight files fit together, told from what they are, before their numbers are read."""

from __future__ import annotations

from typing import Final

from engine.checkpoints.inspection import CheckpointInfo, ModelKind
from engine.protocol.errors import BadCheckpoint
from engine.protocol.versions import VERSIONS

_NAMES: Final = {
    ModelKind.GPT: "GPT weights",
    ModelKind.SOVITS: "SoVITS weights",
    ModelKind.DISCRIMINATOR: "discriminators of SoVITS training",
    ModelKind.CONTENT_ENCODER: "a content encoder",
    ModelKind.TEXT_ENCODER: "a text encoder",
    ModelKind.SPEAKER_ENCODER: "a speaker encoder",
    ModelKind.VOCODER: "a vocoder",
}


def require_kind(info: CheckpointInfo, wanted: ModelKind) -> None:
    """Refuses a file that would run code, or is for something else.

    Raises:
        BadCheckpoint: the file is not of that kind.
    """
    if not info.safe:
        names = ", ".join(info.refused) or "a pickle that is more than weights"
        raise BadCheckpoint(
            f"{info.path} was not opened: it would run code of its own ({names}).",
            hint="Get the file from a source that you trust, with nothing but weights in it.",
        )
    if info.kind is not wanted:
        found = _NAMES.get(info.kind, "weights of another program")
        raise BadCheckpoint(
            f"{info.path} holds {found}, not {_NAMES[wanted]}.", hint=f"Choose a file of {_NAMES[wanted]}."
        )


def check_pair(gpt: CheckpointInfo, sovits: CheckpointInfo) -> tuple[str, ...]:
    """Refuses a GPT and a SoVITS that do not fit, before either is loaded.

    Args:
        gpt: what `inspect` says of the GPT file.
        sovits: what it says of the SoVITS file.

    Returns:
        The model versions that the pair can speak as: one, or `v3` and `v4` where the SoVITS file does not
        tell which of the two it is.

    Raises:
        BadCheckpoint: a file is of another kind, or the two are of versions that do not fit.
    """
    require_kind(gpt, ModelKind.GPT)
    require_kind(sovits, ModelKind.SOVITS)
    if common := tuple(name for name in VERSIONS if name in gpt.fits and name in sovits.fits):
        return common
    raise BadCheckpoint(
        f"The GPT weights {gpt.path.name} speak with SoVITS weights of {_listed(gpt.fits)}, "
        f"but {sovits.path.name} is of {_listed(sovits.fits)}.",
        hint=f"Choose GPT weights made for {_listed(sovits.fits)}, or SoVITS weights of {_listed(gpt.fits)}.",
        detail=f"{gpt.path}, {sovits.path}",
    )


def _listed(names: tuple[str, ...]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
