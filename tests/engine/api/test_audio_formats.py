import io
import wave

import av
import numpy as np
import pytest

from engine.api.audio_formats import (
    API_V2_FORMATS,
    OPENAI_FORMATS,
    encode_whole,
    find_format,
    make_encoder,
)
from engine.protocol.errors import BadParameters

RATE_HZ = 32000


def tone(seconds=1.0, hz=440.0):
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (8000 * np.sin(2 * np.pi * hz * time)).astype("<i2").tobytes()


def decoded(data, format_name):
    with av.open(io.BytesIO(data), format=format_name) as container:
        frames = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
        rate_hz = container.streams.audio[0].rate
    return np.concatenate(frames).astype(np.float64), rate_hz


def loudest_hz(samples, rate_hz):
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(samples.size, 1 / rate_hz)[spectrum.argmax()])


@pytest.mark.parametrize(
    ("name", "container"), [("mp3", "mp3"), ("opus", "ogg"), ("aac", "aac"), ("flac", "flac"), ("wav", "wav")]
)
def test_every_format_holds_the_tone_piece_by_piece(name, container):
    wanted = OPENAI_FORMATS[name]
    encoder = make_encoder(wanted, RATE_HZ)
    pcm = tone()
    parts = [encoder.push(pcm[start : start + 6400]) for start in range(0, len(pcm), 6400)]
    samples, rate_hz = decoded(b"".join(parts) + encoder.finish(), container)
    assert abs(samples.size / rate_hz - 1.0) < 0.1
    assert abs(loudest_hz(samples, rate_hz) - 440) < 5
    assert sum(map(bool, parts[:5])) >= 2  # sound leaves before the end


def test_whole_sound_is_what_was_given():
    with wave.open(io.BytesIO(encode_whole(API_V2_FORMATS["wav"], tone(), RATE_HZ))) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE_HZ, RATE_HZ)
        assert file.readframes(RATE_HZ) == tone()
    assert encode_whole(API_V2_FORMATS["raw"], tone(), RATE_HZ) == tone()
    samples, _ = decoded(encode_whole(OPENAI_FORMATS["flac"], tone(), RATE_HZ), "flac")
    assert np.array_equal(samples, np.frombuffer(tone(), "<i2"))


def test_openais_samples_are_at_their_rate():
    encoder = make_encoder(OPENAI_FORMATS["pcm"], RATE_HZ)
    data = b"".join(encoder.push(tone(0.1)) for _ in range(10)) + encoder.finish()
    assert abs(len(data) // 2 - 24000) <= 2
    assert abs(loudest_hz(np.frombuffer(data, "<i2"), 24000) - 440) < 5


def test_an_unknown_format_is_named():
    with pytest.raises(BadParameters, match="'wma'"):
        find_format("wma", OPENAI_FORMATS)
