"""Sound in parts: what is heard of each, and what it knows of the ones before."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.infer.decoder import Prompt, mean_timbre
from engine.infer.options import SoundOptions
from engine.infer.wave_decoder import OVERLAP_TOKENS, WaveDecoder
from engine.models.sovits import load_sovits
from engine.protocol.versions import version

CALM = SoundOptions(noise_scale=0.0)
TOKENS = [int(token) for token in torch.randint(0, 32, (40,), generator=torch.Generator().manual_seed(2))]
PHONES = torch.arange(1, 20)


@pytest.fixture(scope="module")
def decoder(voice):
    return WaveDecoder(load_sovits(voice.sovits), version("v2"))


@pytest.fixture(scope="module")
def prompt(decoder):
    heard = decoder.listen(np.sin(np.arange(64000) * 0.02).astype(np.float32))
    return Prompt(timbre=mean_timbre([heard]), tokens=torch.zeros(0, dtype=torch.long), words=None)


def _stream(decoder, prompt, lengths, options=CALM):
    starts = np.cumsum([0, *lengths])
    parts = [TOKENS[a:b] for a, b in pairwise(starts)]
    return list(decoder.stream(parts, PHONES, prompt, options, torch.Generator()))


def _whole(decoder, prompt, options=CALM):
    return decoder.decode(TOKENS, PHONES, prompt, options, torch.Generator())


def test_one_part_is_the_whole(decoder, prompt):
    made = np.concatenate(_stream(decoder, prompt, [40]))
    np.testing.assert_allclose(made, _whole(decoder, prompt), atol=1e-5)


@pytest.mark.parametrize("lengths", [(16, 16, 8), (2, 2, 3, 33), (39, 1), (4,) * 10])
def test_parts_of_any_length_are_all_of_it(decoder, prompt, lengths):
    chunks = _stream(decoder, prompt, lengths)
    assert len(chunks) == len(lengths) + 1
    missing = 40 * 1280 - sum(map(len, chunks))
    assert 0 <= missing <= 320 * len(lengths)


def test_what_is_held_back_is_what_parts_share(decoder, prompt):
    first = _stream(decoder, prompt, [16, 24])[0]
    assert len(first) == (16 - OVERLAP_TOKENS) * 1280


def test_the_end_of_a_part_sounds_as_in_the_whole(decoder, prompt):
    made, whole = np.concatenate(_stream(decoder, prompt, [20, 20])), _whole(decoder, prompt)
    np.testing.assert_allclose(made[-6400:], whole[-6400:], atol=2e-3)


def test_a_mean_voice_lies_between(decoder):
    low, high = (decoder.listen(np.sin(np.arange(64000) * step).astype(np.float32)) for step in (0.02, 0.3))
    both = mean_timbre([low, high])
    torch.testing.assert_close(both.style, (low.style + high.style) / 2)
    assert mean_timbre([low]).style.equal(low.style)
