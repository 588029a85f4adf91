"""Weights that are the same on every machine, made from a parameter's name.

Two 64-bit words, the CRC-32 of the name and the seed, key a Philox-4x64 stream; everything
else is integer arithmetic and one rounding.  Which scale a parameter gets follows from its
name, so that a network filled this way neither dies out nor saturates.  The golden numbers
were computed with exactly these values, so a change of one rounding breaks them.
"""

import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shape = Sequence[int]
Floats = NDArray[np.float32]

# Four 16-bit uniforms are added; their mean is removed and the sum scaled to unit variance.
_SUM_OF_FOUR_CENTRE = 2 * 0xFFFF
_SUM_OF_FOUR_SCALE = 1.7320508075688772 / 65536.0
_EVEN_LANES = np.uint64(0x0000FFFF0000FFFF)
_BLOCK = 1 << 16


def _words(name: str, shape: Shape, seed: int) -> NDArray[np.uint64]:
    stream = np.random.Philox(key=[zlib.crc32(name.encode("utf-8")), seed & 0xFFFFFFFF])
    return stream.random_raw(math.prod(shape))


def bell(name: str, shape: Shape, seed: int = 0) -> Floats:
    """Nearly normal numbers with zero mean and unit variance, never beyond 3.47."""
    words = _words(name, shape, seed)
    made = np.empty(words.shape, np.float32)
    for start in range(0, len(words), _BLOCK):  # what fits a cache is several times as fast
        part = words[start : start + _BLOCK]
        pairs = (part & _EVEN_LANES) + (part >> np.uint64(16) & _EVEN_LANES)
        sums = (pairs + (pairs >> np.uint64(32))) & np.uint64(0x3FFFF)
        made[start : start + _BLOCK] = (sums.astype(np.int64) - _SUM_OF_FOUR_CENTRE) * _SUM_OF_FOUR_SCALE
    return made.reshape(tuple(shape))


def flat(name: str, shape: Shape, seed: int = 0) -> Floats:
    """Uniform numbers in [0, 1), 24 random bits each."""
    bits = _words(name, shape, seed) >> np.uint64(40)
    return (bits * 2.0**-24).astype(np.float32).reshape(tuple(shape))


def whole(name: str, shape: Shape, bounds: range, seed: int = 0) -> NDArray[np.int64]:
    """Integers drawn from a range."""
    bits = (_words(name, shape, seed) >> np.uint64(32)).astype(np.int64)
    return (bits % len(bounds) + bounds.start).reshape(tuple(shape))


@dataclass(frozen=True)
class _Parameter:
    name: str
    shape: tuple[int, ...]
    seed: int

    @property
    def leaf(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def owner(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def bell(self) -> Floats:
        return bell(self.name, self.shape, self.seed)

    @property
    def flat(self) -> Floats:
        return flat(self.name, self.shape, self.seed)

    def sibling(self, leaf: str, shape: tuple[int, ...]) -> "_Parameter":
        return _Parameter(f"{self.owner}.{leaf}", shape, self.seed)


def _scaled(values: Floats, factor: float) -> Floats:
    return (values * factor).astype(np.float32)


def _around(centre: float, spread: float) -> Callable[[_Parameter], Floats]:
    def make(parameter: _Parameter) -> Floats:
        return (centre + spread * parameter.bell).astype(np.float32)

    return make


def _rotary(parameter: _Parameter) -> Floats:
    half = parameter.shape[0]
    power = np.arange(0, 2 * half, 2, dtype=np.float32) / np.float32(2 * half)
    return (1.0 / np.float64(10000.0) ** power.astype(np.float64)).astype(np.float32)


def _resampling_filter(parameter: _Parameter) -> Floats:
    """Kaiser-windowed sinc at a quarter of the rate, half width 0.3, sum 1."""
    taps = parameter.shape[-1]
    attenuation_db = 2.285 * (taps // 2 - 1) * np.pi * 1.2 + 7.95
    if attenuation_db > 50:
        beta = 0.1102 * (attenuation_db - 8.7)
    else:
        above_db = max(attenuation_db - 21, 0)
        beta = 0.5842 * above_db**0.4 + 0.07886 * above_db
    times = np.arange(-(taps // 2), taps // 2) + 0.5 if taps % 2 == 0 else np.arange(taps) - taps // 2
    kernel = 0.5 * np.kaiser(taps, beta) * np.sinc(0.5 * times)
    return (kernel / kernel.sum()).astype(np.float32).reshape(1, 1, taps)


def _usage(parameter: _Parameter) -> Floats:
    return (20.0 + 60.0 * parameter.flat).astype(np.float32)


def _codebook(parameter: _Parameter) -> Floats:
    match parameter.leaf:
        case "inited":
            return np.ones(parameter.shape, np.float32)
        case "cluster_size":
            return _usage(parameter)
        case "embed":
            return parameter.bell
    usage = _usage(parameter.sibling("cluster_size", parameter.shape[:1]))
    return (parameter.sibling("embed", parameter.shape).bell * usage[:, None]).astype(np.float32)


def _prediction(parameter: _Parameter) -> Floats:
    table = parameter.bell * np.float32(4.0 / np.sqrt(parameter.shape[1]))
    table[-1] *= np.float32(1.35)  # the last row is the end mark: a little louder
    return table


_MAGNITUDES = (
    ("discriminators.", 1.6),
    ("resblocks", 0.5),
    ("ups.", 1.5),
    ("res_skip_layers", 0.7),
    ("in_layers", 1.0),
    ("cond_layer", 1.0),
    ("conv_pre", 0.25),
    ("conv_post", 0.025),
)

_GPT_GAINS = (("in_proj_weight", 2.0), ("out_proj.weight", 0.25), ("linear2.weight", 0.25))

_GAINS = (
    ("bert_proj.weight", 0.7),
    ("enc_p.proj.weight", 0.45),
    ("enc_q.proj.weight", 0.45),
    (".post.weight", 0.6),
    ("sv_emb.weight", 0.03),
    ("attn_norm.linear.weight", 0.35),
    ("norm_out.linear.weight", 0.35),
    ("lora_A", 1.0),
    ("lora_B", 0.5),
    ("dec.conv_post.weight", 2.0),
    ("conv_post.weight", 0.5),
    ("resblocks", 0.45),
)


def _first_hit(table: Sequence[tuple[str, float]], name: str) -> float:
    return next((value for part, value in table if part in name), 1.0)


def _magnitude(parameter: _Parameter) -> Floats:
    size = _first_hit(_MAGNITUDES, parameter.name)
    return np.abs(size * (1.0 + 0.1 * parameter.bell)).astype(np.float32)


def _upsampler(parameter: _Parameter) -> Floats:
    inputs, _, kernel = parameter.shape
    stride = max(1.0, kernel / 2.0)
    return _scaled(parameter.bell, 1.2 * np.sqrt(stride / (inputs * kernel)))


def _dense(parameter: _Parameter) -> Floats:
    if not parameter.shape:
        return parameter.bell
    if "h.layers." in parameter.name:
        gain = _first_hit(_GPT_GAINS, parameter.name)
    elif parameter.name.startswith("conv_pre."):
        gain = 0.25
    else:
        gain = _first_hit(_GAINS, parameter.name)
    inputs = math.prod(parameter.shape[1:]) if len(parameter.shape) > 1 else parameter.shape[0]
    return _scaled(parameter.bell, gain / np.sqrt(inputs))


def _position_gate(parameter: _Parameter) -> Floats:
    centre = 2.0 if "audio" in parameter.name else 1.0
    return _around(centre, 0.2)(parameter)


@dataclass(frozen=True)
class _Rule:
    """The first rule whose pattern is found in the name (and whose rank fits) makes the values."""

    pattern: str
    make: Callable[[_Parameter], Floats]
    rank: int | None = None
    shape: tuple[int, ...] | None = None

    def fits(self, parameter: _Parameter) -> bool:
        if self.rank is not None and len(parameter.shape) != self.rank:
            return False
        if self.shape is not None and parameter.shape != self.shape:
            return False
        return re.search(self.pattern, parameter.name) is not None


def _zeros(parameter: _Parameter) -> Floats:
    return np.zeros(parameter.shape, np.float32)


def _count_up(parameter: _Parameter) -> Floats:
    return np.arange(math.prod(parameter.shape), dtype=np.float32).reshape(parameter.shape)


_RULES = (
    _Rule(r"(^|\.)(num_batches_tracked|token_type_ids)$", _zeros),
    _Rule(r"(^|\.)inv_freq$", _rotary),
    _Rule(r"(^|\.)filter$", _resampling_filter),
    _Rule(r"(^|\.)position_ids$", _count_up),
    _Rule(r"_codebook\.", _codebook),
    _Rule(r"(^|\.)running_mean$", lambda p: 0.1 * p.bell),
    _Rule(r"(^|\.)running_var$", lambda p: (0.6 + 0.8 * p.flat).astype(np.float32)),
    _Rule(r"(^|\.)alpha$", _position_gate, shape=(1,)),
    _Rule(r"ar_predict_layer\.weight$", _prediction),
    _Rule(r"\.act.*\.(alpha|beta)$", lambda p: _scaled(p.bell, 0.2)),
    _Rule(r"\.grn\.(.*\.)?gamma$", lambda p: _scaled(p.bell, 0.3)),
    _Rule(r"^prelu", _around(0.25, 0.05)),
    _Rule(r"(^|\.)(weight_g|original0)$", _magnitude),
    _Rule(r"(^|\.)(weight_v|original1)$", lambda p: p.bell),
    _Rule(r"(^|\.)gamma$", _around(1.0, 0.1)),
    _Rule(r"(^|\.)weight$", _around(1.0, 0.1), rank=1),
    _Rule(r"(^|\.)(beta|bias|bias_[^.]*|in_proj_bias)$", lambda p: _scaled(p.bell, 0.02)),
    _Rule(r"^(?!.*embeddings\.word).*word_embeddings", lambda p: _scaled(p.bell, 1.2)),
    _Rule(r"text_embedding", lambda p: p.bell),
    _Rule(r"_embeddings\.|(^|\.)masked_spec_embed$", lambda p: _scaled(p.bell, 0.5)),
    _Rule(r"ups\.", _upsampler, rank=3),
    _Rule(r"emb_rel_", lambda p: _scaled(p.bell, p.shape[-1] ** -0.5)),
    _Rule(r"", _dense),
)


def values(name: str, shape: Shape, seed: int = 0) -> Floats:
    """The float32 values of one parameter.

    Args:
        name: its key in the official state dict.
        shape: its shape there.
        seed: which of the many sets of weights.

    Returns:
        Array of the given shape.
    """
    parameter = _Parameter(name, tuple(int(size) for size in shape), seed)
    return next(rule for rule in _RULES if rule.fits(parameter)).make(parameter)
