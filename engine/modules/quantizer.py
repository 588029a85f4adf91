"""Turns speech features into the codes that the GPT speaks, and back."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

_TAKE_ROWS = 4096


class Codebook(nn.Module):
    """A fixed table of code vectors, with the statistics that official files carry along."""

    inited: Tensor
    cluster_size: Tensor
    embed: Tensor
    embed_avg: Tensor

    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        start = torch.empty(codes, channels)
        nn.init.kaiming_uniform_(start)
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(codes))
        self.register_buffer("embed", start)
        self.register_buffer("embed_avg", start.clone())

    def fill(self, centroids: Tensor) -> None:
        """Sets the code vectors, (K, C)."""
        if centroids.shape != self.embed.shape:
            raise ValueError(f"{tuple(centroids.shape)} centroids for a table of {tuple(self.embed.shape)}")
        self.embed.copy_(centroids)
        self.embed_avg.copy_(centroids)
        self.cluster_size.fill_(1)
        self.inited.fill_(1)


class _CodebookLayer(nn.Module):
    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        self._codebook = Codebook(codes, channels)


class _CodebookLayers(nn.Module):
    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_CodebookLayer(codes, channels)])


class Quantizer(nn.Module):
    """One codebook under the state-dict name of the original's stack of several."""

    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        self.vq = _CodebookLayers(codes, channels)

    @property
    def codebook(self) -> Codebook:
        """The table."""
        found = self.get_submodule("vq.layers.0._codebook")
        if not isinstance(found, Codebook):
            raise TypeError("the quantiser's table was replaced")
        return found

    def codes(self, features: Tensor) -> Tensor:
        """The nearest code vector of every position.

        Args:
            features: (B, C, T).

        Returns:
            (B, T) int64.
        """
        table = self.codebook.embed.float()
        halves = 0.5 * table.square().sum(dim=1)
        rows = features.transpose(1, 2).flatten(0, 1).float()
        found = [(halves - part @ table.T).argmin(dim=1) for part in torch.split(rows, _TAKE_ROWS)]
        return torch.cat(found).view(features.shape[0], features.shape[2])

    def vectors(self, codes: Tensor) -> Tensor:
        """The code vectors of (B, T) codes: (B, C, T)."""
        return F.embedding(codes, self.codebook.embed).transpose(1, 2)
