"""The real server as a process, and voices made of the starter that can be told apart."""

import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import torch

from engine.checkpoints.reader import read_checkpoint
from engine.models.sovits import export_sovits, load_sovits
from engine.protocol.builtin import starter_voice
from engine.protocol.launch import worker_environment
from engine.protocol.voices import CARD, VoiceCard, write_voice

VOICES = ("声 one", "声 it's two", "声 three")
_CHANGE = 0.05


@dataclass(frozen=True)
class RealServer:
    """A server that runs.

    Attributes:
        address: Where it listens, with a slash at the end.
        pid: Its process.
        workspace: Its workspace.
        client: Calls it; making one anew for each call takes longer than the call.
    """

    address: str
    pid: int
    workspace: Path
    client: httpx.Client

    @property
    def port(self):
        return int(self.address.rstrip("/").rpartition(":")[2])


def make_voices(workspace):
    """Voices of the starter's size, each with weights of its own: the starter's, changed by a seed."""
    starter = starter_voice()
    card = VoiceCard.model_validate_json((starter / CARD).read_text(encoding="utf-8"))
    config = read_checkpoint(starter / card.sovits).config
    network = load_sovits(starter / card.sovits)
    for seed, name in enumerate(VOICES):
        folder = workspace / "voices" / name
        folder.mkdir(parents=True)
        _change(network, torch.Generator().manual_seed(seed))
        export_sovits(network, folder / "s2G.pth", info=name, config=config)
        shutil.copy(starter / card.reference, folder / Path(card.reference).name)
        shared = {part: str(starter / getattr(card, part)) for part in ("gpt", "content_encoder")}
        write_voice(folder, card.model_copy(update={"name": name, "sovits": "s2G.pth", **shared}))


def _change(network, chance):
    with torch.no_grad():
        for weights in network.parameters():
            size = _CHANGE * float(weights.abs().mean())
            weights.add_(torch.randn(weights.shape, generator=chance), alpha=size)


@contextmanager
def real_server(workspace, *more, temporary=None):
    """`python -m engine serve` on a free port; ends with its standard input."""
    environment = worker_environment()
    if temporary is not None:
        environment |= {"TMPDIR": str(temporary), "TMP": str(temporary), "TEMP": str(temporary)}
    command = [sys.executable, "-P", "-m", "engine", "serve", "--port", "0", "--with-parent"]
    workspace.mkdir(parents=True, exist_ok=True)
    log = workspace / "server.txt"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [*command, "--workspace", str(workspace), "--device", "cpu", *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
        ) as process,
    ):
        try:
            address = process.stdout.readline().decode().strip()
            assert address.startswith("http://"), log.read_text(encoding="utf-8")
            with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
                yield RealServer(address, process.pid, workspace, client)
        finally:
            process.stdin.close()
            assert process.wait(60) == 0, log.read_text(encoding="utf-8")
