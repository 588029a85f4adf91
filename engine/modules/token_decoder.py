"""Layers of a decoder that reads text at once and then writes token by token.

Shapes: B batch, N positions, H heads, D channels of a head, C channels (H * D).

State that decoding needs lives in KeyValueCache, outside the layers.
Parameter names are those of official weight files.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.modules.dropout import Dropout, dropout, kept

GROWTH_POSITIONS: Final = 256
"""A cache grows in steps of this many positions."""


def sinusoid(positions: Tensor, channels: int) -> Tensor:
    """Sines and cosines of positions, interleaved.

    Args:
        positions: (N,) any numeric type.
        channels: even number of channels.

    Returns:
        (N, C) float32 on the positions' device.

    Source: Vaswani et al. 2017, section 3.5; parity: tests/parity/test_s1.py.
    """
    pairs = torch.arange(0, channels, 2, device=positions.device, dtype=torch.float32)
    speeds = torch.exp(pairs * (-math.log(10000.0) / channels))
    angles = positions.to(torch.float32)[:, None] * speeds
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)


class TokenTable(nn.Module):
    """Vectors of tokens."""

    def __init__(self, rows: int, channels: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(rows, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N) ids -> (B, N, C)."""
        vectors: Tensor = self.word_embeddings(tokens)
        return vectors


class ScaledPosition(nn.Module):
    """Adds sinusoidal positions times one learned number."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1))
        self.dropout = dropout

    def forward(self, vectors: Tensor, first: int = 0) -> Tensor:
        """(B, N, C) at positions first, first + 1, ... -> (B, N, C)."""
        count, channels = vectors.shape[1:]
        positions = torch.arange(first, first + count, device=vectors.device)
        moved = vectors + self.alpha * sinusoid(positions, channels).to(vectors.dtype)
        return dropout(moved, self.dropout, training=self.training)


class KeyValueCache:
    """Keys and values of all layers for the positions seen so far.

    Room is made in advance, so that a step writes one position and copies nothing.

    Attributes:
        length: Number of positions that every layer holds.
    """

    def __init__(self, layers: int) -> None:
        self.length = 0
        self._room: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Stores (B, H, n, D) behind what is there.

        Returns:
            All keys and all values of the layer, (B, H, length + n, D) each.
        """
        end = self.length + keys.shape[2]
        room = self._room[layer]
        if room is None or room[0].shape[2] < end:
            room = self._larger(room, keys, end)
            self._room[layer] = room
        for stored, new in zip(room, (keys, values), strict=True):
            stored[:, :, self.length : end] = new
        return room[0][:, :, :end], room[1][:, :, :end]

    def advance(self, count: int) -> None:
        """Counts positions that every layer has now stored."""
        self.length += count

    def select(self, rows: Tensor) -> None:
        """Keeps some rows of the batch; rows: (b,) indices."""
        for layer, room in enumerate(self._room):
            if room is not None:
                self._room[layer] = (room[0].index_select(0, rows), room[1].index_select(0, rows))

    def _larger(self, room: tuple[Tensor, Tensor] | None, like: Tensor, end: int) -> tuple[Tensor, Tensor]:
        batch, heads, _, channels = like.shape
        shape = (batch, heads, end + GROWTH_POSITIONS, channels)
        fresh = (like.new_empty(shape), like.new_empty(shape))
        if room is not None:
            for old, new in zip(room, fresh, strict=True):
                new[:, :, : self.length] = old[:, :, : self.length]
        return fresh


class _Attended(torch.autograd.Function):
    """Attention of positions to each other with dropout; on a CPU in half the time that PyTorch's own takes.

    Heads are read and written where the projection has them, and nothing is copied. What may not be seen
    is added as minus infinity by the product itself. Every position has to see one.
    """

    @staticmethod
    def forward(ctx: Any, projected: Tensor, mask: Tensor | None, heads: int, share: float) -> Tensor:
        """(B, N, 3C) queries, keys and values, and (B or 1, 1, N or 1, N) True where seen, to (B, N, C)."""
        queries, keys, values = _heads(projected, 3 * heads).chunk(3, dim=1)
        rows, _, count, channels = queries.shape
        visible = projected.new_zeros(()) if mask is None else _hidden(mask, projected.dtype)
        hidden = visible.expand(rows, heads, count, count)
        logits = torch.empty_like(hidden, memory_format=torch.contiguous_format)
        for row, place in enumerate(logits):
            turned = keys[row].transpose(1, 2)
            torch.baddbmm(hidden[row], queries[row], turned, alpha=channels**-0.5, out=place)
        weights = logits.softmax(dim=-1)
        chosen = kept(weights, share).mul_(weights)
        seen = projected.new_empty(rows, count, heads * channels)
        for row, place in enumerate(_heads(seen, heads)):
            place.baddbmm_(chosen[row], values[row], beta=0, alpha=1 / (1 - share))
        ctx.save_for_backward(projected, weights, chosen, seen)
        ctx.heads, ctx.share = heads, share
        return seen

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """The gradient of what was projected."""
        projected, weights, chosen, seen = ctx.saved_tensors
        heads, larger = ctx.heads, 1 / (1 - ctx.share)
        queries, keys, values = _heads(projected, 3 * heads).chunk(3, dim=1)
        scale = larger * queries.shape[3] ** -0.5
        given = torch.empty_like(projected)
        for_queries, for_keys, for_values = _heads(given, 3 * heads).chunk(3, dim=1)
        wanted = _heads(gradient.contiguous(), heads)
        # a softmax takes away what all weights together would gain: (B, H, N, 1)
        common = _heads(gradient * seen, heads).sum(dim=-1, keepdim=True)
        for row, gained in enumerate(wanted):
            for_values[row].baddbmm_(chosen[row].transpose(1, 2), gained, beta=0, alpha=larger)
            slope = torch.bmm(gained, values[row].transpose(1, 2)).mul_(chosen[row])
            slope.addcmul_(weights[row], common[row], value=-1 / larger)
            for_queries[row].baddbmm_(slope, keys[row], beta=0, alpha=scale)
            for_keys[row].baddbmm_(slope.transpose(1, 2), queries[row], beta=0, alpha=scale)
        return given, None, None, None


def _heads(x: Tensor, heads: int) -> Tensor:
    """(B, N, H * D) seen as (B, H, N, D)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def _hidden(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Minus infinity where the mask is False, and zero elsewhere; shaped like the mask."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, -math.inf)


class FusedAttention(nn.Module):
    """Multi-head attention with one projection for queries, keys and values."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, x: Tensor, mask: Tensor | None, cache: KeyValueCache | None = None, layer: int = 0
    ) -> Tensor:
        """Attends from every position of x.

        Args:
            x: (B, N, C).
            mask: bool, broadcastable to (B, H, N, keys), True where a key may be seen; None: all.
            cache: earlier positions, which are seen too; these are added to it.
            layer: this layer's place in the cache.

        Returns:
            (B, N, C).
        """
        projected = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        share = self.dropout if self.training else 0.0
        if share and x.device.type == "cpu" and cache is None:
            own: Tensor = _Attended.apply(projected, mask, self.heads, share)  # type: ignore[no-untyped-call]
            return self._joined(own)
        queries, keys, values = _heads(projected, 3 * self.heads).chunk(3, dim=1)
        if cache is not None:
            keys, values = cache.append(layer, keys, values)
        seen = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, dropout_p=share)
        return self._joined(seen.transpose(1, 2).flatten(2))

    def _joined(self, seen: Tensor) -> Tensor:
        joined: Tensor = self.out_proj(seen)
        return joined


class DecoderLayer(nn.Module):
    """Attention and a four times wider ReLU network, each normalised after its residual sum."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = FusedAttention(channels, heads, dropout)
        self.linear1 = nn.Linear(channels, 4 * channels)
        self.linear2 = nn.Linear(4 * channels, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.dropout = Dropout(dropout)

    def forward(
        self, x: Tensor, mask: Tensor | None, cache: KeyValueCache | None = None, layer: int = 0
    ) -> Tensor:
        """(B, N, C) -> (B, N, C); see FusedAttention.forward for the other arguments."""
        x = self.norm1(x + self.dropout(self.self_attn(x, mask, cache, layer)))
        hidden = self.dropout(self.linear1(x).relu())
        result: Tensor = self.norm2(x + self.dropout(self.linear2(hidden)))
        return result


class DecoderStack(nn.Module):
    """Layers one after the other; no norm at the end."""

    def __init__(self, layers: int, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(channels, heads, dropout) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor | None, cache: KeyValueCache | None = None) -> Tensor:
        """(B, N, C) -> (B, N, C); positions of x are added to the cache."""
        for index, layer in enumerate(self.layers):
            x = layer(x, mask, cache, index)
        if cache is not None:
            cache.advance(x.shape[1])
        return x
