"""Post-norm transformer over channel-first sequences, with relative positions.

Tensors are (B, C, T); masks are (B, 1, T) with one for content.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engine.modules.dropout import Dropout

_HIDDEN_LOGIT = -1e4


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, T)."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Every position with zero mean and unit variance, then scaled and shifted."""
        rows = F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta, self.eps)
        return rows.transpose(1, 2)


class Attention(nn.Module):
    """Multi-head attention with 1x1 convolutions as projections.

    With a window, every offset up to that distance has a learned key and a learned value,
    shared by the heads; a farther offset adds nothing.
    """

    def __init__(self, channels: int, heads: int, *, window: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        width = channels // heads
        if window:
            self.emb_rel_k = nn.Parameter(torch.randn(1, 2 * window + 1, width) * width**-0.5)
            self.emb_rel_v = nn.Parameter(torch.randn(1, 2 * window + 1, width) * width**-0.5)
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        self.drop = Dropout(dropout)
        for projection in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(projection.weight)

    def forward(self, asking: Tensor, answering: Tensor, mask: Tensor) -> Tensor:
        """What each asking position gathers.

        Args:
            asking: (B, C, Tq).
            answering: (B, C, Tk) keys and values; with a window, Tk = Tq.
            mask: (B, 1, Tk) of the answering positions.

        Returns:
            (B, C, Tq).
        """
        query = self._by_head(self.conv_q(asking)) * (asking.shape[1] // self.heads) ** -0.5
        key = self._by_head(self.conv_k(answering))
        value = self._by_head(self.conv_v(answering))
        logits = query @ key.transpose(2, 3)  # (B, H, Tq, Tk)
        if self.window:
            logits = logits + self._near_logits(query)
        logits = logits.masked_fill(mask.unsqueeze(1) == 0, _HIDDEN_LOGIT)
        weights = self.drop(logits.softmax(dim=-1))
        gathered = weights @ value
        if self.window:
            gathered = gathered + self._near_values(weights)
        joined: Tensor = self.conv_o(gathered.transpose(2, 3).flatten(1, 2))
        return joined

    def _by_head(self, x: Tensor) -> Tensor:
        batch, channels, steps = x.shape
        return x.reshape(batch, self.heads, channels // self.heads, steps).transpose(2, 3)  # (B, H, T, C/H)

    def _near_logits(self, query: Tensor) -> Tensor:
        """What the learned keys add: logits by offset, laid out as logits by position."""
        steps = query.shape[2]
        by_offset = query @ self.emb_rel_k[0].transpose(0, 1)  # (B, H, T, 2w+1)
        place = torch.arange(steps, device=query.device)
        offset = place.unsqueeze(0) - place.unsqueeze(1) + self.window  # (T, T)
        near = (offset >= 0) & (offset <= 2 * self.window)
        index = offset.clamp(0, 2 * self.window).expand(*query.shape[:2], -1, -1)
        return by_offset.gather(3, index) * near

    def _near_values(self, weights: Tensor) -> Tensor:
        """What the learned values add: the weights of near positions, by offset."""
        steps = weights.shape[2]
        place = torch.arange(steps, device=weights.device).unsqueeze(1)
        target = place + torch.arange(-self.window, self.window + 1, device=weights.device)  # (T, 2w+1)
        inside = (target >= 0) & (target < steps)
        index = target.clamp(0, steps - 1).expand(*weights.shape[:2], -1, -1)
        return (weights.gather(3, index) * inside) @ self.emb_rel_v[0]


class ConvFeedForward(nn.Module):
    """Two convolutions with a ReLU between; padding never leaks in."""

    def __init__(self, channels: int, inner: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, inner, kernel, padding=kernel // 2)
        self.conv_2 = nn.Conv1d(inner, channels, kernel, padding=kernel // 2)
        self.drop = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, T) to the same shape."""
        inner = self.drop(self.conv_1(x * mask).relu())
        outer: Tensor = self.conv_2(inner * mask) * mask
        return outer


class RelativeEncoder(nn.Module):
    """Layers of self attention and feed-forward, each followed by residual and norm."""

    def __init__(
        self,
        *,
        channels: int,
        inner: int,
        heads: int,
        layers: int,
        kernel: int,
        window: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.attn_layers = nn.ModuleList(
            Attention(channels, heads, window=window, dropout=dropout) for _ in range(layers)
        )
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))
        self.ffn_layers = nn.ModuleList(
            ConvFeedForward(channels, inner, kernel, dropout) for _ in range(layers)
        )
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))
        self.drop = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, T) to the same shape, zero where the mask is."""
        x = x * mask
        layers = zip(self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True)
        for attend, norm_after_attention, feed, norm_after_feed in layers:
            x = norm_after_attention(x + self.drop(attend(x, x, mask)))
            x = norm_after_feed(x + self.drop(feed(x, mask)))
        return x * mask
