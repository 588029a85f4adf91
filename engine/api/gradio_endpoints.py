"""The original's endpoints: names, arguments and defaults, exactly as its document has them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from engine.protocol.recognisers import RECOGNISERS, Recogniser
from engine.protocol.stages.base import fields
from engine.protocol.stages.registry import stage
from engine.protocol.versions import VERSIONS
from engine.protocol.workspace import PRETRAINED

Value = str | float | int | bool

_FUNASR: Final = RECOGNISERS[Recogniser.FUNASR].title
_V2: Final = VERSIONS["v2"].pretrained
_LABELS: Final = r"D:\RVC1006\GPT-SoVITS\raw\xxx.list"
CARDS: Final = "gpu_numbers"
BERT_FOLDER: Final = (PRETRAINED / "chinese-roberta-wwm-ext-large").as_posix()
CONTENT_ENCODER: Final = (PRETRAINED / "chinese-hubert-base").as_posix()
GENERATOR: Final = (PRETRAINED / _V2.generator).as_posix()
_DISCRIMINATOR: Final = (PRETRAINED / str(_V2.discriminator)).as_posix()
_GPT: Final = (PRETRAINED / _V2.gpt).as_posix()


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of an endpoint.

    Attributes:
        name: Its name.
        default: What it is when a caller leaves it out; None for one that must be given.
    """

    name: str
    default: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEndpoint:
    """A pair of endpoints: `/open…` runs a stage to its end, `/close…` cancels it.

    Attributes:
        suffix: What stands behind `open` and `close`.
        stage: The stage.
        arguments: Arguments of `open`, in their order.
        paths: What `open` gives back behind its words: paths among the stage's parameters, or its labels.
    """

    suffix: str
    stage: str
    arguments: tuple[Argument, ...]
    paths: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The stage's name for people."""
        return stage(self.stage).title

    def stage_names(self) -> dict[str, str]:
        """Names of the arguments to names of the stage's parameters, as the stage declares them."""
        declared = {}
        for spec in fields(stage(self.stage).parameters):
            extra = spec.info.json_schema_extra
            if isinstance(extra, dict) and (name := str(extra.get("api", ""))):
                declared[name] = spec.name
        given = [argument.name for argument in self.arguments]
        return {name: declared[known] for name in given if (known := _plain(name)) in declared}


def _plain(name: str) -> str:
    """The original numbers the fields for graphics cards by their step; to a stage they are the same."""
    return CARDS if name.startswith(CARDS) else name


def _arguments(**defaults: Value | None) -> tuple[Argument, ...]:
    return tuple(Argument(name, default) for name, default in defaults.items())


_ROWS: Final = (
    StageEndpoint(
        suffix="_asr",
        stage="transcribe",
        arguments=_arguments(
            asr_inp_dir=r"D:\GPT-SoVITS\raw\xxx",
            asr_opt_dir="output/asr_opt",
            asr_model=_FUNASR,
            asr_model_size="large",
            asr_lang="zh",
            asr_precision="float32",
        ),
        paths=("labels", "labels", "input"),
    ),
    StageEndpoint(
        suffix="_slice",
        stage="slice",
        arguments=_arguments(
            inp="",
            opt_root="output/slicer_opt",
            threshold="-34",
            min_length="4000",
            min_interval="300",
            hop_size="10",
            max_sil_kept="500",
            _max=0.9,
            alpha=0.25,
            n_parts=4,
        ),
        paths=("output", "output", "output"),
    ),
    StageEndpoint(
        suffix="_denoise",
        stage="denoise",
        arguments=_arguments(denoise_inp_dir="", denoise_opt_dir="output/denoise_opt"),
        paths=("output", "output"),
    ),
    StageEndpoint(
        suffix="1a",
        stage="text_features",
        arguments=_arguments(
            inp_text=_LABELS,
            inp_wav_dir=None,
            exp_name="xxx",
            gpu_numbers="0-0",
            bert_pretrained_dir=BERT_FOLDER,
        ),
    ),
    StageEndpoint(
        suffix="1b",
        stage="ssl_features",
        arguments=_arguments(
            inp_text=_LABELS,
            inp_wav_dir=None,
            exp_name="xxx",
            gpu_numbers="0-0",
            ssl_pretrained_dir=CONTENT_ENCODER,
        ),
    ),
    StageEndpoint(
        suffix="1c",
        stage="semantic_tokens",
        arguments=_arguments(
            inp_text=_LABELS, exp_name="xxx", gpu_numbers="0-0", pretrained_s2G_path=GENERATOR
        ),
    ),
    StageEndpoint(
        suffix="1abc",
        stage="prepare",
        arguments=_arguments(
            inp_text=_LABELS,
            inp_wav_dir=None,
            exp_name="xxx",
            gpu_numbers1a="0-0",
            gpu_numbers1Ba="0-0",
            gpu_numbers1c="0-0",
            bert_pretrained_dir=BERT_FOLDER,
            ssl_pretrained_dir=CONTENT_ENCODER,
            pretrained_s2G_path=GENERATOR,
        ),
    ),
    StageEndpoint(
        suffix="1Ba",
        stage="train_sovits",
        arguments=_arguments(
            batch_size=2,
            total_epoch=8,
            exp_name="xxx",
            text_low_lr_rate=0.4,
            if_save_latest=True,
            if_save_every_weights=True,
            save_every_epoch=4,
            gpu_numbers1Ba="0",
            pretrained_s2G=GENERATOR,
            pretrained_s2D=_DISCRIMINATOR,
            if_grad_ckpt=False,
            lora_rank="32",
        ),
    ),
    StageEndpoint(
        suffix="1Bb",
        stage="train_gpt",
        arguments=_arguments(
            batch_size=2,
            total_epoch=15,
            exp_name="xxx",
            if_dpo=False,
            if_save_latest=True,
            if_save_every_weights=True,
            save_every_epoch=5,
            gpu_numbers="0",
            pretrained_s1=_GPT,
        ),
    ),
)

STAGE_ENDPOINTS: Final = MappingProxyType({row.suffix: row for row in _ROWS})

SPEAKING_ARGUMENTS: Final = _arguments(
    bert_path=BERT_FOLDER,
    cnhubert_base_path=CONTENT_ENCODER,
    gpu_number="0",
    gpt_path=(PRETRAINED / VERSIONS["v1"].pretrained.gpt).as_posix(),
    sovits_path=(PRETRAINED / VERSIONS["v1"].pretrained.generator).as_posix(),
    batched_infer_enabled=False,
)
"""Arguments of `/change_tts_inference`."""
LABEL_ARGUMENTS: Final = _arguments(path_list=_LABELS)
"""Arguments of `/change_label`."""
RECOGNISER_ARGUMENTS: Final = _arguments(key=_FUNASR)
"""Arguments of `/change_lang_choices` and its like."""
SYNC_ARGUMENTS: Final = _arguments(text=GENERATOR)
"""Arguments of `/sync`."""
VERSION_ARGUMENTS: Final = _arguments(version_="v2")
"""Arguments of `/switch_version`."""
