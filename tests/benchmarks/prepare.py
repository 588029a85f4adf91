"""What preparing clips costs: `python -m tests.benchmarks.prepare [--clips 40] [--original FOLDER]`.

Clips of the sample recordings, every other one with a Chinese text, through 1a, 1b and 1c with made-up
weights of the official sizes (the content encoder, the Chinese text encoder, SoVITS v2). Compared are:

- this program: one worker that runs the stage `prepare`, and the same with several processes;
- a plain loop: a process for each of 1a, 1b and 1c that loads its network as the libraries do (the text
  encoder with its last layers and head, SoVITS whole) and does one file after another;
- one file a process: the same, started anew for every file; timed for `--alone` files and multiplied;
- the original's three scripts, where `--original` names a checkout of it, as its window starts them. Its
  libraries are taken from PYTHONPATH, and the program ffmpeg, which it needs, from PATH.

Prints a table: seconds, seconds of the processor, and the highest memory of all processes together.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.protocol.builtin import sample_project
from engine.protocol.label_list import read_labels
from engine.protocol.launch import worker_environment
from engine.protocol.messages import Done
from engine.worker.client import Worker
from tests.parity.kit.official import write_official

CHINESE = (
    "今天的天气很好，我们一起去公园走走吧。",
    "请在提示音之后留言，然后按井号键。",
    "他每天早上七点起床，先喝一杯热茶。",
    "这座城市的夜晚比白天更加热闹。",
    "如果你有时间，就给我打个电话。",
)
ENCODER = "chinese-roberta-wwm-ext-large"
WATCH_S = 0.1
STEPS = ("1a", "1b", "1c")
SCRIPTS = ("1-get-text.py", "2-get-hubert-wav32k.py", "3-get-semantic.py")
MADE = {"2-name2text-0.txt": 1, "4-cnhubert/*.pt": 0, "5-wav32k/*": 0, "6-name2semantic-0.tsv": 1}
"""What the original's scripts make: 1 for a line for each clip, 0 for a file."""


@dataclass(slots=True)
class Cost:
    """What a run took, its child processes included."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0


class Meter:
    """Measures this process' children while a block runs."""

    def __enter__(self) -> Cost:
        self.cost = Cost()
        self._cpu: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._begun = time.perf_counter()
        self._thread.start()
        return self.cost

    def __exit__(self, *_: object) -> None:
        self.cost.wall_s = time.perf_counter() - self._begun
        self._ended.set()
        self._thread.join()
        self.cost.cpu_s = sum(self._cpu.values())

    def _watch(self) -> None:
        this = psutil.Process()
        while not self._ended.wait(WATCH_S):
            memory = 0.0
            for child in this.children(recursive=True):
                try:
                    memory += child.memory_info().rss / 2**20
                    times = child.cpu_times()
                except psutil.Error:
                    continue
                self._cpu[child.pid] = times.user + times.system
            self.cost.peak_mb = max(self.cost.peak_mb, memory)


def write_workspace(folder: Path, clips: int, *, half: bool) -> Path:
    """Models of the official sizes, clips and their labels; gives the label file."""
    models = folder / "GPT_SoVITS" / "pretrained_models"
    for name, variant in (
        ("chinese-hubert-base", "chinese_hubert_base"),
        (ENCODER, "chinese_roberta_wwm_ext_large"),
    ):
        if not (models / name).is_dir():
            (models / name).mkdir(parents=True)
            write_official(variant, models / name / "pytorch_model.bin", half=half)
    hearing = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16000}
    (models / "chinese-hubert-base" / "preprocessor_config.json").write_text(json.dumps(hearing), "utf-8")
    letters = sorted(set("".join(CHINESE)))
    names = ["[PAD]", *(f"[unused{number}]" for number in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", *letters]
    names += [f"[unused{number}]" for number in range(100, 100 + 21128 - len(names))]
    (models / ENCODER / "vocab.txt").write_text("\n".join(names), encoding="utf-8")
    if not (folder / "s2G.pth").is_file():
        write_official("s2G_v2", folder / "s2G.pth", half=half)
    rows = read_labels(sample_project() / "sample.list").rows
    spread = rows[:: max(1, len(rows) // clips)][:clips]
    lines = []
    for number, row in enumerate(spread):
        source = row.clip(sample_project())
        shutil.copyfile(source, folder / source.name)
        spoken = ("zh", CHINESE[number // 2 % len(CHINESE)]) if number % 2 else ("en", row.text)
        lines.append(f"{source.name}|ann|{spoken[0]}|{spoken[1]}")
    labels = folder / "clips.list"
    labels.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return labels


def with_a_worker(folder: Path, labels: Path, gpu_numbers: str, device: str) -> Cost:
    """The stage `prepare` in a worker of its own."""
    parameters = {
        "workspace": str(folder),
        "experiment": f"numbers {gpu_numbers}",
        "labels": str(labels),
        "content_encoder": str(folder / "GPT_SoVITS" / "pretrained_models" / "chinese-hubert-base"),
        "pretrained_sovits": str(folder / "s2G.pth"),
        "gpu_numbers": gpu_numbers,
        "device": device,
    }
    with Meter() as cost, Worker(stderr=subprocess.DEVNULL) as worker:
        end = worker.run("prepare", parameters)
    if not isinstance(end, Done) or end.result.skipped:
        raise RuntimeError(str(end))
    return cost


def in_a_loop(folder: Path, labels: Path, device: str, lines: slice = slice(None)) -> Cost:
    """Each step in a process of its own, one file after another."""
    chosen = json.dumps([lines.start, lines.stop])
    with Meter() as cost:
        for step in STEPS:
            command = [sys.executable, "-m", "tests.benchmarks.prepare", "--step", step, "--lines", chosen]
            command += ["--folder", str(folder), "--labels", str(labels), "--device", device]
            subprocess.run(command, check=True, env=worker_environment(), stderr=subprocess.DEVNULL)
    return cost


def with_the_original(folder: Path, labels: Path, original: Path, clips: int) -> Cost:
    """The original's scripts, one after the other.

    Raises:
        RuntimeError: they did not make something of every clip.
    """
    out = folder / "original"
    shutil.rmtree(out, ignore_errors=True)
    models = folder / "GPT_SoVITS" / "pretrained_models"
    paths = [str(original / "GPT_SoVITS"), str(original), os.environ.get("PYTHONPATH", "")]
    asked = {
        "inp_text": str(labels),
        "inp_wav_dir": str(labels.parent),
        "exp_name": "original",
        "i_part": "0",
        "all_parts": "1",
        "opt_dir": str(out),
        "bert_pretrained_dir": str(models / ENCODER),
        "cnhubert_base_dir": str(models / "chinese-hubert-base"),
        "pretrained_s2G": str(folder / "s2G.pth"),
        "s2config_path": str(original / "GPT_SoVITS" / "configs" / "s2.json"),
        "is_half": "False",
        "version": "v2",
        "PYTHONPATH": os.pathsep.join(paths),
    }
    said = ""
    with Meter() as cost:
        for script in SCRIPTS:
            done = subprocess.run(
                [sys.executable, "-s", str(original / "GPT_SoVITS" / "prepare_datasets" / script)],
                env=os.environ | asked,
                cwd=original,
                check=False,
                capture_output=True,
            )
            said += done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
    for pattern, lines in MADE.items():
        files = sorted(out.glob(pattern))
        count = len(files[0].read_text("utf-8").strip().splitlines()) if lines and files else len(files)
        if count != clips:
            raise RuntimeError(f"The original made {count} of {clips} of {pattern}: {said[-3000:]}")
    return cost


def run_step(step: str, folder: Path, labels: Path, lines: slice, device: str) -> None:
    """One of 1a, 1b and 1c, plainly."""
    import torch

    rows = read_labels(labels).rows[lines]
    out = folder / "loop"
    out.mkdir(exist_ok=True)
    models = folder / "GPT_SoVITS" / "pretrained_models"
    with torch.no_grad():
        if step == "1a":
            _texts(rows, models / ENCODER, out, device)
        elif step == "1b":
            _contents(rows, labels.parent, models / "chinese-hubert-base", out, device)
        else:
            _tokens(rows, folder / "s2G.pth", out, device)


def _texts(rows, models, out, device):  # type: ignore[no-untyped-def]
    import torch
    from transformers import BertForMaskedLM

    from engine.text.frontend import phonemize

    names = (models / "vocab.txt").read_text(encoding="utf-8").splitlines()
    numbers = {name: number for number, name in enumerate(names)}
    network = BertForMaskedLM.from_pretrained(models).to(device).eval()
    for row in rows:
        spoken = phonemize(row.text, row.language, "v2")
        (out / f"{row.name}.txt").write_text(" ".join(spoken.phones), encoding="utf-8")
        if row.language != "zh":
            continue
        ids = [101, *(numbers.get(letter, 100) for letter in spoken.norm_text), 102]
        states = network(torch.tensor([ids], device=device), output_hidden_states=True).hidden_states
        vectors = states[-3][0, 1:-1].cpu().repeat_interleave(torch.tensor(spoken.word2ph), dim=0).T
        torch.save(vectors, out / f"{row.name}.bert.pt")


def _contents(rows, folder, models, out, device):  # type: ignore[no-untyped-def]
    import torch

    from engine.audio.io import read_audio, write_wav
    from engine.audio.levels import training_copy
    from engine.audio.resample import resample
    from engine.models.hubert import load_content_encoder

    network = load_content_encoder(models).network.to(device)
    for row in rows:
        levelled = training_copy(read_audio(row.clip(folder), 32000))
        wave = torch.from_numpy(resample(levelled.content, 32000, 16000))[None].to(device)
        content = network(wave).last_hidden_state.transpose(1, 2).cpu()
        write_wav(out / row.name, levelled.pcm, 32000)
        torch.save(content, out / f"{row.name}.pt")


def _tokens(rows, weights, out, device):  # type: ignore[no-untyped-def]
    from engine.checkpoints.tensors import read_tensor
    from engine.models.sovits import load_sovits

    network = load_sovits(weights).to(device)
    lines = []
    for row in rows:
        codes = network.extract_codes(read_tensor(out / f"{row.name}.pt").to(device))[0].tolist()
        lines.append(f"{row.name}\t{' '.join(map(str, codes))}")
    (out / "tokens.tsv").write_text("\n".join(lines), encoding="utf-8")


def show(name: str, cost: Cost, ours: Cost) -> None:
    """A line of the table."""
    cells = (cost.wall_s, cost.cpu_s, cost.peak_mb, cost.wall_s / ours.wall_s, cost.cpu_s / ours.cpu_s)
    sys.stdout.write(f"| {name} | {' | '.join(f'{cell:.1f}' for cell in cells)} |\n")
    sys.stdout.flush()


def alone(folder: Path, labels: Path, device: str, timed: int, clips: int) -> Cost:
    """Each file in processes of its own, from the first few."""
    whole = Cost()
    for line in range(timed):
        cost = in_a_loop(folder, labels, device, slice(line, line + 1))
        whole.wall_s += cost.wall_s * clips / timed
        whole.cpu_s += cost.cpu_s * clips / timed
        whole.peak_mb = max(whole.peak_mb, cost.peak_mb)
    return whole


def compare(given: argparse.Namespace, folder: Path) -> None:
    """Prints the table, line by line."""
    clips, timed, gpu_numbers, device = given.clips, given.alone, given.gpu_numbers, given.device
    # The original tells a version by a file's size, and newer transformers keep a file's half precision.
    labels = write_workspace(folder, clips, half=given.original is None)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder / "logs")
    sys.stdout.write(
        f"{clips} clips\n\n| way | s | CPU s | peak MB | times ours | CPU times ours |\n"
        "|---|---|---|---|---|---|\n"
    )
    ours = with_a_worker(folder, labels, "", device)
    show("prepare, one process", ours, ours)
    if given.original:
        theirs = with_the_original(folder, labels, given.original.resolve(), clips)
        show("the original's scripts", theirs, ours)
    if given.only_original:
        return
    show(f"prepare, {gpu_numbers}", with_a_worker(folder, labels, gpu_numbers, device), ours)
    show("plain loop, a process a step", in_a_loop(folder, labels, device), ours)
    show(f"one file a process (from {timed})", alone(folder, labels, device, timed, clips), ours)


def main() -> None:
    """Prints the table, or does a step of the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--alone", type=int, default=1)
    parser.add_argument("--gpu-numbers", default="0-0")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--original", type=Path, help="checkout of the original to measure too")
    parser.add_argument("--only-original", action="store_true", help="nothing but this program and that")
    parser.add_argument("--folder", type=Path, help="keeps the models for the next time")
    for name in ("--step", "--lines"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--labels", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        run_step(given.step, given.folder, given.labels, slice(*json.loads(given.lines)), given.device)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        folder.mkdir(exist_ok=True)
        compare(given, folder)


if __name__ == "__main__":
    main()
