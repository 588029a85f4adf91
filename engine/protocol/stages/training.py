"""Stages that fine-tune the two networks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from engine.protocol.stages.base import FieldKind, StageSpec, parameter
from engine.protocol.stages.features import ExperimentParameters


class TrainingPrecision(StrEnum):
    """Arithmetic of a training."""

    AUTO = "auto"
    FLOAT32 = "fp32"
    BF16 = "bf16"


class SovitsSchedule(StrEnum):
    """How the learning rate of SoVITS changes."""

    FULL_AT_FIRST = "full_at_first"
    ORIGINAL = "original"


class GptSchedule(StrEnum):
    """How the learning rate of the GPT changes."""

    CONSTANT = "constant"
    COSINE = "cosine"
    ORIGINAL = "original"


class Accumulation(StrEnum):
    """Which batches a step of the GPT's training gathers."""

    EVEN = "even"
    ORIGINAL = "original"


class TextPadding(StrEnum):
    """What is hidden of a text that is shorter than others of its batch."""

    HIDDEN = "hidden"
    ORIGINAL = "original"


class TokenPadding(StrEnum):
    """Whether the padding behind shorter clips of a batch is learnt from."""

    LEFT_OUT = "left_out"
    ORIGINAL = "original"


class RejectedKind(StrEnum):
    """What preference training rejects."""

    REPEATED_OR_LEFT_OUT = "repeated_or_left_out"
    ORIGINAL = "original"


class TrainingParameters(ExperimentParameters):
    """What both trainings take."""

    batch_size: int = parameter(
        4,
        "Batch size",
        "Clips that are learnt from at once; less needs less memory. 0 tries how many fit.",
        api="batch_size",
        ge=0,
    )
    total_epochs: int = parameter(
        8, "Epochs", "Passes over all clips; the last one is always saved.", api="total_epoch", ge=1, le=10000
    )
    save_every_epochs: int = parameter(
        4,
        "Save every",
        "Weights are exported after so many epochs.",
        unit="epochs",
        api="save_every_epoch",
        ge=1,
    )
    keep_only_latest: bool = parameter(
        True,
        "Keep only the newest state",
        "Saves space: one training state instead of all.",
        api="if_save_latest",
    )
    state_every_steps: int = parameter(
        100,
        "Save the state every",
        "After an interruption, training goes on from the last saved state.",
        unit="steps",
        expert=True,
        ge=1,
    )
    fewest_items: int = parameter(
        100,
        "Clips in an epoch, at least",
        "Fewer clips come several times in an epoch, as in the original; 1 takes each once.",
        unit="clips",
        expert=True,
        ge=1,
        le=10000,
    )
    seed: int = parameter(1234, "Seed", "Start of the random numbers.", expert=True, ge=0)
    forecast_only: bool = parameter(
        False,
        "Only forecast",
        "Does a few steps to tell how long training will take and how much memory; nothing is kept.",
        expert=True,
    )
    gpu_numbers: str = parameter(
        "",
        "GPU numbers",
        "Such as 0-1: the GPUs that train together, each with a batch of its own; without a GPU, as many "
        "processes share the cores. Empty: one device.",
        expert=True,
        pattern=r"^\s*(\d+\s*(-\s*\d+\s*)*)?$",
    )
    precision: TrainingPrecision = parameter(
        TrainingPrecision.AUTO,
        "Precision",
        "auto is mixed precision (bf16) on GPUs made for it, else fp32.",
        expert=True,
    )


class TrainSovitsParameters(TrainingParameters):
    """Parameters of `train_sovits`."""

    text_low_lr_rate: float = parameter(
        0.4,
        "Learning rate of the text part",
        "Share of the learning rate that the text part gets.",
        expert=True,
        api="text_low_lr_rate",
        ge=0,
        le=1,
    )
    learning_rate: float = parameter(
        1e-4, "Learning rate", "How fast the network changes.", expert=True, gt=0, le=0.01
    )
    schedule: SovitsSchedule = parameter(
        SovitsSchedule.FULL_AT_FIRST,
        "Course of the rate",
        "It falls by 0.0125 % after every epoch. original: as there, once before the first one, too.",
        expert=True,
    )
    lora_rank: int = parameter(
        32,
        "Rank of the adapter",
        "Of v3 and v4 only: more can learn more, and makes a larger file; 16, 32, 64 and 128 are usual. 0 "
        "trains the whole network instead: it needs several times the memory, and two epochs are usual.",
        expert=True,
        api="lora_rank",
        ge=0,
        le=512,
    )
    save_memory: bool = parameter(
        False,
        "Save memory",
        "Needs less memory and takes longer: inner results are computed twice.",
        expert=True,
        api="if_grad_ckpt",
    )
    adversarial_from_step: int = parameter(
        0,
        "Discriminator from step",
        "Learns without the discriminator before this step; only of use when training from nothing.",
        unit="steps",
        expert=True,
        ge=0,
    )
    pretrained_generator: Path | None = parameter(
        None,
        "Pretrained SoVITS",
        "Weights to start from; empty takes the workspace's, else the program's own.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".pth",),
        expert=True,
        api="pretrained_s2G",
    )
    pretrained_discriminator: Path | None = parameter(
        None,
        "Pretrained discriminator",
        "Weights to start from; empty takes the workspace's, else the program's own.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".pth",),
        expert=True,
        api="pretrained_s2D",
    )


class TrainGptParameters(TrainingParameters):
    """Parameters of `train_gpt`."""

    total_epochs: int = parameter(
        15,
        "Epochs",
        "Passes over all clips; the last one is always saved.",
        api="total_epoch",
        ge=1,
        le=10000,
    )
    save_every_epochs: int = parameter(
        5,
        "Save every",
        "Weights are exported after so many epochs.",
        unit="epochs",
        api="save_every_epoch",
        ge=1,
    )
    learning_rate: float = parameter(
        0.002, "Learning rate", "How fast the network changes.", expert=True, gt=0, le=0.1
    )
    schedule: GptSchedule = parameter(
        GptSchedule.CONSTANT,
        "Course of the rate",
        "constant: the same in every step. cosine: falls from epoch to epoch, to a twentieth in the last. "
        "original: as there, where the planned course is lost: five times the rate in the very first step, "
        "then constant.",
        expert=True,
    )
    accumulate_batches: int = parameter(
        4,
        "Batches a step",
        "So many batches are learnt from before the network moves once.",
        unit="batches",
        expert=True,
        ge=1,
    )
    accumulation: Accumulation = parameter(
        Accumulation.EVEN,
        "Gathering of batches",
        "even: every step takes as many; an epoch's last one takes what is left. original: as there, an "
        "epoch's first step takes one batch more, and what is left waits for the next epoch: after the last "
        "one it is lost.",
        expert=True,
    )
    text_padding: TextPadding = parameter(
        TextPadding.HIDDEN,
        "Padding of texts",
        "hidden: nobody sees the padding of a shorter text. original: as there, where the wrong end is "
        "hidden: the text's first phones, as many as there is padding.",
        expert=True,
    )
    token_padding: TokenPadding = parameter(
        TokenPadding.LEFT_OUT,
        "Padding of tokens",
        "left_out: a clip ends with one end mark. original: as there, every padded place behind a shorter "
        "clip is learnt as another end mark.",
        expert=True,
    )
    dpo: bool = parameter(
        False,
        "Preference training (DPO)",
        "Teaches the network to avoid repeated and dropped words; slower.",
        expert=True,
        api="if_dpo",
    )
    rejected: RejectedKind = parameter(
        RejectedKind.REPEATED_OR_LEFT_OUT,
        "What preference training rejects",
        "repeated_or_left_out: a stretch of the clip said twice, or left out. original: as there, it "
        "is always said twice, and may lie in the padding.",
        expert=True,
    )
    pretrained_gpt: Path | None = parameter(
        None,
        "Pretrained GPT",
        "Weights to start from; empty takes the workspace's, else the program's own.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".ckpt",),
        expert=True,
        api="pretrained_s1",
    )


TRAIN_SOVITS = StageSpec(
    name="train_sovits",
    title="Train SoVITS",
    about="Fine-tunes the network that turns tokens into sound.",
    parameters=TrainSovitsParameters,
    entry="engine.train.sovits:run",
    heavy=True,
)
TRAIN_GPT = StageSpec(
    name="train_gpt",
    title="Train GPT",
    about="Fine-tunes the network that turns text into tokens.",
    parameters=TrainGptParameters,
    entry="engine.train.gpt:run",
    heavy=True,
)
