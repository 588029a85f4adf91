"""What differs between model versions, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from engine.protocol.errors import BadParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """Facts of one model version.

    Attributes:
        name: The name that users and files use.
        symbol_rows: Rows of the phone table.
        rate_hz: Sample rate of the decoder's output.
        hop_samples: Samples per spectrogram frame at `rate_hz`.
        tokens_per_second: Semantic tokens in a second of speech.
        gpt_folder: Workspace folder of exported GPT weights.
        sovits_folder: Workspace folder of exported SoVITS weights.
    """

    name: str
    symbol_rows: int
    rate_hz: int
    hop_samples: int
    tokens_per_second: int
    gpt_folder: str
    sovits_folder: str


VERSIONS: Final = MappingProxyType(
    {
        "v2": ModelVersion(
            name="v2",
            symbol_rows=732,
            rate_hz=32000,
            hop_samples=640,
            tokens_per_second=25,
            gpt_folder="GPT_weights_v2",
            sovits_folder="SoVITS_weights_v2",
        ),
    }
)


def version(name: str) -> ModelVersion:
    """The table's row for `name`.

    Raises:
        BadParameters: no such version is built in.
    """
    try:
        return VERSIONS[name]
    except KeyError:
        raise BadParameters(
            f"The model version {name!r} is not known.", hint=f"Choose one of: {', '.join(VERSIONS)}."
        ) from None
