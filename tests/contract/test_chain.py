"""From a recording to a prepared folder: skipped when done, and the same bytes after being killed."""

import secrets
import subprocess

import pytest

from engine.worker.client import Worker
from tests.contract.chain import Chain, moments
from tests.speech_model import whisper_folder

pytestmark = [pytest.mark.slow, pytest.mark.speech_model]

LENGTH_S = 14.0
KILLS = 3


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The chain's folder, what an undisturbed run left in it, and the seconds of its stages."""
    chain = Chain(tmp_path_factory.mktemp("w") / "用户 it's 名", whisper_folder())
    chain.folder.mkdir()
    chain.write_recording(LENGTH_S)
    with Worker(stderr=subprocess.DEVNULL) as worker:
        first = chain.run(worker)
        seconds = dict(chain.seconds)
        second = chain.run(worker)
    return chain, seconds, first, second


def test_everything_is_skipped_the_second_time(undisturbed):
    _, seconds, first, second = undisturbed
    clips = first["prepare"].numbers["clips"]
    assert clips >= 2
    assert second["slice"].numbers["unchanged"] == 1
    assert second["transcribe"].numbers["unchanged"] == clips
    assert second["prepare"].numbers["unchanged"] == clips
    assert second["prepare"].skipped == first["prepare"].skipped == ()
    assert list(seconds) == ["slice", "transcribe", "check", "prepare"]


def test_a_chain_that_was_killed_ends_with_the_same_bytes(undisturbed):
    chain, seconds, _, _ = undisturbed
    wanted = chain.files()
    chain.folder.rename(chain.folder.with_name("undisturbed"))
    chain.folder.mkdir()
    chain.write_recording(LENGTH_S)
    seed = secrets.randbits(32)
    times = moments(seed, KILLS, seconds)
    killed = [chain.killed(moment) for moment in times]
    with Worker(stderr=subprocess.DEVNULL) as worker:
        chain.run(worker)
    found = chain.files()
    said = f"seed {seed}, {times}: {killed}"
    assert killed[0], said
    assert {name: found[name] == wanted.get(name) for name in found} == dict.fromkeys(wanted, True), said
