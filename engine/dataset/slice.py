"""The stage `slice`: long recordings become clips, cut at their pauses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.audio.io import read_audio, write_wav
from engine.audio.levels import level
from engine.audio.slicer import Clip, SilenceRules, limit_lengths, slice_at_silence
from engine.corpus.ledger import Ledger, file_mark, fingerprint
from engine.dataset.file_work import looked_at, tell
from engine.dataset.sources import find_sounds
from engine.protocol.context import Context
from engine.protocol.errors import BadAudio, EngineError, MissingFile, OutOfSpace
from engine.protocol.files import remove_parts
from engine.protocol.results import ArtifactRef, Skipped, StageResult
from engine.protocol.sources import told
from engine.protocol.stages.dataset import SliceParameters

RATE_HZ: Final = 32000
_WAV_HEAD_BYTES: Final = 44
STATE: Final = "slice_state.json"


def run(parameters: SliceParameters, context: Context) -> StageResult:
    """Cuts a recording, every recording of a folder, or several of either.

    A recording that was cut with the same parameters before is left as it is; one that was cut
    with others gets new clips in place of the old ones.

    Raises:
        MissingFile: the input is not there.
        NothingToDo: there is no recording.
        BadAudio: no clip came out of any recording.
        BadParameters: the lengths do not fit together.
        OutOfSpace: a clip cannot be written.
        Cancelled: the user asked to stop; clips that are written stay.
    """
    _rules(parameters).check()
    sources = find_sounds(parameters.input)
    output = parameters.output.absolute()
    remove_parts(output)
    tell(sources.faults, context)
    known, unreadable = looked_at(sources.files, context)
    tally = _Tally(total_s=sum(info.duration_s for info in known.values()))
    tally.failures += [*sources.faults, *unreadable.items()]
    with Ledger(output / STATE) as ledger:
        for source, info in known.items():
            context.check_cancelled()
            context.progress(tally.done_s, tally.total_s, "s")
            try:
                _one(source, output, parameters, ledger, context, tally)
            except (BadAudio, MissingFile) as error:
                context.log(error.message, "warning")
                tally.failures.append((source, error))
            tally.done_s += info.duration_s
    context.progress(tally.total_s, tally.total_s, "s")
    if not tally.clips:
        raise _nothing_came_out(tally, parameters)
    return _result(tally, output)


@dataclass(slots=True)
class _Tally:
    """What has come out so far."""

    total_s: float
    done_s: float = 0.0
    sources: int = 0
    unchanged: int = 0
    clips: list[Path] = field(default_factory=list)
    failures: list[tuple[Path, EngineError]] = field(default_factory=list)


def _rules(parameters: SliceParameters) -> SilenceRules:
    return SilenceRules(
        threshold_db=parameters.threshold_db,
        min_length_ms=parameters.min_length_ms,
        min_interval_ms=parameters.min_interval_ms,
        hop_ms=parameters.hop_ms,
        max_silence_ms=parameters.max_silence_ms,
    )


def _one(
    source: Path,
    output: Path,
    parameters: SliceParameters,
    ledger: Ledger,
    context: Context,
    tally: _Tally,
) -> None:
    """Cuts one recording, unless that was done before."""
    key = str(source)
    wanted = fingerprint(file_mark(source), parameters.model_dump_json(exclude={"input", "output"}))
    known = ledger.entry(key)
    if known is not None and known.outputs and ledger.done(key, wanted):
        clips = [output / name for name in known.outputs]
        tally.unchanged += 1
    else:
        old = dict(known.outputs) if known else {}
        ledger.forget(key)
        clips = list(_write_clips(source, output, parameters, context, tally))
        _remove_stale(output, old, {clip.name for clip in clips}, context)
        ledger.record(key, wanted, clips)
    tally.sources += 1
    tally.clips += clips


def _write_clips(
    source: Path, output: Path, parameters: SliceParameters, context: Context, tally: _Tally
) -> Iterator[Path]:
    samples = read_audio(source, RATE_HZ, lambda text: context.log(text, "warning"))
    context.check_cancelled()
    if samples.size * 1000 < RATE_HZ * parameters.hop_ms:
        raise BadAudio(
            f"{source} is too short: {samples.size / RATE_HZ:.4f} s.",
            hint="Record it again, or leave it out.",
        )
    clips = slice_at_silence(samples, RATE_HZ, _rules(parameters))
    if not clips:
        raise BadAudio(
            f"{source} holds nothing louder than {parameters.threshold_db:g} dB.",
            hint="Lower the silence threshold if there is speech in it.",
        )
    for clip in limit_lengths(clips, RATE_HZ, parameters.max_length_ms, parameters.hop_ms):
        context.check_cancelled()
        path = output / clip_name(source, clip)
        levelled = level(clip.samples, parameters.peak, parameters.mix, once=parameters.level_once)
        write_wav(path, levelled, RATE_HZ)
        context.artifact(path, "clip")
        context.progress(min(tally.done_s + clip.end / RATE_HZ, tally.total_s), tally.total_s, "s")
        yield path


def clip_name(source: Path, clip: Clip) -> str:
    """Name of a clip: the recording's own, then first and last sample at 32 kHz."""
    return f"{source.name}_{clip.start:010d}_{clip.end:010d}.wav"


def _remove_stale(output: Path, old: dict[str, int], kept: set[str], context: Context) -> None:
    """Removes the clips of an earlier cut of the same recording, unless they were changed since."""
    for name, size in old.items():
        path = output / name
        if name in kept or not path.is_file() or path.stat().st_size != size:
            continue
        try:
            path.unlink()
        except OSError as error:
            raise OutOfSpace(
                f"The old clip {path} cannot be removed.",
                hint="Close other programs that use it.",
                detail=str(error),
            ) from error
        context.log(f"Removed {name}, a clip of an earlier cut.")


def _nothing_came_out(tally: _Tally, parameters: SliceParameters) -> EngineError:
    if len(tally.failures) == 1:
        return tally.failures[0][1]
    return BadAudio(
        f"No clip came out of any of the {len(tally.failures)} recordings in {told(parameters.input)}.",
        hint=tally.failures[0][1].hint,
        detail="\n".join(error.message for _, error in tally.failures),
    )


def _result(tally: _Tally, output: Path) -> StageResult:
    seconds = sum((clip.stat().st_size - _WAV_HEAD_BYTES) / 2 / RATE_HZ for clip in tally.clips)
    summary = f"{len(tally.clips)} clips ({seconds:.0f} s) from {_count(tally.sources)} are in {output}."
    if tally.unchanged:
        summary += f" {_count(tally.unchanged)} of them had been cut before and did not change."
    return StageResult(
        summary=summary,
        artifacts=(
            ArtifactRef(kind="clips", path=str(output)),
            *(ArtifactRef(kind="clip", path=str(clip)) for clip in tally.clips),
        ),
        skipped=tuple(Skipped(name=str(path), reason=error.message) for path, error in tally.failures),
        numbers={"clips": len(tally.clips), "seconds": round(seconds, 3), "unchanged": tally.unchanged},
    )


def _count(recordings: int) -> str:
    return f"{recordings} recording" if recordings == 1 else f"{recordings} recordings"
