"""Stages that behave as badly as real libraries do, for a real worker process."""

import ctypes
import os
import sys
import time
from pathlib import Path

from engine.protocol.errors import BadAudio
from engine.protocol.results import ArtifactRef, StageResult
from engine.protocol.stages.base import StageParameters, StageSpec, parameter


class OddParameters(StageParameters):
    count: int = parameter(1, "Count", "How often.", ge=0)
    path: Path | None = parameter(None, "Path", "A path.")


def chatter(parameters, context):
    """Prints as Python, as a C library and as raw bytes between its messages."""
    c_library = ctypes.CDLL(None)
    for index in range(parameters.count):
        print("python says hello")  # noqa: T201 - this noise is what is tested
        c_library.puts(b"{ a C library prints half a message")
        c_library.fflush(None)
        os.write(1, b"raw bytes without a line end")
        context.log(f"message {index}")
    return StageResult(summary="chatted")


def flood(parameters, context):
    for index in range(parameters.count):
        context.metric({"index": float(index)}, step=index)
    return StageResult(summary="flooded", numbers={"sent": float(parameters.count)})


def speech(parameters, context):
    """A ramp of samples, so that a lost or doubled chunk shows."""
    rate_hz, chunk = 32000, 3200
    for start in range(0, rate_hz * parameters.count, chunk):
        samples = [(start + offset) % 65536 - 32768 for offset in range(chunk)]
        context.audio(b"".join(s.to_bytes(2, "little", signed=True) for s in samples), rate_hz)
    return StageResult(summary="spoke")


def obedient(parameters, context):
    """Counts until it is cancelled."""
    done = 0
    while True:
        context.check_cancelled()
        done += 1
        context.progress(done, 1_000_000, "steps")
        time.sleep(0.005)


def deaf(parameters, context):
    """Never looks whether it is cancelled, like a long call into a library."""
    context.log("deaf")
    time.sleep(600)
    return StageResult(summary="never")


def slow_to_load(parameters, context):
    """Says how far it is, and then nothing for a while, as an import does."""
    context.progress(2, 5, "clips")
    time.sleep(2.6)
    context.progress(5, 5, "clips")
    return StageResult(summary="loaded")


def broken(parameters, context):
    raise BadAudio("the file x.wav is broken", hint="record it again", detail="decoder said 42")


def surprised(parameters, context):
    return {}["nothing"]


def vanish(parameters, context):
    context.log("about to go")
    os._exit(7)


def keeper(parameters, context):
    made = context.keep("model", lambda: [0])
    made[0] += 1
    return StageResult(summary="kept", numbers={"uses": float(made[0])})


def touch(parameters, context):
    parameters.path.write_text("made", encoding="utf-8")
    context.artifact(parameters.path, "file")
    return StageResult(summary="touched", artifacts=(ArtifactRef(kind="file", path=str(parameters.path)),))


def find(name):
    if name not in globals():
        from engine.protocol.stages.registry import stage

        return stage(name)
    return StageSpec(name=name, title=name, about="", parameters=OddParameters, entry=f"odd_stages:{name}")


if __name__ == "__main__":
    from engine.worker.serve import main

    sys.modules["odd_stages"] = sys.modules["__main__"]
    sys.exit(main(find, grace_s=1.0))
