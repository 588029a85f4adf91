"""Tables of what the users' document of calls does on a running server.

`python -m tests.contract.seed_document` runs every block of Python of the document, with nothing replaced
but paths of the reader's machine, on a few clips and with tiny networks under the official names.
`… --workflow` goes the document's typical way on the sample recording, with the program's own models.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from gradio_client import Client

from engine.audio.io import read_audio, write_wav
from engine.protocol.builtin import sample_project
from engine.protocol.label_list import LabelRow, read_labels, write_labels
from engine.protocol.recognisers import RECOGNISERS, Recogniser
from tests import funasr_models
from tests.contract import document
from tests.contract.local_server import serving
from tests.speech_model import whisper_folder

CLIPS = 4
WIDTH = 110
RATE_HZ = 32000
WHISPER = "Faster Whisper (多语种)"
RECOGNISER_FOLDER = Path("tools/asr/models")


class Table:
    """Rows that are printed as they are made."""

    def __init__(self):
        self.failed = []

    def row(self, name, call):
        """Calls, and prints how long it took and what came back."""
        started = time.monotonic()
        try:
            result = call()
            words = json.dumps(result, ensure_ascii=False)
        except Exception as error:  # noqa: BLE001 - whatever comes back is what is shown
            result, words = None, f"! {error}"
            self.failed.append(name)
        seconds = time.monotonic() - started
        cut = words if len(words) <= WIDTH else f"{words[: WIDTH - 1]}…"
        sys.stdout.write(f"{name:26} {seconds:7.1f} s  {cut}\n")
        sys.stdout.flush()
        return result


def connect(address):
    return Client(address, verbose=False, analytics_enabled=False)


def clips_of(workspace):
    """A few of the sample's clips with their labels, and the paths that stand for the host's."""
    folder = workspace / "raw" / "切片"
    folder.mkdir(parents=True)
    rows = []
    for row in read_labels(sample_project() / "sample.list").rows[:CLIPS]:
        clip = folder / row.name
        shutil.copyfile(sample_project() / "clips" / row.name, clip)
        rows.append(
            LabelRow(path=str(clip), speaker="ann", language=row.language, text=row.text, line=row.line)
        )
    labels = workspace / "raw" / "切片.list"
    write_labels(labels, rows)
    return {"clips": str(folder), "labels": str(labels), "recording": rows[0].path}


def place_whisper(workspace):
    """The recogniser of the test set, where a workspace keeps it."""
    shutil.copytree(whisper_folder(), workspace / RECOGNISER_FOLDER / "faster-whisper-tiny")


def place_funasr(workspace):
    """Tiny random recognisers of Chinese under the published names."""
    names = RECOGNISERS[Recogniser.FUNASR].folders["zh"]
    models = workspace / RECOGNISER_FOLDER
    funasr_models.write_paraformer(models / names.speech)
    funasr_models.write_pauses(models / names.pauses)
    funasr_models.write_marks(models / names.marks)


def every_block(workspace):
    """The table of all endpoints."""
    from tests.contract.tiny_models import place

    real = clips_of(workspace)
    place(workspace)
    place_whisper(workspace)
    place_funasr(workspace)
    table = Table()
    with serving(workspace) as address:
        client = connect(address)

        def run(block):
            found = {"client": client}
            exec(block.placed(real), found)  # noqa: S102 - the document's code is what is shown
            return found["result"]

        for name, block in document.calls().items():
            table.row(name, lambda block=block: run(block))
        table.row(
            "/open_asr with Whisper",
            lambda: client.predict(
                asr_inp_dir=real["clips"],
                asr_model=WHISPER,
                asr_model_size="tiny",
                asr_lang="en",
                asr_precision="int8",
                api_name="/open_asr",
            ),
        )
        for block in document.blocks():
            if block.endpoint in document.TEMPLATES:
                code = block.code.replace("http://localhost:9874/", address)
                table.row("(how to call)", lambda code=code: exec(code, {"client": client}))  # noqa: S102
    return table


def workflow(workspace, seconds, epochs=1, batch_size=8):
    """The table of the typical way, with the first seconds of the sample recording."""
    place_whisper(workspace)
    sound = read_audio(sample_project() / "recording.opus", RATE_HZ)
    write_wav(workspace / "录音.wav", sound[: seconds * RATE_HZ], RATE_HZ)
    table = Table()
    with serving(workspace) as address:
        client = connect(address)

        def call(name, **arguments):
            return table.row(name, lambda: client.predict(api_name=name, **arguments))

        call("/open_slice", inp="录音.wav", min_length="2500")
        call("/open_denoise", denoise_inp_dir="output/slicer_opt")
        recogniser = {"asr_model": WHISPER, "asr_model_size": "tiny", "asr_lang": "en"}
        heard = call("/open_asr", asr_inp_dir="output/denoise_opt", asr_precision="int8", **recogniser)
        _, labels, _, clips = heard
        call("/open1abc", inp_text=labels, inp_wav_dir=clips, exp_name="ann")
        training = {"exp_name": "ann", "total_epoch": epochs, "save_every_epoch": epochs}
        training |= {"batch_size": batch_size}
        call("/open1Ba", **training)
        call("/open1Bb", **training)
        sovits, gpt = call("/change_choices")
        link = call("/change_tts_inference", sovits_path=sovits[-1], gpt_path=gpt[-1])
        row = next(row for row in read_labels(Path(labels)).rows if row.text)
        table.row("GET /tts", lambda: _speak(link, address, row))
        call("/change_tts_inference_1")
    return table


def _speak(link, address, row):
    """Speaks at the address that the link names."""
    url = next(word for word in link.split() if word.startswith("http"))
    asked = {"text": "Thank you for calling.", "text_lang": "en", "ref_audio_path": row.path}
    asked |= {"prompt_text": row.text, "prompt_lang": "en", "seed": "1"}
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(asked)}") as answer:  # noqa: S310 - loopback
        sound = answer.read()
    return f"{len(sound)} bytes of {answer.headers['content-type']} from {url}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workflow", action="store_true", help="the typical way, own models")
    parser.add_argument("--seconds", type=int, default=160, help="so much of the recording")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "用户 it's 名"
        workspace.mkdir()
        table = workflow(workspace, options.seconds) if options.workflow else every_block(workspace)
    if table.failed:
        sys.stdout.write(f"refused, with the cause: {', '.join(table.failed)}\n")


if __name__ == "__main__":
    main()
