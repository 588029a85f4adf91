"""A second start of a stage that is running is an HTTP conflict, told before gradio takes the call.

gradio's own client joins a queue and hears of it in the answer; plain HTTP calls of gradio's routes would
otherwise be answered with 200 and an id, or with 500.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.api.answers import status_of
from engine.api.gradio_endpoints import STAGE_ENDPOINTS
from engine.api.jobs import Jobs, Occupied

_CALL: Final = re.compile(r"/gradio_api/(?:call(?:/v2)?|run|api)/open(?P<suffix>\w+)/?")


class Occupancy:
    """Lets calls pass to an application, except starts of a stage that cannot start now."""

    def __init__(self, app: ASGIApp, jobs: Jobs) -> None:
        self._application = app
        self._jobs = jobs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request, as ASGI says."""
        error = self._conflict(scope)
        if error is None:
            await self._application(scope, receive, send)
            return
        content = {"error": f"{error.message} {error.hint}".strip(), "code": error.code}
        await JSONResponse(content, status_code=status_of(error))(scope, receive, send)

    def _conflict(self, scope: Scope) -> Occupied | None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        called = _CALL.fullmatch(scope["path"])
        endpoint = STAGE_ENDPOINTS.get(called["suffix"]) if called else None
        return self._jobs.conflict(endpoint.stage) if endpoint is not None else None
