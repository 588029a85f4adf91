"""An application served by the real server on a thread of the test."""

import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from engine.api.listening import make_server, open_socket

SCRIPTED = (sys.executable, "-m", "tests.engine.api.scripted_speaker")
ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def served(make, settings):
    """Serves `make(settings)`, whose port is known by then; gives these settings."""
    ready = threading.Event()
    with open_socket(replace(settings, port=0)) as listener:
        bound = replace(settings, port=listener.getsockname()[1])
        server = make_server(make(bound), bound, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert ready.wait(30)
            yield bound
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
