import shutil
from pathlib import Path

from engine.protocol.builtin import sample_project
from engine.protocol.label_list import read_labels
from gsv_desktop.core.sample import open_sample


def bundled_copy(target: Path) -> Path:
    target.mkdir()
    (target / "clips").mkdir()
    for clip in sorted((sample_project() / "clips").iterdir())[:3]:
        shutil.copy(clip, target / "clips")
    (target / "recording.opus").write_bytes(b"x")
    names = [path.name for path in sorted((target / "clips").iterdir())]
    lines = "".join(f"clips/{name}|a|en|Text.\n" for name in names)
    (target / "sample.list").write_text(lines, encoding="utf-8")
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_forms_point_at_the_bundled_files_and_nothing_is_written_beside_them(folder: Path):
    source = bundled_copy(folder / "program")
    before = contents(source)
    project = open_sample(folder / "GSV Sample", source)
    assert project.values("slice")["input"] == str(source / "recording.opus")
    path = Path(str(project.values("prepare")["labels"]))
    assert path.is_relative_to(folder / "GSV Sample")
    rows = read_labels(path).rows
    assert len(rows) == 3
    assert all(row.clip(path.parent).is_file() for row in rows)
    assert project.values("label")["labels"] == str(path)
    assert contents(source) == before


def test_edits_survive_and_a_moved_program_is_found_again(folder: Path):
    source = bundled_copy(folder / "program")
    project = open_sample(folder / "GSV Sample", source)
    path = Path(str(project.values("label")["labels"]))
    path.write_text(path.read_text(encoding="utf-8").replace("Text.", "Mine."), encoding="utf-8")
    moved = folder / "program 2"
    shutil.move(source, moved)
    again = open_sample(folder / "GSV Sample", moved)
    rows = read_labels(path).rows
    assert again.values("slice")["input"] == str(moved / "recording.opus")
    assert all(row.clip(path.parent).is_file() for row in rows)
    assert {row.text for row in rows} == {"Mine."}


def test_the_real_sample_opens(folder: Path):
    project = open_sample(folder / "GSV Sample")
    path = Path(str(project.values("label")["labels"]))
    rows = read_labels(path).rows
    assert rows
    assert all(row.clip(path.parent).is_file() for row in rows)
    assert Path(str(project.values("slice")["input"])).is_file()
