"""Speech recognition with FunASR's networks from local folders; never from the network.

It sends each stretch of speech that the first network finds through the second, and the text through a third
that sets punctuation. How sure it was is read off the layer that chooses the tokens.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.audio.resample import Samples
from engine.dataset.funasr_folder import FunAsrFolder, load_weights, open_folder
from engine.dataset.funasr_library import auto_model
from engine.dataset.listening import RATE_HZ, Heard
from engine.protocol.errors import BadAudio, BadCheckpoint, Cancelled, EngineError, OutOfMemory
from engine.protocol.languages import LABEL_LANGUAGES
from engine.protocol.recognisers import FunAsrFolders
from engine.protocol.transcripts import Word

_CHOOSERS: Final = ("llm.lm_head", "decoder2.output_layer", "decoder.output_layer", "ctc.ctc_lo")
"""The layer whose outputs are the tokens' scores, by kind of network; the first one that is there."""
_TAG: Final = re.compile(r"<\|([^|]*)\|>")
_SCRIPTS: Final = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
)
_SPOKEN_NAMES: Final = {"zh": "中文", "yue": "粤语", "en": "英文", "ja": "日文", "ko": "韩文"}
"""What Fun-ASR-Nano's prompt calls a language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunAsrPaths:
    """Folders of the networks that work together."""

    speech: Path
    pauses: Path | None = None
    marks: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        """Those that are used."""
        return tuple(path for path in (self.speech, self.pauses, self.marks) if path is not None)


def funasr_paths(folders: FunAsrFolders, models: Path, given: Path | None = None) -> FunAsrPaths:
    """Where the networks are, once all of them are there.

    Args:
        folders: their names.
        models: the workspace's folder of recognisers.
        given: a folder to take for the network that hears, in place of the named one.

    Raises:
        MissingModel: one is not there or not complete; the hint says where it belongs.
        BadCheckpoint: the settings of one cannot be used.
    """
    made = FunAsrPaths(
        speech=given or models / folders.speech,
        pauses=models / folders.pauses if folders.pauses else None,
        marks=models / folders.marks if folders.marks else None,
    )
    for path in made.all:
        if not path.is_dir():
            open_folder(path, path.name)
    return made


class FunAsrListener:
    """Loaded networks."""

    def __init__(self, paths: FunAsrPaths) -> None:
        """Loads them; the GPU is taken when there is one. The library alone takes some seconds.

        Raises:
            MissingModel: a folder is not complete, or the library is not installed.
            BadCheckpoint: a file is damaged, or belongs to another network.
            OutOfMemory: the networks do not fit.
        """
        folders = {
            name: open_folder(path, path.name)
            for name, path in (
                ("model", paths.speech),
                ("vad_model", paths.pauses),
                ("punc_model", paths.marks),
            )
            if path is not None
        }
        make = auto_model(folder.network for folder in folders.values())
        try:
            self._networks = _build(make, folders)
        except EngineError:
            raise
        except Exception as error:  # wrong settings come back as errors of many kinds
            raise _failure(
                error, f"The speech recognition model in {paths.speech} cannot be loaded."
            ) from error
        self.missing = {
            name: absent
            for name, folder in folders.items()
            if (absent := load_weights(getattr(self._networks, name), folder))
        }
        self._is_prompted = folders["model"].network == "FunASRNano"
        self._sureness = _Sureness(self._networks.model)

    def hear(self, samples: Samples, language: str | None, go_on: Callable[[], None]) -> Heard:
        """Writes down what is said.

        Args:
            samples: (S,) float32 at 16 kHz.
            language: lower-case code; None finds it, where the network can.
            go_on: is called between stretches of speech; what it raises ends the work.

        Raises:
            BadAudio: the networks stumble over this clip.
            OutOfMemory: it is too long for the memory.
        """
        asked = _SPOKEN_NAMES.get(language or "") if self._is_prompted else language or "auto"
        with self._sureness.listening(go_on):
            try:
                found = self._generate(samples, asked, times=True)
            except IndexError:  # its search for the words' times fails when tokens and text do not match
                self._sureness.forget()
                found = self._generate(samples, asked, times=False)
        return _heard(found, language, self._sureness)

    def _generate(self, samples: Samples, language: str | None, *, times: bool) -> Mapping[str, Any]:
        try:
            with warnings.catch_warnings(), torch.inference_mode():
                warnings.simplefilter("ignore")
                found = self._networks.generate(
                    input=samples,
                    fs=RATE_HZ,
                    language=language,
                    use_itn=True,
                    output_timestamp=times,
                    return_raw_text=True,
                    batch_size_s=0,
                    disable_pbar=True,
                )
        except (EngineError, Cancelled):
            raise
        except Exception as error:  # a clip too short for a network comes back as errors of many kinds
            if times and isinstance(error, IndexError):
                raise
            raise _failure(error, "Speech recognition failed.", clip=True) from error
        return found[0] if found else {}


class _Sureness:
    """Reads off, at each choice of a token, how likely the chosen one was."""

    def __init__(self, network: nn.Module) -> None:
        self._stretches: list[Tensor] = []
        self._go_on: Callable[[], None] | None = None
        for name in _CHOOSERS:
            layer = _part(network, name)
            if layer is not None:
                self._blank = getattr(network, "blank_id", None) if name.startswith("ctc") else None
                layer.register_forward_hook(self._look)
                return

    @contextmanager
    def listening(self, go_on: Callable[[], None]) -> Iterator[None]:
        """Listens afresh; `go_on` is called at each choice."""
        self._go_on = go_on
        self.forget()
        try:
            yield
        finally:
            self._go_on = None

    def forget(self) -> None:
        """Drops what was read off so far."""
        self._stretches = []

    def _look(self, _: nn.Module, __: tuple[Any, ...], scores: Tensor) -> None:
        if self._go_on is None:
            return
        self._go_on()
        rows = scores.detach().float()
        rows = rows[:1] if rows.dim() == 2 else rows.flatten(0, -2)  # (n, V): beams of one step -> the best
        chances, tokens = rows.log_softmax(-1).max(-1)
        if self._blank is not None:
            chances = chances[tokens != self._blank]
        self._stretches.append(chances.cpu())

    @property
    def logprobs(self) -> tuple[float, ...]:
        """Log probability of each chosen token; in their order when it was one stretch."""
        return tuple(torch.cat(self._stretches).tolist()) if self._stretches else ()

    @property
    def mean(self) -> float:
        """Their mean; 0 without tokens."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else 0.0


def _build(make: Any, folders: Mapping[str, FunAsrFolder]) -> Any:
    """All networks with random weights: without a file of weights FunASR loads nothing by itself."""
    speech = folders["model"]
    shared = {
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "ncpu": torch.get_num_threads(),
        "disable_update": True,
        "disable_pbar": True,
        "log_level": "ERROR",
    }
    others: dict[str, Any] = {}
    for name, settings_name in (("vad_model", "vad_kwargs"), ("punc_model", "punc_kwargs")):
        if name in folders:
            others |= {name: folders[name].network, settings_name: dict(folders[name].settings)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(model=speech.network, **(speech.settings | shared), **others)


def _part(network: nn.Module, name: str) -> nn.Module | None:
    try:
        return network.get_submodule(name)
    except AttributeError:
        return None


def _heard(found: Mapping[str, Any], language: str | None, sureness: _Sureness) -> Heard:
    written = str(found.get("text", ""))
    text = " ".join(_TAG.sub(" ", written).split())
    mean = sureness.mean if text else 0.0
    return Heard(
        language=language or _language(written, text),
        text=text,
        avg_logprob=round(mean, 4),
        no_speech=0.0 if text else 1.0,
        words=_words(found, sureness),
    )


def _language(written: str, text: str) -> str:
    """The language that a network names in a tag; without one, that of the script."""
    for tag in _TAG.findall(written):
        if tag in LABEL_LANGUAGES:
            return str(tag)
    return next((code for code, script in _SCRIPTS if script.search(text)), "en")


def _words(found: Mapping[str, Any], sureness: _Sureness) -> tuple[Word, ...]:
    """The words with their times; none where the network gives no time for each."""
    stamps = list(found.get("timestamp") or ())
    named = found.get("timestamps")
    if named:
        texts = [str(entry.get("token", "")) for entry in named]
    else:
        texts = [str(word) for word in found.get("words") or _TAG.sub(" ", _raw(found)).split()]
    if not texts or len(texts) != len(stamps):
        return ()
    chances = sureness.logprobs
    each = chances if len(chances) == len(texts) else (sureness.mean,) * len(texts)
    return tuple(
        Word(
            text=text,
            start_s=round(float(start) / 1000, 2),
            stop_s=round(float(stop) / 1000, 2),
            probability=round(float(torch.tensor(chance).exp()), 3),
        )
        for text, (start, stop), chance in zip(texts, stamps, each, strict=True)
    )


def _raw(found: Mapping[str, Any]) -> str:
    return str(found.get("raw_text") or found.get("text", ""))


def _failure(error: Exception, message: str, *, clip: bool = False) -> EngineError:
    words = f"{type(error).__name__}: {error}"
    if "out of memory" in words.lower():
        return OutOfMemory(
            "The memory is not enough for the speech recognition model.",
            hint="Close other programs, or choose another recogniser.",
            detail=words,
        )
    if clip:
        return BadAudio(message, hint="Cut the clip differently, or choose another recogniser.", detail=words)
    return BadCheckpoint(message, hint="Download the model's files again, all of them.", detail=words)
