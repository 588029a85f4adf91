"""Trains both networks on the sample project and draws how their losses fall.

`python -m tests.contract.train_curves FOLDER [SOVITS_EPOCHS GPT_EPOCHS CLIPS]` prepares clips of the sample
project with the program's own small models, trains through real workers, lets the pair speak, and
leaves `train_gpt.svg`, `train_sovits.svg` and `speech.wav` in the folder.
"""

import subprocess
import sys
from pathlib import Path

import soundfile

from engine.protocol.builtin import sample_project
from engine.protocol.curves import curve_path, read_curve
from engine.protocol.label_list import read_labels
from engine.protocol.messages import Done
from engine.protocol.stages.registry import stage
from engine.protocol.training_place import states_folder
from engine.worker.client import Worker

NAME = "sample it's 声"
WIDTH, HEIGHT, EDGE = 640, 240, 40
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")


def run(name, **values):
    with Worker(stderr=subprocess.DEVNULL) as worker:
        end = worker.run(name, values)
    if not isinstance(end, Done):
        raise TypeError(f"{name} did not end well: {end}")
    return end.result


def write_clips(folder, count):
    """A list of clips of the sample project, with absolute paths."""
    known = read_labels(sample_project() / "sample.list").rows
    rows = [row for row in known if 3 <= soundfile.info(row.clip(sample_project())).duration <= 8][:count]
    labels = folder / "sample.list"
    lines = [f"{row.clip(sample_project())}|ann|EN|{row.text}" for row in rows]
    labels.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return labels, rows


def panel(name, points, colour, top):
    """One curve with its first, last, least and largest value."""
    steps, values = zip(*points, strict=True)
    low, high = min(values), max(values)
    across, down = (
        (WIDTH - 2 * EDGE) / max(steps[-1] - steps[0], 1),
        (HEIGHT - 2 * EDGE) / max(high - low, 1e-9),
    )
    line = " ".join(
        f"{EDGE + (step - steps[0]) * across:.1f},{top + HEIGHT - EDGE - (value - low) * down:.1f}"
        for step, value in points
    )
    return (
        f'<text x="{EDGE}" y="{top + 24}" font-size="14">{name}: {values[0]:.4g} → {values[-1]:.4g}'
        f" (steps {steps[0]:g} to {steps[-1]:g}; {low:.4g} to {high:.4g})</text>"
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    )


def picture(curves):
    """The curves as SVG, one below the other."""
    names = [name for name in curves if name.startswith("loss") or name == "accuracy"]
    panels = [
        panel(name, curves[name], COLOURS[number % len(COLOURS)], number * HEIGHT)
        for number, name in enumerate(names)
    ]
    size = f'width="{WIDTH}" height="{HEIGHT * len(names)}" font-family="sans-serif"'
    back = '<rect width="100%" height="100%" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{back}{"".join(panels)}</svg>\n'


def ends(points):
    """Mean of the first and of the last quarter of a curve."""
    count = max(len(points) // 4, 1)
    values = [value for _, value in points]
    return sum(values[:count]) / count, sum(values[-count:]) / count


def train(folder, epochs, clips):
    """Trains both networks; gives what the curves of each say, and the seconds that were spoken."""
    folder.mkdir(parents=True, exist_ok=True)
    labels, rows = write_clips(folder, clips)
    where = {"workspace": str(folder), "experiment": NAME}
    run("prepare", **where, labels=str(labels))
    falls = {}
    for name, count in epochs.items():
        values = where | {"total_epochs": count, "batch_size": 4, "fewest_items": 1, "device": "cpu"}
        result = run(name, **values)
        sys.stdout.write(f"{result.summary}\n")
        sys.stdout.flush()
        curves = read_curve(curve_path(states_folder(stage(name).parse(values))))
        (folder / f"{name}.svg").write_text(picture(curves), encoding="utf-8")
        falls[name] = ends(curves["loss"])
    row = rows[0]
    out = folder / "speech.wav"
    run(
        "speak",
        text="Please enter your number. Thank you.",
        voice=NAME,
        workspace=str(folder),
        reference=str(row.clip(sample_project())),
        prompt_text=row.text,
        out=str(out),
        seed=1,
    )
    return falls, soundfile.info(out).duration


def main():
    folder = Path(sys.argv[1])
    sovits, gpt, clips = (int(given) for given in (*sys.argv[2:5], "12", "20", "12")[:3])
    falls, spoken_s = train(folder, {"train_sovits": sovits, "train_gpt": gpt}, clips)
    for name, (first, last) in falls.items():
        sys.stdout.write(f"{name}: loss {first:.4g} -> {last:.4g} (first and last quarter of the steps)\n")
    sys.stdout.write(f"The exported pair speaks: {spoken_s:.1f} s in {folder / 'speech.wav'}\n")


if __name__ == "__main__":
    main()
