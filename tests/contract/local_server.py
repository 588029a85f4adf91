"""The local server as a process of its own, for tests and for the tables of `seed_document`."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from engine.protocol.launch import worker_environment

SCRIPTED = Path(__file__).with_name("scripted_stages.py")


@contextmanager
def serving(workspace, *flags, scripted=False):
    """The address of a running server.

    Args:
        workspace: its workspace.
        flags: more of its flags.
        scripted: whether its stages are those of `scripted_stages`, which end at once.
    """
    module = ["tests.contract.local_server"] if scripted else ["engine", "serve"]
    command = [sys.executable, "-m", *module, "--workspace", str(workspace), "--port", "0", "--with-parent"]
    environment = {**worker_environment(), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    log = workspace / "server.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
        )
    try:
        address = process.stdout.readline().decode("utf-8").strip()
        assert address, log.read_text(encoding="utf-8")
        yield address
    finally:
        process.stdin.close()
        process.wait(90)
        process.stdout.close()


def main():
    """`engine serve` with scripted stages."""
    from engine.api import app
    from engine.api.jobs import Jobs
    from engine.cli import main as run

    def scripted_jobs(workspace, _=None):
        return Jobs(workspace, [sys.executable, str(SCRIPTED)])

    app.Jobs = scripted_jobs
    return run(["serve", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
