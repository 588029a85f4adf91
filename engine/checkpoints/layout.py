"""Facts about the original's weight files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

ZIP_MAGIC: Final = b"PK"


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the two bytes in place of a zip's magic say.

    Attributes:
        version: The model version.
        lora: Whether the file holds an adapter instead of a whole model.
    """

    version: str
    lora: bool


HEADERS: Final[Mapping[bytes, HeaderFacts]] = MappingProxyType(
    {
        b"00": HeaderFacts("v1", lora=False),
        b"01": HeaderFacts("v2", lora=False),
        b"02": HeaderFacts("v3", lora=False),
        b"03": HeaderFacts("v3", lora=True),
        b"04": HeaderFacts("v4", lora=True),
        b"05": HeaderFacts("v2Pro", lora=False),
        b"06": HeaderFacts("v2ProPlus", lora=False),
    }
)

OUR_FORMAT: Final = "gsv_desktop"
"""Entry of a safetensors file's metadata that marks it as ours; its value is the layout's number."""

OUR_LAYOUT: Final = "1"

OUR_JSON: Final = ("config", "lora_rank")
"""Entries of our metadata that are JSON; `info` and `version` are plain text."""

OFFICIAL_START_BYTES: Final = 8192
"""How much of a file's start its fingerprint covers."""

OFFICIAL_STARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dc3c97e17592963677a4a1681f30c653": "v1",
        "6642b37f3dbb1f76882b69937c95a5f3": "v2",
        "43797be674a37c1c83ee81081941ed0f": "v3",
        "4f26b9476d0c5033e04162c486074374": "v4",
        "c7e9fce2223f3db685cdfa1e6368728a": "v2Pro",
        "66b313e39455b57ab1b0bc0b239c9d0a": "v2ProPlus",
    }
)
"""MD5 of the start of the official SoVITS files, to the version; v3 and v4 differ in nothing else."""

ORIGINAL_CONFIG_CLASS: Final = ("utils", "HParams")
"""Module and class that SoVITS configurations are pickled as."""


class Attributes:
    """Stands in for the original's configuration class: attributes, no behaviour."""


def to_attributes(values: Mapping[str, Any]) -> Attributes:
    """Attributes with the values of a nested dict."""
    made = Attributes()
    for key, value in values.items():
        vars(made)[key] = to_attributes(value) if isinstance(value, Mapping) else value
    return made
