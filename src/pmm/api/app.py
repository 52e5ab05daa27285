"""The server's one application: who may come in, how much, and what there is to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import Field
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pmm.api import chat_completions, errors, events, kept, shapes, speak, sql, state
from pmm.api.asking import Body, named
from pmm.api.figures import Figures
from pmm.api.guard import Access, Guard
from pmm.api.limits import RATE, Limits
from pmm.api.mcp import McpApp
from pmm.api.minds import DRAIN_S, Minds
from pmm.version import VERSION

_ABOUT = """A mind that remembers, over HTTP. `/api/...` is the mind `default`, `/api/minds/{mind}/...` any other.

Lists come in pages: pass `next` as `before` for the next one. Errors are problem+json, with a hint."""


def create_app(minds: Minds, access: Access, *, rate: float = RATE) -> FastAPI:
    """The application. `app.state.minds` and `app.state.access` are what it was made of; other rooms may mount more on it.

    Whatever is mounted stands behind the same guard, websockets included. rate: requests per second in the long run.
    """

    @asynccontextmanager
    async def lives(app: FastAPI) -> AsyncIterator[None]:
        await minds.open()
        try:
            yield
        finally:
            await mcp.close()
            await minds.close()

    app = FastAPI(title="PMM", version=VERSION, description=_ABOUT, lifespan=lives, docs_url=None, redoc_url=None)
    app.state.minds, app.state.access = minds, access
    mcp = McpApp(minds)
    figures = Figures(minds)
    app.include_router(_server(minds, figures))
    for prefix, depends in (("/api", []), ("/api/minds/{mind}", [Depends(named)])):
        for part in (speak, state, kept, events, sql):
            app.include_router(part.router, prefix=prefix, dependencies=depends, responses=_PROBLEM)
    app.include_router(chat_completions.router(minds))
    app.router.routes.append(Route("/mcp", mcp, include_in_schema=False))
    errors.install(app)
    app.add_middleware(Limits, rate=rate)  # the last one added is asked first
    app.add_middleware(Guard, access=access)
    app.add_middleware(figures.middleware)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong, and what to do about it.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class NewMind(Body):
    """name: lower-case letters, digits, - and _."""

    name: Annotated[str, Field(min_length=1, max_length=64, examples=["echo"])]


def _server(minds: Minds, figures: Figures) -> APIRouter:
    """What is asked of the server itself."""
    router = APIRouter(tags=["server"], responses=_PROBLEM)

    @router.get("/healthz", responses=shapes.says(shapes.Health, {"status": "ok"}), openapi_extra={"security": []})
    async def healthz() -> Response:
        """Whether it is up. Needs no token."""
        return shapes.answer(shapes.Health(status="ok"))

    @router.get("/metrics", response_class=PlainTextResponse)
    def prometheus() -> PlainTextResponse:
        """Figures for Prometheus."""
        return PlainTextResponse(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    listed = {"items": [{"name": "default", "open": True}], "next": None}

    @router.get("/api/minds", responses=shapes.says(shapes.Page[shapes.MindInfo], listed))
    def list_minds() -> Response:
        """The minds of this server."""
        opened = {hosted.name for hosted in minds.opened()}
        return shapes.page(shapes.MindInfo(name=name, open=name in opened) for name in minds.names())

    there = shapes.says(shapes.MindInfo, {"name": "echo", "open": True}, "It was there already.")
    made = shapes.says(shapes.MindInfo, {"name": "echo", "open": True}, "It was created.", status=201)

    @router.post("/api/minds", status_code=201, responses=there | made)
    async def make_mind(new: NewMind) -> Response:
        """Create a mind, where the server was started with --create; one that is there already is answered as it is."""
        hosted, created = await minds.make(new.name)
        return shapes.answer(shapes.MindInfo(name=hosted.name, open=True), 201 if created else 200)

    return router


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        (_,), problem = msgspec.json.schema_components((errors.Problem,), ref_template="#/components/schemas/{name}")
        parts = found.setdefault("components", {})
        parts.setdefault("schemas", {}).update(shapes.components() | problem)
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        for operation in (operation for path in found["paths"].values() for operation in path.values()):
            operation.get("responses", {}).pop("422", None)  # FastAPI's own form of it, which is not how errors are told here
        for name in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(name, None)
        app.openapi_schema = found
    return app.openapi_schema


class Server(uvicorn.Server):
    """uvicorn, which lets turns end before it stops: it takes no more of them, ends the streams, and waits at most 10 s."""

    def __init__(self, config: uvicorn.Config, minds: Minds) -> None:
        super().__init__(config)
        self._minds = minds

    async def serve(self, sockets: Any = None) -> None:
        """Open the default mind first, so that what hinders it is raised to whoever starts the server."""
        await self._minds.open()
        await super().serve(sockets)

    async def shutdown(self, sockets: Any = None) -> None:
        """Called when it was asked to stop."""
        await self._minds.drain(DRAIN_S)
        await super().shutdown(sockets)
