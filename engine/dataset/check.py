"""The stage `check`: what training would leave out of a label file, and what would hurt it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

from engine.audio.io import read_audio
from engine.audio.levels import MAX_TRAINING_PEAK
from engine.audio.quality import Quality, measure
from engine.corpus.ledger import Ledger, file_mark, fingerprint
from engine.corpus.limits import LONGEST_MEL_S, LONGEST_S, PHONES_PER_SECOND, SHORTEST_S, TOKENS_PER_PHONE
from engine.dataset.clips import LabelledClip, labelled_clips
from engine.dataset.speaker_outliers import SpeakerCheck
from engine.protocol.checkup import Checkup, Finding, Remedy, Rule, checkup_beside, write_checkup
from engine.protocol.context import Context
from engine.protocol.errors import BadAudio, BadParameters, MissingFile, NothingToDo
from engine.protocol.label_list import read_labels
from engine.protocol.results import ArtifactRef, StageResult
from engine.protocol.stages.dataset import CheckParameters
from engine.protocol.transcripts import Transcript, read_transcripts, transcripts_beside
from engine.protocol.versions import TOKENS_PER_SECOND, Decoder
from engine.protocol.versions import version as model_version
from engine.protocol.workspace import Workspace
from engine.text.dictionary import Pronunciation, pronunciation_of
from engine.text.frontend import phonemize
from engine.text.symbols import is_sound

RATE_HZ: Final = 32000
QUIETEST_DB: Final = -45.0
"""Speech below this is mostly noise of the recorder."""
SILENT_DB: Final = -65.0
FEWEST_DB: Final = 15.0
"""Speech that stands less above its noise teaches the noise."""
MOST_CLIPPED: Final = 0.001
LEAST_ALIKE: Final = 0.6
"""Below this share of common characters, label and recognised text are of different sentences."""

_FOUND: Final = {
    Rule.MISSING: (True, Remedy.FIND),
    Rule.UNREADABLE: (True, Remedy.RECORD),
    Rule.TOO_SHORT: (True, Remedy.JOIN),
    Rule.TOO_LONG: (True, Remedy.SPLIT),
    Rule.SILENT: (True, Remedy.LEAVE_OUT),
    Rule.QUIET: (False, Remedy.RECORD),
    Rule.CLIPPED: (False, Remedy.RECORD),
    Rule.NOISY: (False, Remedy.DENOISE),
    Rule.NO_WORDS: (True, Remedy.CORRECT),
    Rule.PACE: (True, Remedy.CORRECT),
    Rule.TEXT_DIFFERS: (False, Remedy.CORRECT),
    Rule.OTHER_SPEAKER: (False, Remedy.LEAVE_OUT),
    Rule.SAME_NAME: (True, Remedy.RENAME),
}
"""Whether training leaves such a clip out, and what can be done."""


def run(parameters: CheckParameters, context: Context) -> StageResult:
    """Looks at every clip of a label file and writes what was found beside it.

    Raises:
        MissingFile: there is no label file.
        BadLabels: it is not UTF-8 text.
        NothingToDo: nothing would be left to train with; the findings are written all the same.
        BadCheckpoint: the speaker encoder is damaged.
        OutOfSpace: the findings cannot be written.
        Cancelled: the user asked to stop.
    """
    labels, workspace = parameters.labels.absolute(), parameters.workspace.absolute()
    listed = labelled_clips(labels, workspace)
    work = _Check(
        version=parameters.version,
        pronunciation=pronunciation_of(workspace),
        heard=read_transcripts(transcripts_beside(labels)),
        speakers=SpeakerCheck.of(Workspace(workspace), context),
    )
    names = {clip.row.line for clip in listed.clips}
    with Ledger(labels.with_name(f"{labels.name}.check.state.json")) as ledger:
        for number, clip in enumerate(listed.clips):
            context.check_cancelled()
            context.progress(number, len(listed.clips), "clips")
            work.look(clip, ledger, context)
    context.progress(len(listed.clips), len(listed.clips), "clips")
    work.findings += _of_same_name(labels, names)
    found = work.checkup(len(listed.clips), [f"{one.name}: {one.reason}" for one in listed.skipped])
    path = checkup_beside(labels)
    write_checkup(path, found)
    context.artifact(path, "findings")
    if found.kept_s <= 0:
        raise NothingToDo(
            f"Training could use none of the {found.clips} clips in {labels.name}: {_commonest(found)}.",
            hint="See what the Label page says of each clip.",
            detail="\n".join(f"{one.clip}: {one.rule.value}, {one.measured}" for one in found.findings),
        )
    return _result(found, path)


@dataclass(slots=True, kw_only=True)
class _Check:
    """The clips that were looked at so far."""

    version: str
    pronunciation: Pronunciation
    heard: dict[str, Transcript]
    speakers: SpeakerCheck
    findings: list[Finding] = field(default_factory=list)
    lengths: dict[int, float] = field(default_factory=dict)

    def look(self, clip: LabelledClip, ledger: Ledger, context: Context) -> None:
        """Looks at one clip; its sound is only read when its file is another one."""
        quality = self._quality(clip, ledger, context)
        if quality is None:
            return
        self.lengths[clip.row.line] = quality.seconds
        for rule, measured, limit in (
            *self._sound(quality),
            *self._words(clip, quality.seconds),
            *self._said(clip),
        ):
            self._note(clip, rule, measured, limit)

    def checkup(self, clips: int, unusable: list[str]) -> Checkup:
        """Everything together."""
        self.findings += [
            _finding(clip, line, Rule.OTHER_SPEAKER, measured, limit)
            for line, clip, measured, limit in self.speakers.outliers()
        ]
        dropped = {one.line for one in self.findings if one.drops}
        kept_s = sum(seconds for line, seconds in self.lengths.items() if line not in dropped)
        return Checkup(
            version=self.version,
            clips=clips,
            kept_s=round(kept_s, 3),
            dropped_s=round(sum(self.lengths.values()) - kept_s, 3),
            findings=tuple(sorted(self.findings, key=lambda one: (one.line, one.rule))),
            not_checked=(*self.speakers.not_checked, *unusable),
        )

    def _note(self, clip: LabelledClip, rule: Rule, measured: str, limit: str) -> None:
        self.findings.append(_finding(clip.row.path, clip.row.line, rule, measured, limit))

    def _quality(self, clip: LabelledClip, ledger: Ledger, context: Context) -> Quality | None:
        if not clip.path.is_file():
            self._note(clip, Rule.MISSING, str(clip.path), "a file")
            return None
        mark = fingerprint(file_mark(clip.path), self.speakers.mark)
        known = ledger.entry(clip.row.path)
        if known is not None and known.note and ledger.done(clip.row.path, mark):
            noted = json.loads(known.note)
            self.speakers.take(clip.row, noted.pop("voice", None))
            return Quality(**noted)
        try:
            samples = read_audio(clip.path, RATE_HZ, lambda text: context.log(text, "warning"))
        except (BadAudio, MissingFile) as error:
            self._note(clip, Rule.UNREADABLE, error.message, "a sound file")
            return None
        quality = measure(samples, RATE_HZ)
        voice = self.speakers.listen(clip.row, samples, RATE_HZ)
        ledger.record(clip.row.path, mark, note=json.dumps({**asdict(quality), "voice": voice}))
        return quality

    def _sound(self, quality: Quality) -> Iterator[tuple[Rule, str, str]]:
        mel = model_version(self.version).decoder is Decoder.MEL
        longest = LONGEST_MEL_S if mel else LONGEST_S
        if quality.seconds <= SHORTEST_S:
            yield Rule.TOO_SHORT, f"{quality.seconds:.2f} s", f"more than {SHORTEST_S:g} s"
        elif quality.seconds >= longest:
            yield Rule.TOO_LONG, f"{quality.seconds:.1f} s", f"less than {longest:g} s"
        if quality.speech_db < SILENT_DB:
            yield Rule.SILENT, f"{quality.speech_db:.0f} dB", f"at least {SILENT_DB:g} dB"
            return
        if quality.peak > MAX_TRAINING_PEAK:
            yield Rule.UNREADABLE, f"peak {quality.peak:.1f}", f"at most {MAX_TRAINING_PEAK:g}"
        if quality.speech_db < QUIETEST_DB:
            yield Rule.QUIET, f"{quality.speech_db:.0f} dB", f"at least {QUIETEST_DB:g} dB"
        if quality.clipped > MOST_CLIPPED:
            yield Rule.CLIPPED, f"{quality.clipped:.2%} of the samples", f"at most {MOST_CLIPPED:.1%}"
        if quality.snr_db < FEWEST_DB:
            yield Rule.NOISY, f"{quality.snr_db:.0f} dB above the noise", f"at least {FEWEST_DB:g} dB"

    def _words(self, clip: LabelledClip, seconds: float) -> Iterator[tuple[Rule, str, str]]:
        row = clip.row
        try:
            phones = phonemize(row.text, row.language, self.version, self.pronunciation).phones
        except BadParameters as error:
            yield Rule.NO_WORDS, error.message, "a language of this version"
            return
        count = len(phones)
        if not any(is_sound(phone) for phone in phones):
            yield Rule.NO_WORDS, repr(row.text[:40]), "words"
        elif count > LONGEST_S * TOKENS_PER_SECOND / TOKENS_PER_PHONE:
            most = LONGEST_S * TOKENS_PER_SECOND / TOKENS_PER_PHONE
            yield Rule.PACE, f"{count} phones", f"at most {most:.0f}"
        elif seconds > SHORTEST_S:
            slowest, fastest = PHONES_PER_SECOND
            pace = count / (int(seconds * TOKENS_PER_SECOND) / TOKENS_PER_SECOND)
            if not slowest <= pace <= fastest:
                yield Rule.PACE, f"{pace:.1f} phones a second", f"{slowest:g} to {fastest:g}"

    def _said(self, clip: LabelledClip) -> Iterator[tuple[Rule, str, str]]:
        heard = self.heard.get(clip.name)
        if heard is None:
            return
        label, recognised = _letters(clip.row.text), _letters(heard.text)
        alike = SequenceMatcher(None, label, recognised, autojunk=False).ratio()
        if alike < LEAST_ALIKE:
            yield Rule.TEXT_DIFFERS, f"heard {heard.text[:60]!r}", f"at least {LEAST_ALIKE:.0%} alike"


def _finding(clip: str, line: int, rule: Rule, measured: str, limit: str) -> Finding:
    drops, remedy = _FOUND[rule]
    return Finding(
        clip=clip, line=line, rule=rule, measured=measured, limit=limit, drops=drops, remedy=remedy
    )


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum())


def _of_same_name(labels: Path, lines: set[int]) -> list[Finding]:
    """Rows that name a clip of a name that was there before: the later one is left out."""
    return [
        _finding(row.path, row.line, Rule.SAME_NAME, row.name, "a name of its own")
        for row in read_labels(labels).rows
        if row.line not in lines
    ]


def _commonest(found: Checkup) -> str:
    rules = [one.rule.value for one in found.findings if one.drops]
    if not rules:
        return "there is no sound in them"
    counts = {rule: rules.count(rule) for rule in dict.fromkeys(rules)}
    return ", ".join(f"{count} × {rule}" for rule, count in sorted(counts.items(), key=lambda pair: -pair[1]))


def _result(found: Checkup, path: Path) -> StageResult:
    dropped = len({one.line for one in found.findings if one.drops})
    hurt = len({one.line for one in found.findings if not one.drops})
    return StageResult(
        summary=(
            f"Training can use {found.kept_s / 60:.1f} minutes in {found.clips - dropped} of {found.clips} "
            f"clips; {dropped} would be left out, {hurt} would hurt."
        ),
        artifacts=(ArtifactRef(kind="findings", path=str(path)),),
        numbers={
            "clips": found.clips,
            "dropped": dropped,
            "hurting": hurt,
            "minutes": round(found.kept_s / 60, 3),
        },
    )
