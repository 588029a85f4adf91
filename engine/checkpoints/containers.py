"""How weight files are packed: what each kind of container holds, and where the numbers lie in it.

Nothing here needs PyTorch, nothing is unpacked to disk, and no more of a file is read than was asked for.
"""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, BinaryIO, Final, Protocol

from engine.checkpoints.layout import HEADERS, OUR_FORMAT, OUR_JSON, ZIP_MAGIC
from engine.checkpoints.plain_pickle import Malformed, Pickled, read_pickle
from engine.checkpoints.records import Storage, TensorRecord, row_strides
from engine.checkpoints.refusals import damaged, dangerous, foreign
from engine.protocol.errors import BadCheckpoint, MissingModel

MAX_CONTENTS_BYTES: Final = 16 << 20
"""Largest table of contents (pickle or JSON); a weight file's has some hundred kilobytes."""

MAX_MEMBERS: Final = 20_000
"""Most entries of a zip; a training state with its optimizer has a few thousand."""

_CHUNK_BYTES: Final = 1 << 20
_LONGEST_READ: Final = 2 << 20
_LENGTH_BYTES: Final = 8

# All that the zip module raises for bytes that it cannot make sense of.
_ZIP_FAULTS: Final = (
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)
_ZIP_REST: Final = b"\x03\x04"
_PICKLE_MAGIC: Final = b"\x80"
_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL: Final = 1001
_SAFETENSORS_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "F64": "float64",
        "F32": "float32",
        "F16": "float16",
        "BF16": "bfloat16",
        "I64": "int64",
        "I32": "int32",
        "I16": "int16",
        "I8": "int8",
        "U8": "uint8",
        "BOOL": "bool",
    }
)


class FileFormat(StrEnum):
    """How a weight file is packed."""

    TORCH_ZIP = "torch_zip"
    TORCH_LEGACY = "torch_legacy"
    SAFETENSORS = "safetensors"
    UNKNOWN = "unknown"


class Container(Protocol):
    """An open weight file."""

    @property
    def content(self) -> Pickled:
        """What is in it, with TensorRecords in place of tensors, and names of code that it wants to run."""

    @property
    def header(self) -> bytes:
        """Its first two bytes."""

    def read_into(self, storage: Storage, target: memoryview) -> None:
        """Puts the bytes of a storage into a buffer of exactly its size.

        Raises:
            Malformed: the file does not hold them.
        """


def detect_format(path: Path) -> FileFormat:
    """How a file is packed, by its first bytes.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: it is a folder, or cannot be opened.
    """
    with _opened(path) as file:
        return _format_of(file.read(16))


@contextmanager
def open_container(path: Path) -> Iterator[Container]:
    """An open weight file of any known kind; its table of contents is read, its numbers are not.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: it is damaged, dangerous, or no weight file.
    """
    with _opened(path) as file:
        start = file.read(1024)
        file.seek(0)
        opener = _OPENERS.get(_format_of(start))
        if opener is None:
            raise foreign(path, _what_it_is(start))
        try:
            yield opener(path, file)
        except Malformed as fault:
            raise damaged(path, fault) from fault


def _format_of(start: bytes) -> FileFormat:
    if start[2:4] == _ZIP_REST and (start[:2] == ZIP_MAGIC or start[:2] in HEADERS):
        return FileFormat.TORCH_ZIP
    if start[8:10] in (b'{"', b"{}", b"{ ", b"{\n"):
        return FileFormat.SAFETENSORS
    if start[:1] == _PICKLE_MAGIC:
        return FileFormat.TORCH_LEGACY
    return FileFormat.UNKNOWN


def _what_it_is(start: bytes) -> str:
    """What a file that holds no weights seems to be, for the user's eyes."""
    if not start:
        return "empty"
    if start.startswith(b"version https://git-lfs"):
        return "only a pointer to a file that Git LFS has not fetched"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "a web page, so the download went wrong"
    if start[:2] == ZIP_MAGIC:
        return "not a weight file, but an empty or broken zip archive"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:  # more than a letter cut in two
            return "not a weight file"
    return "not a weight file" if b"\0" in start else "a text file, not a weight file"


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path.is_dir():
        raise foreign(path, "a folder, not a weight file")
    if path.exists() and not path.is_file():
        raise foreign(path, "no ordinary file")  # to open a pipe would wait for ever
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise MissingModel(
            f"There is no weight file at {path}.", hint="Check the path, or choose another file."
        ) from None
    except (OSError, ValueError) as error:
        raise BadCheckpoint(
            f"{path} cannot be opened.", hint="Choose a file that you may read.", detail=str(error)
        ) from error
    with file:
        yield file


class _Restored(io.RawIOBase):
    """A file with a zip's magic in place of its first two bytes, and no endless reads."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1, /) -> bytes:
        if size > _LONGEST_READ:
            raise Malformed("its list of entries is far too long for weights")
        place = self._file.tell()
        found = self._file.read(_LONGEST_READ if size < 0 else size)
        return ZIP_MAGIC[place : place + len(found)] + found[max(0, 2 - place) :] if place < 2 else found


class ZipContainer:
    """A zip with one pickle that names the storages, each an entry of its own."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Reads the list of entries and the pickle.

        Raises:
            BadCheckpoint: the archive is not one that PyTorch wrote.
            Malformed: it is damaged.
        """
        self.header = file.read(2)
        try:
            self._zip = zipfile.ZipFile(
                _Restored(file)
            )  # nothing to close but the file, which is the caller's
        except Malformed:
            raise
        except _ZIP_FAULTS as error:
            raise Malformed(f"it is no complete zip archive ({error})") from error
        members = self._zip.infolist()
        _check_members(path, members, file.seek(0, io.SEEK_END))
        pickles = [one for one in members if one.filename.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1:
            inside = ", ".join(one.filename[:80] for one in members[:3]) or "nothing"
            raise foreign(path, f"a zip archive but no weight file; it holds {inside}")
        if pickles[0].file_size > MAX_CONTENTS_BYTES:
            raise dangerous(path, f"has a table of contents of {pickles[0].file_size >> 20} MB")
        self._folder = pickles[0].filename.removesuffix("data.pkl")
        self._members = {one.filename: one for one in members}
        self._check_byte_order()
        buffer = bytearray(pickles[0].file_size)
        self._read_member(pickles[0], memoryview(buffer))
        self.content = read_pickle(bytes(buffer))
        if not self.content.refused:
            for storage in self.content.storages.values():
                self._member_of(storage)

    def read_into(self, storage: Storage, target: memoryview) -> None:
        """Puts the bytes of a storage into a buffer of exactly its size.

        Raises:
            Malformed: the file does not hold them.
        """
        self._read_member(self._member_of(storage), target)

    def _member_of(self, storage: Storage) -> zipfile.ZipInfo:
        member = self._members.get(f"{self._folder}data/{storage.key}")
        if member is None:
            raise Malformed(f"the numbers of storage {storage.key[:80]!r} are missing")
        if member.file_size != storage.size_bytes:
            raise Malformed(
                f"storage {storage.key[:80]!r} has {member.file_size} bytes "
                f"where {storage.size_bytes} are declared"
            )
        return member

    def _check_byte_order(self) -> None:
        member = self._members.get(f"{self._folder}byteorder")
        if member is None or member.file_size > 16:
            return
        order = bytearray(member.file_size)
        self._read_member(member, memoryview(order))
        if order == b"big":
            raise Malformed("its numbers are stored in the order of another kind of machine")

    def _read_member(self, member: zipfile.ZipInfo, target: memoryview) -> None:
        try:
            with self._zip.open(member) as source:
                _read_exactly(source, target)
                source.read(1)  # at the end the checksum is compared
        except Malformed:
            raise
        except _ZIP_FAULTS as error:
            raise Malformed(f"an entry of it cannot be read ({error})") from error


def _check_members(path: Path, members: list[zipfile.ZipInfo], file_bytes: int) -> None:
    """Refuses archives of a make that PyTorch never writes and attackers do."""
    if len(members) > MAX_MEMBERS:
        raise dangerous(path, f"is a zip archive of {len(members)} entries, far too many for weights")
    seen: set[str] = set()
    for one in members:
        name = one.filename
        if name.startswith(("/", "\\")) or ":" in name or ".." in name.replace("\\", "/").split("/"):
            raise dangerous(path, f"has an entry that points outside of it ({name[:80]!r})")
        if name in seen:
            raise dangerous(path, f"has two entries with the same name ({name[:80]!r})")
        seen.add(name)
        if one.flag_bits & 1:
            raise dangerous(path, "is encrypted, which weight files never are")
    declared = sum(one.file_size for one in members)
    if any(one.compress_type != zipfile.ZIP_STORED for one in members):
        ratio = declared // max(1, sum(one.compress_size for one in members))
        raise dangerous(
            path, f"is compressed {ratio} to 1, which PyTorch never does (unpacked it has {_size(declared)})"
        )
    if declared > file_bytes:
        raise dangerous(path, f"declares {_size(declared)} of content in a file of {_size(file_bytes)}")


def _size(count_bytes: int) -> str:
    return f"{count_bytes / 1e9:.1f} GB" if count_bytes >= 10**9 else f"{count_bytes / 1e6:.1f} MB"


class LegacyContainer:
    """The format before PyTorch 1.6: some pickles one after another, then the storages."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Reads the pickles and finds the storages.

        Raises:
            BadCheckpoint: it is a pickle of something else.
            Malformed: it is damaged.
        """
        self._file = file
        self._end = file.seek(0, io.SEEK_END)
        file.seek(0)
        head = io.BytesIO(file.read(MAX_CONTENTS_BYTES))
        self.header = head.getvalue()[:2]
        first = read_pickle(head)
        if first.refused or first.value != _LEGACY_MAGIC:
            self.content = first
            if not first.refused:
                raise foreign(path, "a pickle of something else than weights")
            return
        parts = [read_pickle(head) for _ in range(4)]
        refused = sorted({name for part in parts for name in part.refused})
        protocol, system, content, keys = (part.value for part in parts)
        if not refused and (protocol != _LEGACY_PROTOCOL or not isinstance(system, dict)):
            raise Malformed("it was written by an unknown version of PyTorch")
        if not refused and not system.get("little_endian", True):
            raise Malformed("its numbers are stored in the order of another kind of machine")
        self.content = Pickled(value=content, refused=tuple(refused))
        if not refused:
            self._places = self._find(keys, parts[2].storages, head.tell())

    def read_into(self, storage: Storage, target: memoryview) -> None:
        """Puts the bytes of a storage into a buffer of exactly its size.

        Raises:
            Malformed: the file does not hold them.
        """
        if storage.key not in self._places:
            raise Malformed(f"the numbers of storage {storage.key[:80]!r} are missing")
        self._file.seek(self._places[storage.key])
        if int.from_bytes(self._file.read(8), "little") != storage.count:
            raise Malformed(f"storage {storage.key[:80]!r} is not as long as declared")
        _read_exactly(self._file, target)

    def _find(self, keys: object, storages: Mapping[str, Storage], place: int) -> dict[str, int]:
        """Where each storage begins: one follows the other, each behind its count."""
        if not isinstance(keys, list) or set(map(str, keys)) != set(storages):
            raise Malformed("its list of numbers is not that of its tensors")
        found = {}
        for key in keys:
            found[key] = place
            place += 8 + storages[key].size_bytes
        if place > self._end:
            raise Malformed("it breaks off")
        return found


class SafetensorsContainer:
    """A length, a JSON table of contents, then the numbers; what we add stands in its metadata."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Reads the table of contents.

        Raises:
            BadCheckpoint: it is far too long.
            Malformed: it is damaged.
        """
        self._file = file
        available = file.seek(0, io.SEEK_END) - _LENGTH_BYTES
        file.seek(0)
        start = file.read(_LENGTH_BYTES)
        self.header = start[:2]
        length = int.from_bytes(start, "little")
        if length > available:
            raise Malformed(f"its header claims {length} bytes, of which {available} are there")
        if length > MAX_CONTENTS_BYTES:
            raise dangerous(path, f"has a table of contents of {length >> 20} MB")
        try:
            table = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise Malformed("its table of contents is no JSON") from error
        if not isinstance(table, dict):
            raise Malformed("its table of contents lists nothing")
        remarks = table.pop("__metadata__", {})
        if not isinstance(remarks, dict):
            raise Malformed("its remarks are no table")
        self._data = _LENGTH_BYTES + length
        self._places: dict[str, int] = {}
        weights = {name: self._record(name, entry, available - length) for name, entry in table.items()}
        self._check_overlaps(weights)
        self.content = Pickled(value={**_unpacked(remarks), "weight": weights})

    def read_into(self, storage: Storage, target: memoryview) -> None:
        """Puts the bytes of a storage into a buffer of exactly its size.

        Raises:
            Malformed: the file does not hold them.
        """
        self._file.seek(self._data + self._places[storage.key])
        _read_exactly(self._file, target)

    def _record(self, name: str, entry: object, available: int) -> TensorRecord:
        match entry:
            case {"dtype": str(kind), "shape": [*sizes], "data_offsets": [int(first), int(last)]} if (
                kind in _SAFETENSORS_TYPES and all(type(size) is int and size >= 0 for size in sizes)
            ):
                shape = tuple(sizes)
            case _:
                raise Malformed(f"its entry for {name[:80]!r} makes no sense")
        storage = Storage(name, _SAFETENSORS_TYPES[kind], math.prod(shape))
        if not 0 <= first <= last <= available or last - first != storage.size_bytes:
            raise Malformed(
                f"{name[:80]!r} of shape {_shortened(shape)} is said to lie at bytes {first} to {last} "
                f"of {available}"
            )
        self._places[name] = first
        return TensorRecord(storage, 0, shape, row_strides(shape))

    def _check_overlaps(self, weights: Mapping[str, TensorRecord]) -> None:
        end = 0
        for name in sorted(weights, key=lambda name: (self._places[name], weights[name].count)):
            if self._places[name] < end:
                raise Malformed(f"{name[:80]!r} shares its numbers with another tensor")
            end = self._places[name] + weights[name].storage.size_bytes


def _unpacked(remarks: Mapping[str, Any]) -> dict[str, Any]:
    """Our own entries of the metadata, whose values safetensors keeps as text."""
    found: dict[str, Any] = {str(name): value for name, value in remarks.items()}
    if OUR_FORMAT not in found:
        return found
    try:
        found |= {name: json.loads(found[name]) for name in OUR_JSON if name in found}
    except (TypeError, ValueError, RecursionError) as error:
        raise Malformed("its configuration is no JSON") from error
    return found


def _shortened(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size)[:20] for size in shape[:8]) or "one value"


def _read_exactly(file: IO[bytes], target: memoryview) -> None:
    place = 0
    while place < len(target):
        piece = file.read(min(_CHUNK_BYTES, len(target) - place))
        if not piece:
            raise Malformed("it breaks off")
        target[place : place + len(piece)] = piece
        place += len(piece)


_OPENERS: Final[Mapping[FileFormat, Callable[[Path, BinaryIO], Container]]] = MappingProxyType(
    {
        FileFormat.TORCH_ZIP: ZipContainer,
        FileFormat.TORCH_LEGACY: LegacyContainer,
        FileFormat.SAFETENSORS: SafetensorsContainer,
    }
)
