"""Loads a network for separating, of whichever family."""

from __future__ import annotations

import torch

from engine.dataset.separation import masks, spectra, waves
from engine.dataset.separation.find import Family, ModelFile
from engine.dataset.separation.stems import Separator


def load_separator(model: ModelFile, aggressiveness: int, device: torch.device) -> Separator:
    """The network of a model file.

    Raises:
        MissingModel: a file is gone, or the library of networks is not installed.
        BadCheckpoint: the file is damaged or holds something else.
        BadParameters: the settings beside it cannot be used.
    """
    if model.family is Family.VR:
        return masks.load(model, aggressiveness, device)
    if model.family is Family.MDX:
        return spectra.load(model, device)
    return waves.load(model, device)
