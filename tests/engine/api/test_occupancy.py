"""A stage that is running cannot be started by a plain HTTP call, and the status says why."""

import asyncio
import sys

import httpx
import pytest
from starlette.responses import PlainTextResponse

from engine.api.jobs import Jobs
from engine.api.occupancy import Occupancy
from tests.contract import scripted_stages


@pytest.fixture
def jobs(tmp_path):
    made = Jobs(tmp_path / "用户 it's 名", [sys.executable, scripted_stages.__file__])
    yield made
    made.close()


def post(jobs, *paths, method="POST"):
    """Status and body of calls of an application behind it."""
    application = Occupancy(PlainTextResponse("passed"), jobs)

    async def call():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.request(method, f"/gradio_api/{path}") for path in paths]

    return asyncio.run(call())


def test_starts_of_a_running_stage_and_of_those_that_write_the_same_files_are_conflicts(jobs, tmp_path):
    assert [answer.text for answer in post(jobs, "call/open1abc", "run/open1a")] == ["passed"] * 2
    parameters = {"workspace": str(tmp_path), "experiment": "waits", "labels": "x.list"}
    job = jobs.start("prepare", parameters)
    told = post(jobs, "call/open1abc", "call/v2/open1abc/", "run/open1abc", "api/open1a")
    assert [answer.status_code for answer in told] == [409] * 4
    assert "is occupied" in told[0].json()["error"]
    assert "writes the same files" in told[3].json()["error"]
    others = post(jobs, "call/close1abc", "call/open_slice", "call/open_nothing", "queue/join")
    others += post(jobs, "call/open1abc", method="GET")
    assert [answer.text for answer in others] == ["passed"] * 5
    jobs.cancel("prepare")
    assert not job.running
    assert post(jobs, "call/open1abc")[0].text == "passed"
