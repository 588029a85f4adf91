"""Start GSV Desktop, or its tests, from a fresh checkout.

    python3 packaging/bootstrap.py run [PROJECT]     install what is locked, then open the window
    python3 packaging/bootstrap.py test [ARGUMENT…]  install that and the test tools, then run every check

The first start makes `.venv` beside the checkout and installs into it; later starts see that nothing changed
and take about a second. Only the standard library is used here. Arguments after `test` go to pytest.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
if sys.version_info < OLDEST:  # before anything below that an older Python does not know
    sys.exit(
        "GSV Desktop needs Python 3.11 or newer, and this is Python {}.{}. Install a newer Python and start "
        "this with it, for example: python3.11 packaging/bootstrap.py run".format(*sys.version_info[:2])
    )

ROOT = Path(__file__).resolve().parent.parent
INTERRUPTED = 130
SAMPLE_SENTENCE = "Hello. This voice was trained on this machine, from a few minutes of speech."
PTH_NAME = "gsv_desktop_checkout.pth"


class SetupError(Exception):
    """Setting up failed; the text says what to do."""


# --- what kind of machine this is -----------------------------------------------------------------


ALONE = ("separate", "funasr")
"""Locks whose packages ask for others that would bring in much that is never used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A system library that a package needs.

    Attributes:
        soname: What the dynamic linker is asked for; for a program or a font file, its name.
        package: The package that has it in Debian and Ubuntu.
    """

    soname: str
    package: str


QT = (
    Library(soname="libEGL.so.1", package="libegl1"),
    Library(soname="libGL.so.1", package="libgl1"),
    Library(soname="libxkbcommon.so.0", package="libxkbcommon0"),
    Library(soname="libdbus-1.so.3", package="libdbus-1-3"),
    Library(soname="libfontconfig.so.1", package="libfontconfig1"),
    Library(soname="libglib-2.0.so.0", package="libglib2.0-0"),
)
"""What Qt needs even without a screen."""
WINDOW = (
    Library(soname="libxkbcommon-x11.so.0", package="libxkbcommon-x11-0"),
    Library(soname="libxcb-cursor.so.0", package="libxcb-cursor0"),
    Library(soname="libxcb-icccm.so.4", package="libxcb-icccm4"),
    Library(soname="libxcb-image.so.0", package="libxcb-image0"),
    Library(soname="libxcb-keysyms.so.1", package="libxcb-keysyms1"),
    Library(soname="libxcb-render-util.so.0", package="libxcb-render-util0"),
    Library(soname="libxcb-shape.so.0", package="libxcb-shape0"),
    Library(soname="libxcb-xinerama.so.0", package="libxcb-xinerama0"),
)
"""What Qt needs beside that for windows under X."""
SOUND = (Library(soname="libportaudio.so.2", package="libportaudio2"),)
VIRTUAL_SCREEN = (
    Library(soname="Xvfb", package="xvfb"),
    Library(soname="NotoSansCJK-Regular.ttc", package="fonts-noto-cjk"),
)
"""What the tests need beside that to open windows that nobody sees."""


def choose_lock(system: str, machine: str, nvidia: bool) -> str:
    """Name of the lock file for a machine.

    Args:
        system: `platform.system()`.
        machine: `platform.machine()`.
        nvidia: Whether an NVIDIA driver is installed.
    """
    if system == "Windows":
        return "windows"
    if system == "Linux" and machine in {"x86_64", "AMD64"} and nvidia:
        return "linux-cuda"
    return "linux-cpu"


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is installed here."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def has_display(system: str, environment: Mapping[str, str]) -> bool:
    """Whether a window can be shown."""
    if system != "Linux":
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def library_loads(library: Library) -> bool:
    """Whether a system library, program or font is there."""
    if library.soname.endswith(".ttc"):
        return any(Path("/usr/share/fonts").rglob(library.soname))
    if ".so" not in library.soname:
        return shutil.which(library.soname) is not None
    try:
        ctypes.CDLL(library.soname)
    except OSError:
        return False
    return True


def missing_libraries(
    wanted: Iterable[Library], loads: Callable[[Library], bool] = library_loads
) -> tuple[Library, ...]:
    """Those of the wanted libraries that are not there."""
    return tuple(library for library in wanted if not loads(library))


def install_command(missing: Sequence[Library], *, root: bool) -> list[str]:
    """The one command that installs missing libraries on Debian and Ubuntu."""
    packages = sorted({library.package for library in missing})
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    return command if root else ["sudo", *command]


def libraries_report(missing: Sequence[Library], *, debian: bool) -> str:
    """What to tell a user who is not root about missing libraries."""
    names = ", ".join(library.soname for library in missing)
    if debian:
        remedy = f"Install them with:\n\n    {' '.join(install_command(missing, root=False))}\n"
    else:
        remedy = "Install the packages of your system that contain them."
    return f"These system libraries are missing: {names}.\n{remedy}"


def ensure_libraries(wanted: Iterable[Library]) -> tuple[Library, ...]:
    """Install missing libraries where that is allowed, else say how.

    Returns:
        What is still missing afterwards.
    """
    if platform.system() != "Linux":
        return ()
    missing = missing_libraries(wanted)
    if not missing:
        return ()
    debian = shutil.which("apt-get") is not None
    if not debian or os.geteuid() != 0:
        say(libraries_report(missing, debian=debian))
        return missing
    apt_install(missing)
    missing = missing_libraries(missing)
    if missing:
        say(libraries_report(missing, debian=True))
    return missing


def apt_install(missing: Sequence[Library]) -> None:
    """Install libraries as root on Debian or Ubuntu, saying so."""
    say(f"Installing system packages: {' '.join(sorted({library.package for library in missing}))}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], install_command(missing, root=True)):
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode != 0:
            say(f"{' '.join(command)} failed:\n{last_lines(done.stdout.splitlines(), 12)}")


# --- the virtual environment ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Where things lie in one checkout.

    Attributes:
        root: The checkout.
        lock: Name of the lock file for this machine.
    """

    root: Path
    lock: str

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def unfinished(self) -> Path:
        """A file that is there while packages are being installed."""
        return self.venv / "gsv-unfinished"

    def lock_file(self, name: str) -> Path:
        """Path of a lock."""
        return self.root / "packaging" / "locks" / f"{name}.txt"

    def stamp_file(self, name: str) -> Path:
        """File that says what of a lock was installed."""
        return self.venv / f"gsv-installed-{name}"

    def locks(self, *, tests: bool) -> tuple[str, ...]:
        """Names of the locks to install."""
        return (self.lock, *ALONE, "test") if tests else (self.lock, *ALONE)


def stamp(setup: Setup, lock: str) -> str:
    """What is true only as long as an installation of this lock is current."""
    digest = hashlib.sha256()
    parts = [setup.lock_file(lock).read_bytes(), (setup.root / "pyproject.toml").read_bytes()]
    parts += [str(setup.root).encode("utf-8", "surrogateescape"), sys.version.encode()]
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def outdated(setup: Setup, *, tests: bool) -> tuple[str, ...]:
    """Names of the locks that are not, or no longer, installed."""
    if not setup.python.exists() or setup.unfinished.exists():
        return setup.locks(tests=tests)
    names = []
    for name in setup.locks(tests=tests):
        path = setup.stamp_file(name)
        if not path.is_file() or path.read_text(encoding="utf-8") != stamp(setup, name):
            names.append(name)
    return tuple(names)


def ensure_installed(setup: Setup, *, tests: bool) -> None:
    """Bring `.venv` to what the locks say; quick when it is there already.

    Raises:
        SetupError: it cannot be done.
    """
    names = outdated(setup, tests=tests)
    if not names:
        return
    ensure_venv(setup)
    setup.unfinished.touch()
    remove_halves(site_packages(setup))
    for name in names:
        install(setup, name)
    write_pth(setup)
    for name in names:
        setup.stamp_file(name).write_text(stamp(setup, name), encoding="utf-8")
    setup.unfinished.unlink()


def ensure_venv(setup: Setup) -> None:
    """Make the virtual environment, anew where an earlier one does not work.

    Raises:
        SetupError: this Python cannot make one.
    """
    if setup.python.exists() and works(setup):
        return
    say(f"Making {setup.venv}")
    if importlib.util.find_spec("ensurepip") is None:
        version = "{}.{}".format(*sys.version_info[:2])
        venv = (Library(soname="ensurepip", package=f"python{version}-venv"),)
        if not may_apt():
            raise SetupError(
                "This Python has no venv module. On Debian or Ubuntu install it with:\n\n"
                f"    {' '.join(install_command(venv, root=False))}\n"
            )
        apt_install(venv)
    command = [sys.executable, "-m", "venv", "--clear", str(setup.venv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"{setup.venv} cannot be made:\n{done.stdout}{done.stderr}")


def works(setup: Setup) -> bool:
    """Whether the virtual environment's interpreter runs, is this version and has pip."""
    code = "import pip, sys; sys.stdout.write('{}.{}'.format(*sys.version_info[:2]))"
    try:
        done = subprocess.run(
            [str(setup.python), "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env=child_environment(),
        )
    except OSError:
        return False
    return done.returncode == 0 and done.stdout == "{}.{}".format(*sys.version_info[:2])


def may_apt() -> bool:
    """Whether packages can be installed here without asking."""
    return platform.system() == "Linux" and shutil.which("apt-get") is not None and os.geteuid() == 0


def site_packages(setup: Setup) -> Path:
    """Where the virtual environment keeps its packages."""
    if os.name == "nt":
        return setup.venv / "Lib" / "site-packages"
    return setup.venv / "lib" / "python{}.{}".format(*sys.version_info[:2]) / "site-packages"


def remove_halves(folder: Path) -> None:
    """Forget packages whose installation was cut off, so that pip installs them again."""
    for metadata in folder.glob("*.dist-info"):
        if not (metadata / "INSTALLER").is_file() or not (metadata / "RECORD").is_file():
            shutil.rmtree(metadata)


def write_pth(setup: Setup) -> None:
    """Let `import engine` find this checkout from any folder.

    The path is written in ASCII: what encoding Python reads such a file in depends on the machine.
    """
    line = f"import sys; sys.path.append({str(setup.root)!a})\n"
    (site_packages(setup) / PTH_NAME).write_text(line, encoding="ascii")


def install(setup: Setup, name: str) -> None:
    """Install one lock with pip, showing how far it is.

    Raises:
        SetupError: pip failed.
    """
    path = setup.lock_file(name)
    total = sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#-")
    say(f"Installing {total} packages of {path.name}; the first time this takes some minutes")
    command = [str(setup.python), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--only-binary", ":all:", "-r", str(path)]
    command += ["--no-deps"] if name in ALONE else []
    started = time.monotonic()
    counter = Counter(total, site_packages(setup))
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**child_environment(), "PYTHONUTF8": "1"},
    ) as pip:
        lines = []
        for line in pip.stdout or ():
            lines.append(line.rstrip())
            counter.see(line)
    counter.end()
    if pip.returncode != 0:
        raise SetupError(
            f"pip could not install {path.name}:\n{last_lines(lines, 15)}\n\n"
            "Check the network and the free space, then run this again: it goes on where it stopped."
        )
    say(f"Installed in {time.monotonic() - started:.0f} s")


class Counter:
    """One line that says how many packages pip has come to; without a terminal, a line now and then.

    Args:
        total: How many packages the lock names.
        folder: Where pip unpacks them.
    """

    _STARTS = re.compile(r"^(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)")
    _LARGE = re.compile(r"^ *Downloading \S+ \(\d{2,}(?:\.\d)? MB\)")

    def __init__(self, total: int, folder: Path) -> None:
        self._total = total
        self._folder = folder
        self._names: set[str] = set()
        self._terminal = sys.stdout.isatty()
        self._ended = threading.Event()
        self._watcher: threading.Thread | None = None

    def see(self, text: str) -> None:
        """Take in a line of pip's output."""
        found = self._STARTS.match(text)
        if found and found[1].lower() not in self._names:
            self._names.add(found[1].lower())
            self._show(f"[{len(self._names)}/{self._total}] {found[1]}", quiet=len(self._names) % 10 != 0)
        elif text.lstrip().startswith("Downloading"):
            self._show(
                f"[{len(self._names)}/{self._total}] {text.strip()}", quiet=not self._LARGE.match(text)
            )
        elif text.startswith("Installing collected packages"):
            self._watcher = threading.Thread(target=self._watch, daemon=True)
            self._watcher.start()

    def end(self) -> None:
        """Stop counting and close the line."""
        self._ended.set()
        if self._watcher is not None:
            self._watcher.join()
        if self._terminal:
            print(flush=True)

    def _watch(self) -> None:
        """Say how many packages are unpacked, which pip does in silence, until the end."""
        while not self._ended.wait(1 if self._terminal else 20):
            self._show(f"[{len(list(self._folder.glob('*.dist-info')))}/{self._total}] unpacked", quiet=False)

    def _show(self, text: str, *, quiet: bool) -> None:
        """Show a state; a quiet one only where it replaces the one before it."""
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            print("\r" + f"  {text}"[:width].ljust(width), end="", flush=True)
        elif not quiet:
            print(f"  {text}", flush=True)


# --- the two commands -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One step of the gate.

    Attributes:
        name: What is said about it.
        arguments: What the environment's Python is given.
    """

    name: str
    arguments: tuple[str, ...]


CHECKS = (
    Check(name="ruff check", arguments=("-m", "ruff", "check", ".")),
    Check(name="ruff format", arguments=("-m", "ruff", "format", "--check", ".")),
    Check(name="mypy", arguments=("-m", "mypy")),
    Check(
        name="lint-imports",
        arguments=("-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"),
    ),
)


def run(setup: Setup, project: str | None) -> int:
    """Open the window, or speak where none can be shown."""
    window = has_display(platform.system(), os.environ)
    missing = ensure_libraries((*QT, *WINDOW, *SOUND)) if window else ()
    ensure_installed(setup, tests=False)
    if window and not set(missing) & {*QT, *WINDOW}:
        say("Opening the window")
        command = [str(setup.python), "-m", "gsv_desktop", *([project] if project else [])]
        return subprocess.run(command, check=False, env=child_environment()).returncode
    return speak_sample(setup, "libraries of the window are missing" if window else "there is no display")


def speak_sample(setup: Setup, why: str) -> int:
    """Let the starter voice say the sample sentence into speech.wav of the current folder."""
    out = Path.cwd() / "speech.wav"
    voice = setup.root / "resources" / "starter"
    say(f'No window, because {why}. Speaking instead: "{SAMPLE_SENTENCE}"')
    command = [str(setup.python), "-m", "engine", "speak", "--text", SAMPLE_SENTENCE, "--language", "en"]
    command += ["--voice", str(voice), "--out", str(out)]
    done = subprocess.run(command, check=False, env=child_environment())
    if done.returncode == 0:
        with wave.open(str(out), "rb") as speech:
            say(f"{out}: {speech.getnframes() / speech.getframerate():.1f} s of speech")
    return done.returncode


WHOLE_SUITE = ("-n", "2", "--dist", "loadfile")
"""How pytest runs all tests: two processes, each of which takes whole files."""


def test(setup: Setup, arguments: Sequence[str]) -> int:
    """Run every check and every test; pytest comes last."""
    missing = ensure_libraries((*QT, *WINDOW, *SOUND, *VIRTUAL_SCREEN))
    if missing:
        say("Going on without them: tests that need a window or sound will fail.")
    ensure_installed(setup, tests=True)
    environment = {"QT_QPA_PLATFORM": "offscreen", **child_environment()}
    failed = []
    for check in CHECKS:
        say(f"== {check.name}")
        command = [str(setup.python), *check.arguments]
        if subprocess.run(command, cwd=setup.root, env=environment, check=False).returncode != 0:
            failed.append(check.name)
    say("== pytest")
    chosen = list(arguments) or list(WHOLE_SUITE)
    command = [str(setup.python), "-m", "pytest", *chosen]
    # Two runs beside each other want one thread each.
    environment = {"OMP_NUM_THREADS": "1", **environment}
    code = subprocess.run(command, cwd=setup.root, env=environment, check=False).returncode
    if failed:
        say(f"These checks failed, see above: {', '.join(failed)}")
    return code or int(bool(failed))


def child_environment() -> dict[str, str]:
    """This process's environment without what would turn a child to another Python's packages."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    }


def last_lines(lines: Sequence[str], count: int) -> str:
    """The end of a long output."""
    return "\n".join(lines[-count:])


def say(text: str) -> None:
    """Tell the user something, at once and in order with what children print."""
    print(text, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line and do what it says."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description="Start GSV Desktop or its tests from a fresh checkout.",
        allow_abbrev=False,
    )
    parser.add_argument("--lock", choices=("linux-cpu", "linux-cuda", "windows"), help="instead of guessing")
    commands = parser.add_subparsers(dest="command", required=True)
    opening = commands.add_parser("run", help="open the window on the sample project, or on PROJECT")
    opening.add_argument("project", nargs="?", metavar="PROJECT")
    commands.add_parser("test", help="run every check and test; what follows goes to pytest")
    options, rest = parser.parse_known_args(argv)
    if rest and options.command != "test":
        parser.error(f"unknown arguments: {' '.join(rest)}")
    if sys.version_info[:2] > NEWEST:
        say(
            "Python {}.{} is newer than what this was locked for; it may not install.".format(
                *sys.version_info
            )
        )
    lock = options.lock or choose_lock(platform.system(), platform.machine(), has_nvidia_driver())
    setup = Setup(root=ROOT, lock=lock)
    try:
        return run(setup, options.project) if options.command == "run" else test(setup, rest)
    except SetupError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr, flush=True)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
