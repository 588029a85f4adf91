"""Where a training stands on disk, readable at once and without its networks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from engine.protocol.files import replacing
from engine.protocol.model import StrictModel
from engine.protocol.stages.training import TrainGptParameters, TrainingParameters, TrainSovitsParameters
from engine.protocol.versions import Decoder, version
from engine.protocol.workspace import Workspace

PLACE_FILE: Final = "place.json"


class TrainingPlace(StrictModel):
    """Where a training stands: what starting it again goes on from."""

    epoch: int = Field(ge=0, description="complete epochs")
    position: int = Field(ge=0, description="steps of the epoch after these")
    step: int = Field(ge=0, description="steps done in all")
    total_epochs: int = Field(ge=1, description="epochs that were asked for last")
    batch_size: int = Field(ge=0, description="clips of a batch; 0: not known")
    rate_share: float = Field(
        default=1.0, gt=0, description="share of the learning rate left after break-downs"
    )
    weights: str = Field(default="", description="absolute path of the weights exported last; may be empty")

    def complete(self, total_epochs: int) -> bool:
        """Whether so many epochs are done, so that starting with that number changes nothing."""
        return self.epoch >= total_epochs


def states_folder(parameters: TrainingParameters) -> Path:
    """The folder of a training's states.

    Raises:
        BadParameters: the experiment's name cannot be a folder's.
    """
    facts = version(parameters.version)
    experiment = Workspace(parameters.workspace).experiment(parameters.experiment)
    if isinstance(parameters, TrainGptParameters):
        return experiment.gpt_folder(facts)
    folder = experiment.sovits_folder(facts)
    rank = parameters.lora_rank if isinstance(parameters, TrainSovitsParameters) else 0
    if rank and facts.decoder is Decoder.MEL:
        return folder.with_name(f"{folder.name}_lora_{rank}")
    return folder


def training_place(folder: Path) -> TrainingPlace | None:
    """Where the training in a folder of states stands; None where there is none, or nobody knows."""
    path = folder / PLACE_FILE
    try:
        found = TrainingPlace.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return found if any(folder.glob("state_*.pt")) else None


def write_place(folder: Path, place: TrainingPlace) -> None:
    """Notes where a training stands.

    Raises:
        OutOfSpace: it cannot be written.
    """
    with replacing(folder / PLACE_FILE) as waiting:
        waiting.write_text(place.model_dump_json(indent=1), encoding="utf-8")
