"""One path or several, as parameters and as forms keep them."""

from pathlib import Path

import pytest

from engine.protocol.errors import BadParameters
from engine.protocol.sources import list_name, paths_in, source_folders, speaker_name, told
from engine.protocol.stages.registry import stage


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    for name in ("a b.wav", "音.wav"):
        (made / name).write_bytes(b"")
    return made


@pytest.mark.parametrize("name", ["separate", "slice", "denoise", "transcribe"])
def test_the_stages_that_take_sounds_take_one_path_or_several(name):
    one = stage(name).parse({"input": "它 it's.wav"})
    many = stage(name).parse({"input": ["a;b.wav", "它 it's"]})
    assert one.input == Path("它 it's.wav")
    assert many.input == (Path("a;b.wav"), Path("它 it's"))
    again = stage(name).parse(many.model_dump(mode="json"))
    assert again == many
    with pytest.raises(BadParameters, match="input"):
        stage(name).parse({"input": []})


def test_names_come_from_the_folder_or_from_the_first_file(folder):
    first, second = folder / "a b.wav", folder / "音.wav"
    assert list_name(folder) == list_name([folder]) == "用户 it's 名.list"
    assert list_name(first) == "a b.list"
    assert list_name([first, second]) == "a b+1.list"
    assert list_name(folder / "v1.5") == "v1.5.list"
    assert speaker_name([first, second]) == speaker_name(folder) == "用户 it's 名"
    assert source_folders([first, second, folder]) == {folder}
    assert told(first) == str(first)
    assert told([first, second]) == "the 2 chosen files and folders"


def test_values_of_forms_are_read_as_paths():
    assert paths_in("/a b") == (Path("/a b"),)
    assert paths_in(["/a", "", "/它"]) == (Path("/a"), Path("/它"))
    assert paths_in(None) == paths_in("") == paths_in(7) == ()
