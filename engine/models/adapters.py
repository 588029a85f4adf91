"""Low-rank adapters (LoRA): what a fine-tuning of v3 or v4 adds to the pretrained network.

An adapter is two thin matrices A (rank, in) and B (out, rank); the layer then computes with
W + B A.  Their names in files are the official ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

TARGETS: Final = ("to_q", "to_k", "to_v", "to_out.0")
"""Layers of every attention that get adapters."""

_FILE_PREFIX: Final = "cfm.base_model.model."
_PREFIX: Final = "cfm."
_FILE_NAME: Final = re.compile(r"^(?P<layer>.+)\.lora_(?P<part>[AB])\.default\.weight$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """The change of one layer.

    Attributes:
        down: (rank, in), called A.
        up: (out, rank), called B.
    """

    down: Tensor
    up: Tensor

    @property
    def change(self) -> Tensor:
        """What is added to the layer's weight, (out, in) float32."""
        return self.up.float() @ self.down.float()


class AdaptedLinear(nn.Linear):
    """A frozen linear layer with an adapter that learns; at first it changes nothing."""

    def __init__(self, layer: nn.Linear, rank: int, generator: torch.Generator | None = None) -> None:
        """Takes over a layer's weights.

        Args:
            layer: the layer to adapt; its tensors are shared.
            rank: rank of the adapter.
            generator: source of A; B is zero.
        """
        with torch.device("meta"):
            super().__init__(layer.in_features, layer.out_features, bias=layer.bias is not None)
        self.weight, self.bias = layer.weight, layer.bias
        self.requires_grad_(requires_grad=False)
        bound = 1 / math.sqrt(layer.in_features)
        down = torch.empty(rank, layer.in_features).uniform_(-bound, bound, generator=generator)
        self.lora_A = nn.Parameter(down.to(layer.weight))
        self.lora_B = nn.Parameter(layer.weight.new_zeros(layer.out_features, rank))

    def forward(self, input: Tensor) -> Tensor:
        """(…, in) to (…, out)."""
        return super().forward(input) + F.linear(F.linear(input, self.lora_A), self.lora_B)

    @property
    def adapter(self) -> Adapter:
        """The change as it is learnt by now."""
        return Adapter(down=self.lora_A, up=self.lora_B)


def add_adapters(network: nn.Module, rank: int, generator: torch.Generator | None = None) -> None:
    """Freezes a network and gives every attention layer of it an adapter."""
    network.requires_grad_(requires_grad=False)
    for name, layer in _targets(network):
        parent, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(parent), leaf, AdaptedLinear(layer, rank, generator))


def _targets(network: nn.Module) -> Iterable[tuple[str, nn.Linear]]:
    endings = tuple(f".{target}" for target in TARGETS)
    return [
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and name.endswith(endings)
    ]


def adapter_weights(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Names in files and values of all adapters of a module, A before B."""
    for name, layer in module.named_modules():
        if isinstance(layer, AdaptedLinear):
            stem = _FILE_PREFIX + name.removeprefix(_PREFIX)
            yield f"{stem}.lora_A.default.weight", layer.lora_A
            yield f"{stem}.lora_B.default.weight", layer.lora_B


def file_name(name: str) -> str:
    """The name in an adapter's file of a tensor that is no adapter."""
    return _FILE_PREFIX + name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else name


def take_apart(weights: Mapping[str, Tensor]) -> tuple[dict[str, Adapter], dict[str, Tensor]]:
    """The adapters by the layer that they change, and all other tensors by their network's names.

    Args:
        weights: what an adapter's file holds.

    Raises:
        KeyError: an adapter has only one of its two matrices.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    others: dict[str, Tensor] = {}
    for stored, tensor in weights.items():
        name = _PREFIX + stored[len(_FILE_PREFIX) :] if stored.startswith(_FILE_PREFIX) else stored
        found = _FILE_NAME.match(name)
        if found is None:
            others[name] = tensor
        else:
            parts.setdefault(found["layer"], {})[found["part"]] = tensor
    return {layer: Adapter(down=pair["A"], up=pair["B"]) for layer, pair in parts.items()}, others


def merged(base: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A whole model: the pretrained one with everything that an adapter's file changes.

    Args:
        base: state dict of the pretrained model.
        weights: what the adapter's file holds.

    Raises:
        KeyError: the file changes a layer that the model lacks, or lacks half of an adapter.
        ValueError: a change has another shape than its layer.
    """
    adapters, others = take_apart(weights)
    whole = {**base, **others}
    for layer, adapter in adapters.items():
        name = f"{layer}.weight"
        weight = whole[name].float()
        if (adapter.up.shape[0], adapter.down.shape[1]) != tuple(weight.shape):
            raise ValueError(f"{name} is {tuple(weight.shape)}, its adapter is for another size")
        whole[name] = weight + adapter.change
    return whole
