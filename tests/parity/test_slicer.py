"""The slicer and the training copy against the stored cases."""

import hashlib

import numpy as np
import pytest

from engine.audio.levels import level, to_pcm16, training_copy
from engine.audio.slicer import SilenceRules, slice_at_silence
from engine.protocol.errors import BadAudio, BadParameters
from tests.parity.kit.cases import text_records
from tests.parity.kit.signals import RATE_HZ, build_signal, fingerprint

RECORDS = {record["id"]: record for record in text_records("slicer.jsonl")}

# Where we do better on purpose: the case, and what comes instead of the original's crash.
DEVIATIONS = {
    "sl055": "a recording of a few samples is one clip",
    "sl058": "a recording of a few samples is one clip",
}
# Their training copies: samples beyond full scale clip, where the original lets them wrap.
CLIPPED = {"loud"}


def rules_of(record):
    given = record["params"]
    return SilenceRules(
        threshold_db=given["threshold"],
        min_length_ms=given["min_length"],
        min_interval_ms=given["min_interval"],
        hop_ms=given["hop_size"],
        max_silence_ms=given["max_sil_kept"],
    )


def digest(pcm):
    return hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()


def test_the_cases_are_all_there():
    assert len(RECORDS) == 74
    assert set(DEVIATIONS) <= set(RECORDS)


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if "slices" in record])
def test_clips_are_the_stored_ones(name):
    record = RECORDS[name]
    wave = build_signal(record["signal"])
    assert fingerprint(wave) == record["signal_sha256"]
    clips = slice_at_silence(wave, RATE_HZ, rules_of(record))
    assert [(c.start, c.end, len(c.samples)) for c in clips] == [
        (s["start"], s["end"], s["n"]) for s in record["slices"]
    ]
    for clip, stored in zip(clips, record["slices"], strict=True):
        pcm = to_pcm16(level(clip.samples, record["params"]["_max"], record["params"]["alpha"]))
        assert int(np.abs(pcm.astype(np.int64)).sum()) == stored["sum_abs"]
        assert digest(pcm) == stored["sha256_int16"]


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if "error" in record])
def test_what_the_original_fails_on(name):
    record = RECORDS[name]
    wave = build_signal(record["signal"])
    if name in DEVIATIONS:
        (clip,) = slice_at_silence(wave, RATE_HZ, rules_of(record))
        assert np.array_equal(clip.samples, wave)
        return
    with pytest.raises(BadParameters):
        slice_at_silence(wave, RATE_HZ, rules_of(record))


def test_training_copies_are_the_stored_ones():
    seen = set()
    for record in RECORDS.values():
        if record["signal_sha256"] in seen:
            continue
        seen.add(record["signal_sha256"])
        wave = build_signal(record["signal"])
        stored = record["train_wav32k"]
        if stored.get("filtered") or record["signal_name"] == "digital_silence":
            with pytest.raises(BadAudio):
                training_copy(wave)
            continue
        copy = training_copy(wave)
        pcm = copy.pcm
        assert len(pcm) == stored["n"]
        if record["signal_name"] in CLIPPED:
            beyond = np.abs(copy.mixed) >= 1
            assert beyond.any()
            assert set(pcm[beyond].tolist()) <= {32767, -32768}
            pcm = (copy.mixed * np.float32(32768)).astype(np.int64).astype(np.int16)
        assert digest(pcm) == stored["sha256_int16"], record["id"]
    assert len(seen) > 10
