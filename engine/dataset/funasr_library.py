"""The one door to FunASR: the parts of it that recognition uses, and none of its loaders.

`import funasr` runs every file of the package, training and servers included, and takes up to half a minute.
Here the package is entered by its side doors: only the files of the networks that are asked for are run.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterable
from types import MappingProxyType, ModuleType
from typing import Any, Final

from engine.protocol.errors import MissingModel

INSTALL: Final = (
    "Start the program with packaging/bootstrap.py once more, or install packaging/locks/funasr.txt: "
    "pip install --no-deps -r packaging/locks/funasr.txt"
)
_PACKAGE: Final = "funasr"
_PARTS: Final = (
    "frontends.wav_frontend",
    "tokenizer.char_tokenizer",
    "tokenizer.hf_tokenizer",
    "tokenizer.sentencepiece_tokenizer",
    "models.specaug.specaug",
    "models.sanm.encoder",
)
"""What networks of several kinds are built from."""
_PARAFORMER: Final = (
    "models.paraformer.decoder",
    "models.paraformer.cif_predictor",
    "models.paraformer.model",
)
NETWORKS: Final = MappingProxyType(
    {
        "Paraformer": _PARAFORMER,
        "BiCifParaformer": (
            *_PARAFORMER,
            "models.bicif_paraformer.cif_predictor",
            "models.bicif_paraformer.model",
        ),
        "ContextualParaformer": (
            *_PARAFORMER,
            "models.contextual_paraformer.decoder",
            "models.contextual_paraformer.model",
        ),
        "SeacoParaformer": (
            *_PARAFORMER,
            "models.bicif_paraformer.cif_predictor",
            "models.bicif_paraformer.model",
            "models.seaco_paraformer.model",
        ),
        "UniASR": (
            "models.scama.encoder",
            "models.scama.decoder",
            "models.paraformer.cif_predictor",
            "models.uniasr.model",
        ),
        "SenseVoiceSmall": ("models.sense_voice.model",),
        "FunASRNano": ("models.sense_voice.model", "models.llm_asr.adaptor", "models.fun_asr_nano.model"),
        "FsmnVADStreaming": ("models.fsmn_vad_streaming.encoder", "models.fsmn_vad_streaming.model"),
        "CTTransformer": ("models.ct_transformer.model",),
    }
)
"""Networks that build themselves from settings alone, and the files that each needs."""


def auto_model(networks: Iterable[str]) -> Any:
    """FunASR's `AutoModel`, able to build these networks.

    Raises:
        MissingModel: the library, or something that it needs, is not installed.
    """
    parts = dict.fromkeys((*_PARTS, *(part for network in networks for part in NETWORKS[network])))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            package = _entered()
            maker = importlib.import_module(f"{_PACKAGE}.auto.auto_model").AutoModel
            package.AutoModel = maker  # type: ignore[attr-defined]  # some networks ask the package for it
            for part in parts:
                importlib.import_module(f"{_PACKAGE}.{part}")
    except ImportError as error:
        raise MissingModel(
            "FunASR is not installed, or not whole.", hint=INSTALL, detail=str(error)
        ) from error
    return maker


def _entered() -> ModuleType:
    """The package, without what it would do when it is imported."""
    if _PACKAGE in sys.modules:
        return sys.modules[_PACKAGE]
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}")
    made = ModuleType(_PACKAGE)
    made.__path__ = list(spec.submodule_search_locations)
    made.__spec__ = spec
    sys.modules[_PACKAGE] = made
    return made
