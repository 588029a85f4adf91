import os

import pytest

from engine.cli import main
from engine.protocol.auditions import audition_folder, write_audition
from engine.protocol.errors import BadParameters
from engine.protocol.pruning import parse_size, plan_pruning, prune
from engine.protocol.versions import version
from engine.protocol.voices import VoiceCard, write_voice
from engine.protocol.workspace import Workspace
from tests.engine.protocol.test_auditions import report

V2 = version("v2")
SIZE = 1000


@pytest.fixture
def workspace(tmp_path):
    """Five saves of each kind, of 1000 bytes; another experiment's save beside them."""
    made = Workspace(tmp_path / "用户 it's 名")
    for folder, names in (
        (made.gpt_weights(V2), ["other-e1.ckpt", *(f"me-e{epoch}.ckpt" for epoch in range(1, 6))]),
        (made.sovits_weights(V2), [f"me_e{epoch}_s{epoch}.pth" for epoch in range(1, 6)]),
    ):
        folder.mkdir(parents=True)
        for age, name in enumerate(names):
            (folder / name).write_bytes(b"0" * SIZE)
            os.utime(folder / name, (1000 + age, 1000 + age))
    return made


def names(candidates):
    return [one.path.name for one in candidates]


def hear(workspace, sovits, gpt, error, similarity):
    experiment = workspace.experiment("me")
    folder = audition_folder(experiment, V2) / f"{sovits}_{gpt}"
    one = report(sovits, gpt, error, similarity)
    write_audition(folder, one)
    for line in one.lines:
        (folder / line.sound).write_bytes(b"")


def test_the_oldest_go_first_and_only_as_many_as_needed(workspace):
    plan = plan_pruning(workspace, "me", 8 * SIZE)
    assert len(plan.removed) == 2
    assert set(names(plan.removed)) == {"me-e1.ckpt", "me_e1_s1.pth"}
    assert plan.fits
    assert plan_pruning(workspace, "me", 10 * SIZE).removed == ()


def test_newest_recommended_best_and_voices_stay(workspace):
    hear(workspace, 2, 1, 0.05, 0.5)
    hear(workspace, 3, 3, 0.05, 0.8)
    hear(workspace, 4, 4, 0.30, 0.9)
    voice = workspace.voices / "v"
    for name in ("hubert", "r.wav"):
        (voice / name).mkdir(parents=True)
    card = VoiceCard(
        name="v",
        gpt="../../GPT_weights_v2/me-e2.ckpt",
        sovits="../../SoVITS_weights_v2/me_e5_s5.pth",
        content_encoder="hubert",
        reference="r.wav",
    )
    write_voice(voice, card)
    plan = plan_pruning(workspace, "me", 0)
    reasons = {one.path.name: one.reason for one in plan.kept}
    assert reasons["me-e5.ckpt"] == "the newest"
    assert reasons["me-e2.ckpt"] == reasons["me_e5_s5.pth"] == "a voice speaks with it"
    assert reasons["me_e3_s3.pth"] == "recommended"
    assert reasons["me-e4.ckpt"] == "the highest similarity"
    assert {"me-e1.ckpt", "me_e1_s1.pth"} >= set(names(plan.removed)) - {"me_e2_s2.pth"}
    assert not plan.fits
    assert "takes more than" in plan.text()


def test_nothing_goes_before_it_was_listed_and_wanted(workspace, capsys):
    asked = ["prune", "me", "--budget", "4kB", "--workspace", str(workspace.root)]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert said.count("remove  ") == 6
    assert "Nothing was removed" in said
    everything = {path for path in workspace.root.rglob("*") if path.is_file()}
    assert len(everything) == 11
    assert main([*asked, "--yes"]) == 0
    left = {path.name for path in workspace.root.rglob("*") if path.is_file()}
    assert left == {"other-e1.ckpt", "me-e4.ckpt", "me-e5.ckpt", "me_e4_s4.pth", "me_e5_s5.pth"}
    assert "6 removed" in capsys.readouterr().out


def test_a_plan_is_carried_out_as_it_was_listed(workspace):
    plan = plan_pruning(workspace, "me", 9 * SIZE)
    assert prune(plan) == tuple(one.path for one in plan.removed)
    assert prune(plan) == tuple(one.path for one in plan.removed)  # what is gone already is no fault


@pytest.mark.parametrize(("text", "size"), [("2GB", 2 * 10**9), ("1.5 mb", 1_500_000), ("700", 700)])
def test_sizes_are_read_as_people_write_them(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "2 GiB of", "-1"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(BadParameters):
        parse_size(text)


def test_a_mean_does_not_take_the_place_of_the_newest_save(workspace):
    mean = workspace.gpt_weights(V2) / "me-e5+4.ckpt"
    mean.write_bytes(b"0" * SIZE)
    plan = plan_pruning(workspace, "me", 0)
    assert set(names(plan.kept)) == {"me-e5.ckpt", "me_e5_s5.pth"}
    assert names(plan.removed)[-1] == mean.name
