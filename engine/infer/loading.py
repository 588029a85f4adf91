"""Finds out which version a voice is of, and loads its networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engine.checkpoints.fit import check_pair
from engine.checkpoints.inspection import inspect
from engine.infer.decoder import SoundDecoder
from engine.infer.mel_decoder import MelDecoder
from engine.infer.spelling import Speller
from engine.infer.synthesizer import Synthesizer
from engine.infer.wave_decoder import WaveDecoder
from engine.models.flow_sovits import load_flow_sovits
from engine.models.gpt import load_gpt
from engine.models.hubert import load_content_encoder
from engine.models.sovits import load_sovits
from engine.models.speaker_encoder import load_speaker_encoder
from engine.models.text_encoder import TextEncoder, load_text_encoder
from engine.models.vocoder import load_vocoder
from engine.modules.device import CPU, Computing
from engine.protocol.errors import BadParameters, MissingModel
from engine.protocol.versions import Decoder, ModelVersion
from engine.protocol.versions import version as model_version


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFiles:
    """The files that a voice is made of.

    Attributes:
        gpt: Weights that turn text into tokens.
        sovits: Weights that turn tokens into sound.
        content_encoder: Folder of the network that hears what is said in a reference.
        version: Model version.
        base: Pretrained weights that adapters belong to; whole files need none.
        vocoder: The vocoder; None where the version's decoder is inside the SoVITS weights.
        speaker_encoder: The speaker encoder; None where the version needs none.
        text_encoder: Folder of the network that hears what Chinese words mean; None goes without.
    """

    gpt: Path
    sovits: Path
    content_encoder: Path
    version: str = "v2"
    base: Path | None = None
    vocoder: Path | None = None
    speaker_encoder: Path | None = None
    text_encoder: Path | None = None


def find_version(gpt: Path, sovits: Path, said: str | None = None) -> ModelVersion:
    """The version of a pair of files, told by what is in them.

    Args:
        gpt: GPT weights.
        sovits: SoVITS weights.
        said: what the user or a voice's card says; it decides only where the files do not.

    Raises:
        MissingModel: a file is not there.
        BadCheckpoint: a file is damaged or of another kind, or the two do not fit.
        BadParameters: the files may be of two versions, and nobody says which.
    """
    common = check_pair(inspect(gpt), inspect(sovits))
    if len(common) == 1:
        return model_version(common[0])
    if said in common:
        return model_version(said)
    named = [name for name in common if name in sovits.stem or sovits.parent.name.endswith(name)]
    if len(named) == 1:
        return model_version(named[0])
    raise BadParameters(
        f"{sovits} does not say whether it is of {' or '.join(common)}.",
        hint="Choose the model version, or put the file into that version's folder.",
    )


def load_synthesizer(files: VoiceFiles, computing: Computing = CPU) -> Synthesizer:
    """Loads a voice.

    Args:
        files: what it is made of.
        computing: device and precision.

    Raises:
        MissingModel: a file is not there.
        BadCheckpoint: a file is damaged, unsafe or of another kind, or they do not fit together.
    """
    version = model_version(files.version)
    decoder = _DECODERS[version.decoder](files, version, computing)
    gpt = load_gpt(files.gpt).to(computing.device, computing.dtype)
    encoder = load_content_encoder(files.content_encoder).to(computing.device)
    channels = gpt.config.bert_channels

    def load_text_encoder() -> TextEncoder | None:
        return _text_encoder(files.text_encoder, computing)

    return Synthesizer(gpt, decoder, encoder, Speller(version, channels, load_text_encoder))


def _load_wave(files: VoiceFiles, version: ModelVersion, computing: Computing) -> SoundDecoder:
    network = load_sovits(files.sovits, posterior=False)
    network.fuse_weight_norm()
    speaker_encoder = None
    if version.speaker_embedding:
        path = _needed(files.speaker_encoder, "speaker encoder", version)
        speaker_encoder = load_speaker_encoder(path).to(computing.device)
    return WaveDecoder(network, version, speaker_encoder, computing)


def _load_mel(files: VoiceFiles, version: ModelVersion, computing: Computing) -> SoundDecoder:
    vocoder = load_vocoder(_needed(files.vocoder, "vocoder", version))
    network = load_flow_sovits(files.sovits, files.base, version=version.name)
    return MelDecoder(network, vocoder, version, computing)


_DECODERS: Final[Mapping[Decoder, Callable[[VoiceFiles, ModelVersion, Computing], SoundDecoder]]] = (
    MappingProxyType({Decoder.WAVE: _load_wave, Decoder.MEL: _load_mel})
)


def _needed(path: Path | None, what: str, version: ModelVersion) -> Path:
    if path is None or not path.exists():
        named = version.pretrained.vocoder if what == "vocoder" else version.pretrained.speaker_encoder
        raise MissingModel(
            f"A voice of {version.name} needs its {what}, which is not there{f': {path}' if path else ''}.",
            hint=f"Put {named} into the folder of pretrained models.",
        )
    return path


def _text_encoder(folder: Path | None, computing: Computing) -> TextEncoder | None:
    """The network that hears what Chinese words mean, when it is there."""
    if folder is None or not folder.is_dir():
        return None
    return load_text_encoder(folder).to(computing.device, computing.dtype)
