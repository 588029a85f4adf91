"""The stage `denoise`: takes noise out of recordings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from engine.audio.deepfilter import RATE_HZ, DeepFilter
from engine.audio.io import probe, read_audio, require_sound, write_wav
from engine.audio.resample import Samples, resample
from engine.corpus.ledger import folder_mark
from engine.dataset.file_work import FileWork
from engine.protocol.context import Context
from engine.protocol.errors import BadParameters
from engine.protocol.results import StageResult
from engine.protocol.sources import source_folders
from engine.protocol.stages.cleaning import DenoiseParameters, NoiseFilter
from engine.protocol.workspace import Workspace

FRCRN_RATE_HZ: Final = 16000
MOST_AT_ONCE: Final = 8
"""Files that are cleaned together, at most; each has a network of its own, on a core of its own."""

STATE: Final = "denoise_state.json"


def run(parameters: DenoiseParameters, context: Context) -> StageResult:
    """Writes a clean WAV for every sound file, under its name and at its own rate.

    Raises:
        MissingFile: the input is not there.
        NothingToDo: there is no sound file.
        BadAudio: no file could be used.
        BadParameters: the clean files would take the place of the recordings.
        MissingModel: the noise filter is not installed, or FRCRN was asked for and is not there.
        BadCheckpoint: FRCRN's file is damaged or another network's.
        OutOfSpace: a file cannot be written.
        Cancelled: the user stopped; files that are finished stay.
    """
    given, output = parameters.input, parameters.output.absolute()
    if output in source_folders(given):
        raise BadParameters(
            f"The clean files would take the place of the recordings in {output}.",
            hint="Choose another folder for them.",
        )
    model = _model(parameters)
    settings = f"{parameters.limit_db}" if model is None else folder_mark(model)
    work = FileWork(given=given, output=output, state=STATE, settings=settings, kind="clip")
    work_hz = RATE_HZ if model is None else FRCRN_RATE_HZ

    def clean(source: Path) -> list[Path]:
        samples = read_audio(source, work_hz, lambda text: context.log(text, "warning"))
        require_sound(samples, source)
        made = _filtered(samples, parameters.limit_db, model, context)
        rate_hz = probe(source).rate_hz or work_hz
        target = output / (source.name if source.suffix.lower() == ".wav" else f"{source.name}.wav")
        write_wav(target, resample(made, work_hz, rate_hz), rate_hz)
        return [target]

    alone = model is not None  # the network is kept for all files
    work.run(clean, context, at_once=1 if alone else min(os.cpu_count() or 1, MOST_AT_ONCE))
    return work.result("without noise are in")


def _model(parameters: DenoiseParameters) -> Path | None:
    """FRCRN's folder when it is to be used; None for DeepFilterNet."""
    folder = Workspace(parameters.workspace.absolute()).denoise_model
    match parameters.method:
        case NoiseFilter.FRCRN:
            return folder
        case NoiseFilter.DEEP_FILTER:
            return None
        case NoiseFilter.AUTO:
            return folder if (folder / "pytorch_model.bin").is_file() else None


def _filtered(samples: Samples, limit_db: float, model: Path | None, context: Context) -> Samples:
    if model is None:
        with DeepFilter(limit_db) as network:
            return network.clean(samples, context.check_cancelled)
    from engine.dataset.frcrn_filter import FrcrnFilter

    return context.keep(f"frcrn {model}", lambda: FrcrnFilter(model)).clean(samples, context.check_cancelled)
