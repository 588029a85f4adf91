"""Write the lock files: exact versions for each kind of machine, from the ranges in pyproject.toml.

    .venv/bin/python packaging/lock.py [--upgrade]

Needs `uv` (`pip install uv`) and an index to ask. Versions that the locks already hold are kept unless
--upgrade is given. Every locked file must be installable without a compiler, so source distributions are
refused, save those of pure Python that have no wheel (SOURCES).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "packaging" / "locks"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Pythons that are supported; what only some of them take is marked."""
TORCH = "2.13.0"
SOURCES = ("jieba",)
"""Packages of pure Python that are published without a wheel."""
CUDA_ONLY = re.compile(r"^(nvidia-|cuda-|triton==)")
"""Packages that the CUDA build of torch brings and its CPU build does without."""

NO_TORCHAUDIO = (
    "torchaudio is left out: no wheel of it was built for the locked torch, and nothing here imports it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One lock file.

    Attributes:
        name: Name of the file without suffix.
        platform: What uv calls the platform.
        cuda: Whether torch's CUDA libraries are locked too.
        notes: Lines for the head of the file.
    """

    name: str
    platform: str
    cuda: bool
    notes: tuple[str, ...]


TARGETS = (
    Target(
        name="linux-cpu",
        platform="x86_64-manylinux_2_34",
        cuda=False,
        notes=(
            "Linux without an NVIDIA GPU. torch's CUDA libraries are not listed: where a CPU build of torch",
            "is offered they are not needed, and elsewhere pip adds those that its build asks for.",
            NO_TORCHAUDIO,
        ),
    ),
    Target(
        name="linux-cuda",
        platform="x86_64-manylinux_2_34",
        cuda=True,
        notes=("Linux with an NVIDIA GPU and its driver.", NO_TORCHAUDIO),
    ),
    Target(
        name="windows",
        platform="x86_64-pc-windows-msvc",
        cuda=False,
        notes=("Windows. torch is the CPU build, the only one on the ordinary index.", NO_TORCHAUDIO),
    ),
)


def dependencies(group: str | None = None) -> list[str]:
    """The requirement lines of pyproject.toml: the program's own, or those of an optional group."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = project["dependencies"] if group is None else project["optional-dependencies"][group]
    return [str(line) for line in found]


def program() -> list[str]:
    """What the program is installed with: its own requirements and those of the local server."""
    return [*dependencies(), *dependencies("server")]


def pinned(text: str) -> list[str]:
    """The lines of a lock that pin a package, without comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def compile_pins(requirements: list[str], platform: str, preferred: Path | None) -> list[str]:
    """The exact versions that satisfy `requirements` on `platform` with every supported Python.

    Args:
        requirements: Lines as in a requirements file.
        platform: What uv calls the platform.
        preferred: A lock whose versions are kept where they still fit.

    Raises:
        RuntimeError: uv found no set of wheels, or not the same versions for every Python.
    """
    taken: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for python in PYTHONS:
            for pin in ask_uv(requirements, platform, python, preferred):
                taken.setdefault(pin, []).append(python)
            preferred = Path(folder) / "agreed.txt"  # the next Python takes the same versions where it can
            preferred.write_text("\n".join(taken), encoding="utf-8")
    return [marked(pin, pythons) for pin, pythons in taken.items()]


def marked(pin: str, pythons: list[str]) -> str:
    """A pin with the Pythons that it is for, unless it is for all of them."""
    bounds = []
    if pythons[0] != PYTHONS[0]:
        bounds.append(f'python_version >= "{pythons[0]}"')
    if pythons[-1] != PYTHONS[-1]:
        bounds.append(f'python_version <= "{pythons[-1]}"')
    return f"{pin} ; {' and '.join(bounds)}" if bounds else pin


def ask_uv(requirements: list[str], platform: str, python: str, preferred: Path | None) -> list[str]:
    """Ask uv for the exact versions for one Python.

    Args:
        requirements: Lines as in a requirements file.
        platform: What uv calls the platform.
        python: Version of Python.
        preferred: A lock whose versions are kept where they still fit.

    Raises:
        RuntimeError: uv found no set of wheels.
    """
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    command = [uv, "pip", "compile", "-", "--python-version", python, "--python-platform", platform]
    command += ["--only-binary", ":all:", *(part for name in SOURCES for part in ("--no-binary", name))]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-config", "--quiet"]
    wanted = "\n".join([*requirements, f"torch=={TORCH}"])
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "lock.txt"
        if preferred is not None and preferred.is_file():
            kept = "\n".join(line.partition(";")[0] for line in pinned(preferred.read_text(encoding="utf-8")))
            output.write_text(
                kept, encoding="utf-8"
            )  # uv keeps the versions that its output file already has
        done = subprocess.run(
            [*command, "--output-file", str(output)],
            input=wanted,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"no set of wheels for {platform}, Python {python}:\n{done.stderr}")
        return pinned(output.read_text(encoding="utf-8"))


def write_lock(path: Path, notes: tuple[str, ...], pins: list[str]) -> None:
    """Write one lock with what it is for at its head."""
    head = [f"# {line}" for line in (*notes, "Made by packaging/lock.py; do not edit.")]
    head += [f"--no-binary {name}" for name in SOURCES if any(pin.startswith(f"{name}==") for pin in pins)]
    path.write_text("\n".join([*head, *sorted(pins, key=str.lower)]) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Read the command line and write every lock."""
    parser = argparse.ArgumentParser(description="Write the lock files.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    upgrade = parser.parse_args().upgrade
    LOCKS.mkdir(parents=True, exist_ok=True)
    locked: set[str] = set()
    for target in TARGETS:
        path = LOCKS / f"{target.name}.txt"
        pins = compile_pins(program(), target.platform, None if upgrade else path)
        if not target.cuda:
            pins = [pin for pin in pins if not CUDA_ONLY.match(pin)]
        write_lock(path, target.notes, pins)
        if target.name == "linux-cpu":
            locked = set(pins)
        print(f"{path.name}: {len(pins)} packages")
    path = LOCKS / "test.txt"
    both = [*program(), *dependencies("test"), *sorted(locked)]
    pins = compile_pins(both, TARGETS[0].platform, None if upgrade else path)
    tests_only = [pin for pin in pins if pin not in locked and not CUDA_ONLY.match(pin)]
    write_lock(path, ("What the tests need beside one of the other locks.",), tests_only)
    print(f"{path.name}: {len(tests_only)} packages")


if __name__ == "__main__":
    main()
