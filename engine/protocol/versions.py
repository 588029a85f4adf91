"""What differs between model versions, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from engine.protocol.errors import BadParameters


class Decoder(StrEnum):
    """How a version turns semantic tokens into sound."""

    WAVE = "wave"
    """A flow and a HiFi-GAN inside the SoVITS weights give the waveform."""
    MEL = "mel"
    """Flow matching gives a mel spectrogram, and a vocoder of its own the waveform."""


class Vocoder(StrEnum):
    """Networks that turn mel spectrograms into sound."""

    BIGVGAN = "bigvgan"
    HIFIGAN = "hifigan"


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedNames:
    """The official files that a version starts from, below the folder of pretrained models.

    Attributes:
        gpt: GPT weights.
        generator: SoVITS weights.
        discriminator: Its discriminators; None where a version trains without.
        vocoder: Folder or file of the vocoder; None where the decoder is inside the SoVITS weights.
        speaker_encoder: The speaker encoder; None where a version needs none.
    """

    gpt: str
    generator: str
    discriminator: str | None = None
    vocoder: str | None = None
    speaker_encoder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """Facts of one model version.

    Attributes:
        name: The name that users and files use.
        symbols: Which phone table it uses.
        symbol_rows: Rows of the SoVITS weights' phone table, all of them used.
        gpt_phone_rows: Rows of the GPT weights' phone table; some are never used in v1.
        style_bins: Spectrogram bins that the style encoder hears.
        decoder: How tokens become sound.
        decoder_channels: Channels of the wave decoder's first stage.
        judge_periods: Periods of the discriminators that a wave decoder is trained against.
        vocoder: The vocoder that a mel decoder needs.
        rate_hz: Sample rate of what is spoken.
        speaker_embedding: Whether the voice is also given as an embedding of a speaker encoder.
        adapters: Whether fine-tuning trains LoRA adapters.
        header: First two bytes of exported whole models; the zip's own where a version has none.
        adapter_header: First two bytes of exported adapters; None where a version has none.
        pretrained: The official files to start from.
        gpt_folder: Workspace folder of exported GPT weights.
        sovits_folder: Workspace folder of exported SoVITS weights.
    """

    name: str
    symbols: str = "v2"
    symbol_rows: int = 732
    gpt_phone_rows: int = 732
    style_bins: int = 704
    decoder: Decoder = Decoder.WAVE
    decoder_channels: int = 512
    judge_periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    vocoder: Vocoder | None = None
    rate_hz: int = 32000
    speaker_embedding: bool = False
    adapters: bool = False
    header: bytes = b"PK"
    adapter_header: bytes | None = None
    pretrained: PretrainedNames
    gpt_folder: str
    sovits_folder: str


SPECTROGRAM_RATE_HZ: Final = 32000
"""Sample rate of the recordings that every version hears its references at."""
TOKENS_PER_SECOND: Final = 25
"""Semantic tokens in a second of speech, in every version."""

_PRO_PERIODS: Final = (2, 3, 5, 7, 11, 17, 23)
_GPT_V3: Final = "s1v3.ckpt"
_SPEAKER_ENCODER: Final = "sv/pretrained_eres2netv2w24s4ep4.ckpt"

_ROWS: Final = (
    ModelVersion(
        name="v1",
        symbols="v1",
        symbol_rows=322,
        gpt_phone_rows=512,
        style_bins=1025,
        pretrained=PretrainedNames(
            gpt="s1bert25hz-2kh-longer-epoch=68e-step=50232.ckpt",
            generator="s2G488k.pth",
            discriminator="s2D488k.pth",
        ),
        gpt_folder="GPT_weights",
        sovits_folder="SoVITS_weights",
    ),
    ModelVersion(
        name="v2",
        pretrained=PretrainedNames(
            gpt="gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt",
            generator="gsv-v2final-pretrained/s2G2333k.pth",
            discriminator="gsv-v2final-pretrained/s2D2333k.pth",
        ),
        gpt_folder="GPT_weights_v2",
        sovits_folder="SoVITS_weights_v2",
    ),
    ModelVersion(
        name="v3",
        decoder=Decoder.MEL,
        vocoder=Vocoder.BIGVGAN,
        rate_hz=24000,
        adapters=True,
        adapter_header=b"03",
        pretrained=PretrainedNames(
            gpt=_GPT_V3,
            generator="s2Gv3.pth",
            vocoder="models--nvidia--bigvgan_v2_24khz_100band_256x",
        ),
        gpt_folder="GPT_weights_v3",
        sovits_folder="SoVITS_weights_v3",
    ),
    ModelVersion(
        name="v4",
        decoder=Decoder.MEL,
        vocoder=Vocoder.HIFIGAN,
        rate_hz=48000,
        adapters=True,
        adapter_header=b"04",
        pretrained=PretrainedNames(
            gpt=_GPT_V3,
            generator="gsv-v4-pretrained/s2Gv4.pth",
            vocoder="gsv-v4-pretrained/vocoder.pth",
        ),
        gpt_folder="GPT_weights_v4",
        sovits_folder="SoVITS_weights_v4",
    ),
    ModelVersion(
        name="v2Pro",
        judge_periods=_PRO_PERIODS,
        speaker_embedding=True,
        header=b"05",
        pretrained=PretrainedNames(
            gpt=_GPT_V3,
            generator="v2Pro/s2Gv2Pro.pth",
            discriminator="v2Pro/s2Dv2Pro.pth",
            speaker_encoder=_SPEAKER_ENCODER,
        ),
        gpt_folder="GPT_weights_v2Pro",
        sovits_folder="SoVITS_weights_v2Pro",
    ),
    ModelVersion(
        name="v2ProPlus",
        decoder_channels=768,
        judge_periods=_PRO_PERIODS,
        speaker_embedding=True,
        header=b"06",
        pretrained=PretrainedNames(
            gpt=_GPT_V3,
            generator="v2Pro/s2Gv2ProPlus.pth",
            discriminator="v2Pro/s2Dv2ProPlus.pth",
            speaker_encoder=_SPEAKER_ENCODER,
        ),
        gpt_folder="GPT_weights_v2ProPlus",
        sovits_folder="SoVITS_weights_v2ProPlus",
    ),
)

VERSIONS: Final = MappingProxyType({row.name: row for row in _ROWS})


def version(name: str) -> ModelVersion:
    """The table's row for `name`.

    Raises:
        BadParameters: no such version is known.
    """
    try:
        return VERSIONS[name]
    except KeyError:
        raise BadParameters(
            f"The model version {name!r} is not known.", hint=f"Choose one of: {', '.join(VERSIONS)}."
        ) from None
