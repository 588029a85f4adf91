"""The stage `denoise`: takes noise out of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.audio.deepfilter import RATE_HZ, DeepFilter
from engine.audio.io import probe, read_audio, require_sound, write_wav
from engine.audio.resample import resample
from engine.dataset.file_work import FileWork
from engine.protocol.context import Context
from engine.protocol.errors import BadParameters
from engine.protocol.results import StageResult
from engine.protocol.stages.cleaning import DenoiseParameters

STATE: Final = "denoise_state.json"


def run(parameters: DenoiseParameters, context: Context) -> StageResult:
    """Writes a clean WAV for every sound file, under its name and at its own rate.

    Raises:
        MissingFile: the input is not there.
        NothingToDo: the folder holds no sound file.
        BadAudio: no file could be used.
        BadParameters: the clean files would take the place of the recordings.
        MissingModel: the noise filter is not installed.
        OutOfSpace: a file cannot be written.
        Cancelled: the user stopped; files that are finished stay.
    """
    given, output = parameters.input.absolute(), parameters.output.absolute()
    if output == (given if given.is_dir() else given.parent):
        raise BadParameters(
            f"The clean files would take the place of the recordings in {output}.",
            hint="Choose another folder for them.",
        )
    work = FileWork(given=given, output=output, state=STATE, settings=f"{parameters.limit_db}", kind="clip")

    def clean(source: Path) -> list[Path]:
        samples = read_audio(source, RATE_HZ, lambda text: context.log(text, "warning"))
        require_sound(samples, source)
        with DeepFilter(parameters.limit_db) as network:
            made = network.clean(samples, context.check_cancelled)
        rate_hz = probe(source).rate_hz or RATE_HZ
        target = output / (source.name if source.suffix.lower() == ".wav" else f"{source.name}.wav")
        write_wav(target, resample(made, RATE_HZ, rate_hz), rate_hz)
        return [target]

    work.run(clean, context)
    return work.result("without noise are in")
