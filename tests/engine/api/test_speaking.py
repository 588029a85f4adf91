"""The processes that speak, with a scripted worker: who gets which, when, and what becomes of them."""

import asyncio
import sys

import pytest

from engine.api.speaking import Speakers, TooBusy
from engine.protocol.errors import BadAudio, BadParameters, BadText, EngineError, WorkerDied
from tests.engine.api.scripted_speaker import sound_of
from tests.engine.api.serving import SCRIPTED


async def heard(speakers, text, voice="甲"):
    speech = await speakers.say({"text": text, "voice": voice, "language": "en"})
    return b"".join([part async for part in speech.parts()])


def expected(text, voice="甲"):
    return b"".join(sound_of(voice, text, number) for number in range(int(text.split()[1])))


async def speaks_again(speakers):
    return await heard(speakers, "say 1 again") == expected("say 1 again")


def running(test, workspace, count=1, waiting=64):
    """Runs a test with speakers of its own."""

    async def whole():
        speakers = Speakers(workspace, count, waiting, SCRIPTED)
        try:
            await asyncio.wait_for(test(speakers), 60)
        finally:
            await speakers.close()

    asyncio.run(whole())


def test_failures_keep_their_words_and_the_next_text_is_said(tmp_path):
    async def test(speakers):
        with pytest.raises(BadParameters, match="speed"):
            await speakers.say({"text": "say 1", "speed": 9})
        with pytest.raises(BadText, match="can be said"):
            await heard(speakers, "fail")
        with pytest.raises(EngineError, match="No sound"):
            await heard(speakers, "silent")
        speech = await speakers.say({"text": "late fail", "voice": "甲"})
        with pytest.raises(BadAudio, match="broke off"):
            [part async for part in speech.parts()]
        speech = await speakers.say({"text": "die", "voice": "甲"})
        with pytest.raises(WorkerDied):
            [part async for part in speech.parts()]
        assert await speaks_again(speakers)

    running(test, tmp_path / "用户 it's 名")


def test_many_at_once_never_mix(tmp_path):
    async def test(speakers):
        wanted = [(f"say {3 + number % 4} text {number}", "甲乙丙"[number % 3]) for number in range(24)]
        got = await asyncio.gather(*(heard(speakers, text, voice) for text, voice in wanted))
        assert got == [expected(text, voice) for text, voice in wanted]

    running(test, tmp_path, count=2)


def test_a_warm_voice_goes_first_but_nobody_waits_forever(tmp_path):
    async def test(speakers):
        order = []

        async def say(name, voice):
            await heard(speakers, "say 1 x", voice)
            order.append(name)

        first = await speakers.say({"text": "endless", "voice": "甲"})
        others = [asyncio.create_task(say("乙", "乙"))]
        others += [asyncio.create_task(say(f"甲{number}", "甲")) for number in range(8)]
        await asyncio.sleep(0)
        first.close()
        await asyncio.gather(*others)
        assert order.index("乙") == 4
        assert [name for name in order if name != "乙"] == [f"甲{number}" for number in range(8)]

    running(test, tmp_path)


def test_speech_that_is_not_wanted_any_more_frees_its_process(tmp_path):
    async def test(speakers):
        speech = await speakers.say({"text": "endless", "voice": "甲"})
        waiting = asyncio.create_task(heard(speakers, "say 1 never"))
        await asyncio.sleep(0)
        waiting.cancel()  # a caller that leaves while it waits
        speech.close()
        assert await speaks_again(speakers)
        beginning = asyncio.create_task(speakers.say({"text": "silent", "voice": "甲"}))
        await asyncio.sleep(0)
        beginning.cancel()
        assert await speaks_again(speakers)
        while speakers.busy:
            await asyncio.sleep(0.01)

    running(test, tmp_path)


def test_too_many_that_wait_are_turned_away(tmp_path):
    async def test(speakers):
        speech = await speakers.say({"text": "endless", "voice": "甲"})
        waiting = asyncio.create_task(heard(speakers, "say 2 later"))
        await asyncio.sleep(0)
        with pytest.raises(TooBusy):
            await speakers.say({"text": "say 1", "voice": "甲"})
        speech.close()
        assert await waiting == expected("say 2 later")

    running(test, tmp_path, waiting=1)


def test_processes_rest_and_come_back(tmp_path):
    async def test(speakers):
        assert await speaks_again(speakers)
        speakers.rest()
        await asyncio.sleep(0)
        assert await speaks_again(speakers)

    running(test, tmp_path)


def test_a_program_that_is_no_worker_is_an_error(tmp_path):
    async def whole():
        speakers = Speakers(tmp_path, 1, 1, (sys.executable, "-c", "pass"))
        with pytest.raises(WorkerDied):
            await speakers.say({"text": "say 1"})
        await speakers.close()

    asyncio.run(whole())
