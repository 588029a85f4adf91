"""What each model version costs: `python -m tests.benchmarks.versions [--versions v2 v4] [--steps 4]`.

For each version a voice of full size with made-up weights is written in half precision, as official files
are, and one sentence of three seconds is spoken end to end in a process of its own. Made-up weights never
end a sentence, so that exactly 75 tokens are made. Prints a table: seconds to load the networks, to hear
the reference, to speak (all networks, once warm), until the first sound when it is handed out within the
sentence, and the highest memory of the process, all libraries included.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.protocol.versions import VERSIONS, ModelVersion, Vocoder
from tests.parity.kit.official import write_official

TEXT = "The quick brown fox jumps over the lazy dog."
SAID = "Every version hears this recording first."
REFERENCE_S = 5.0
TOKENS = 75
GPT = {"v1": "s1_v1", "v2": "s1_v2"}
VOCODERS = {
    Vocoder.BIGVGAN: ("bigvgan_v2_24khz_100band_256x", "vocoder/bigvgan_generator.pt"),
    Vocoder.HIFIGAN: ("v4_vocoder", "vocoder.pth"),
}


def write_voice(version: ModelVersion, folder: Path) -> None:
    """Writes every file that a voice of the version needs."""
    from engine.audio.io import write_wav

    chance = np.random.default_rng(0)
    time_s = np.arange(int(REFERENCE_S * 32000)) / 32000
    tone = 0.3 * np.sin(2 * np.pi * (140 + 30 * np.sin(3 * time_s)) * time_s)
    noise = 0.02 * chance.standard_normal(len(time_s))
    write_wav(folder / "reference.wav", (tone + noise).astype(np.float32), 32000)
    (folder / "content").mkdir()
    (folder / "vocoder").mkdir()
    write_official(GPT.get(version.name, "s1_v3"), folder / "gpt.ckpt", half=True)
    write_official(f"s2G_{version.name}", folder / "sovits.pth", half=True)
    write_official("chinese_hubert_base", folder / "content" / "pytorch_model.bin", half=True)
    if version.vocoder is not None:
        variant, name = VOCODERS[version.vocoder]
        write_official(variant, folder / name)
    if version.speaker_embedding:
        write_official("eres2netv2_sv", folder / "speaker.ckpt", half=True)


def speak(version: ModelVersion, folder: Path, device: str, steps: int | None) -> dict[str, float | str]:
    """Speaks in this process, and says what it took."""
    from engine.infer.loading import VoiceFiles, load_synthesizer
    from engine.infer.options import SamplingOptions, SoundOptions, SpeakOptions, StreamOptions
    from engine.infer.synthesizer import Source
    from engine.modules.device import choose_computing
    from engine.protocol.stages.speech import CutMethod, Precision

    computing = choose_computing(device, Precision.AUTO)
    names = {Vocoder.BIGVGAN: folder / "vocoder", Vocoder.HIFIGAN: folder / "vocoder.pth", None: None}
    files = VoiceFiles(
        gpt=folder / "gpt.ckpt",
        sovits=folder / "sovits.pth",
        content_encoder=folder / "content",
        version=version.name,
        vocoder=names[version.vocoder],
        speaker_encoder=folder / "speaker.ckpt" if version.speaker_embedding else None,
    )
    begun = time.perf_counter()
    synthesizer = load_synthesizer(files, computing)
    loaded = time.perf_counter()
    source = Source(reference=folder / "reference.wav", text=SAID)
    prompt = synthesizer.prepare(source, lambda _: None)
    heard = time.perf_counter()
    options = SpeakOptions(
        sampling=SamplingOptions(max_tokens=TOKENS, min_tokens=TOKENS),
        sound=SoundOptions(steps=steps),
        cut=CutMethod.NONE,
        pause_s=0.0,
        tries=1,
    )
    chunks = list(synthesizer.speak(TEXT, "en", prompt, options))
    spoken = time.perf_counter()
    memory = peak_mb()
    streamed = replace(options, stream=StreamOptions())
    next(iter(synthesizer.speak(TEXT, "en", prompt, streamed)))
    first = time.perf_counter()
    return {
        "load_s": loaded - begun,
        "reference_s": heard - loaded,
        "speak_s": spoken - heard,
        "first_s": first - spoken,
        "speech_s": sum(len(chunk.samples) for chunk in chunks) / synthesizer.rate_hz,
        "rate_hz": synthesizer.rate_hz,
        "peak_mb": memory,
        "computing": f"{computing.device.type} {str(computing.dtype).removeprefix('torch.')}",
    }


def peak_mb() -> float:
    """The highest memory of this process so far; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux; what `resource` tells there counts the parent's memory too
        line = next(one for one in status.read_text(encoding="ascii").splitlines() if "VmHWM" in one)
        return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / (1024 * 1024 if platform.system() == "Darwin" else 1024)


def measured(version: ModelVersion, device: str, steps: int | None) -> dict[str, float | str]:
    """Figures of a version, from a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        write_voice(version, Path(name))
        command = [sys.executable, "-m", "tests.benchmarks.versions", "--device", device, "--speak", name]
        command += ["--versions", version.name, *(["--steps", str(steps)] if steps else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    figures: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", nargs="+", default=list(VERSIONS), choices=list(VERSIONS))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, help="steps of v3 and v4, instead of 32 and 8")
    parser.add_argument("--speak", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.speak:
        found = speak(VERSIONS[arguments.versions[0]], arguments.speak, arguments.device, arguments.steps)
        sys.stdout.write(json.dumps(found) + "\n")
        return
    sys.stdout.write(
        "| version | load s | reference s | speak s | speech s | first sound s | peak MB | output Hz | on |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    for name in arguments.versions:
        row = measured(VERSIONS[name], arguments.device, arguments.steps)
        cells = [f"{row[key]:.1f}" for key in ("load_s", "reference_s", "speak_s", "speech_s", "first_s")]
        cells += [f"{row['peak_mb']:.0f}", f"{row['rate_hz']}", str(row["computing"])]
        sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
