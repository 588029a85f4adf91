"""Weight files that mean harm or are broken, each made by a few lines, with what must be said of it.

Whatever runs code when it is opened carelessly makes a folder, the canary.
"""

import builtins
import importlib
import io
import json
import os
import pickle
import shutil
import struct
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_safetensors, write_sovits
from engine.protocol.builtin import starter_voice
from tests.parity.kit.official import foreign_class

MANY = 10**12


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One file: how it is made, and a pattern that its own message matches.

    Attributes:
        make: writes it, given its path and the canary's.
        said: what the refusal says.
        runs: whether it is refused for the code in it; `inspect` then lists names instead of failing.
        loads: whether only its numbers are bad, so that `inspect` has nothing to say.
    """

    make: Callable[[Path, Path], object]
    said: str
    runs: bool = False
    loads: bool = False


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.how = (function, arguments)

    def __reduce__(self):
        return self.how

    def __call__(self):
        """Only to be taken for a function: the call's result may be one when it is unpickled."""


@dataclass(frozen=True)
class Stored:
    """Pickles as a storage of a weight file."""

    key: str = "0"
    kind: Any = torch.FloatStorage
    count: Any = 4


def tensor(*shape, stride=None, offset=0, storage=None):
    """Pickles as a tensor, whatever it claims."""
    steps = stride if stride is not None else tuple(1 for _ in shape)
    rebuild = torch._utils._rebuild_tensor_v2
    return Calls(rebuild, storage or Stored(), offset, shape, steps, False, OrderedDict())


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return ("storage", obj.kind, obj.key, "cpu", obj.count) if isinstance(obj, Stored) else None


def pickled(value, protocol=2):
    buffer = io.BytesIO()
    _Pickler(buffer, protocol).dump(value)
    return buffer.getvalue()


def pack(path, content, entries: Mapping[str, bytes] | None = None, compression=zipfile.ZIP_STORED):
    """A zip as PyTorch writes it."""
    contents = content if isinstance(content, bytes) else pickled(content)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", contents)
        for name, data in (entries if entries is not None else {"archive/data/0": bytes(16)}).items():
            archive.writestr(name, data)


def weights(**tensors):
    return {"weight": tensors or {"a": tensor(4)}, "config": {}, "info": ""}


def _system(canary):
    return Calls(os.system, f'mkdir "{canary}"')  # noqa: TID251


def _eval(canary):
    return Calls(builtins.eval, f"__import__('os').mkdir({str(canary)!r})")


def _chain(canary):
    """os.mkdir by way of getattr, as attackers hide it from lists of forbidden names."""
    return Calls(Calls(getattr, Calls(importlib.import_module, "os"), "mkdir"), str(canary))


def _hidden(path, canary):
    """The names come out of the memo, out of order, so that reading strings in turn finds others."""
    code = b"\x80\x04"
    for word in (b"mkdir", os.name.encode(), b"collections", b"OrderedDict"):
        code += b"\x8c" + bytes([len(word)]) + word + b"\x94"
    text = str(canary).encode("utf-8")
    code += b"0000h\x01h\x00\x93X" + struct.pack("<I", len(text)) + text + b"\x85R."
    pack(path, code)


def _old_opcodes(path, canary):
    text = str(canary).encode("raw_unicode_escape")
    pack(path, b"(V" + text + b"\ni" + os.name.encode() + b"\nmkdir\n.")


def _legacy(content):
    """The format before zips, cut off where the numbers would begin."""
    parts = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}, content, []]
    return b"".join(pickled(part) for part in parts)


def _plain(content):
    return lambda path, canary: path.write_bytes(content(canary))


def _with_header(path, canary):
    pack(path, {"x": _system(canary), **weights()})
    path.write_bytes(b"05" + path.read_bytes()[2:])


def _config_trap(path, canary):
    with foreign_class("utils", "HParams") as kind:
        settings = kind()
        settings.model = {"version": "v2", "deep": [{"er": Calls(os.mkdir, str(canary))}]}
        pack(path, {"config": settings, "weight": {"a": tensor(4)}})


def _storage_trap(path, canary):
    pack(path, {"weight": {"a": tensor(4, storage=Stored(kind=Calls(os.mkdir, str(canary))))}})


def _built(path, _):
    """Sets an attribute of a function that is allowed."""
    pack(path, b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x08\x00\x00\x00__code__K\x01sb.")


def _laughs(path, _):
    """Thirty lists, each twice in the next: a billion values when followed."""
    code = b"\x80\x02]q\x00" + b"".join(
        b"]q" + bytes([n]) + b"(h" + bytes([n - 1]) + b"h" + bytes([n - 1]) + b"e" for n in range(1, 30)
    )
    pack(path, code + b".")


def _endless_key(path, _):
    """A key that takes for ever to hash: fifty tuples, each twice in the next."""
    tower = b"K\x01" + b"".join(b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(50))
    pack(path, b"\x80\x02}" + tower + b"K\x01s.")


def _deep(path, _):
    pack(path, b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".")


def _many_steps(path, _):
    pack(path, b"\x80\x02](" + b"K\x01" * 2_000_000 + b"e.")


def _huge_text(path, _):
    pack(path, b"\x80\x02X\xff\xff\xff\x7fshort.")


def _deflated(path, _):
    pack(path, weights(), {"archive/data/0": bytes(64 << 20)}, zipfile.ZIP_DEFLATED)


def _huge_pickle(path, _):
    pack(path, b"\x80\x02" + b"N0" * (9 << 20) + b"N.")


def _patched(path, offset, value, size):
    """Writes a number into the first entry of a zip's list."""
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + offset : start + offset + size] = value.to_bytes(size, "little")
    path.write_bytes(content)


def _declared_huge(path, _):
    pack(path, weights())
    _patched(path, 20, 0xFFFFFF00, 4)
    _patched(path, 24, 0xFFFFFF00, 4)


def _encrypted(path, _):
    pack(path, weights())
    _patched(path, 8, 1, 2)


def _many_entries(path, _):
    pack(path, weights(), {f"archive/{number}": b"" for number in range(21_000)})


def _endless_list(path, _):
    """The end record claims a list of entries of many megabytes."""
    pack(path, weights(), {"archive/filler": bytes(8 << 20)})
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 12 : end + 20] = struct.pack("<II", 7 << 20, 100)
    path.write_bytes(content)


def _twice(path, _):
    pack(path, weights())
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr("archive/data.pkl", pickled(weights()))


def _second_pickle(path, canary):
    pack(path, weights(), {"archive/data/0": bytes(16), "other/data.pkl": pickled(_system(canary))})


def _truncated(share):
    def make(path, _):
        shutil.copyfile(starter_voice() / "s2G.pth", path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])

    return make


def _flipped(path, _):
    """One bit of the numbers is another than when the file was written."""
    content = bytearray((starter_voice() / "s2G.pth").read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def _wrong_magic(path, _):
    path.write_bytes(b"ZZ" + (starter_voice() / "s2G.pth").read_bytes()[2:])


@cache
def _read_starter():
    return read_checkpoint(starter_voice() / "s2G.pth")


def _starter():
    """The starter voice's weights, to be changed."""
    found = _read_starter()
    changed = {"dec.conv_pre.weight": found.weights["dec.conv_pre.weight"].clone()}
    return replace(found, weights={**found.weights, **changed})


def _with_value(value):
    def make(path, _):
        found = _starter()
        found.weights["dec.conv_pre.weight"][0, 0, 0] = value
        write_sovits(path, found.weights, found.config, "")

    return make


def _wrong_shape(path, _):
    found = _starter()
    found.weights["dec.conv_pre.weight"] = found.weights["dec.conv_pre.weight"][:, :-1]
    write_sovits(path, found.weights, found.config, "")


def _part_missing(path, _):
    found = _starter()
    found.weights.pop("dec.conv_pre.weight")
    write_sovits(path, found.weights, found.config, "")


def _odd_config(path, _):
    found = _starter()
    write_sovits(path, found.weights, {"model": "nothing", "data": 3}, "")


def _safetensors(table, data=bytes(16), length=None):
    def make(path, _):
        header = table if isinstance(table, bytes) else json.dumps(table).encode("utf-8")
        path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)

    return make


def _entry(shape, first, last, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def _nan_safetensors(path, _):
    found = _starter()
    found.weights["dec.conv_pre.weight"][0, 0, 0] = float("nan")
    write_safetensors(path, found.weights, found.config, "")


def _song(path, _):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("song.txt", "la")


def _copy(name):
    return lambda path, _: shutil.copyfile(starter_voice() / name, path)


def _bytes(content):
    return lambda path, _: path.write_bytes(content)


def _packed(content, entries=None):
    return lambda path, _: pack(path, content, entries)


def _calling(call):
    return lambda path, canary: pack(path, {"x": call(canary), **weights()})


_NOT_OPENED = r"was not opened: it would run code of its own \(.*"

HOSTILE: dict[str, Hostile] = {
    # Code
    "system.pth": Hostile(make=_calling(_system), said=_NOT_OPENED + rf"{os.name}\.system", runs=True),
    "eval.pth": Hostile(make=_calling(_eval), said=_NOT_OPENED + r"builtin.*\.eval", runs=True),
    "getattr.pth": Hostile(
        make=_calling(_chain), said=_NOT_OPENED + r"builtin.*\.getattr, importlib\.import_module", runs=True
    ),
    "in-config.pth": Hostile(make=_config_trap, said=_NOT_OPENED + rf"{os.name}\.mkdir", runs=True),
    "as-storage.pth": Hostile(make=_storage_trap, said=_NOT_OPENED + rf"{os.name}\.mkdir", runs=True),
    "hidden-name.pth": Hostile(make=_hidden, said=_NOT_OPENED + rf"{os.name}\.mkdir", runs=True),
    "old-opcodes.pth": Hostile(make=_old_opcodes, said=_NOT_OPENED + rf"{os.name}\.mkdir", runs=True),
    "legacy.pth": Hostile(
        make=_plain(lambda canary: _legacy(_system(canary))),
        said=_NOT_OPENED + rf"{os.name}\.system",
        runs=True,
    ),
    "plain-pickle.pth": Hostile(
        make=_plain(lambda canary: pickled(_system(canary))),
        said=_NOT_OPENED + rf"{os.name}\.system",
        runs=True,
    ),
    "header-05.pth": Hostile(
        make=_with_header,
        said=_NOT_OPENED + rf"{os.name}\.system",
        runs=True,
    ),
    "two-pickles.pth": Hostile(make=_second_pickle, said="a zip archive but no weight file"),
    "changed-function.pth": Hostile(make=_built, said="sets attributes of plain data"),
    # Bombs
    "laughs.pth": Hostile(make=_laughs, said="nested without end|without weights"),
    "endless-key.pth": Hostile(make=_endless_key, said="a key in it is no plain value"),
    "deep.pth": Hostile(make=_deep, said="nested without end"),
    "many-steps.pth": Hostile(make=_many_steps, said="far too long for weights"),
    "long-text.pth": Hostile(make=_huge_text, said="its pickle is broken"),
    "deflated.pth": Hostile(make=_deflated, said=r"is compressed \d+ to 1.*0\.1 GB|67\.1 MB"),
    "huge-pickle.pth": Hostile(make=_huge_pickle, said="table of contents of 18 MB"),
    "declared-huge.pth": Hostile(make=_declared_huge, said=r"declares 4\.3 GB of content in a file of"),
    "many-entries.pth": Hostile(make=_many_entries, said=r"archive of 21001 entries"),
    "endless-list.pth": Hostile(make=_endless_list, said="list of entries is far too long"),
    # Archives that mislead
    "traversal.pth": Hostile(
        make=_packed(weights(), {"archive/data/0": bytes(16), "../../startup.py": b"x"}),
        said=r"points outside of it \('\.\./\.\./startup\.py'\)",
    ),
    "backslashes.pth": Hostile(
        make=_packed(weights(), {"archive/data/0": bytes(16), "a\\..\\..\\b": b"x"}),
        said="points outside of it",
    ),
    "absolute.pth": Hostile(
        make=_packed(weights(), {"archive/data/0": bytes(16), "/etc/profile": b"x"}),
        said="points outside of it",
    ),
    "same-name.pth": Hostile(make=_twice, said=r"two entries with the same name"),
    "encrypted.pth": Hostile(make=_encrypted, said="is encrypted"),
    # Damaged
    "empty.pth": Hostile(make=_bytes(b""), said=r"is empty"),
    "truncated.pth": Hostile(make=_truncated(0.6), said="damaged or incomplete: it is no complete zip"),
    "first-bytes.pth": Hostile(make=_truncated(0.00002), said="damaged or incomplete"),
    "flipped-bit.pth": Hostile(make=_flipped, said="an entry of it cannot be read.*CRC", loads=True),
    "wrong-magic.pth": Hostile(make=_wrong_magic, said="is not a weight file"),
    # Something else
    "folder.pth": Hostile(make=lambda path, _: path.mkdir(), said="is a folder, not a weight file"),
    "text.pth": Hostile(make=_bytes("这是 text\n".encode() * 9), said="is a text file, not a weight file"),
    "page.pth": Hostile(
        make=_bytes(b"<!DOCTYPE html><html>"), said="is a web page, so the download went wrong"
    ),
    "pointer.pth": Hostile(
        make=_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        said="pointer to a file that Git",
    ),
    "wave.pth": Hostile(make=_bytes(b"RIFF\x24\xff\x00\x00WAVEfmt \x10\xfe"), said="is not a weight file"),
    "other-zip.pth": Hostile(
        make=_song,
        said=r"a zip archive but no weight file; it holds song\.txt",
    ),
    "other-pickle.pth": Hostile(
        make=_bytes(pickled({"a": 1})), said="a pickle of something else than weights"
    ),
    "no-weights.pth": Hostile(make=_packed({"weight": {"a": 1}}), said="a PyTorch file without weights"),
    "gpt.pth": Hostile(make=_copy("s1.ckpt"), said=r"GPT weights, not SoVITS weights", loads=True),
    "judges.pth": Hostile(make=_copy("s2D.pth"), said=r"discriminators.*not SoVITS weights", loads=True),
    # Tensors that lie
    "too-short.pth": Hostile(
        make=_packed(weights(b=tensor(5))), said="'b' is declared as 5, .* the 4 values"
    ),
    "absurd.pth": Hostile(
        make=_packed(weights(b=tensor(10**6, 10**6, stride=(0, 0)))),
        said="'b' is declared as 1000000 x 1000000",
    ),
    "absurd-storage.pth": Hostile(
        make=_packed(weights(b=tensor(MANY, storage=Stored(count=MANY)))),
        said=rf"storage '0' has 16 bytes where {4 * MANY} are declared",
    ),
    "outside.pth": Hostile(make=_packed(weights(b=tensor(2, offset=3))), said="'b' is declared as 2"),
    "stride.pth": Hostile(
        make=_packed(weights(b=tensor(2, 2, stride=(3, 1)))), said="'b' is declared as 2 x 2"
    ),
    "negative.pth": Hostile(make=_packed(weights(b=tensor(2, offset=-1))), said="'b' has a negative size"),
    "no-numbers.pth": Hostile(make=_packed(weights(), {}), said="numbers of storage '0' are missing"),
    "not-sizes.pth": Hostile(make=_packed(weights(b=tensor("x"))), said="declared without numbers or sizes"),
    "legacy-short.pth": Hostile(
        make=_bytes(_legacy(weights(b=tensor(MANY, storage=Stored(count=MANY))))),
        said="list of numbers is not that of its tensors",
    ),
    # safetensors
    "lying-header.safetensors": Hostile(
        make=_safetensors({"a": _entry([4], 0, 16)}, length=MANY), said=rf"header claims {MANY} bytes"
    ),
    "outside.safetensors": Hostile(
        make=_safetensors({"a": _entry([4], 16, 32)}),
        said="'a' of shape 4 is said to lie at bytes 16 to 32 of 16",
    ),
    "absurd.safetensors": Hostile(
        make=_safetensors({"a": _entry([10**6, 10**6], 0, 16)}), said="'a' of shape 1000000 x 1000000"
    ),
    "shared.safetensors": Hostile(
        make=_safetensors({"a": _entry([4], 0, 16), "b": _entry([2], 8, 16)}), said="shares its numbers"
    ),
    "no-sense.safetensors": Hostile(
        make=_safetensors({"a": {"dtype": "F32"}}), said="entry for 'a' makes no sense"
    ),
    "no-json.safetensors": Hostile(make=_safetensors(b'{"a": '), said="is no JSON"),
    "deep.safetensors": Hostile(make=_safetensors(b'{"a":' + b"[" * 200_000), said="is no JSON"),
    "nan.safetensors": Hostile(
        make=_nan_safetensors, said=r"1 of its .* tensors.*\(dec\.conv_pre\.weight\)", loads=True
    ),
    # Numbers that nothing can be computed with
    "nan.pth": Hostile(
        make=_with_value(float("nan")),
        said=r"not numbers or are infinite \(dec\.conv_pre\.weight\)",
        loads=True,
    ),
    "infinite.pth": Hostile(
        make=_with_value(float("-inf")),
        said=r"not numbers or are infinite \(dec\.conv_pre\.weight\)",
        loads=True,
    ),
}

MISFITS: dict[str, Hostile] = {
    "wrong-shape.pth": Hostile(make=_wrong_shape, said=r"dec\.conv_pre\.weight", loads=True),
    "part-missing.pth": Hostile(make=_part_missing, said=r"dec\.conv_pre\.weight", loads=True),
    "odd-config.pth": Hostile(make=_odd_config, said=r"odd-config\.pth", loads=True),
}
"""Files in which only the network can see what is wrong."""


def write_all(folder: Path, files: Mapping[str, Hostile], canary: Path) -> dict[str, Path]:
    """Makes the files, and says where each is."""
    made = {}
    for name, hostile in files.items():
        made[name] = folder / name
        hostile.make(made[name], canary)
    return made
