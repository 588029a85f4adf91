"""The network of v3 and v4 that says where noise has to move to become a mel spectrogram.

Tensors inside are (B, T, C); a mel spectrogram comes and goes as (B, bands, T).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine.modules.convnext import ConvNextBlock
from engine.modules.lengths import length_mask
from engine.modules.rotary import RotaryPositions, rotate_first

_EPSILON = 1e-6
_TIME_SCALE = 1000.0
_SLOWEST = 10000.0
_LAST_POSITION = 4095


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerSizes:
    """Sizes of the network; the defaults are those of the official v3 and v4 models.

    Attributes:
        bands: Mel bands.
        condition_channels: Width of the condition.
        condition_inner: Inner width of the blocks that read the condition.
        condition_blocks: Their number.
        width: Width of the transformer.
        blocks: Its blocks.
        head_channels: Width of an attention head.
        inner: Inner width of the feed-forward layers.
        wave_channels: Width of the sinusoids that tell a time.
        position_kernel: Kernel of the convolutions that tell neighbours apart; odd.
        position_groups: Their groups.
    """

    bands: int = 100
    condition_channels: int = 512
    condition_inner: int = 1024
    condition_blocks: int = 4
    width: int = 1024
    blocks: int = 22
    head_channels: int = 64
    inner: int = 2048
    wave_channels: int = 256
    position_kernel: int = 31
    position_groups: int = 16

    def __post_init__(self) -> None:
        if not self.head_channels or self.width % self.head_channels or self.condition_channels % 2:
            raise ValueError(f"{self} does not fit together")

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], prefix: str) -> TransformerSizes:
        """The sizes that a state dict's shapes tell.

        Args:
            weights: state dict, on any device.
            prefix: what stands before the network's own names.

        Raises:
            KeyError: a tensor that tells a size is missing.
            IndexError: one has too few dimensions.
            ArithmeticError: one is empty.
            ValueError: they do not fit together.
        """

        def shape(name: str) -> torch.Size:
            return weights[f"{prefix}{name}"].shape

        def count(part: str) -> int:
            start = f"{prefix}{part}."
            return len({name[len(start) :].split(".")[0] for name in weights if name.startswith(start)})

        near = shape("input_embed.conv_pos_embed.conv1d.0.weight")
        return cls(
            bands=shape("proj_out.weight")[0],
            condition_channels=shape("text_embed.text_blocks.0.norm.weight")[0],
            condition_inner=shape("text_embed.text_blocks.0.pwconv1.weight")[0],
            condition_blocks=count("text_embed.text_blocks"),
            width=shape("proj_out.weight")[1],
            blocks=count("transformer_blocks"),
            head_channels=2 * shape("rotary_embed.inv_freq")[0],
            inner=shape("transformer_blocks.0.ff.ff.0.0.weight")[0],
            wave_channels=shape("time_embed.time_mlp.0.weight")[1],
            position_kernel=near[2],
            position_groups=near[0] // near[1],
        )


class _TimeEmbedding(nn.Module):
    """A vector for a number between 0 and 1."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.waves = sizes.wave_channels // 2
        self.time_mlp = nn.Sequential(
            nn.Linear(sizes.wave_channels, sizes.width), nn.SiLU(), nn.Linear(sizes.width, sizes.width)
        )

    def forward(self, times: Tensor) -> Tensor:
        """(B,) -> (B, width)."""
        places = torch.arange(self.waves, device=times.device, dtype=torch.float32)
        speeds = torch.exp(places * (-math.log(_SLOWEST) / (self.waves - 1)))
        angles = _TIME_SCALE * times.float()[:, None] * speeds
        waves = torch.cat((angles.sin(), angles.cos()), dim=1)
        vector: Tensor = self.time_mlp(waves.to(next(self.parameters())))
        return vector


class _ConditionEmbedding(nn.Module):
    """Reads the condition with its positions."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.text_blocks = nn.Sequential(
            *(
                ConvNextBlock(sizes.condition_channels, sizes.condition_inner)
                for _ in range(sizes.condition_blocks)
            )
        )

    def forward(self, condition: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        steps, channels = condition.shape[1:]
        places = torch.arange(steps, device=condition.device).clamp_max(_LAST_POSITION)
        pairs = torch.arange(0, channels, 2, device=condition.device, dtype=torch.float32)
        angles = places[:, None] * torch.exp(pairs * (-math.log(_SLOWEST) / channels))
        positions = torch.cat((angles.cos(), angles.sin()), dim=1).to(condition.dtype)
        read: Tensor = self.text_blocks(condition + positions)
        return read


class _NeighbourPositions(nn.Module):
    """Tells neighbours apart by two grouped convolutions."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()

        def convolution() -> nn.Conv1d:
            return nn.Conv1d(
                sizes.width,
                sizes.width,
                sizes.position_kernel,
                padding=sizes.position_kernel // 2,
                groups=sizes.position_groups,
            )

        self.conv1d = nn.Sequential(convolution(), nn.Mish(), convolution(), nn.Mish())

    def forward(self, x: Tensor) -> Tensor:
        near: Tensor = self.conv1d(x.transpose(1, 2)).transpose(1, 2)
        return near


class _InputEmbedding(nn.Module):
    """Joins what is there so far, the prompt and the condition."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.proj = nn.Linear(2 * sizes.bands + sizes.condition_channels, sizes.width)
        self.conv_pos_embed = _NeighbourPositions(sizes)

    def forward(self, x: Tensor, prompt: Tensor, condition: Tensor) -> Tensor:
        joined = self.proj(torch.cat((x, prompt, condition), dim=2))
        placed: Tensor = joined + self.conv_pos_embed(joined)
        return placed


class _Modulation(nn.Module):
    """Scales, shifts and gates for every channel, made from the time."""

    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(width, parts * width)

    def forward(self, time: Tensor) -> tuple[Tensor, ...]:
        """(B, C) -> parts of (B, 1, C)."""
        made: Tensor = self.linear(F.silu(time))
        return made.unsqueeze(1).chunk(self.parts, dim=2)


def _normed(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[2:], eps=_EPSILON) * (1 + scale) + shift


class _SelfAttention(nn.Module):
    """Attention over frames.

    Official weights were trained with positions that turn only the first head: the rotation was
    applied before the split into heads.
    """

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.heads = sizes.width // sizes.head_channels
        self.to_q = nn.Linear(sizes.width, sizes.width)
        self.to_k = nn.Linear(sizes.width, sizes.width)
        self.to_v = nn.Linear(sizes.width, sizes.width)
        self.to_out = nn.ModuleList([nn.Linear(sizes.width, sizes.width)])

    def forward(self, x: Tensor, turns: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """Gathers from every frame with content.

        Args:
            x: (B, T, C).
            turns: cosines and sines of the positions.
            mask: (B, 1, T) bool, True for content; None: all.

        Returns:
            (B, T, C), zero where padded.
        """
        asked = (rotate_first(self.to_q(x), turns), rotate_first(self.to_k(x), turns), self.to_v(x))
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in asked)
        seen = None if mask is None else mask.unsqueeze(1)  # (B, 1, 1, T)
        gathered = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        joined: Tensor = self.to_out[0](gathered.transpose(1, 2).flatten(2))
        return joined if mask is None else joined * mask.transpose(1, 2)


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        first = nn.Sequential(nn.Linear(width, inner), nn.GELU(approximate="tanh"))
        self.ff = nn.Sequential(first, nn.Identity(), nn.Linear(inner, width))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.ff(x)
        return y


class _Block(nn.Module):
    """Attention and feed-forward, each opened and closed by the time."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.attn_norm = _Modulation(sizes.width, 6)
        self.attn = _SelfAttention(sizes)
        self.ff = _FeedForward(sizes.width, sizes.inner)

    def forward(self, x: Tensor, time: Tensor, turns: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        shift, scale, gate, feed_shift, feed_scale, feed_gate = self.attn_norm(time)
        x = x + gate * self.attn(_normed(x, shift, scale), turns, mask)
        fed: Tensor = x + feed_gate * self.ff(_normed(x, feed_shift, feed_scale))
        return fed


class DiffusionTransformer(nn.Module):
    """The velocity of every mel value, under the state-dict names of the official files."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.saves_memory = False
        self.time_embed = _TimeEmbedding(sizes)
        self.d_embed = _TimeEmbedding(sizes)
        self.text_embed = _ConditionEmbedding(sizes)
        self.input_embed = _InputEmbedding(sizes)
        self.rotary_embed = RotaryPositions(sizes.head_channels)
        self.transformer_blocks = nn.ModuleList(_Block(sizes) for _ in range(sizes.blocks))
        self.norm_out = _Modulation(sizes.width, 2)
        self.proj_out = nn.Linear(sizes.width, sizes.bands)

    def read_condition(self, condition: Tensor) -> Tensor:
        """What the network makes of a condition before it knows the time: (B, C, T) -> (B, T, C)."""
        read: Tensor = self.text_embed(condition.transpose(1, 2))
        return read

    def forward(
        self,
        x: Tensor,
        prompt: Tensor,
        read: Tensor,
        times: Tensor,
        steps: Tensor,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """Where x moves.

        Args:
            x: (B, bands, T) on the way from noise to mel; zero where the prompt is.
            prompt: (B, bands, T) mel that is given, zero elsewhere.
            read: (B, T, C) from `read_condition`.
            times: (B,) how far on the way, from 0 to 1.
            steps: (B,) how long the step is that will be taken; 0 for the velocity itself.
            lengths: (B,) frames with content; None: all.

        Returns:
            (B, bands, T).
        """
        frames = x.shape[2]
        mask = None if lengths is None else length_mask(lengths, frames).bool()
        time = self.time_embed(times) + self.d_embed(steps)
        turns = self.rotary_embed(frames)
        hidden = self.input_embed(x.transpose(1, 2), prompt.transpose(1, 2), read)
        for block in self.transformer_blocks:
            if self.saves_memory and torch.is_grad_enabled():
                hidden = checkpoint(block, hidden, time, turns, mask, use_reentrant=False)
            else:
                hidden = block(hidden, time, turns, mask)
        scale, shift = self.norm_out(time)
        velocity: Tensor = self.proj_out(_normed(hidden, shift, scale))
        return velocity.transpose(1, 2)
