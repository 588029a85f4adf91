"""The base of every declared record."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """An immutable record; an unknown field is an error, not a typo that goes unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
