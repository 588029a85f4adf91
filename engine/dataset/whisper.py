"""Speech recognition with a faster-whisper model from a local folder; never from the network."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.audio.resample import Samples
from engine.dataset.listening import RATE_HZ as RATE_HZ
from engine.dataset.listening import Heard as Heard
from engine.protocol.errors import BadParameters, EngineError, MissingModel, OutOfMemory
from engine.protocol.recognisers import WHISPER_SIZES, Precision
from engine.protocol.transcripts import Word
from engine.protocol.workspace import Workspace

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_NEEDED: Final = ("config.json", "model.bin", "tokenizer.json")
_BEAM: Final = 5


def model_folder(model: str, workspace: Workspace) -> Path:
    """Folder of a model that is named by its path or by its size.

    Raises:
        MissingModel: it is not there or not complete; the hint says where it is looked for.
        BadParameters: the name is neither a folder nor a size.
    """
    given = Path(model)
    if given.is_dir():
        folder = given.absolute()
    elif model in WHISPER_SIZES:
        folder = (workspace.asr_models / f"faster-whisper-{model}").absolute()
    elif given.name != model:
        raise MissingModel(
            f"There is no folder {given}.", hint="Choose the folder of a faster-whisper model."
        )
    else:
        raise BadParameters(
            f"{model!r} is neither a folder nor the size of a Whisper model.",
            hint=f"Choose a folder, or one of: {', '.join(WHISPER_SIZES)}.",
        )
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise MissingModel(
            f"The speech recognition model in {folder} is not there or not complete: "
            f"{', '.join(missing)} missing.",
            hint=f"Put the files of faster-whisper ({', '.join(_NEEDED)}, vocabulary) into {folder}.",
        )
    return folder


class Recogniser:
    """A loaded model."""

    def __init__(self, folder: Path, precision: Precision) -> None:
        """Loads the model; the GPU is taken when there is one.

        Raises:
            BadParameters: the device cannot do this precision.
            MissingModel: the files are damaged.
            OutOfMemory: the model does not fit.
        """
        import ctranslate2
        from faster_whisper import WhisperModel

        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        able = ctranslate2.get_supported_compute_types(device)
        if precision.value not in able:
            raise BadParameters(
                f"The precision {precision.value} does not work on this {device}.",
                hint=f"Choose one of: {', '.join(p.value for p in Precision if p.value in able)}.",
            )
        try:
            self._model: WhisperModel = WhisperModel(
                str(folder), device=device, compute_type=precision.value, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise _failure(error, f"The speech recognition model in {folder} cannot be loaded.") from error

    def hear(self, samples: Samples, language: str | None, go_on: Callable[[], None]) -> Heard:
        """Writes down what is said.

        Args:
            samples: (S,) float32 at 16 kHz.
            language: lower-case code; None finds it.
            go_on: is called between stretches of up to 30 s; what it raises ends the work.

        Raises:
            OutOfMemory: the clip is too long for the memory.
        """
        try:
            found, about = self._model.transcribe(
                samples,
                language=language,
                beam_size=_BEAM,
                vad_filter=True,
                condition_on_previous_text=False,
                word_timestamps=True,
            )
            parts = []
            for part in found:
                go_on()
                parts.append(part)
        except (RuntimeError, ValueError) as error:
            raise _failure(error, "Speech recognition failed.") from error
        weights = [max(part.end - part.start, 1e-3) for part in parts]
        mean = math.fsum(w * p.avg_logprob for w, p in zip(weights, parts, strict=True)) / (sum(weights) or 1)
        return Heard(
            language=about.language,
            text=" ".join(" ".join(part.text for part in parts).split()),
            avg_logprob=round(mean, 4),
            no_speech=round(max((part.no_speech_prob for part in parts), default=1.0), 4),
            words=tuple(
                Word(
                    text=word.word.strip(),
                    start_s=round(float(word.start), 2),
                    stop_s=round(float(word.end), 2),
                    probability=round(float(word.probability), 3),
                )
                for part in parts
                for word in part.words or ()
            ),
        )


def _failure(error: Exception, message: str) -> EngineError:
    words = str(error)
    if "out of memory" in words.lower():
        return OutOfMemory(
            "The memory is not enough for the speech recognition model.",
            hint="Choose a smaller Whisper model, or close other programs.",
            detail=words,
        )
    return MissingModel(message, hint="Download the model's files again.", detail=words)
