"""Stages that prepare labelled clips for training (1a, 1b, 1c)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from engine.protocol.stages.base import FieldKind, StageParameters, StageSpec, parameter

Version = Literal["v1", "v2", "v3", "v4", "v2Pro", "v2ProPlus"]
"""Versions that can be trained."""


class ExperimentParameters(StageParameters):
    """What every stage of an experiment takes."""

    workspace: Path = parameter(
        ..., "Workspace", "Folder that holds logs, weights and models.", kind=FieldKind.OPEN_FOLDER
    )
    experiment: str = parameter(
        ..., "Experiment", "Name of the experiment: its folder is logs/<name>.", api="exp_name", min_length=1
    )
    version: Version = parameter("v2", "Model version", "Version of the models to be trained.")
    device: str = parameter(
        "auto",
        "Device",
        "auto takes the GPU when there is one; or name it.",
        choices=("auto", "cpu", "cuda:0"),
        expert=True,
    )


class LabelledParameters(ExperimentParameters):
    """What every step of the preparation takes."""

    labels: Path = parameter(
        ...,
        "Label file",
        "The .list file: path|speaker|language|text.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".list",),
        api="inp_text",
    )
    gpu_numbers: str = parameter(
        "",
        "GPU numbers",
        "One process for each number, such as 0-1 for two GPUs, or 0-0 for two processes on one; without a "
        "GPU they share the cores. Each process loads the models. Empty: one process.",
        expert=True,
        api="gpu_numbers",
        pattern=r"^\s*(\d+\s*(-\s*\d+\s*)*)?$",
    )


class TextFeaturesParameters(LabelledParameters):
    """Parameters of `text_features` (1a)."""


class SslFeaturesParameters(LabelledParameters):
    """Parameters of `ssl_features` (1b)."""

    clips: Path | None = parameter(
        None,
        "Folder of clips",
        "Where the clips are; empty takes the paths of the label file.",
        kind=FieldKind.OPEN_FOLDER,
        api="inp_wav_dir",
    )
    content_encoder: Path | None = parameter(
        None,
        "Content encoder",
        "Folder of the HuBERT model; empty takes the workspace's, else the program's own.",
        kind=FieldKind.OPEN_FOLDER,
        expert=True,
        api="ssl_pretrained_dir",
    )
    speaker_encoder: Path | None = parameter(
        None,
        "Speaker encoder",
        "Weights of the speaker encoder, which v2Pro and v2ProPlus need; empty takes the workspace's.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".ckpt", ".pth"),
        expert=True,
    )


class SemanticTokensParameters(LabelledParameters):
    """Parameters of `semantic_tokens` (1c)."""

    pretrained_sovits: Path | None = parameter(
        None,
        "Pretrained SoVITS",
        "Weights whose codebook makes the tokens; empty takes the workspace's, else the program's own.",
        kind=FieldKind.OPEN_FILE,
        suffixes=(".pth",),
        expert=True,
        api="pretrained_s2G_path",
    )


class PrepareParameters(SslFeaturesParameters, SemanticTokensParameters):
    """Parameters of `prepare`: 1a, 1b and 1c in one go."""


TEXT_FEATURES = StageSpec(
    name="text_features",
    title="Text features (1a)",
    about="Turns the labels into phones.",
    parameters=TextFeaturesParameters,
    entry="engine.dataset.text_features:run",
)
SSL_FEATURES = StageSpec(
    name="ssl_features",
    title="Content features (1b)",
    about="Copies the clips at 32 kHz and extracts what is said from their sound.",
    parameters=SslFeaturesParameters,
    entry="engine.dataset.ssl_features:run",
    heavy=True,
)
SEMANTIC_TOKENS = StageSpec(
    name="semantic_tokens",
    title="Semantic tokens (1c)",
    about="Turns the content features into tokens.",
    parameters=SemanticTokensParameters,
    entry="engine.dataset.semantic_tokens:run",
    heavy=True,
)
PREPARE = StageSpec(
    name="prepare",
    title="Prepare",
    about="Phones, content features and semantic tokens (1a, 1b, 1c) in one go.",
    parameters=PrepareParameters,
    entry="engine.dataset.prepare:run",
    heavy=True,
)
