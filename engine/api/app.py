"""The server put together: one web application behind the guard, and the program that runs it."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from engine.api.guard import Application, Guard
from engine.api.jobs import Jobs
from engine.api.safety import NotAllowed
from engine.api.settings import ServerSettings
from engine.api.speaking import Speakers
from engine.protocol.errors import MissingModel

if TYPE_CHECKING:
    from fastapi import FastAPI

    from engine.api.gradio_calls import Speaking

log = logging.getLogger(__name__)

EXTRA: Final = "server"
_NEEDED: Final = ("fastapi", "uvicorn")


def require_libraries() -> None:
    """Looks for what the server is made with.

    Raises:
        MissingModel: a library is not installed.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingModel(
            f"The local server needs {' and '.join(missing)}.",
            hint=f'Install the extra "{EXTRA}": pip install "gsv-desktop[{EXTRA}]".',
        )


def make_app(
    settings: ServerSettings,
    control: Callable[[str], None] | None = None,
    command: Sequence[str] | None = None,
) -> Application:
    """The whole server as one ASGI application.

    Args:
        settings: What callers may do.
        control: Restarts or ends the server, by the words `restart` and `exit`.
        command: Program and arguments of a worker; None for the program's own.

    Raises:
        MissingModel: a library is not installed.
    """
    require_libraries()
    return Guard(_make_web(settings, control or _no_control, command), settings)


def _no_control(command: str) -> None:
    raise NotAllowed(f"This server cannot be told to {command}.")


def _make_web(
    settings: ServerSettings, control: Callable[[str], None], command: Sequence[str] | None
) -> FastAPI:
    from fastapi import FastAPI

    from engine.api import openai_speech
    from engine.api.api_v2 import ApiV2

    jobs = Jobs(settings.workspace, command)
    speakers = Speakers(settings.workspace, settings.workers, settings.limits.waiting, command)

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.gather(speakers.close(), asyncio.to_thread(jobs.close))

    web = FastAPI(title="GSV Desktop", docs_url=None, redoc_url=None, openapi_url=None, lifespan=alive)

    @web.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "speaking": speakers.busy}

    api_v2 = ApiV2(settings, speakers, control)
    web.include_router(api_v2.router)
    web.include_router(openai_speech.make_router(settings, speakers))
    return web if settings.speech_only else _with_pages(web, jobs, settings, api_v2)


def _with_pages(web: FastAPI, jobs: Jobs, settings: ServerSettings, speaking: Speaking) -> FastAPI:
    """Puts the original's calls, which are gradio's, below everything else."""
    if importlib.util.find_spec("gradio") is None:
        log.warning('the calls of the original are off: gradio is not installed (extra "%s")', EXTRA)
        return web
    import gradio

    from engine.api.gradio_blocks import build_blocks
    from engine.api.occupancy import Occupancy

    web.add_middleware(Occupancy, jobs=jobs)
    mounted: FastAPI = gradio.mount_gradio_app(
        web, build_blocks(jobs, settings, speaking), path="/", max_file_size=settings.limits.body_bytes
    )
    return mounted
