import pytest

from engine.protocol.errors import BadParameters, MissingModel
from engine.protocol.versions import version
from engine.protocol.voices import VoiceCard, find_voice, find_voices, read_voice, write_voice
from engine.protocol.workspace import Workspace, check_name


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a\\b", "..", "con", "NUL", "a:b", "ends.", "ta\tb", "q?"])
def test_names_that_some_system_forbids_are_refused(name):
    with pytest.raises(BadParameters):
        check_name(name)


@pytest.mark.parametrize("name", ["我的声音", "it's mine", "a.b", "console"])
def test_other_names_are_kept(name):
    assert check_name(f" {name} ") == name


def test_folders_are_those_of_the_original(tmp_path):
    experiment = Workspace(tmp_path).experiment("声 音")
    assert experiment.folder == tmp_path / "logs" / "声 音"
    assert experiment.semantic_file.name == "6-name2semantic.tsv"
    assert experiment.gpt_folder(version("v2")).name == "logs_s1_v2"


def make_card(folder, name="ann"):
    folder.mkdir(parents=True)
    for part in ("g.ckpt", "s.pth", "ref.wav"):
        (folder / part).write_bytes(b"x")
    (folder / "enc").mkdir()
    card = VoiceCard(name=name, gpt="g.ckpt", sovits="s.pth", content_encoder="enc", reference="ref.wav")
    return write_voice(folder, card)


def test_a_voice_card_gives_whole_paths(tmp_path):
    folder = tmp_path / "voices" / "安 it's"
    voice = read_voice(make_card(folder))
    assert voice.gpt == folder / "g.ckpt"
    assert find_voice("ann", Workspace(tmp_path)) == voice
    assert find_voice(str(folder), Workspace(tmp_path / "elsewhere")) == voice


def test_a_card_whose_file_is_gone_says_which(tmp_path):
    card = make_card(tmp_path / "voices" / "ann")
    (card.parent / "s.pth").unlink()
    with pytest.raises(MissingModel, match=r"s\.pth"):
        read_voice(card)
    with pytest.raises(MissingModel, match="no voice called 'ann'"):
        find_voice("ann", Workspace(tmp_path))


def test_the_newest_pair_of_weights_is_a_voice(tmp_path):
    workspace, v2 = Workspace(tmp_path), version("v2")
    for folder, names in (
        (workspace.gpt_weights(v2), ["我-e5.ckpt", "我-e15.ckpt", "alone-e1.ckpt"]),
        (workspace.sovits_weights(v2), ["我_e4_s20.pth", "我_e8_s40.pth"]),
    ):
        folder.mkdir()
        for name in names:
            (folder / name).write_bytes(b"x")
    voices = find_voices(workspace)
    assert [(v.name, v.gpt.name, v.sovits.name) for v in voices] == [("我", "我-e15.ckpt", "我_e8_s40.pth")]


def test_adapters_and_means_of_saves_are_voices_too(tmp_path):
    workspace, v4 = Workspace(tmp_path / "用户 it's 名"), version("v4")
    for folder, names in (
        (workspace.gpt_weights(v4), ("我-e5.ckpt", "我-e10.ckpt", "我-e10+5.ckpt", "alone-e8+4.ckpt")),
        (workspace.sovits_weights(v4), ("我_e2_s10_l32.pth", "我_e4_s20_l32.pth", "我_e4_s20_l32+2.pth")),
    ):
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(b"x")
    assert [(voice.name, voice.gpt.name, voice.sovits.name) for voice in find_voices(workspace)] == [
        ("我", "我-e10.ckpt", "我_e4_s20_l32.pth"),
        ("我-e10+5", "我-e10+5.ckpt", "我_e4_s20_l32.pth"),
        ("我_e4_s20_l32+2", "我-e10.ckpt", "我_e4_s20_l32+2.pth"),
    ]
