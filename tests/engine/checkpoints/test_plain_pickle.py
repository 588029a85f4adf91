"""Pickles read as data: the same values as Python's own reader gives, and nothing called."""

import pickle
from collections import OrderedDict
from pathlib import PurePosixPath

import pytest

from engine.checkpoints.plain_pickle import MAX_STEPS, Malformed, read_pickle

_VALUES = [
    None,
    True,
    False,
    0,
    -1,
    255,
    65536,
    -(2**40),
    2**100,
    0.0,
    -1.5,
    "",
    "text",
    "用户 it's 名\n",
    "x" * 300,
    [],
    [1, [2, [3]]],
    (),
    (1,),
    (1, 2),
    (1, 2, 3),
    (1, 2, 3, 4),
    {},
    {"a": {"b": (1, [2.5])}, 3: None},
    {"many": list(range(2000))},
    OrderedDict([("z", 1), ("a", 2)]),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", _VALUES, ids=lambda value: repr(value)[:20])
def test_plain_values_are_what_python_reads(value, protocol):
    found = read_pickle(pickle.dumps(value, protocol))
    assert found.refused == ()
    assert found.value == value
    if isinstance(value, dict):
        assert list(found.value) == list(value)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_bytes_and_sets_are_read_where_they_need_no_code(protocol):
    value = {"bytes": b"\x00\xff", "again": b"\x00\xff"} | ({"set": {1, 2}} if protocol == 4 else {})
    assert read_pickle(pickle.dumps(value, protocol)).value == value


def test_what_is_shared_stays_shared():
    part = [1]
    found = read_pickle(pickle.dumps([part, part])).value
    assert found[0] is found[1]


class _Path:
    """Pickles as a path of either system does."""

    def __reduce__(self):
        return (PurePosixPath, ("logs", "声"))


@pytest.mark.parametrize(
    "written", [b"pathlib\nPosixPath", b"pathlib\nWindowsPath", b"pathlib._local\nPosixPath"]
)
def test_a_path_in_a_configuration_becomes_text(written):
    content = pickle.dumps({"output_dir": _Path()}, 2).replace(b"pathlib\nPurePosixPath", written)
    assert read_pickle(content).value == {"output_dir": "logs/声"}


def test_every_foreign_name_is_listed_and_none_is_imported(monkeypatch):
    content = b"\x80\x02cnowhere_to_be_found\nfirst\n)R\x94cother.module\nSecond\n}b]ca\nb\na\x86."
    found = read_pickle(content)
    assert found.refused == ("a.b", "nowhere_to_be_found.first", "other.module.Second")


def test_a_name_cannot_paint_the_terminal():
    assert read_pickle(b"\x80\x02c\x1b[31mred\nname\n.").refused == ("?[31mred.name",)


def test_there_is_an_end_to_the_names():
    content = b"\x80\x02" + b"".join(b"cm\nn%d\n0" % number for number in range(5000)) + b"N."
    assert len(read_pickle(content).refused) == 200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "broken"),
        (b"\x80\x02.", "broken"),
        (b"\x80\x02K\x01", "broken"),
        (b"\x80\x02h\x05.", "broken"),
        (b"\x80\x02)K\x01a.", "no list"),
        (b"\x80\x02]K\x01K\x02s.", "no dict"),
        (b"\x80\x02K\x01)R.", "cannot be called"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "cannot be called"),
        (b"\x80\x02}]K\x01s.", "no plain value"),
        (b"\x80\x02K\x01Q.", "no proper storage"),
        (b"\x80\x02X\x01\x00\x00\x00aP\n.", "no weight file needs"),
        (b"\x80\x05\x97.", "no weight file needs"),
        (b"\x80\x02" + b"N0" * (MAX_STEPS // 2 + 1) + b"N.", "far too long"),
    ],
)
def test_nonsense_is_said_to_be_nonsense(content, said):
    with pytest.raises(Malformed, match=said):
        read_pickle(content)
