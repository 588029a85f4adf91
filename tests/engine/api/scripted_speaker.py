"""A worker whose speech tells what it was asked for; `python -m tests.engine.api.scripted_speaker`.

Each text begins with words that say what happens: `say N` gives N parts, each of samples that only
this voice has; `fail`, `late fail`, `die`, `silent` and `endless` do what they say.
"""

import os
import sys
import time
import zlib

from engine.protocol.errors import BadAudio, BadText
from engine.protocol.results import StageResult
from engine.protocol.stages.base import StageSpec
from engine.protocol.stages.speech import SpeakParameters
from engine.worker.serve import main

RATE_HZ = 32000
PART = 1600


def sound_of(voice, text, number):
    """(PART,) samples that only this part of this text in this voice has, as bytes."""
    value = zlib.crc32(f"{voice}|{text}|{number}".encode()) % 30000
    return value.to_bytes(2, "little") * PART


def speak(parameters, context):
    text = parameters.text
    voice = str(parameters.voice or parameters.gpt)
    keep = context.keep("loads", list)
    keep.append(voice)
    if text.startswith("fail"):
        raise BadText(f"Nothing in {text!r} can be said.", hint="Type words.")
    if text.startswith("silent"):
        return StageResult(summary="nothing")
    count = int(text.split()[1]) if text.startswith("say") else 10**6
    for number in range(count):
        context.check_cancelled()
        context.audio(sound_of(voice, text, number), RATE_HZ)
        if number and text.startswith("late fail"):
            raise BadAudio("The sound broke off.")
        if text.startswith("die"):
            os._exit(7)
        if text.startswith("endless"):
            time.sleep(0.01)
    return StageResult(summary="said")


SPEC = StageSpec(
    name="speak",
    title="Speak",
    about="",
    parameters=SpeakParameters,
    entry="tests.engine.api.scripted_speaker:speak",
    heavy=True,
)

if __name__ == "__main__":
    sys.exit(main(find=lambda _: SPEC))
