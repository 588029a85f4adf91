"""The decisions that the bootstrap takes; that it installs is shown by the gate itself, which it runs."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "bootstrap.py"
PLACE = "用户 it's 名"


@pytest.fixture(scope="module")
def bootstrap():
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bootstrap"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bootstrap"]


@pytest.fixture
def setup(bootstrap, tmp_path):
    """A checkout with locks and an environment that looks installed."""
    root = tmp_path / PLACE
    (root / "packaging" / "locks").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    setup = bootstrap.Setup(root=root, lock="linux-cpu")
    for name in ("linux-cpu", "separate", "funasr", "test"):
        setup.lock_file(name).write_text(f"# lock\n{name}==1\n", encoding="utf-8")
    setup.python.parent.mkdir(parents=True)
    setup.python.touch()
    for name in ("linux-cpu", "separate", "funasr", "test"):
        setup.stamp_file(name).write_text(bootstrap.stamp(setup, name), encoding="utf-8")
    return setup


@pytest.mark.parametrize(
    ("system", "machine", "nvidia", "lock"),
    [
        ("Windows", "AMD64", True, "windows"),
        ("Windows", "AMD64", False, "windows"),
        ("Linux", "x86_64", True, "linux-cuda"),
        ("Linux", "x86_64", False, "linux-cpu"),
        ("Linux", "aarch64", True, "linux-cpu"),
    ],
)
def test_each_machine_gets_its_lock(bootstrap, system, machine, nvidia, lock):
    assert bootstrap.choose_lock(system, machine, nvidia) == lock
    assert (SCRIPT.parent / "locks" / f"{lock}.txt").is_file()


def test_a_display_is_seen(bootstrap):
    assert bootstrap.has_display("Windows", {})
    assert bootstrap.has_display("Linux", {"DISPLAY": ":0"})
    assert bootstrap.has_display("Linux", {"WAYLAND_DISPLAY": "wayland-0"})
    assert not bootstrap.has_display("Linux", {"DISPLAY": ""})


def test_nothing_is_installed_twice(bootstrap, setup, monkeypatch):
    monkeypatch.setattr(bootstrap, "install", lambda *_: pytest.fail("installed again"))
    assert bootstrap.outdated(setup, tests=True) == ()
    bootstrap.ensure_installed(setup, tests=True)


def test_a_changed_lock_is_installed_again(bootstrap, setup):
    setup.lock_file("test").write_text("test==2\n", encoding="utf-8")
    assert bootstrap.outdated(setup, tests=False) == ()
    assert bootstrap.outdated(setup, tests=True) == ("test",)


def test_changed_dependencies_install_everything_again(bootstrap, setup):
    (setup.root / "pyproject.toml").write_text("[project]\ndependencies = []\n", encoding="utf-8")
    assert bootstrap.outdated(setup, tests=True) == ("linux-cpu", "separate", "funasr", "test")


def test_another_machine_kind_is_installed_anew(bootstrap, setup):
    other = bootstrap.Setup(root=setup.root, lock="linux-cuda")
    other.lock_file("linux-cuda").write_text("a==1\n", encoding="utf-8")
    assert bootstrap.outdated(other, tests=False) == ("linux-cuda",)


def test_a_lock_that_stands_alone_is_installed_without_what_it_asks_for(bootstrap, setup, monkeypatch):
    started = []

    class Pip:
        stdout = ()
        returncode = 0

        def __init__(self, command, **_):
            started.append(command)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(bootstrap.subprocess, "Popen", Pip)
    for name in ("linux-cpu", "separate", "funasr"):
        bootstrap.install(setup, name)
    assert ["--no-deps" in command for command in started] == [False, True, True]


def test_a_moved_checkout_is_installed_anew(bootstrap, setup, tmp_path):
    setup.root.rename(tmp_path / "elsewhere")
    moved = bootstrap.Setup(root=tmp_path / "elsewhere", lock="linux-cpu")
    assert bootstrap.outdated(moved, tests=True) == ("linux-cpu", "separate", "funasr", "test")


def test_an_interrupted_installation_goes_on(bootstrap, setup, monkeypatch):
    half = bootstrap.site_packages(setup) / "torch-1.dist-info"
    whole = bootstrap.site_packages(setup) / "numpy-1.dist-info"
    for folder in (half, whole):
        folder.mkdir(parents=True)
        (folder / "METADATA").touch()
    for name in ("RECORD", "INSTALLER"):
        (whole / name).touch()
    setup.unfinished.touch()
    installed = []
    monkeypatch.setattr(bootstrap, "works", lambda _: True)
    monkeypatch.setattr(bootstrap, "install", lambda _, name: installed.append(name))
    bootstrap.ensure_installed(setup, tests=True)
    assert installed == ["linux-cpu", "separate", "funasr", "test"]
    assert not half.exists()
    assert whole.exists()
    assert not setup.unfinished.exists()
    assert bootstrap.outdated(setup, tests=True) == ()


def test_a_failed_installation_is_not_taken_for_done(bootstrap, setup, monkeypatch):
    def fail(*_):
        raise bootstrap.SetupError("no network")

    setup.lock_file("test").write_text("test==2\n", encoding="utf-8")
    monkeypatch.setattr(bootstrap, "works", lambda _: True)
    monkeypatch.setattr(bootstrap, "install", fail)
    with pytest.raises(bootstrap.SetupError):
        bootstrap.ensure_installed(setup, tests=True)
    assert bootstrap.outdated(setup, tests=True) == ("linux-cpu", "separate", "funasr", "test")


def test_a_broken_environment_is_seen(bootstrap, setup):
    assert not bootstrap.works(setup)  # its interpreter is an empty file


def test_the_checkout_is_found_from_any_folder(bootstrap, setup, tmp_path):
    (setup.root / "probe_module.py").write_text("PLACE = __file__\n", encoding="utf-8")
    bootstrap.site_packages(setup).mkdir(parents=True)
    bootstrap.write_pth(setup)
    text = (bootstrap.site_packages(setup) / bootstrap.PTH_NAME).read_bytes()
    assert text.isascii()
    code = f"import site; site.addsitedir({str(bootstrap.site_packages(setup))!r}); import probe_module"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{code}; print(ascii(probe_module.PLACE))"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if os.name == "nt":
        assert done.returncode == 0, done.stderr
    else:  # -I ignores the variables, so this is the machine's own encoding
        assert ast.literal_eval(done.stdout.strip()) == str(setup.root / "probe_module.py"), done.stderr


def test_missing_libraries_are_named_with_one_command(bootstrap):
    wanted = (*bootstrap.QT, *bootstrap.SOUND)
    missing = bootstrap.missing_libraries(wanted, lambda library: library.soname != "libEGL.so.1")
    assert [library.package for library in missing] == ["libegl1"]
    report = bootstrap.libraries_report(bootstrap.SOUND + missing, debian=True)
    assert "libEGL.so.1" in report
    assert "\n    sudo apt-get install -y --no-install-recommends libegl1 libportaudio2\n" in report
    assert "apt-get" not in bootstrap.libraries_report(missing, debian=False)


def test_a_library_that_is_not_there_does_not_load(bootstrap):
    assert not bootstrap.library_loads(bootstrap.Library(soname="libno-such.so.9", package="x"))
    assert not bootstrap.library_loads(bootstrap.Library(soname="no-such-program", package="x"))
    assert not bootstrap.library_loads(bootstrap.Library(soname="NoSuchFont.ttc", package="x"))


@pytest.mark.skipif(os.name == "nt", reason="Linux only")
def test_without_root_nothing_is_installed(bootstrap, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap.platform, "system", lambda: "Linux")
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(bootstrap, "library_loads", lambda _: False)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda *_, **__: pytest.fail("ran something"))
    missing = (bootstrap.Library(soname="libno-such.so.9", package="libno-such9"),)
    assert bootstrap.ensure_libraries(missing) == missing
    assert "sudo apt-get install -y --no-install-recommends libno-such9" in capsys.readouterr().out


def fake_children(bootstrap, monkeypatch, codes=None):
    """Record what would be started; every child ends with the code that `codes` gives for a word in it."""
    started = []

    def run(command, **_):
        started.append([str(part) for part in command])
        code = next((c for word, c in (codes or {}).items() if any(word in part for part in command)), 0)
        if code == 0 and "speak" in command:
            with wave.open(str(command[command.index("--out") + 1]), "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(32_000)
                out.writeframes(bytes(2 * 48_000))
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    monkeypatch.setattr(bootstrap, "ensure_libraries", lambda _: ())
    monkeypatch.setattr(bootstrap, "ensure_installed", lambda *_, **__: None)
    return started


def test_run_opens_the_window_on_the_named_project(bootstrap, setup, monkeypatch):
    started = fake_children(bootstrap, monkeypatch)
    monkeypatch.setattr(bootstrap, "has_display", lambda *_: True)
    assert bootstrap.run(setup, PLACE) == 0
    assert started == [[str(setup.python), "-m", "gsv_desktop", PLACE]]


def test_run_speaks_without_a_display(bootstrap, setup, monkeypatch, tmp_path, capsys):
    started = fake_children(bootstrap, monkeypatch)
    monkeypatch.setattr(bootstrap, "has_display", lambda *_: False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert bootstrap.run(setup, None) == 0
    assert started[0][1:4] == ["-m", "engine", "speak"]
    assert (folder / "speech.wav").is_file()
    assert "1.5 s of speech" in capsys.readouterr().out


def test_run_speaks_when_the_window_cannot_open(bootstrap, setup, monkeypatch, tmp_path):
    started = fake_children(bootstrap, monkeypatch)
    monkeypatch.setattr(bootstrap, "has_display", lambda *_: True)
    monkeypatch.setattr(bootstrap, "ensure_libraries", lambda _: bootstrap.QT[:1])
    monkeypatch.chdir(tmp_path)
    assert bootstrap.run(setup, None) == 0
    assert started[0][1:4] == ["-m", "engine", "speak"]


def test_the_gate_runs_every_check_and_ends_with_pytest(bootstrap, setup, monkeypatch):
    started = fake_children(bootstrap, monkeypatch)
    assert bootstrap.test(setup, ["-k", "slice"]) == 0
    assert [command[2] for command in started[:3]] == ["ruff", "ruff", "mypy"]
    assert started[-1] == [str(setup.python), "-m", "pytest", "-k", "slice"]
    assert bootstrap.test(setup, []) == 0
    assert started[-1] == [str(setup.python), "-m", "pytest", *bootstrap.WHOLE_SUITE]


@pytest.mark.parametrize("word", ["ruff", "mypy", "importlinter", "pytest"])
def test_one_failing_check_fails_the_gate(bootstrap, setup, monkeypatch, word):
    started = fake_children(bootstrap, monkeypatch, {word: 3})
    assert bootstrap.test(setup, []) != 0
    assert len(started) == len(bootstrap.CHECKS) + 1  # the others ran all the same


def test_arguments_after_test_reach_pytest(bootstrap, monkeypatch):
    seen = []
    monkeypatch.setattr(bootstrap, "test", lambda _, rest: seen.append(rest) or 0)
    assert bootstrap.main(["test", "tests/engine", "-k", "a b", "--lf", "-x"]) == 0
    assert seen == [["tests/engine", "-k", "a b", "--lf", "-x"]]


def test_unknown_arguments_of_run_are_refused(bootstrap):
    with pytest.raises(SystemExit) as stop:
        bootstrap.main(["run", "--no-such"])
    assert stop.value.code == 2


def test_progress_counts_each_package_once(bootstrap, capsys, tmp_path):
    counter = bootstrap.Counter(20, tmp_path)
    for number in range(20):
        counter.see(f"Collecting package-{number}==1 (from -r lock)\n")
        counter.see("  Downloading package-1-py3-none-any.whl (12 kB)\n")
    counter.see("  Downloading package-20-py3-none-any.whl (900.0 MB)\n")
    counter.see("Requirement already satisfied: package-3 in somewhere\n")
    counter.see("Installing collected packages: package-1\n")
    counter.end()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["  [10/20] package-9", "  [20/20] package-19"]
    assert lines[2] == "  [20/20] Downloading package-20-py3-none-any.whl (900.0 MB)"
    assert len(lines) == 3


def test_progress_stays_on_one_line_of_a_terminal(bootstrap, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap.sys.stdout, "isatty", lambda: True)
    counter = bootstrap.Counter(2, tmp_path)
    counter.see("Collecting first==1\n")
    counter.see("Collecting second==1\n")
    counter.end()
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.count("\r") == 2


def test_an_older_python_gets_a_plain_sentence(tmp_path):
    """The script's first statements run with a version that says it is old."""
    code = (
        "import runpy, sys\n"
        "sys.version_info = (3, 9, 1)\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer, and this is Python 3.9" in done.stderr


def test_only_the_standard_library_is_imported():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("name", ["linux-cpu", "linux-cuda", "windows", "separate", "funasr", "test"])
def test_locks_are_exact_and_name_no_index(name):
    lines = (SCRIPT.parent / "locks" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith(("#", "--no-binary jieba"))]
    assert len(pins) > 4
    for pin in pins:
        requirement, _, marker = pin.partition(" ; ")
        package, _, version = requirement.partition("==")
        assert package
        assert version
        assert re.fullmatch(r'(python_version [<>]= "3\.1[1-4]"( and )?)*', marker)
        assert not package.startswith("-")
