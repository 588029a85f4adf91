from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.protocol.errors import OutOfSpace
from engine.protocol.voices import Voice
from engine.protocol.workspace import Workspace
from gsv_desktop.pages.speak.actions import same_voice, save_take, take_path, voice_values


def voice(card: Path | None) -> Voice:
    return Voice(
        name="声",
        version="v2",
        language="en",
        gpt=Path("/w/g.ckpt"),
        sovits=Path("/w/s.pth"),
        content_encoder=None,
        reference=None,
        prompt_text="",
        prompt_language="en",
        card=card,
    )


def test_a_card_speaks_by_its_folder_and_a_pair_by_its_files():
    carded = voice_values(voice(Path("/v/a b/voice.json")))
    assert carded == {"voice": str(Path("/v/a b")), "gpt": None, "sovits": None}
    pair = voice_values(voice(None))
    assert pair == {"voice": None, "gpt": str(Path("/w/g.ckpt")), "sovits": str(Path("/w/s.pth"))}
    assert voice_values(None) == {"voice": None}


def test_a_voice_is_found_by_name():
    assert same_voice((voice(None),), "声") == 0
    assert same_voice((voice(None),), "other") == -1


def test_two_takes_never_share_a_file(folder: Path):
    first = take_path(Workspace(folder), datetime(2026, 1, 1, microsecond=1, tzinfo=UTC))
    second = take_path(Workspace(folder), datetime(2026, 1, 1, microsecond=2, tzinfo=UTC))
    assert first != second
    assert first.suffix == ".wav"


def test_a_place_that_cannot_be_written_is_named(folder: Path):
    take = folder / "take.wav"
    take.write_bytes(b"sound")
    save_take(take, folder / "copy 声.wav")
    assert (folder / "copy 声.wav").read_bytes() == b"sound"
    with pytest.raises(OutOfSpace, match="nowhere"):
        save_take(take, folder / "nowhere" / "a.wav")
