"""A worker that speaks the protocol and does as the parameter `script` says: for the odd cases.

Scripts are words that it works off one after another, see `_WORDS`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

_cancelled = threading.Event()


def say(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def done(job: str) -> None:
    say(type="result", job=job, result={"summary": f"pid {os.getpid()}"})


def lost_file(job: str) -> None:
    gone = {"kind": "clip", "path": str(Path.cwd() / "not there.wav")}
    say(type="result", job=job, result={"summary": "made", "artifacts": [gone]})


def failed(job: str) -> None:
    say(
        type="failed",
        job=job,
        code="bad_audio",
        message="x.wav is silent.",
        hint="Take another one.",
        detail="trace",
    )


def kill(job: str) -> None:
    say(type="progress", job=job, done=1, total=4, unit="steps", eta_s=3.0)
    sys.stderr.write("last words\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def leave(job: str) -> None:
    sys.stderr.write("gone without a word")
    sys.stderr.flush()
    os._exit(3)


def garbage(job: str) -> None:
    sys.stdout.write('not json\n{"type": "never heard of"}\n\n')
    sys.stdout.flush()


def split(job: str) -> None:
    """One line in three pieces; the last job event comes without waiting for the window."""
    line = json.dumps(
        {"type": "log", "job": job, "level": "info", "text": "分 割"}, ensure_ascii=False
    ).encode()
    for piece in (line[:20], line[20:-9], line[-9:] + b"\n"):
        os.write(1, piece)
        time.sleep(0.02)


def unended(job: str) -> None:
    """An end whose line feed is missing, then the end of the process."""
    os.write(1, json.dumps({"type": "result", "job": job, "result": {"summary": "last line"}}).encode())
    os._exit(0)


def many(job: str) -> None:
    for number in range(20_000):
        say(type="metric", job=job, step=number, values={"loss": 1 / (number + 1)})


def wait(job: str) -> None:
    say(type="progress", job=job, done=1, total=10, unit="steps")
    _cancelled.wait()
    say(type="cancelled", job=job)


def deaf(job: str) -> None:
    """Hears no cancel, but can be terminated."""
    say(type="progress", job=job, done=1, total=10, unit="steps")
    threading.Event().wait()


def stubborn(job: str) -> None:
    """Hears no cancel and cannot be terminated: `main` sees to that, threads may not."""
    deaf(job)


def once(job: str) -> None:
    """Dies the first time, works the second."""
    if Path("died").exists():
        done(job)
        return
    Path("died").touch()
    kill(job)


_WORDS = {
    word.__name__: word
    for word in (
        done,
        lost_file,
        failed,
        kill,
        leave,
        garbage,
        split,
        unended,
        many,
        wait,
        deaf,
        stubborn,
        once,
    )
}


def work(job: str, script: str) -> None:
    for word in script.split():
        _WORDS[word](job)


def main() -> None:
    say(type="hello", protocol=1, pid=os.getpid())
    for line in sys.stdin:
        request = json.loads(line)
        if request["type"] == "cancel":
            _cancelled.set()
            continue
        arguments = (request["job"], request["parameters"].get("script", "done"))
        if "stubborn" in arguments[1]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        threading.Thread(target=work, args=arguments, daemon=True).start()


main()
