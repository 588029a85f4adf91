"""Names of folders and files on the user's disk: those of the original, so that either opens the other's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.protocol.errors import BadParameters
from engine.protocol.versions import ModelVersion

PRETRAINED: Final = Path("GPT_SoVITS") / "pretrained_models"
SEPARATION_MODELS: Final = Path("tools") / "uvr5" / "uvr5_weights"
DENOISE_MODEL: Final = Path("tools") / "denoise-model" / "speech_frcrn_ans_cirm_16k"
ASR_MODELS: Final = Path("tools") / "asr" / "models"
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_RESERVED: Final = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Experiment:
    """The folder of one experiment, `logs/<name>`."""

    folder: Path

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.folder.name

    @property
    def text_file(self) -> Path:
        """Phones of every clip: name, phones, word2ph, normalised text, tab separated."""
        return self.folder / "2-name2text.txt"

    @property
    def bert_folder(self) -> Path:
        """Text features of Chinese clips."""
        return self.folder / "3-bert"

    @property
    def ssl_folder(self) -> Path:
        """Content features: `<clip>.pt`, (1, C, T) at 50 frames a second."""
        return self.folder / "4-cnhubert"

    @property
    def wav_folder(self) -> Path:
        """32 kHz mono 16-bit copies of the clips, under the clips' own names."""
        return self.folder / "5-wav32k"

    @property
    def semantic_file(self) -> Path:
        """Semantic tokens of every clip, tab separated, with a header line."""
        return self.folder / "6-name2semantic.tsv"

    @property
    def speaker_folder(self) -> Path:
        """Speaker vectors: `<clip>.pt`, (1, V); only versions with a speaker embedding need them."""
        return self.folder / "7-sv_cn"

    def sovits_folder(self, version: ModelVersion) -> Path:
        """Training states of SoVITS."""
        return self.folder / f"logs_s2_{version.name}"

    def gpt_folder(self, version: ModelVersion) -> Path:
        """Training states of the GPT."""
        return self.folder / f"logs_s1_{version.name}"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with the original's own layout."""

    root: Path

    def experiment(self, name: str) -> Experiment:
        """The experiment called `name`.

        Raises:
            BadParameters: the name cannot be a folder's name on every system.
        """
        return Experiment(self.root / "logs" / check_name(name))

    def gpt_weights(self, version: ModelVersion) -> Path:
        """Folder of exported GPT weights."""
        return self.root / version.gpt_folder

    def sovits_weights(self, version: ModelVersion) -> Path:
        """Folder of exported SoVITS weights."""
        return self.root / version.sovits_folder

    @property
    def slices(self) -> Path:
        """Default output of slicing."""
        return self.root / "output" / "slicer_opt"

    @property
    def labels(self) -> Path:
        """Default output of transcription."""
        return self.root / "output" / "asr_opt"

    @property
    def pretrained(self) -> Path:
        """Folder of pretrained models."""
        return self.root / PRETRAINED

    @property
    def content_encoder(self) -> Path:
        """Folder of the pretrained content encoder (HuBERT)."""
        return self.pretrained / "chinese-hubert-base"

    @property
    def asr_models(self) -> Path:
        """Folder of speech recognition models."""
        return self.root / ASR_MODELS

    @property
    def denoise_model(self) -> Path:
        """Folder of the noise filter FRCRN."""
        return self.root / DENOISE_MODEL

    @property
    def separation_models(self) -> Path:
        """Folder of models that set voices apart."""
        return self.root / SEPARATION_MODELS

    @property
    def voices(self) -> Path:
        """Folder of voice cards."""
        return self.root / "voices"


def check_name(name: str) -> str:
    """The trimmed name of an experiment or voice, when it can be a folder on every system.

    Raises:
        BadParameters: it cannot.
    """
    trimmed = name.strip()
    if not trimmed or trimmed.startswith(".") or trimmed.endswith(".") or _RESERVED.match(trimmed):
        raise BadParameters(f"{name!r} cannot be the name of a folder.", hint="Choose another name.")
    if found := _FORBIDDEN.search(trimmed):
        raise BadParameters(
            f"The name {name!r} holds the character {found.group()!r}, which file systems forbid.",
            hint="Leave that character out.",
        )
    return trimmed
