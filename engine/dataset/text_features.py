"""The stage `text_features` (1a): labels become phones, and Chinese text also vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.corpus.ledger import Ledger, fingerprint
from engine.corpus.manifests import TextRow, read_text_rows, write_text_lines
from engine.dataset.clips import LabelledClip, labelled_clips, nothing_left, tell
from engine.dataset.text_vectors import LANGUAGE, TextVectors, text_encoder_folder
from engine.protocol.context import Context
from engine.protocol.errors import BadParameters
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.stages.features import TextFeaturesParameters
from engine.protocol.workspace import Workspace
from engine.text.dictionary import Pronunciation, pronunciation_of
from engine.text.frontend import RULES, phonemize
from engine.text.symbols import is_sound

LEDGER: Final = "2-name2text.state.json"


def run(parameters: TextFeaturesParameters, context: Context) -> StageResult:
    """Writes `2-name2text.txt`; a line whose text is unchanged is taken over from the last time.

    Chinese clips get `3-bert/<clip>.pt` too, if the user has the text encoder.

    Raises:
        MissingFile: there is no label file.
        BadLabels: it is not UTF-8 text.
        NothingToDo: none of its lines can be used.
        BadParameters: there is no such device, or the experiment's name cannot be a folder's.
        MissingModel: a file of the text encoder is not there, though its folder is.
        BadCheckpoint: one is damaged.
        OutOfSpace: a file cannot be written.
        Cancelled: the user asked to stop.
    """
    workspace = parameters.workspace.absolute()
    experiment = Workspace(workspace).experiment(parameters.experiment)
    listed = labelled_clips(parameters.labels.absolute(), workspace)
    skipped = list(listed.skipped)
    tell(skipped, context)
    pronunciation = pronunciation_of(workspace)
    for problem in pronunciation.dictionary.problems:
        context.log(problem, "warning")
    lines: list[str] = []
    unchanged = 0
    with Ledger(experiment.folder / LEDGER) as ledger:
        for number, clip in enumerate(listed.clips):
            context.check_cancelled()
            context.progress(number, len(listed.clips), "clips")
            wanted = fingerprint(
                RULES,
                parameters.version,
                clip.row.language,
                clip.row.text,
                pronunciation.polyphones if clip.row.language == "zh" else None,
                *pronunciation.dictionary.matching(clip.row.text, clip.row.language),
            )
            known = ledger.entry(clip.name)
            if known is not None and known.note and ledger.done(clip.name, wanted):
                lines.append(known.note)
                unchanged += 1
                continue
            made = _line(clip, parameters.version, pronunciation)
            if isinstance(made, Skipped):
                skipped.append(made)
                tell([made], context)
                continue
            ledger.record(clip.name, wanted, note=made)
            lines.append(made)
    context.progress(len(listed.clips), len(listed.clips), "clips")
    if not lines:
        raise nothing_left(f"No text in {parameters.labels} can be spoken.", skipped)
    write_text_lines(experiment.text_file, lines)
    context.artifact(experiment.text_file, "features")
    chinese = [clip.name for clip in listed.clips if clip.row.language == LANGUAGE]
    with_vectors = _vectors(parameters, chinese, context)
    written = [experiment.text_file, *([experiment.bert_folder] if with_vectors else [])]
    return StageResult(
        summary=f"The phones of {len(lines)} clips are in {experiment.text_file}.",
        artifacts=tuple(ArtifactRef(kind="features", path=str(path)) for path in written),
        skipped=tuple(skipped),
        numbers={"clips": len(lines), "unchanged": unchanged},
    )


def _vectors(parameters: TextFeaturesParameters, chinese: Sequence[str], context: Context) -> int:
    """Text features of the Chinese clips; how many have them."""
    workspace = Workspace(parameters.workspace.absolute())
    experiment = workspace.experiment(parameters.experiment)
    work = TextVectors(
        experiment=experiment,
        encoder=text_encoder_folder(workspace),
        device=parameters.device,
        context=context,
    )
    rows = read_text_rows(experiment.text_file)
    wanted = [rows[name] for name in chinese if name in rows]
    if wanted and not work.there:
        context.log(
            f"There is no Chinese text encoder: put {work.encoder.name} into {work.encoder.parent}, and the "
            "GPT will learn how Chinese sentences are said.",
            "warning",
        )
    made = 0
    with Ledger(experiment.folder / LEDGER) as ledger:
        for name in rows.keys() - set(chinese):
            work.forget(name, ledger)
        for number, row in enumerate(wanted):
            context.check_cancelled()
            context.progress(number, len(wanted), "Chinese texts")
            made += work.write(row, ledger)
    if made:
        context.progress(len(wanted), len(wanted), "Chinese texts")
        context.artifact(experiment.bert_folder, "features")
    return made


def _line(clip: LabelledClip, version: str, pronunciation: Pronunciation) -> str | Skipped:
    """The manifest's line of a clip, or why there is none."""
    place = f"Line {clip.row.line}"
    try:
        spoken = phonemize(clip.row.text, clip.row.language, version, pronunciation)
    except BadParameters as error:
        return Skipped(name=clip.name, reason=f"{place}: {error.message}")
    if not any(map(is_sound, spoken.phones)):
        return Skipped(name=clip.name, reason=f"{place}: nothing in its text can be spoken.")
    return TextRow(
        name=clip.name, phones=spoken.phones, word2ph=spoken.word2ph, norm_text=spoken.norm_text
    ).as_line()
