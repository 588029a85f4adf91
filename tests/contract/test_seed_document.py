"""The users' document of calls, word for word: its own code against a running server."""

import importlib.util
import shutil
import wave
from pathlib import Path

import httpx
import pytest
from gradio_client import Client

from engine.protocol.builtin import sample_project
from engine.protocol.label_list import LabelRow, write_labels
from tests.contract import document
from tests.contract.local_server import serving

pytestmark = pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="gradio is not installed")
REQUIRED = "Hello!!"
"""What the document gives where a client must."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("w") / "用户 it's 名"
    clip = folder / "raw" / "切片" / "一 it's.wav"
    clip.parent.mkdir(parents=True)
    with wave.open(str(clip), "wb") as stream:
        stream.setparams((1, 2, 16000, 0, "NONE", ""))
        stream.writeframes(bytes(32000))
    row = LabelRow(path=str(clip), speaker="ann", language="zh", text="你好", line=1)
    write_labels(folder / "raw" / "切片.list", [row])
    return folder


@pytest.fixture(scope="module")
def address(workspace):
    with serving(workspace, scripted=True) as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False, analytics_enabled=False)


@pytest.fixture(scope="module")
def real(workspace):
    """Real paths for the host paths of the document."""
    clips = workspace / "raw" / "切片"
    return {"clips": str(clips), "labels": f"{clips}.list", "recording": str(clips / "一 it's.wav")}


@pytest.fixture(scope="module")
def came_back(client, real):
    """What every endpoint of the document gave back to the document's own code."""
    made = {}
    for name, block in document.calls().items():
        found = {"client": client}
        exec(block.placed(real), found)  # noqa: S102 - the document's code is what is tested
        made[name] = found["result"]
    return made


def test_every_endpoint_is_there_with_the_documents_arguments(client):
    offered = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(offered) == set(document.names())
    for name, block in document.calls().items():
        parameters = {one["parameter_name"]: one for one in offered[name]["parameters"]}
        assert list(parameters) == list(block.arguments), name
        for argument, shown in block.arguments.items():
            if shown == REQUIRED:
                assert not parameters[argument]["parameter_has_default"], (name, argument)
            else:
                assert parameters[argument]["parameter_default"] == shown, (name, argument)


def test_every_block_runs_and_gives_back_what_the_document_says(came_back, workspace, real):
    assert set(came_back) == set(document.names())
    assert came_back["/change_lang_choices"] == ["zh", "yue"]
    assert came_back["/change_size_choices"] == ["large"]
    assert came_back["/change_precision_choices"] == ["float32"]
    words, *paths = came_back["/open_asr"]
    assert words.startswith("acted")
    labels = str(workspace / "output" / "asr_opt" / "切片.list")
    assert paths == [labels, labels, real["clips"]]
    sovits, gpt = came_back["/change_choices"]
    assert [Path(path).suffix for path in (*sovits, *gpt)] == [".pth", ".ckpt"]
    assert len(came_back["/switch_version"]) == 12
    assert came_back["/sync"] == "GPT_SoVITS/pretrained_models/gsv-v2final-pretrained/s2G2333k.pth"
    assert [came_back["/open_slice"][1], came_back["/open_denoise"][1]] == [
        str(workspace / "output" / name) for name in ("slicer_opt", "denoise_opt")
    ]
    for name, result in came_back.items():
        if name.startswith("/close"):
            assert "was not running" in result, name
        elif name.startswith("/open1"):
            assert result.startswith("acted"), name


def test_without_a_display_it_is_said_how_a_page_is_opened(came_back):
    for name, page in (("/change_label", "label"), ("/change_uvr5_1", "separate")):
        assert "no display" in came_back[name]
        assert f"--page {page}" in came_back[name]


def test_the_values_reach_the_stage(came_back, workspace, real):
    told = came_back["/open1abc"]
    for part in (f"'labels': {real['labels']!r}", f"'clips': {real['clips']!r}", "'experiment': 'xxx'"):
        assert part in told
    told = came_back["/open1Ba"]
    for part in ("'batch_size': 2", "'total_epochs': 8", "'lora_rank': 32", "'text_low_lr_rate': 0.4"):
        assert part in told
    assert "'version': 'v2'" in told


def test_arguments_may_be_given_by_place(client, real, workspace):
    words, *_ = client.predict(real["recording"], "output/other", "-40", api_name="/open_slice")
    assert f"'output': {str(workspace / 'output' / 'other')!r}" in words
    assert "'threshold_db': -40.0" in words
    assert "'min_length_ms': 4000" in words


def test_a_running_stage_is_occupied_and_close_cancels_it(client, address):
    waiting = client.submit(exp_name="waits", api_name="/open1Bb")
    first = next(iter(waiting))
    assert first
    for place, named in (
        ("call", {"data": ["xxx", "0-0"]}),
        ("call/v2", {"exp_name": "xxx"}),
        ("run", {"data": []}),
    ):
        told = httpx.post(f"{address}gradio_api/{place}/open1Bb", json=named)
        assert (told.status_code, told.json()["code"]) == (409, "occupied"), place
    second = Client(address, verbose=False, analytics_enabled=False)
    with pytest.raises(Exception, match="occupied"):
        second.predict(exp_name="xxx", api_name="/open1Bb")
    assert "was cancelled" in second.predict(api_name="/close1Bb")
    with pytest.raises(Exception, match="cancelled before its end"):
        waiting.result(30)
    assert second.predict(exp_name="xxx", api_name="/open1Bb").startswith("acted")


def test_real_stages_work_through_it(client, workspace):
    recording = workspace / "real 录音.opus"
    shutil.copyfile(sample_project() / "recording.opus", recording)
    words, _, _, clips = client.predict(inp=recording.name, min_length="2500", api_name="/open_slice")
    made = list(Path(clips).glob("*.wav"))
    assert f"{len(made)} clips" in words
    assert len(made) > 8
    row = LabelRow(path=str(made[0]), speaker="ann", language="en", text="Thank you for calling.", line=1)
    write_labels(workspace / "real.list", [row])
    client.predict("real.list", clips, "real", "0", api_name="/open1a")
    phones = (workspace / "logs" / "real" / "2-name2text.txt").read_text(encoding="utf-8")
    assert phones.startswith(f"{made[0].name}\tTH AE1 NG K")


def test_a_failed_stage_raises_with_the_cause(client):
    with pytest.raises(Exception, match=r"x\.wav is broken record it again"):
        client.predict(exp_name="fails", api_name="/open1Ba")


def test_a_switched_version_is_that_of_the_stages(client):
    for name in ("v4", "v2"):
        client.predict(version_=name, api_name="/switch_version")
        assert f"'version': '{name}'" in client.predict(exp_name="xxx", api_name="/open1Ba")
    with pytest.raises(Exception, match="v9"):
        client.predict(version_="v9", api_name="/switch_version")


def test_the_documents_ways_to_connect_and_to_catch_errors_work(address, capsys):
    connecting, catching = (block for block in document.blocks() if block.endpoint in document.TEMPLATES)
    found = {}
    with pytest.raises(ValueError, match="api_endpoint_name"):
        exec(connecting.code.replace("http://localhost:9874/", address), found)  # noqa: S102 - as above
    exec(catching.code.replace("/api_endpoint", "/open_slice"), found)  # noqa: S102 - as above
    assert "操作失败: inp is empty" in capsys.readouterr().out
