"""Every model that a stage looks for: where it belongs, which files it takes, and what works without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.protocol.builtin import official_models, starter_voice
from engine.protocol.recognisers import RECOGNISERS, WHISPER_SIZES
from engine.protocol.separation_models import separation_models
from engine.protocol.stages.cleaning import SEPARATION_MODELS
from engine.protocol.versions import VERSIONS, ModelVersion
from engine.protocol.workspace import Workspace

TEXT_ENCODER: Final = "chinese-roberta-wwm-ext-large"
POLYPHONES: Final = Path("GPT_SoVITS") / "text" / "G2PWModel"
DETECTOR: Final = Path("fast_langdetect") / "lid.176.bin"
Needed = tuple[tuple[str, ...], ...]
"""Files of a folder: one of each group has to be there."""

_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")
_TRANSFORMER: Final[Needed] = (("config.json",), _WEIGHTS)
_TEXT: Final[Needed] = (*_TRANSFORMER, ("tokenizer.json", "vocab.txt"))
_WHISPER: Final[Needed] = (("config.json",), ("model.bin",), ("tokenizer.json",))
_FUNASR: Final[Needed] = (("config.yaml",), ("model.pt",))
_VOCODER: Final[Needed] = (("bigvgan_generator.pt", "vocoder.pth"),)
_STARTER: Final = "the program's own small models are taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model and its place.

    Attributes:
        title: Name for people.
        path: Its file or folder.
        used_for: What it does.
        needed: What a folder has to hold.
        without: What happens while it is not there; empty when the work cannot be done.
    """

    title: str
    path: Path
    used_for: str
    needed: Needed = ()
    without: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not there: files of the folder, or the path's own name."""
        if self.path.is_file():
            return ()
        if not self.path.is_dir():
            return (self.path.name,)
        groups = (group for group in self.needed if not any((self.path / name).is_file() for name in group))
        return tuple(" or ".join(group) for group in groups)

    @property
    def found(self) -> bool:
        """Whether it is there as a whole."""
        return not self.missing

    @property
    def remedy(self) -> str:
        """What to do when it is missing."""
        if not self.needed:
            return f"Put the file at {self.path}."
        return f"Put {', '.join(' or '.join(group) for group in self.needed)} into {self.path}."


def known_models(workspace: Workspace) -> Iterator[KnownModel]:
    """Every model that stages look for in a workspace, there or not, in the order of the work."""
    yield from _separation(workspace)
    yield KnownModel(
        title="FRCRN",
        path=workspace.denoise_model,
        used_for="denoise",
        needed=(("pytorch_model.bin",),),
        without="DeepFilterNet, which comes with the program, is taken",
    )
    yield from _recognition(workspace)
    yield from _text(workspace)
    yield from _networks(workspace)
    yield KnownModel(
        title="starter voice",
        path=starter_voice(),
        used_for="speak; v2 training while the official models are not there",
        needed=(("s1.ckpt",), ("s2G.pth",), ("voice.json",)),
    )


def _separation(workspace: Workspace) -> Iterator[KnownModel]:
    folder = workspace.separation_models
    found = separation_models(folder)
    for name in dict.fromkeys((*SEPARATION_MODELS, *found)):
        yield KnownModel(
            title=f"separation model {name}",
            path=found.get(name, folder / f"{name}{_ending(name)}"),
            used_for="separate",
            without="clean recordings do not need it",
        )


def _ending(name: str) -> str:
    if "onnx" in name:
        return "/vocals.onnx"
    return ".ckpt" if "roformer" in name else ".pth"


def _recognition(workspace: Workspace) -> Iterator[KnownModel]:
    folder = workspace.asr_models
    sizes = [size for size in WHISPER_SIZES if (folder / f"faster-whisper-{size}").is_dir()]
    for size in sizes or ["SIZE"]:
        yield KnownModel(
            title=f"Whisper {size}" if sizes else "Whisper",
            path=folder / f"faster-whisper-{size}",
            used_for="transcribe; count wrong words when saves are compared",
            needed=_WHISPER,
            without="" if sizes else "any folder of a faster-whisper model can be chosen",
        )
    seen: set[str] = set()
    for choices in RECOGNISERS.values():
        for language, names in choices.folders.items():
            for name in (names.speech, names.pauses, names.marks):
                if name and name not in seen:
                    seen.add(name)
                    yield KnownModel(
                        title=name,
                        path=folder / name,
                        used_for=f"transcribe with {choices.title}"
                        + (f" ({language})" if len(set(choices.folders.values())) > 1 else ""),
                        needed=_FUNASR,
                        without="Whisper transcribes these languages too",
                    )


def _text(workspace: Workspace) -> Iterator[KnownModel]:
    yield KnownModel(
        title="text encoder (BERT)",
        path=workspace.pretrained / TEXT_ENCODER,
        used_for="prepare and speak Chinese",
        needed=_TEXT,
        without="Chinese is read without its features, and sounds less natural",
    )
    yield KnownModel(
        title="readings of Chinese characters (g2pW)",
        path=workspace.root / POLYPHONES,
        used_for="prepare and speak Chinese",
        needed=(("g2pW.onnx",), ("POLYPHONIC_CHARS.txt",)),
        without="the dictionary chooses the readings",
    )
    yield KnownModel(
        title="language detector",
        path=workspace.pretrained / DETECTOR,
        used_for="texts of several languages",
        without="the small detector that comes with the program is taken",
    )


def _networks(workspace: Workspace) -> Iterator[KnownModel]:
    """What trainings start from, and what voices speak with."""
    yield KnownModel(
        title="content encoder (HuBERT)",
        path=workspace.content_encoder,
        used_for="prepare, training, speak",
        needed=_TRANSFORMER,
        without=f"{_STARTER} for v2",
    )
    versions: dict[tuple[str, Path], list[ModelVersion]] = {}
    for version in VERSIONS.values():
        for title, path in official_models(workspace, version).parts().items():
            if path != workspace.content_encoder:
                versions.setdefault((title, path), []).append(version)
    for (title, path), served in versions.items():
        names = [version.name for version in served]
        yield KnownModel(
            title=f"{title} {', '.join(names)}",
            path=path,
            used_for=_used_for(title, served),
            needed=_VOCODER if title == "vocoder" and not path.suffix else (),
            without=_STARTER if names == ["v2"] else "",
        )


def _used_for(title: str, served: Sequence[ModelVersion]) -> str:
    match title:
        case "vocoder":
            return "speak"
        case "speaker encoder":
            return "prepare, speak, comparing voices"
        case "SoVITS generator":
            spoken = ", speak with its adapters" if any(version.adapters for version in served) else ""
            return f"prepare (semantic tokens), training{spoken}"
    return "training"
