"""Which clips the GPT learns from, and how they become tensors."""

from itertools import pairwise

import pytest
import torch

from engine.protocol.errors import BadLabels, BadParameters, NothingToDo
from engine.protocol.stages.training import RejectedKind
from engine.protocol.versions import version
from engine.protocol.workspace import Experiment
from engine.text.symbols import phone_ids
from engine.train.gpt_data import GptItem, gpt_batch, gpt_items, rejected_sequences
from tests.engine.train.experiments import GPT_SIZES

V2 = version("v2")


@pytest.fixture
def experiment(tmp_path):
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    return Experiment(folder)


def write(experiment, rows):
    """rows: name -> (phones, tokens); None leaves a clip out of that file."""
    texts = {name: count for name, (count, _) in rows.items() if count is not None}
    tokens = {name: count for name, (_, count) in rows.items() if count is not None}
    lines = [f"{name}\t{' '.join(['AH0'] * count)}\tNone\twords" for name, count in texts.items()]
    experiment.text_file.write_text("\n".join([*lines, "a broken line", ""]), encoding="utf-8")
    lines = [f"{name}\t{' '.join(['3'] * count)}" for name, count in tokens.items()]
    experiment.semantic_file.write_text(
        "\n".join(["item_name\tsemantic_audio", *lines, ""]), encoding="utf-8"
    )


def reasons(experiment):
    items, skipped = gpt_items(experiment, V2, GPT_SIZES)
    return [item.name for item in items], {one.name: one.reason for one in skipped}


def test_every_clip_left_out_has_its_reason(experiment):
    write(
        experiment,
        {
            "good.wav": (20, 50),
            "slowest.wav": (6, 50),
            "fastest.wav": (50, 50),
            "too slow.wav": (5, 50),
            "too fast.wav": (51, 50),
            "too long.wav": (200, 54 * 25 + 1),
            "longest.wav": (200, 54 * 25),
            "wordy.wav": (541, 1000),
            "no text.wav": (None, 50),
            "no tokens.wav": (20, None),
            "empty.wav": (20, 0),
        },
    )
    names, left_out = reasons(experiment)
    assert names == ["good.wav", "slowest.wav", "fastest.wav", "longest.wav"]
    assert set(left_out) == {
        "too slow.wav",
        "too fast.wav",
        "too long.wav",
        "wordy.wav",
        "no text.wav",
        "no tokens.wav",
        "empty.wav",
    }
    assert "5 phones in 2.0 s" in left_out["too slow.wav"]
    assert "54 s" in left_out["too long.wav"]
    assert "541 phones" in left_out["wordy.wav"]
    assert "1a" in left_out["no text.wav"]
    assert "1c" in left_out["no tokens.wav"]


def test_nothing_left_tells_why(experiment):
    write(experiment, {"a.wav": (5, 50)})
    with pytest.raises(NothingToDo, match=r"a\.wav.*does not fit"):
        reasons(experiment)


def test_tokens_of_another_codebook_are_named(experiment):
    write(experiment, {"a.wav": (20, 50)})
    text = experiment.semantic_file.read_text(encoding="utf-8")
    experiment.semantic_file.write_text(text.replace("3", "32"), encoding="utf-8")
    with pytest.raises(BadParameters, match=r"a\.wav has the semantic token 32"):
        reasons(experiment)


def test_broken_tokens_name_the_line(experiment):
    write(experiment, {"a.wav": (20, 50)})
    with experiment.semantic_file.open("a", encoding="utf-8") as stream:
        stream.write("b.wav\t1 2 x\n")
    with pytest.raises(BadLabels, match="Line 3"):
        reasons(experiment)


def item(phones, tokens, bert=None):
    return GptItem(name="a", phones=tuple(phones), tokens=tuple(tokens), seconds=1.0, bert=bert)


def test_padding_and_features(experiment):
    path = experiment.folder / "说.pt"
    torch.save(torch.full((8, 2), 5.0).half(), path)
    batch = gpt_batch([item([5, 6, 7], [1]), item([8, 9], [2, 3, 4], path)], GPT_SIZES)
    assert batch.phones.tolist() == [[5, 6, 7], [8, 9, 0]]
    assert batch.semantic.tolist() == [[1, 32, 32], [2, 3, 4]]
    assert batch.phones_len.tolist() == [3, 2]
    assert batch.semantic_len.tolist() == [1, 3]
    assert batch.bert.shape == (2, 8, 3)
    assert batch.bert[0].abs().sum() == 0
    assert batch.bert[1].tolist() == [[5.0, 5.0, 0.0]] * 8
    assert (batch.targets, batch.own_targets) == (8, 6)


def test_features_of_other_text_are_named(experiment):
    path = experiment.folder / "a.pt"
    torch.save(torch.zeros(8, 3), path)
    with pytest.raises(BadLabels, match=r"\[8, 3\]; needed are \[8, 2\]"):
        gpt_batch([item([1, 2], [1], path)], GPT_SIZES)


def test_rejected_sequences_repeat_or_leave_out_a_stretch():
    batch = gpt_batch([item([1], range(20)), item([1], range(7))], GPT_SIZES)
    torch.manual_seed(0)
    longer = shorter = 0
    for _ in range(40):
        made = rejected_sequences(batch, 32, torch.device("cpu"))
        for row, length, full in zip(made.semantic.tolist(), made.lengths.tolist(), (20, 7), strict=True):
            true, rest = row[:length], row[length:]
            assert set(rest) <= {32}
            steps = [b - a for a, b in pairwise(true)]
            assert sum(step != 1 for step in steps) <= 1
            assert set(true) <= set(range(full))
            longer += length > full
            shorter += length < full
    assert longer > 15
    assert shorter > 15


def test_rejected_sequences_of_the_original_always_repeat_and_may_do_so_in_the_padding():
    batch = gpt_batch([item([1], range(20)), item([1], range(7))], GPT_SIZES)
    torch.manual_seed(0)
    made = [rejected_sequences(batch, 32, torch.device("cpu"), RejectedKind.ORIGINAL) for _ in range(20)]
    assert all(int(one.lengths.min()) >= 20 for one in made)
    repeated = [
        row[:length].tolist() for one in made for row, length in zip(one.semantic, one.lengths, strict=True)
    ]
    assert max(map(len, repeated)) > 25
    assert all(row[-1] in (19, 32) for row in repeated)  # the row's end stays, as its padding does


def test_phones_get_the_table_of_their_version(experiment):
    write(experiment, {"a.wav": (20, 50)})
    items, _ = gpt_items(experiment, V2, GPT_SIZES)
    assert items[0].phones == phone_ids(["AH0"] * 20, "v2")
    assert items[0].seconds == 2.0
