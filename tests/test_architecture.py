"""What no single module shows: which way imports point, what the window's process loads, what lies where."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "faster_whisper", "librosa", "onnxruntime", "scipy", "sklearn", "numba")


def loaded_by(*statements: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after running these statements."""
    code = "\n".join(
        [
            "import json, sys",
            *statements,
            "print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_below(package: str) -> list[str]:
    """Dotted names of every module of a package on disk."""
    found = []
    for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] != "__main__":
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def test_the_import_contracts_hold():
    code = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_a_planted_import_breaks_the_contracts(tmp_path):
    for package in ("engine", "gsv_desktop"):
        for path in (ROOT / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    planted = {
        "engine/audio/planted.py": "import engine.train.loop\n",
        "engine/protocol/planted.py": "import torch\n",
        "engine/infer/planted.py": "import gsv_desktop.core.settings\n",
        "gsv_desktop/core/planted.py": "import gsv_desktop.jobs.queue\n",
        "gsv_desktop/jobs/planted.py": "import engine.audio.io\n",
    }
    for name, text in planted.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    code = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    for name in planted:
        assert name.removesuffix(".py").replace("/", ".") in done.stdout


def test_the_window_loads_nothing_heavy():
    found = loaded_by("import gsv_desktop.app")
    assert "PySide6" in found
    assert not found & {"torch", "transformers", "faster_whisper", "librosa"}


def test_no_module_of_the_window_loads_anything_heavy():
    names = modules_below("gsv_desktop")
    found = loaded_by("import importlib", f"for name in {names!r}: importlib.import_module(name)")
    assert not found & {"torch", "transformers", "faster_whisper", "librosa"}


@pytest.mark.parametrize("package", ["engine.protocol", "gsv_desktop.core"])
def test_plain_packages_stay_plain(package):
    found = loaded_by(
        "import importlib", f"for name in {modules_below(package)!r}: importlib.import_module(name)"
    )
    assert not found & {"PySide6", "numpy", *HEAVY}


def test_the_command_line_and_the_worker_start_without_torch():
    found = loaded_by("import engine.cli", "import engine.worker.serve")
    assert not found & {"torch", "transformers", "faster_whisper"}


@pytest.mark.parametrize("package", ["engine", "gsv_desktop"])
def test_package_files_do_no_work(package):
    for path in (ROOT / package).rglob("__init__.py"):
        code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
        assert not code.co_names or set(code.co_names) <= {"__doc__", "__future__", "annotations"}, path


def test_weight_files_are_read_in_one_place():
    readers = {
        path.relative_to(ROOT).as_posix()
        for package in ("engine", "gsv_desktop")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\btorch\.load\(|\bfrom torch import .*\bload\b", path.read_text(encoding="utf-8"))
    }
    assert all(name.startswith("engine/checkpoints/") for name in readers)


def readme_tree() -> dict[str, str]:
    """Path to remark of every line of the README's tree."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("```text\n", 1)[1].split("```", 1)[0]
    parents: list[str] = []
    found = {}
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, remark = line.strip().partition(" ")
        parents[depth:] = [name]
        found["".join(parents)] = remark.strip()
    return found


def test_what_the_readme_lists_is_on_disk():
    tree = readme_tree()
    assert len(tree) > 10
    for name, remark in tree.items():
        path = ROOT / name
        assert path.is_dir() if name.endswith("/") else path.is_file(), name
        assert remark, f"{name} has no explanation"


def test_every_package_is_in_the_readme():
    tree = readme_tree()
    for package in ("engine", "gsv_desktop"):
        for path in (ROOT / package).iterdir():
            if (path / "__init__.py").is_file():
                assert f"{package}/{path.name}/" in tree


def test_top_level_is_the_agreed_one():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    tops = {name.partition("/")[0] for name in listed}
    plain = {name for name in tops if not name.startswith(".")}
    assert plain <= {
        "pyproject.toml", "README.md", "LICENSE", "gsv_desktop", "engine", "resources", "packaging", "tests",
    }  # fmt: skip
