"""The companion on a server's application: which paths are its own, under which rules browsers run it, and one page for each address."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from nicegui import core, ui
from starlette.datastructures import MutableHeaders
from starlette.routing import Match, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pmm.api.errors import Refused
from pmm.api.minds import DEFAULT
from pmm.web import entry, shell
from pmm.web.live import Lives
from pmm.web.parts import heading, tag, text
from pmm.web.tab import Tab

if TYPE_CHECKING:
    from pmm.api.minds import Minds

STATIC = Path(__file__).parent / "static"
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><circle cx='16' cy='16' r='15' fill='#0f5e58'/>"
    "<path d='M11 23V9h6a4.5 4.5 0 0 1 0 9h-3' fill='none' stroke='#fff' stroke-width='2.6'/></svg>"
)
_PAGES = "|".join(name for name in shell.PAGES if name)
_OURS = re.compile(rf"/(?:(?:minds/[a-z0-9][a-z0-9_-]*/?)?(?:{_PAGES})?|(?:_nicegui|_nicegui_ws|companion)/.*|favicon\.ico)")


def ours(path: str) -> bool:
    """Whether a path is the companion's. All others stay the server's, with errors told as it tells them."""
    return _OURS.fullmatch(path) is not None


def mount(app: FastAPI) -> str:
    """Put the companion on the application of `pmm.api.app.create_app`: the path of a link that lets a browser in, once.

    Once in a process: NiceGUI keeps its own application as a global.
    """
    door = entry.Entry(app.state.access, ours)
    app.router.routes.append(Route(entry.PATH, door.enter, methods=["GET", "POST"], include_in_schema=False))
    app.router.routes.append(Route("/api/links", door.new_link, methods=["POST"], include_in_schema=False))
    _pages(app.state.minds, Lives())
    core.app.add_static_files("/companion", STATIC, max_cache_age=86400)
    ui.add_head_html(_head(), shared=True)
    options: dict[str, Any] = {"tailwind": False, "binding_refresh_interval": None, "reconnect_timeout": 30, "dark": None}
    ui.run_with(app, title="PMM", favicon=_ICON, language="en-US", show_welcome_message=False, **options)
    app.router.routes[-1] = _Mounted("/", _with_headers(core.app))  # in place of one that takes every path
    return door.link()


class _Mounted(Mount):
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if ours(scope["path"]) else (Match.NONE, {})


def _with_headers(app: ASGIApp) -> ASGIApp:
    async def headed(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await app(scope, receive, told if scope["type"] == "http" else send)

    return headed


def _head() -> str:
    """Theme first, so that no page is painted in the wrong one; then what every page needs."""
    files = {name: sha256((STATIC / name).read_bytes()).hexdigest()[:12] for name in ("theme.js", "companion.css", "companion.js")}
    theme = f"<script>{(STATIC / 'theme.js').read_text(encoding='utf-8')}</script>"
    style = f'<link rel="stylesheet" href="/companion/companion.css?{files["companion.css"]}">'
    return f'{theme}{style}<script defer src="/companion/companion.js?{files["companion.js"]}"></script>'


def _nobody(error: Refused, names: list[str]) -> None:
    """What is shown in place of a mind that can't be shown: why, and those that can."""
    with tag("div", "nobody"):
        heading("No such mind", "These are here:" if error.status == 404 else error.message)
        for name in names:
            text("a", name, "link", href="/" if name == DEFAULT else f"/minds/{name}")


def _pages(minds: Minds, lives: Lives) -> None:
    """A NiceGUI page for each address. Between pages of one mind the browser stays; between minds it loads anew."""

    async def opened(request: Request, name: str, base: str) -> None:
        try:
            hosted = await minds.get(name)
        except Refused as error:
            ui.context.client.status_code = error.status
            _nobody(error, minds.names())
            return
        tab = Tab(hosted, lives.of(hosted), base, at=request.query_params.get("at"))
        await shell.build(tab, minds.names())

    async def the_mind(request: Request) -> None:
        await opened(request, DEFAULT, "")

    async def a_mind(request: Request, mind: str) -> None:
        await opened(request, mind, f"/minds/{mind}")

    for name in shell.PAGES:
        ui.page(f"/{name}")(the_mind)
        ui.page(f"/minds/{{mind}}/{name}" if name else "/minds/{mind}")(a_mind)
