"""Files that come with the program, and which pretrained models an experiment starts from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from engine.protocol.versions import ModelVersion
from engine.protocol.workspace import Workspace

_OFFICIAL_V2: Final = "gsv-v2final-pretrained"
_OFFICIAL_V2_GPT: Final = "s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt"


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
    """Models that belong together: the codes of one content encoder fit one pair of networks."""

    content_encoder: Path
    gpt: Path
    generator: Path
    discriminator: Path

    def complete(self) -> bool:
        """Whether every part is on disk."""
        return self.content_encoder.is_dir() and all(
            path.is_file() for path in (self.gpt, self.generator, self.discriminator)
        )


def pretrained(workspace: Workspace, version: ModelVersion) -> PretrainedSet:
    """The workspace's official models when all are there, else the program's own small ones."""
    del version  # one version so far; the others bring their own file names
    folder = workspace.pretrained / _OFFICIAL_V2
    official = PretrainedSet(
        content_encoder=workspace.content_encoder,
        gpt=folder / _OFFICIAL_V2_GPT,
        generator=folder / "s2G2333k.pth",
        discriminator=folder / "s2D2333k.pth",
    )
    if official.complete():
        return official
    starter = starter_voice()
    return PretrainedSet(
        content_encoder=starter / "content_encoder",
        gpt=starter / "s1.ckpt",
        generator=starter / "s2G.pth",
        discriminator=starter / "s2D.pth",
    )
