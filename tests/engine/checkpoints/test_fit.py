"""Which GPT goes with which SoVITS, told without loading either."""

from pathlib import Path

import pytest

from engine.checkpoints.fit import check_pair, require_kind
from engine.checkpoints.inspection import CheckpointInfo, ModelKind
from engine.checkpoints.reader import FileFormat
from engine.protocol.errors import BadCheckpoint
from engine.protocol.versions import VERSIONS

LATER = ("v2", "v3", "v4", "v2Pro", "v2ProPlus")


def described(name, kind, fits=(), **more):
    path = Path("用户 it's 名") / name
    return CheckpointInfo(
        path=path, format=FileFormat.TORCH_ZIP, **{"safe": True, **more}, kind=kind, fits=fits
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_gpt_speaks_with_the_versions_of_its_phone_table(version):
    right = ("v1",) if version == "v1" else LATER
    wrong = LATER if version == "v1" else ("v1",)
    sovits = described("声音.pth", ModelKind.SOVITS, (version,))
    assert check_pair(described("s1.ckpt", ModelKind.GPT, right), sovits) == (version,)
    with pytest.raises(BadCheckpoint) as caught:
        check_pair(described("s1.ckpt", ModelKind.GPT, wrong), sovits)
    for part in ("s1.ckpt", "声音.pth", version):
        assert part in caught.value.message
    assert version in caught.value.hint
    assert caught.value.message.count(". ") == 0


def test_a_file_that_may_be_either_goes_with_a_gpt_of_both():
    sovits = described("s2G.pth", ModelKind.SOVITS, ("v3", "v4"))
    assert check_pair(described("s1.ckpt", ModelKind.GPT, LATER), sovits) == ("v3", "v4")


def test_files_in_the_wrong_place_are_named_with_what_they_are():
    gpt = described("s1.ckpt", ModelKind.GPT, LATER)
    with pytest.raises(BadCheckpoint, match=r"s1\.ckpt holds GPT weights, not SoVITS weights"):
        check_pair(gpt, gpt)
    with pytest.raises(BadCheckpoint, match=r"other\.pth holds weights of another program, not GPT weights"):
        require_kind(described("other.pth", ModelKind.UNKNOWN), ModelKind.GPT)


def test_a_file_that_would_run_code_is_refused_here_too():
    evil = described("evil.pth", ModelKind.UNKNOWN, safe=False, refused=("os.system",))
    with pytest.raises(BadCheckpoint, match=r"evil\.pth was not opened.*os\.system"):
        require_kind(evil, ModelKind.SOVITS)
