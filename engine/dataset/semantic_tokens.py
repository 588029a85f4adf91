"""The stage `semantic_tokens` (1c): content features become the tokens that the GPT learns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.corpus.ledger import Ledger, file_mark, fingerprint
from engine.corpus.manifests import read_semantic, write_semantic
from engine.dataset.clips import LabelledClip, labelled_clips, nothing_left, tell
from engine.modules.device import choose_device
from engine.protocol.builtin import pretrained
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint, BadParameters, MissingModel
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.stages.features import SemanticTokensParameters
from engine.protocol.versions import version as model_version
from engine.protocol.workspace import Experiment, Workspace

if TYPE_CHECKING:
    import torch

    from engine.models.codes import CodeReader

LEDGER: Final = "6-name2semantic.state.json"
_FRAMES_PER_TOKEN: Final = 2

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
    device = choose_device(parameters.device)
    listed = labelled_clips(parameters.labels.absolute(), workspace.root)
    skipped = list(listed.skipped)
    tell(skipped, context)
    before = _made_elsewhere(experiment)
    tokens: dict[str, Tokens] = {}
    unchanged = 0
    with Ledger(experiment.folder / LEDGER) as ledger:
        for number, clip in enumerate(listed.clips):
            context.check_cancelled()
            context.progress(number, len(listed.clips), "clips")
            features = experiment.ssl_folder / f"{clip.name}.pt"
            wanted = fingerprint(file_mark(features), file_mark(weights))
            if known := _known(clip.name, wanted, ledger, before):
                tokens[clip.name] = known
                unchanged += 1
                continue
            made = _make(clip, features, weights, device, context)
            if isinstance(made, Skipped):
                skipped.append(made)
                tell([made], context)
                continue
            tokens[clip.name] = made
            ledger.record(clip.name, wanted, note=" ".join(str(token) for token in made))
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


def _make(
    clip: LabelledClip, features: Path, weights: Path, device: torch.device, context: Context
) -> Tokens | Skipped:
    import torch

    from engine.checkpoints.tensors import read_tensor
    from engine.models.codes import load_code_reader

    if not features.is_file():
        return Skipped(name=clip.name, reason="It has no content features: run Content features (1b).")
    try:
        content = read_tensor(features).float()
    except BadCheckpoint as error:
        return Skipped(name=clip.name, reason=error.message)
    reader: CodeReader = context.keep(
        f"sovits codes {file_mark(weights)} {device}",
        lambda: load_code_reader(weights).to(device),
    )
    if content.dim() != 3 or content.shape[0] != 1:  # (1, C, T)
        return Skipped(name=clip.name, reason=f"{features} holds no content features.")
    if content.shape[1] != reader.channels:
        raise BadParameters(
            f"The SoVITS weights {weights} take content features of {reader.channels} channels; "
            f"those in {features.parent} have {content.shape[1]}.",
            hint="Choose the content encoder that belongs to the weights, and run 1b again.",
        )
    if content.shape[2] < _FRAMES_PER_TOKEN:
        return Skipped(name=clip.name, reason="It is too short for a token.")
    with torch.inference_mode():
        codes = reader.extract_codes(content.to(device))
    return tuple(int(code) for code in codes[0].tolist())
