"""Reads pickles as data: a small machine that builds plain values and tensor records, and calls nothing.

What a pickle wants to import is looked up by name in a fixed table of meanings. Any other name is noted,
and the rest is read on only to find all such names.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, Any, Final

from engine.checkpoints.layout import ORIGINAL_CONFIG_CLASS, Attributes
from engine.checkpoints.records import Storage, TensorRecord

MAX_STEPS: Final = 300_000
"""Instructions in a pickle; weights have some ten thousand, a training state with its optimizers 80,000."""


_MOST_NAMES: Final = 200
_LONGEST_NAME: Final = 200


class Malformed(ValueError):
    """A file that does not mean anything; the text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Known:
    """A name that a weight file may import, standing for what it means."""

    name: str


@dataclass(frozen=True, slots=True)
class _Foreign:
    """Whatever comes of a name that a weight file has no business with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickled:
    """What one pickle says.

    Attributes:
        value: Plain values, Attributes and TensorRecords; meaningless when names were refused.
        refused: Names that it would import and weights do not need, sorted.
        storages: The storages that it speaks of, by their keys.
    """

    value: Any
    refused: tuple[str, ...] = ()
    storages: Mapping[str, Storage] = field(default_factory=dict)


_STORAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "torch.DoubleStorage": "float64",
        "torch.FloatStorage": "float32",
        "torch.HalfStorage": "float16",
        "torch.BFloat16Storage": "bfloat16",
        "torch.LongStorage": "int64",
        "torch.IntStorage": "int32",
        "torch.ShortStorage": "int16",
        "torch.CharStorage": "int8",
        "torch.ByteStorage": "uint8",
        "torch.BoolStorage": "bool",
    }
)


def _make_dict(pairs: Any = ()) -> dict[Any, Any]:
    return {_key(key): value for key, value in pairs}


def _make_tensor(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> TensorRecord:
    whole = (offset, *shape, *stride)
    if not isinstance(storage, Storage) or not all(type(number) is int for number in whole):
        raise Malformed("a tensor in it is declared without numbers or sizes")
    return TensorRecord(storage, offset, tuple(shape), tuple(stride))


def _make_bytes(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise Malformed("bytes in it are written in an unknown way")
    return text.encode("latin1")


def _make_path(*parts: Any) -> str:
    return "/".join(parts)


_MEANINGS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "torch._utils._rebuild_tensor": _make_tensor,
        "torch._utils._rebuild_tensor_v2": _make_tensor,
        "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
        "torch.Size": tuple,
        "collections.OrderedDict": _make_dict,
        "_codecs.encode": _make_bytes,
        ".".join(ORIGINAL_CONFIG_CLASS): Attributes,
        "pathlib.PosixPath": _make_path,  # the original's trainer leaves its output folder in Lightning files
        "pathlib.WindowsPath": _make_path,
        "pathlib._local.PosixPath": _make_path,  # the same of Python 3.13
        "pathlib._local.WindowsPath": _make_path,
    }
)
"""All that a weight file needs, and what is put in its place."""

_PUSHED: Final = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
    | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
)
_MADE: Final[Mapping[str, Callable[[], Any]]] = MappingProxyType(
    {
        "NONE": lambda: None,
        "NEWTRUE": lambda: True,
        "NEWFALSE": lambda: False,
        "EMPTY_LIST": list,
        "EMPTY_TUPLE": tuple,
        "EMPTY_DICT": dict,
        "EMPTY_SET": set,
    }
)
_SKIPPED: Final = frozenset({"PROTO", "FRAME", "STOP"})
_FOREIGN: Final = _Foreign()


def read_pickle(stream: IO[bytes] | bytes) -> Pickled:
    """What a pickle says, with nothing in it imported or called.

    Args:
        stream: bytes, or a stream that is left behind the pickle's end.

    Raises:
        Malformed: these bytes are no pickle, or one without sense.
    """
    machine = _Machine()
    try:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # odd escapes in text
            value = machine.run(stream)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        if not machine.refused:
            if isinstance(error, Malformed):
                raise
            raise Malformed(f"its pickle is broken ({str(error)[:_LONGEST_NAME]})") from error
        value = None
    return Pickled(value=value, refused=tuple(sorted(machine.refused)), storages=machine.storages)


def _key(value: Any) -> Any:
    """A key of a dict: compound ones can be made to take for ever to hash."""
    if isinstance(value, str | int | float | bytes | None) or value is _FOREIGN:
        return value
    raise Malformed("a key in it is no plain value")


@dataclass(slots=True)
class _Machine:
    """The stack, the memo and the marks of a pickle being read."""

    refused: set[str] = field(default_factory=set)
    storages: dict[str, Storage] = field(default_factory=dict)
    _stack: list[Any] = field(default_factory=list)
    _below: list[list[Any]] = field(default_factory=list)
    _memo: dict[int, Any] = field(default_factory=dict)

    def run(self, stream: IO[bytes] | bytes) -> Any:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if number > MAX_STEPS:
                raise Malformed("its table of contents is far too long for weights")
            self.step(opcode.name, argument)
        return self._stack.pop()

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in _PUSHED:
            self._stack.append(argument)
        elif opcode in _MADE:
            self._stack.append(_MADE[opcode]())
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self, argument)
        elif opcode not in _SKIPPED:
            raise Malformed(f"its pickle uses {opcode}, which no weight file needs")

    def mark(self, _: Any) -> None:
        self._below.append(self._stack)
        self._stack = []

    def above_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._below.pop()
        return items

    def pop(self, _: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self.above_mark()

    def pop_mark(self, _: Any) -> None:
        self.above_mark()

    def duplicate(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def remember(self, argument: Any) -> None:
        self._memo[len(self._memo) if argument is None else argument] = self._stack[-1]

    def recall(self, argument: Any) -> None:
        self._stack.append(self._memo[argument])

    def make_tuple(self, _: Any) -> None:
        items = self.above_mark()
        self._stack.append(tuple(items))

    def make_list(self, _: Any) -> None:
        items = self.above_mark()
        self._stack.append(items)

    def make_dict(self, _: Any) -> None:
        items = self.above_mark()
        self._stack.append({})
        self._put_all(items)

    def make_set(self, _: Any) -> None:
        items = self.above_mark()
        self._stack.append({_key(item) for item in items})

    def short_tuple(self, size: int) -> None:
        items = self._stack[-size:]
        if len(items) != size:
            raise Malformed("its pickle ends too early")
        del self._stack[-size:]
        self._stack.append(tuple(items))

    def append(self, _: Any) -> None:
        self._extend([self._stack.pop()])

    def appends(self, _: Any) -> None:
        self._extend(self.above_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif target is not _FOREIGN:
            raise Malformed("its pickle appends to what is no list")

    def set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._put_all([key, value])

    def set_items(self, _: Any) -> None:
        self._put_all(self.above_mark())

    def _put_all(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, dict):
            target.update((_key(key), value) for key, value in zip(items[::2], items[1::2], strict=True))
        elif target is not _FOREIGN:
            raise Malformed("its pickle fills what is no dict")

    def add_items(self, _: Any) -> None:
        items = self.above_mark()
        target = self._stack[-1]
        if isinstance(target, set):
            target.update(_key(item) for item in items)
        elif target is not _FOREIGN:
            raise Malformed("its pickle fills what is no set")

    def name(self, argument: Any) -> None:
        self._stack.append(self._meaning(*str(argument).split(" ", 1)))

    def name_from_stack(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._stack.append(self._meaning(module, name))

    def extension(self, argument: Any) -> None:
        self._stack.append(self._meaning("extension", argument))

    def _meaning(self, module: object, name: object) -> Any:
        whole = f"{module}.{name}"
        if whole in _STORAGES or whole in _MEANINGS:
            return Known(whole)
        if len(self.refused) < _MOST_NAMES:
            self.refused.add("".join(sign if sign.isprintable() else "?" for sign in whole[:_LONGEST_NAME]))
        return _FOREIGN

    def call(self, _: Any) -> None:
        arguments, called = self._stack.pop(), self._stack.pop()
        self._stack.append(self._called(called, arguments))

    def call_with_names(self, _: Any) -> None:
        named = self._stack.pop()
        if named and not self.refused:
            raise Malformed("its pickle makes an object with named arguments")
        self.call(None)

    def call_above_mark(self, _: Any) -> None:
        called, *arguments = self.above_mark()
        self._stack.append(self._called(called, tuple(arguments)))

    def call_name(self, argument: Any) -> None:
        arguments = self.above_mark()
        self.name(argument)
        called = self._stack.pop()
        self._stack.append(self._called(called, tuple(arguments)))

    def _called(self, called: Any, arguments: Any) -> Any:
        if self.refused:
            return _FOREIGN  # from here on only the names matter
        if not isinstance(called, Known) or called.name not in _MEANINGS or not isinstance(arguments, tuple):
            raise Malformed("its pickle calls what cannot be called")
        return _MEANINGS[called.name](*arguments)

    def build(self, _: Any) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, Attributes):
            if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
                raise Malformed("its configuration is no set of names")
            vars(target).update(state)
        elif not isinstance(target, dict) and target is not _FOREIGN:  # a state dict's notes are of no use
            raise Malformed("its pickle sets attributes of plain data")

    def storage(self, _: Any) -> None:
        match self._stack.pop():
            case ("storage", Known(name=kind), str(key), str(), int(count), *rest) if rest in ([], [None]):
                if kind in _STORAGES and count >= 0:
                    self.storages[key] = Storage(key, _STORAGES[kind], count)
                    self._stack.append(self.storages[key])
                    return
        if not self.refused:
            raise Malformed("a tensor in it has no proper storage")
        self._stack.append(_FOREIGN)


_ACTIONS: Final[Mapping[str, Callable[[_Machine, Any], None]]] = MappingProxyType(
    {
        "MARK": _Machine.mark,
        "POP": _Machine.pop,
        "POP_MARK": _Machine.pop_mark,
        "DUP": _Machine.duplicate,
        "MEMOIZE": _Machine.remember,
        "PUT": _Machine.remember,
        "BINPUT": _Machine.remember,
        "LONG_BINPUT": _Machine.remember,
        "GET": _Machine.recall,
        "BINGET": _Machine.recall,
        "LONG_BINGET": _Machine.recall,
        "TUPLE": _Machine.make_tuple,
        "TUPLE1": lambda machine, _: machine.short_tuple(1),
        "TUPLE2": lambda machine, _: machine.short_tuple(2),
        "TUPLE3": lambda machine, _: machine.short_tuple(3),
        "LIST": _Machine.make_list,
        "DICT": _Machine.make_dict,
        "FROZENSET": _Machine.make_set,
        "APPEND": _Machine.append,
        "APPENDS": _Machine.appends,
        "SETITEM": _Machine.set_item,
        "SETITEMS": _Machine.set_items,
        "ADDITEMS": _Machine.add_items,
        "GLOBAL": _Machine.name,
        "STACK_GLOBAL": _Machine.name_from_stack,
        "EXT1": _Machine.extension,
        "EXT2": _Machine.extension,
        "EXT4": _Machine.extension,
        "REDUCE": _Machine.call,
        "NEWOBJ": _Machine.call,
        "NEWOBJ_EX": _Machine.call_with_names,
        "OBJ": _Machine.call_above_mark,
        "INST": _Machine.call_name,
        "BUILD": _Machine.build,
        "BINPERSID": _Machine.storage,
    }
)
