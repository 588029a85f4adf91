"""Networks made from nothing, in the official layout: for a voice that is trained from its beginning."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from engine.checkpoints.writer import write_gpt, write_weights
from engine.models.discriminators import DiscriminatorConfig, Discriminators
from engine.models.gpt import KEY_PREFIX, Gpt, GptConfig
from engine.models.sovits import Sovits
from engine.models.sovits_config import SovitsConfig

GPT_FILE: Final = "s1.ckpt"
GENERATOR_FILE: Final = "s2G.pth"
DISCRIMINATOR_FILE: Final = "s2D.pth"


def k_means(
    points: Tensor, count: int, *, seed: int = 0, rounds: int = 40, sample: int = 60000, rows: int = 8192
) -> Tensor:
    """Centres of clusters, by Lloyd's algorithm from well-spread starts; the same each time.

    Args:
        points: (N, C) float32; at least `count` of them.
        count: number of centres K.
        seed: start of the random numbers.
        rounds: passes over the points at most.
        sample: at most so many points are used, chosen at random.
        rows: points compared at once.

    Returns:
        (K, C). A centre that loses all its points starts anew at the point farthest from its own.
    """
    if len(points) < count:
        raise ValueError(f"{len(points)} points are too few for {count} centres")
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(points), generator=generator)[:sample]
    kept = points[chosen].float()
    centres = _spread_starts(kept, count, generator)
    before = torch.inf
    for _ in range(rounds):
        owner, distance = _nearest(kept, centres, rows)
        sums = torch.zeros_like(centres).index_add_(0, owner, kept)
        sizes = torch.bincount(owner, minlength=count)
        filled = sizes > 0
        centres[filled] = sums[filled] / sizes[filled, None]
        empty = (~filled).nonzero().flatten()
        if len(empty):
            centres[empty] = kept[distance.topk(len(empty)).indices]
        error = float(distance.mean())
        if before - error < 1e-4 * error and not len(empty):
            break
        before = error
    return centres


def _spread_starts(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Starts that keep apart: each is drawn by the squared distance to those before it (k-means++)."""
    lengths = points.square().sum(dim=1)
    place = int(torch.randint(len(points), (1,), generator=generator))
    chosen = [place]
    distance = torch.full_like(lengths, torch.inf)
    while len(chosen) < count:
        fresh = lengths + lengths[place] - 2 * points @ points[place]
        distance = torch.minimum(distance, fresh.clamp(min=0))
        # equal points have no distance left; they must not stop the draw
        place = int(torch.multinomial(distance + 1e-12, 1, generator=generator))
        chosen.append(place)
    return points[chosen].clone()


def _nearest(points: Tensor, centres: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """(N,) index of the nearest centre, and the squared distance to it."""
    owners, distances = [], []
    sizes = centres.square().sum(dim=1)
    for part in torch.split(points, rows):
        squared = sizes - 2 * part @ centres.T
        best = squared.min(dim=1)
        owners.append(best.indices)
        distances.append((best.values + part.square().sum(dim=1)).clamp(min=0))
    return torch.cat(owners), torch.cat(distances)


def new_gpt(path: Path, config: GptConfig, *, seed: int = 0) -> Path:
    """Writes a GPT with random weights, in float32.

    Args:
        path: file to write.
        config: its sizes.
        seed: start of the random numbers.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Gpt(config)
        for name, tensor in model.named_parameters():
            if name.endswith("word_embeddings.weight"):
                nn.init.normal_(tensor, std=config.width**-0.5)
    weights = {KEY_PREFIX + name: tensor for name, tensor in model.state_dict().items()}
    return write_gpt(path, weights, config.to_checkpoint(), "new", half=False)


def new_generator(path: Path, config: SovitsConfig, content: Iterable[Tensor], *, seed: int = 0) -> Path:
    """Writes a SoVITS generator with random weights and a codebook that fits the content features.

    The codes are the centres of clusters of the features, two frames averaged.

    Args:
        path: file to write, in float32, with the posterior encoder.
        config: its sizes.
        content: content features (1, C, T) or (C, T) of the clips that it will learn from.
        seed: start of the random numbers.

    Returns:
        The path.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Sovits(config)
    model.average_content()
    features = [part if part.ndim == 3 else part[None] for part in content]
    points = torch.cat([model.project_content(part.float())[0].T for part in features])
    model.set_codebook(k_means(points, config.codebook_size, seed=seed))
    payload = {"weight": model.state_dict(), "config": config.to_checkpoint(), "info": "new"}
    return write_weights(path, payload)


def new_discriminators(path: Path, config: DiscriminatorConfig, *, seed: int = 0) -> Path:
    """Writes judges with random weights, in float32.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Discriminators(config)
    return write_weights(path, {"weight": model.state_dict()})
