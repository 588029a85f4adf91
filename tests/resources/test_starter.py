"""The starter voice's recipe: speech of even pace and pitch, and heads that look along it."""

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

from engine.models.gpt import Gpt
from engine.models.sovits import Sovits, load_sovits
from resources.starter.evaluate import errors, words
from resources.starter.lessons import (
    OFFSETS,
    likely_variants,
    look_along,
    phone_places,
    plain_phone,
    read_times,
    warm_cosine,
)
from resources.starter.steady import analyse, borders, even_hops, put_together, spoken_spans, write_even
from resources.starter.train import CODES, GPT, SOVITS, owners_of_codes, quietened, write_generator


def test_phones_of_all_programs_are_one():
    assert [plain_phone(one) for one in ("AH0", "ax", "ER1", "axr", ",", "pau", "dx")] == [
        "ah",
        "ah",
        "er",
        "er",
        "pau",
        "pau",
        "t",
    ]


def test_spoken_phones_find_their_places():
    wanted = ("HH", "EH1", "L", "OW0", ",", "DH", "EH1", "R", ".")
    spoken = ("pau", "hh", "ax", "l", "ow", "pau", "dh", "eh", "r", "pau")
    assert phone_places(wanted, spoken) == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_another_sentence_has_no_places():
    assert phone_places(("K", "AE1", "T", "."), ("pau", "d", "ao", "g", "z", "pau")) is None


def test_phones_end_where_they_are_wanted():
    times = [(0.1, "pau"), (0.2, "k"), (0.5, "ae"), (0.6, "t")]
    hops = even_hops(spoken_spans(times, [0, 0, 1, 2], 4), np.arange(5) * 0.08)
    assert [list(hops[start : start + 16]) for start in (0, 16, 32)] == [
        [round(200 * (0.1 + 0.1 * (step + 0.5) / 16)) for step in range(16)],
        [round(200 * (0.2 + 0.3 * (step + 0.5) / 16)) for step in range(16)],
        [round(200 * (0.5 + 0.1 * (step + 0.5) / 16)) for step in range(16)],
    ]
    assert set(hops[48:]) == {120}  # nobody spoke the fourth


def test_a_long_phone_takes_from_its_neighbours():
    phones = ("DH", "AY1", "DH", "AH0", "S", ".")
    ends = borders(phones)
    assert ends[0] == 0
    assert ends[-1] == pytest.approx(6 * 0.08)
    moved = ends - 0.08 * np.arange(7)
    assert np.abs(moved).max() <= 0.04
    assert moved[1] < -0.01  # "DH" ends early, "AY1" late
    assert moved[2] > 0.01
    assert borders(("AH0",)).tolist() == pytest.approx([0, 0.08])


def test_a_border_depends_on_what_is_near():
    ends = borders(("AH0", *["T"] * 10, "S", "AY1"))
    others = borders(("AY1", *["T"] * 10, "S", "AY1"))
    assert abs(ends[1] - others[1]) > 0.01
    assert np.abs(ends[9:] - others[9:]).max() < 0.002


def test_even_sound_keeps_its_level_and_has_one_pitch():
    seconds = np.arange(32000) / 32000
    wave = sum(np.sin(2 * np.pi * 130 * note * seconds) for note in range(1, 12)).astype(np.float32) / 30
    parts = analyse(wave)
    made = put_together(parts, np.arange(len(parts.power)))
    middle = made[9600:22400]
    assert parts.voiced[40:160].all()
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(np.sqrt(np.mean(wave**2)), rel=0.15)
    assert np.corrcoef(middle[:-640], middle[640:])[0, 1] > 0.95  # every frame of 20 ms is the same
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    peak_hz = spectrum[: len(spectrum) // 20].argmax() * 32000 / len(middle)
    assert peak_hz % 200 == pytest.approx(0, abs=5)


def test_an_even_clip_lasts_two_tokens_for_each_phone(tmp_path):
    recording, out = tmp_path / "用户 it's.wav", tmp_path / "even 名.wav"
    noise = np.random.default_rng(0).standard_normal(12160) * 0.1
    soundfile.write(recording, noise, 32000, subtype="PCM_16")
    recording.with_suffix(".lab").write_text("#\n0.08 100 k\n0.30 100 ae\n0.38 100 t\n", encoding="utf-8")
    assert write_even(recording, ("K", "AE1", "T"), out)
    assert soundfile.info(out).frames == 3 * 2560 + 640
    assert read_times(out.with_suffix(".lab")) == [(0.08, "k"), (0.16, "ae"), (0.24, "t")]
    assert not write_even(recording, ("D", "AO1", "G", "Z"), tmp_path / "other.wav")


def test_heads_look_at_the_phone_that_is_spoken():
    torch.manual_seed(0)
    model = Gpt(GPT).eval()
    look_along(model)
    phones, tokens = torch.randint(1, 300, (1, 60)), torch.randint(0, CODES, (1, 120))
    vectors = torch.cat((model._text(phones, torch.zeros(1, 32, 60)), model._tokens(tokens)), dim=1)
    attention = model.h.layers[0].self_attn
    queries, keys, _ = functional.linear(vectors, attention.in_proj_weight, attention.in_proj_bias).chunk(
        3, -1
    )
    for head, offset in enumerate(OFFSETS):
        part = slice(31 * head, 31 * head + 31)
        looks = (queries[0, 60:, part] @ keys[0, :, part].T).argmax(-1)
        wanted = (torch.arange(120) + 1) // 2 + offset
        inside = (wanted >= 0) & (wanted < 60)
        assert looks[inside].tolist() == wanted[inside].tolist()


def test_codes_belong_to_the_phone_they_stand_for_most_often():
    clips = [([0, 0, 1, *range(2, CODES)], ["t", "k", "t", *(["ae"] * (CODES - 2))]), ([0, 7], ["t", "oy"])]
    owners = owners_of_codes(clips)
    assert owners[:2] == ["t", "t"]
    assert {phone: owners.count(phone) for phone in ("k", "oy")} == {"k": 2, "oy": 2}
    assert owners[7] == "oy"


def test_a_variant_of_a_code_is_near_and_of_the_same_phone():
    places = torch.tensor([[0.0], [3.0], [1.0], [0.5], [12.0], [20.0]])
    likely = likely_variants(places, ["ah", "ah", "ah", "t", "t", "pau"])
    expected = torch.zeros(6, 6)
    expected[0, 2], expected[0, 1] = 2 / 3, 1 / 3
    expected[1, 2], expected[1, 0] = 2 / 3, 1 / 3
    expected[2, 0], expected[2, 1] = 2 / 3, 1 / 3
    expected[3, 4] = expected[4, 3] = expected[5, 5] = 1
    torch.testing.assert_close(likely, expected)


def test_packed_sound_keeps_what_fine_tuning_needs(tmp_path):
    model = Sovits(SOVITS)
    path = tmp_path / "用户 it's 名" / "s2G.pth"
    path.parent.mkdir()
    write_generator(path, quietened(model.state_dict()), "8epoch_200iteration")
    found = load_sovits(path, posterior=True)
    wide = SOVITS.latent_channels
    assert torch.allclose(found.enc_q.pre.weight, model.enc_q.pre.weight, atol=1e-3)
    assert torch.allclose(found.enc_q.proj.bias[:wide], model.enc_q.proj.bias[:wide], atol=1e-3)
    assert torch.allclose(found.enc_q.proj.bias[wide:], model.enc_q.proj.bias[wide:] - 2.3026, atol=2e-3)


def test_rate_rises_and_falls():
    assert [round(warm_cosine(step, 1060), 2) for step in (0, 59, 60, 560, 1060, 2000)] == [
        0.02,
        1.0,
        1.0,
        0.51,
        0.02,
        0.02,
    ]


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [("One two three.", "one two three", 0), ("One two three.", "one too", 2), ("One.", "", 1)],
)
def test_word_errors(said, heard, wrong):
    assert errors(words(said), words(heard)) == wrong
