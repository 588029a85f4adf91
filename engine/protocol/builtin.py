"""Files that come with the program, and which pretrained models an experiment starts from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from engine.protocol.versions import ModelVersion
from engine.protocol.workspace import Workspace

_STARTER_VERSION: Final = "v2"


def resource(*parts: str) -> Path:
    """Path of a file or folder below `resources`; the program is installed as plain files."""
    return Path(str(resources.files("resources"))).joinpath(*parts)


def starter_voice() -> Path:
    """Folder of the voice that comes with the program."""
    return resource("starter")


def sample_project() -> Path:
    """Folder of the sample recordings."""
    return resource("sample")


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedSet:
    """Models that belong together: the codes of one content encoder fit one pair of networks.

    Attributes:
        content_encoder: Folder of the network that hears what is said.
        gpt: GPT weights.
        generator: SoVITS weights.
        discriminator: Its discriminators; None where a version trains without.
        vocoder: File or folder of the vocoder; None where a version needs none.
        speaker_encoder: The speaker encoder; None where a version needs none.
    """

    content_encoder: Path
    gpt: Path
    generator: Path
    discriminator: Path | None = None
    vocoder: Path | None = None
    speaker_encoder: Path | None = None

    def parts(self) -> dict[str, Path]:
        """What the set is made of, by title."""
        named = {
            "content encoder": self.content_encoder,
            "GPT": self.gpt,
            "SoVITS generator": self.generator,
            "SoVITS discriminator": self.discriminator,
            "vocoder": self.vocoder,
            "speaker encoder": self.speaker_encoder,
        }
        return {title: path for title, path in named.items() if path is not None}

    def complete(self) -> bool:
        """Whether every part is on disk."""
        return all(path.exists() for path in self.parts().values())


def pretrained(workspace: Workspace, version: ModelVersion) -> PretrainedSet:
    """The workspace's official models when all are there, else the program's own small ones.

    The program has its own for v2 only; for another version the official paths come back as they are.
    """
    official = official_models(workspace, version)
    if official.complete() or version.name != _STARTER_VERSION:
        return official
    starter = starter_voice()
    return PretrainedSet(
        content_encoder=starter / "content_encoder",
        gpt=starter / "s1.ckpt",
        generator=starter / "s2G.pth",
        discriminator=starter / "s2D.pth",
    )


def official_models(workspace: Workspace, version: ModelVersion) -> PretrainedSet:
    """Where the official models of a version belong in a workspace, there or not."""
    names = version.pretrained
    folder = workspace.pretrained

    def below(name: str | None) -> Path | None:
        return folder / name if name else None

    return PretrainedSet(
        content_encoder=workspace.content_encoder,
        gpt=folder / names.gpt,
        generator=folder / names.generator,
        discriminator=below(names.discriminator),
        vocoder=below(names.vocoder),
        speaker_encoder=below(names.speaker_encoder),
    )
