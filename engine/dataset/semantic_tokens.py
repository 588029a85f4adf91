"""The stage `semantic_tokens` (1c): content features become the tokens that the GPT learns."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.corpus.ledger import Ledger, file_mark, fingerprint
from engine.corpus.manifests import read_semantic, write_semantic
from engine.dataset.clips import labelled_clips, nothing_left, tell
from engine.dataset.crew import Kept, devices_of, in_groups, together, work_through
from engine.protocol.builtin import pretrained
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint, BadParameters, MissingModel
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.stages.features import SemanticTokensParameters
from engine.protocol.versions import version as model_version
from engine.protocol.workspace import Experiment, Workspace

if TYPE_CHECKING:
    from torch import Tensor

LEDGER: Final = "6-name2semantic.state.json"
TOGETHER: Final = 32
_FRAMES_PER_TOKEN: Final = 2
_GROUPS_WORTH_A_PROCESS: Final = 8

Tokens = tuple[int, ...]


def run(parameters: SemanticTokensParameters, context: Context) -> StageResult:
    """Writes `6-name2semantic.tsv`; tokens of unchanged features are taken over.

    Raises:
        MissingFile: there is no label file.
        BadLabels: it is not UTF-8 text.
        MissingModel: there are no SoVITS weights.
        BadCheckpoint: they cannot be read.
        BadParameters: the weights do not fit the features, or there is no such device.
        NothingToDo: none of the clips has features.
        OutOfSpace: a file cannot be written.
        Cancelled: the user asked to stop; what is done is remembered.
    """
    workspace = Workspace(parameters.workspace.absolute())
    experiment = workspace.experiment(parameters.experiment)
    weights = _weights(parameters, workspace)
    listed = labelled_clips(parameters.labels.absolute(), workspace.root)
    skipped = list(listed.skipped)
    tell(skipped, context)
    context.progress(0, len(listed.clips), "clips")  # before libraries are loaded, which may take seconds
    names = [clip.name for clip in listed.clips]
    before = _made_elsewhere(experiment)
    found: dict[str, Tokens] = {}
    wanted: dict[str, str] = {}
    with Ledger(experiment.folder / LEDGER) as ledger:
        mark = file_mark(weights)
        for name in names:
            context.check_cancelled()
            context.progress(len(found), len(names), "clips")
            wanted[name] = fingerprint(file_mark(experiment.ssl_folder / f"{name}.pt"), mark)
            if known := _known(name, wanted[name], ledger, before):
                found[name] = known
        unchanged = len(found)
        waiting = [name for name in names if name not in found]
        groups = in_groups(waiting, TOGETHER)
        devices = devices_of(parameters.gpu_numbers, parameters.device) if groups else ()
        devices = devices[: max(1, len(groups) // _GROUPS_WORTH_A_PROCESS)]
        tasks = [[experiment.ssl_folder / f"{name}.pt" for name in group] for group in groups]
        faults: dict[str, Skipped] = {}
        with contextlib.closing(work_through(TokenStep(weights), tasks, devices, context)) as work:
            for number, made in work:
                for name, outcome in zip(groups[number], made, strict=True):
                    if isinstance(outcome, str):
                        faults[name] = Skipped(name=name, reason=outcome)
                        tell([faults[name]], context)
                        continue
                    found[name] = outcome
                    ledger.record(name, wanted[name], note=" ".join(str(token) for token in outcome))
                context.progress(len(found) + len(faults), len(names), "clips")
    tokens = {name: found[name] for name in names if name in found}
    skipped += [faults[name] for name in names if name in faults]
    context.progress(len(listed.clips), len(listed.clips), "clips")
    if not tokens:
        raise nothing_left(f"No clip of {parameters.labels} has content features.", skipped)
    write_semantic(experiment.semantic_file, tokens)
    context.artifact(experiment.semantic_file, "features")
    return StageResult(
        summary=f"The semantic tokens of {len(tokens)} clips are in {experiment.semantic_file}.",
        artifacts=(ArtifactRef(kind="features", path=str(experiment.semantic_file)),),
        skipped=tuple(skipped),
        numbers={
            "clips": len(tokens),
            "unchanged": unchanged,
            "tokens": sum(len(row) for row in tokens.values()),
        },
    )


def _weights(parameters: SemanticTokensParameters, workspace: Workspace) -> Path:
    chosen = parameters.pretrained_sovits
    if chosen is None:
        chosen = pretrained(workspace, model_version(parameters.version)).generator
    path = chosen.absolute()
    if not path.is_file():
        raise MissingModel(
            f"There are no SoVITS weights at {path}.", hint="Choose a SoVITS file, or put it there."
        )
    return path


def _made_elsewhere(experiment: Experiment) -> dict[str, Tokens]:
    """Tokens that the original made from the features as they are now."""
    path = experiment.semantic_file
    if not path.is_file():
        return {}
    written_ns = path.stat().st_mtime_ns
    found = {}
    for name, row in read_semantic(path).items():
        features = experiment.ssl_folder / f"{name}.pt"
        if features.is_file() and features.stat().st_mtime_ns <= written_ns:
            found[name] = row
    return found


def _known(name: str, wanted: str, ledger: Ledger, before: dict[str, Tokens]) -> Tokens:
    """Tokens from an earlier time, which are still right; empty when there are none."""
    entry = ledger.entry(name)
    if entry is not None:
        if not ledger.done(name, wanted):
            return ()
        return tuple(int(token) for token in entry.note.split())
    tokens = before.get(name, ())
    if tokens:
        ledger.record(name, wanted, note=" ".join(str(token) for token in tokens))
    return tokens


@dataclass(frozen=True, slots=True)
class TokenStep:
    """Reads content features, and tells their tokens."""

    weights: Path

    def read(self, group: Sequence[Path]) -> list[tuple[Path, Tensor | str]]:
        """The features, or why there are none."""
        return [(path, _features(path)) for path in group]

    def make(self, ready: Sequence[tuple[Path, Tensor | str]], device: str, kept: Kept) -> list[Tokens | str]:
        """The tokens of each file, or why there are none.

        Raises:
            BadCheckpoint: the weights cannot be read.
            BadParameters: they do not fit the features.
        """
        import torch

        from engine.models.codes import load_code_reader

        reader = kept.get("codes", lambda: load_code_reader(self.weights).to(device))
        usable = [content for _, content in ready if not isinstance(content, str)]
        for path, content in ready:
            if not isinstance(content, str) and content.shape[1] != reader.channels:
                raise BadParameters(
                    f"The SoVITS weights {self.weights} take content features of {reader.channels} channels; "
                    f"those in {path.parent} have {content.shape[1]}.",
                    hint="Choose the content encoder that belongs to the weights, and run 1b again.",
                )
        with torch.inference_mode():
            if together((device,)) > 1:
                codes = iter(reader.extract_each([content.to(device) for content in usable]))
            else:
                codes = iter([reader.extract_codes(content)[0] for content in usable])
        return [
            content if isinstance(content, str) else tuple(int(code) for code in next(codes).tolist())
            for _, content in ready
        ]


def _features(path: Path) -> Tensor | str:
    from engine.checkpoints.tensors import read_tensor

    if not path.is_file():
        return "It has no content features: run Content features (1b)."
    try:
        content = read_tensor(path).float()
    except BadCheckpoint as error:
        return error.message
    if content.dim() != 3 or content.shape[0] != 1:  # (1, C, T)
        return f"{path} holds no content features."
    if content.shape[2] < _FRAMES_PER_TOKEN:
        return "It is too short for a token."
    return content
