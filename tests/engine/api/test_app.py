import subprocess
import sys

import httpx
import pytest

from engine.api.app import make_app
from engine.api.listening import open_socket
from engine.api.settings import ServerSettings
from engine.protocol.errors import BadParameters
from tests.engine.api.serving import SCRIPTED, served


def test_without_its_libraries_the_server_names_the_extra(tmp_path):
    code = "import sys; sys.modules['fastapi'] = None; from engine.cli import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs fastapi" in done.stderr
    assert "gsv-desktop[server]" in done.stderr


def test_a_taken_port_is_told(tmp_path):
    with open_socket(ServerSettings(workspace=tmp_path, port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadParameters, match=f"port {port}"):
            open_socket(ServerSettings(workspace=tmp_path, port=port))


def test_without_leave_nobody_ends_the_server(tmp_path):
    told = []
    settings = ServerSettings(workspace=tmp_path, speech_only=True)
    with served(lambda bound: make_app(bound, told.append, SCRIPTED), settings) as bound:
        assert httpx.get(f"{bound.address}control?command=exit").status_code == 403
        assert httpx.get(f"{bound.address}health").json() == {"status": "ok", "speaking": 0}
        assert httpx.get(f"{bound.address}docs").status_code == 404
    assert told == []


def test_a_caller_that_leaves_stops_the_speech_of_both_kinds(scripted_server):
    server = scripted_server[0]
    with httpx.Client(base_url=server.address, timeout=30) as client:
        for mode in ("1", "0"):
            call = {"text": "endless", "text_lang": "en", "streaming_mode": mode}
            if mode == "1":
                with client.stream("GET", "tts", params=call) as answer:
                    next(answer.iter_bytes())
            else:  # the whole sound of an endless text never comes
                with pytest.raises(httpx.ReadTimeout):
                    client.get("tts", params=call, timeout=0.3)
            while client.get("health").json()["speaking"]:
                pass  # the test's own time limit ends this when the worker goes on
            assert client.get("tts", params=call | {"text": "say 1"}).status_code == 200
