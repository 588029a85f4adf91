"""A server with voices whose speech is scripted."""

import pytest

from engine.api.app import make_app
from engine.api.settings import Limits, ServerSettings
from engine.protocol.voices import VoiceCard, write_voice
from tests.engine.api.serving import SCRIPTED, served

VOICES = ("甲 it's", "乙")


def write_card(workspace, name):
    """A card whose files are there, and hold nothing."""
    folder = workspace / "voices" / name
    parts = {part: part for part in ("gpt", "sovits", "content_encoder", "reference")}
    folder.mkdir(parents=True)
    for part in parts:
        (folder / part).write_bytes(b"")
    write_voice(folder, VoiceCard(name=name, **parts))


@pytest.fixture(scope="session")
def scripted_server(tmp_path_factory):
    workspace = tmp_path_factory.mktemp("server") / "用户 it's 名"
    for name in VOICES:
        write_card(workspace, name)
    settings = ServerSettings(
        workspace=workspace, speech_only=True, control=True, limits=Limits(text_characters=100)
    )
    told = []
    with served(lambda bound: make_app(bound, told.append, SCRIPTED), settings) as bound:
        yield bound, told
