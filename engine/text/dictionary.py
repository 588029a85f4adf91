"""The user's own pronunciations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Entries = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """Pronunciations by language.

    Attributes:
        languages: Language -> word -> its units in that language.
    """

    languages: Mapping[str, Entries] = field(default_factory=lambda: MappingProxyType({}))

    def entries(self, language: str) -> Entries:
        """Word -> units of one language."""
        return self.languages.get(language, MappingProxyType({}))
