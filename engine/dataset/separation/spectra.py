"""MDX networks: one spectrum in, the spectrum of a stem out; they run in ONNX Runtime."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from engine.audio.stereo import Stereo
from engine.dataset.separation.find import ModelFile
from engine.dataset.separation.stems import Stems, Tell, stems_of
from engine.protocol.errors import BadCheckpoint, BadParameters

log = logging.getLogger(__name__)

_HOP: Final = 1024
_CHANNELS: Final = 4
"""Left and right, each with a real and an imaginary part."""


@dataclass(slots=True, kw_only=True)
class SpectrumSeparator:
    """A loaded MDX network.

    Attributes:
        session: The network in ONNX Runtime.
        rows: Rows of the spectrum that it hears.
        frames: Frames that it hears at a time.
        n_fft: Length of the transform.
        gain: What its stem is multiplied by.
        is_voice: Whether its stem is the voice.
    """

    session: Any
    rows: int
    frames: int
    n_fft: int
    gain: float
    is_voice: bool

    def separate(self, mix: Stereo, tell: Tell) -> Stems:
        """The voice and the rest."""
        trim = self.n_fft // 2
        size = _HOP * (self.frames - 1)
        step = size - 2 * trim
        windows = mix.shape[1] // step + 1
        padded = np.pad(mix, ((0, 0), (trim, windows * step - mix.shape[1] + trim)))
        made = []
        for start in range(0, windows * step, step):
            tell(start / (windows * step))
            window = torch.from_numpy(np.ascontiguousarray(padded[:, start : start + size]))
            made.append(self._stem(window)[:, trim:-trim])
        found = np.concatenate(made, axis=1)[:, : mix.shape[1]]
        return stems_of(mix, found * np.float32(self.gain), is_voice=self.is_voice)

    def _stem(self, window: Tensor) -> Stereo:
        """(2, S) -> (2, S), for as many samples as the network hears."""
        hann = torch.hann_window(self.n_fft)
        spectrum = torch.stft(window, self.n_fft, _HOP, window=hann, center=True, return_complex=True)
        parts = torch.view_as_real(spectrum).permute(0, 3, 1, 2).reshape(1, _CHANNELS, -1, self.frames)
        heard = parts[:, :, : self.rows].numpy()
        made = torch.from_numpy((self._run(heard) - self._run(-heard)) / 2)
        made = torch.nn.functional.pad(made, (0, 0, 0, self.n_fft // 2 + 1 - self.rows))
        both = made.reshape(2, 2, -1, self.frames).permute(0, 2, 3, 1).contiguous()
        stem: Stereo = torch.istft(
            torch.view_as_complex(both), self.n_fft, _HOP, window=hann, center=True, length=window.shape[1]
        ).numpy()
        return stem

    def _run(self, heard: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        name = self.session.get_inputs()[0].name
        made: np.ndarray[Any, Any] = self.session.run(None, {name: heard})[0]
        return made


def load(model: ModelFile, device: torch.device) -> SpectrumSeparator:
    """The MDX network of an `.onnx` file.

    Raises:
        BadCheckpoint: it is damaged, or a network for something else.
        BadParameters: the settings beside it do not fit it.
    """
    session = _session(model, device)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    shape = list(inputs[0].shape)
    if len(inputs) != 1 or len(outputs) != 1 or len(shape) != 4 or shape[1] != _CHANNELS:
        raise BadCheckpoint(
            f"{model.path} is a network for something else than separating.",
            hint="Choose an MDX-Net model, such as onnx_dereverb_By_FoxJoy.",
        )
    rows = shape[2] if isinstance(shape[2], int) else _number(model, "mdx_dim_f_set")
    frames = shape[3] if isinstance(shape[3], int) else 2 ** _number(model, "mdx_dim_t_set")
    n_fft = _number(model, "mdx_n_fft_scale_set", 2 * rows)
    if n_fft // 2 + 1 < rows or _HOP * (frames - 1) <= n_fft or n_fft < _HOP:
        raise BadParameters(
            f"The settings of {model.path} do not fit it: {rows} rows, {frames} frames, n_fft {n_fft}.",
            hint=f"Correct mdx_n_fft_scale_set in {model.path.with_suffix('.json')}.",
        )
    lower = model.name.lower()
    return SpectrumSeparator(
        session=session,
        rows=rows,
        frames=frames,
        n_fft=n_fft,
        gain=_gain(model),
        is_voice=model.finds_voice(default="reverb" not in lower and "inst" not in lower),
    )


def _session(model: ModelFile, device: torch.device) -> Any:
    import onnxruntime  # takes a second to import, and most jobs do not need it

    onnxruntime.set_default_logger_severity(4)
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    there = onnxruntime.get_available_providers()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(
            model.path.read_bytes(),
            options,
            providers=[name for name in wanted if name in there] + ["CPUExecutionProvider"],
        )
    except Exception as error:
        raise BadCheckpoint(
            f"{model.path} is no ONNX model, or it is damaged.",
            hint="Download it again.",
            detail=str(error),
        ) from error


def _number(model: ModelFile, key: str, default: int | None = None) -> int:
    value = model.facts.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadParameters(
            f"{model.path} does not say its sizes: {key} is {value!r}.",
            hint=f"Write {key} into {model.path.with_suffix('.json')}, or put UVR's model_data.json there.",
        )
    return value


def _gain(model: ModelFile) -> float:
    value = model.facts.get("compensate", 1.0)
    if not isinstance(value, int | float) or not 0 < value < 10:
        raise BadParameters(
            f"The settings of {model.path} cannot be used: compensate is {value!r}.",
            hint="It is a number near 1.",
        )
    return float(value)
