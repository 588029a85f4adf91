import socket
import sys

import pytest

from engine.api.safety import NotAllowed, TokenMissing, allowed_origin, check_path, refusal
from engine.api.settings import ServerSettings, is_loopback
from engine.protocol.builtin import starter_voice
from engine.protocol.errors import BadParameters


@pytest.fixture
def settings(tmp_path):
    workspace = tmp_path / "用户 it's 名"
    (workspace / "output").mkdir(parents=True)
    (tmp_path / "更多").mkdir()
    return ServerSettings(workspace=workspace, folders=(tmp_path / "更多",))


def test_paths_inside_are_made_absolute(settings, tmp_path):
    assert check_path("output/声 1.wav", settings, write=True) == settings.workspace / "output" / "声 1.wav"
    assert check_path(str(tmp_path / "更多" / "a.wav"), settings) == tmp_path / "更多" / "a.wav"
    assert check_path("output/../a.wav", settings) == settings.workspace / "a.wav"
    assert check_path(".", settings) == settings.workspace


@pytest.mark.parametrize(
    "text",
    [
        "../secret.txt",
        "output/../../secret.txt",
        "/etc/passwd",
        "//server/share/a.wav",
        r"\\server\share\a.wav",
        r"\\?\C:\Windows\win.ini",
        r"\\.\PhysicalDrive0",
        r"\??\C:\Windows",
        "//?/C:/Windows",
        "C:/Windows/win.ini",
        r"C:\Windows\win.ini",
        "C:secret.txt",
        "a.wav:hidden",
        "output/NUL",
        "con.wav",
        "COM1",
        "lpt1 .txt",
        "file:///etc/passwd",
        "http://example.com/a.ckpt",
    ],
)
def test_paths_outside_are_refused(settings, text):
    if sys.platform != "win32" and text.startswith("C:") and text[2] in "/\\":
        pytest.skip("a plain name here; on Windows it lies outside")
    with pytest.raises(NotAllowed):
        check_path(text, settings)


@pytest.mark.parametrize("text", ["", "  ", "a\0b.wav", "a\nb", "x" * 5000])
def test_what_is_no_path_is_said_to_be_none(settings, text):
    with pytest.raises(BadParameters):
        check_path(text, settings)


def test_a_neighbour_whose_name_begins_alike_is_outside(settings):
    with pytest.raises(NotAllowed):
        check_path(str(settings.workspace) + " 2/a.wav", settings)


def test_links_are_followed_before_they_are_judged(settings, tmp_path):
    (tmp_path / "secret").mkdir()
    try:
        (settings.workspace / "link").symlink_to(tmp_path / "secret", target_is_directory=True)
        (settings.workspace / "loop").symlink_to(settings.workspace / "loop")
    except OSError:
        pytest.skip("links cannot be made here")
    with pytest.raises(NotAllowed):
        check_path("link/a.wav", settings)
    with pytest.raises(NotAllowed):
        check_path("link/new/deep.wav", settings, write=True)
    with pytest.raises((NotAllowed, BadParameters)):
        check_path("loop/../../secret", settings)


def test_what_came_with_the_program_can_be_read_only(settings):
    weights = starter_voice() / "s1.ckpt"
    assert check_path(str(weights), settings) == weights.resolve()
    with pytest.raises(NotAllowed):
        check_path(str(weights), settings, write=True)


HOME = "127.0.0.1:9874"


def refused(settings, method="GET", *, query_token="", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(method, {"host": HOME} | named, settings, query_token=query_token)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost"},
        {"host": "[::1]:9874"},
        {"origin": f"http://{HOME}", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
)
def test_programs_and_our_own_page_may_call(settings, headers):
    assert refused(settings, **headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:9874"},
        {"host": "localhost.evil.example"},
        {"host": "192.168.1.5:9874"},
        {"host": ""},
        {"host": "[::1"},
        {"host": "127.0.0.1:9874, evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:9874"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_pages_and_false_names_are_turned_away(settings, headers):
    assert isinstance(refused(settings, **headers), NotAllowed)


def test_a_page_that_the_user_allowed_may_call(tmp_path):
    settings = ServerSettings(workspace=tmp_path, origins=("http://localhost:8000",))
    headers = {"origin": "http://localhost:8000", "sec_fetch_site": "same-site"}
    assert refused(settings, **headers) is None
    assert allowed_origin({"origin": "http://localhost:8000"}, settings) == "http://localhost:8000"
    assert allowed_origin({"origin": "http://evil.example"}, settings) == ""


def test_other_machines_need_the_token(tmp_path):
    settings = ServerSettings(workspace=tmp_path, host="0.0.0.0", token="geheim-1")  # noqa: S104, S106
    assert isinstance(refused(settings), TokenMissing)
    assert isinstance(refused(settings, authorization="Bearer falsch"), TokenMissing)
    assert isinstance(refused(settings, authorization="Bearer ü"), TokenMissing)
    assert refused(settings, authorization="Bearer geheim-1") is None
    assert refused(settings, query_token="geheim-1") is None  # noqa: S106
    assert refused(settings, cookie="a=b; gsv_token=geheim-1") is None
    good = {"authorization": "Bearer geheim-1"}
    assert refused(settings, host="192.168.1.5:9874", **good) is None
    assert refused(settings, host=socket.gethostname(), **good) is None
    assert isinstance(refused(settings, host="evil.example", **good), NotAllowed)
    assert isinstance(refused(settings, origin="http://evil.example", **good), NotAllowed)


def test_another_address_without_a_token_is_refused_at_the_start(tmp_path):
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org"):  # noqa: S104
        with pytest.raises(BadParameters, match="no token"):
            ServerSettings(workspace=tmp_path, host=host)
    with pytest.raises(BadParameters, match="signs"):
        ServerSettings(workspace=tmp_path, token="a; Domain=x")  # noqa: S106
    assert is_loopback("127.0.0.2")
    assert not is_loopback("localhost.example")
