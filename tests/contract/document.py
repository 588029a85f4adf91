"""The users' document of the original's calls, as a program reads it: its blocks of code."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).with_name("cases") / "api_document.txt"
PAIRS = {
    "/change_label": "/change_label_1",
    "/change_uvr5": "/change_uvr5_1",
    "/change_tts_inference": "/change_tts_inference_1",
}
TEMPLATES = ("/api_endpoint_name", "/api_endpoint")
"""Names that the document uses where it explains how calls are made."""
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
_NAME = re.compile(r"`(/[A-Za-z0-9_]+)`")
HOST_PATHS = {
    r'"D:\\GPT-SoVITS\\raw\\xxx"': "clips",
    r'"D:\\RVC1006\\GPT-SoVITS\\raw\\xxx.list"': "labels",
    '"Hello!!"': "clips",
    'inp=""': "recording",
    'denoise_inp_dir=""': "clips",
}
"""What stands for a path on the reader's own machine, and what takes its place."""


@dataclass(frozen=True)
class Block:
    """A piece of Python in the document."""

    code: str
    endpoint: str
    arguments: dict

    def placed(self, real):
        """The code with real paths in place of the host's."""
        code = self.code
        for text, what in HOST_PATHS.items():
            name, _, value = text.rpartition("=")
            assert value.startswith('"')
            code = re.sub(
                rf"\b{name}={re.escape(value)}" if name else re.escape(text),
                lambda _, name=name, what=what: f"{name}={real[what]!r}" if name else repr(real[what]),
                code,
            )
        return code

    def with_endpoint(self, endpoint):
        """The same code for the call of another name."""
        return Block(self.code.replace(f'"{self.endpoint}"', f'"{endpoint}"'), endpoint, self.arguments)


def text():
    return DOCUMENT.read_text(encoding="utf-8")


def blocks():
    """Every block of Python, in order."""
    return [_read(code) for code in _BLOCK.findall(text())]


def calls():
    """A block for every endpoint: the second of a pair is called as the first, `/close…` without any."""
    found = {block.endpoint: block for block in blocks() if block.endpoint not in TEMPLATES}
    for first, second in PAIRS.items():
        found.setdefault(second, found[first].with_endpoint(second))
    for name in names():
        code = f'result = client.predict(api_name="{name}")\n'
        found.setdefault(name, Block(code, name, {}))
    return found


def names():
    """Every endpoint that is named anywhere in the document."""
    found = [name for name in _NAME.findall(text()) if name not in TEMPLATES]
    found += [block.endpoint for block in blocks() if block.endpoint not in TEMPLATES]
    return tuple(dict.fromkeys(found))


def _read(code):
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "predict"
        ):
            given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
            return Block(code, given.pop("api_name"), given)
    raise AssertionError(f"no call in {code!r}")
