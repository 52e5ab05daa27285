"""How a browser comes in: a link that works once, or the token, is exchanged for a cookie that scripts and other sites never see.

The cookie is signed with the token, so it outlives a restart of the server, and a new token ends it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from pmm.api import shapes
from pmm.clock import Clock, Ids

if TYPE_CHECKING:
    from pmm.api.guard import Access

PATH = "/enter"
DAYS = 30
CODES_MAX = 100
"""links that nobody has used; of more, the oldest stop working"""


class Entry:
    """The front door of the page. access: what it is added to. ours(path): whether a path is the page's; the cookie opens no other."""

    def __init__(self, access: Access, ours: Callable[[str], bool], clock: Clock | None = None) -> None:
        self._access = access
        self._ours = ours
        self._clock = clock or Clock()
        self._codes: dict[str, None] = {}
        access.open_paths.add(PATH)
        access.also.append(self.admits)
        access.page = self.refuse

    def link(self) -> str:
        """The path of a new link, which works once."""
        code = Ids().token()[:32]
        self._codes[code] = None
        while len(self._codes) > CODES_MAX:
            del self._codes[next(iter(self._codes))]
        return f"{PATH}?code={code}"

    def admits(self, scope: Scope) -> bool:
        """Whether a request is for the page and has a good cookie."""
        if not self._ours(scope["path"]):
            return False
        headers = Headers(scope=scope)
        until, _, signature = cookie_parser(headers.get("cookie", "")).get(_name(headers), "").partition(".")
        good = hmac.compare_digest(signature.encode("utf-8", "replace"), self._access.sign(f"page {until}").encode())
        return good and until.isascii() and until.isdigit() and int(until[:12]) > self._clock.now().timestamp()

    async def enter(self, request: Request) -> Response:
        """A link is followed, or the token was typed."""
        if request.method == "POST":
            given = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])[0]
            good, why = self._access.is_token(given.strip()), "That is not the token."
        else:
            code = request.query_params.get("code", "")
            good, why = code in self._codes, "This link was used already, or is from before the server was restarted."
            self._codes.pop(code, None)
        return self._welcome(request) if good else _door(why)

    async def refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What a browser sees that may not come in."""
        await _door("")(scope, receive, send)

    async def new_link(self, request: Request) -> Response:
        """For a program that bears the token: another link."""
        return shapes.answer({"path": self.link()}, 201)

    def _welcome(self, request: Request) -> Response:
        """The cookie, and on to the page by itself: after a redirect from another site's link a strict cookie would be held back."""
        until = str(int(self._clock.now().timestamp()) + DAYS * 86400)
        answer = _page('<meta http-equiv="refresh" content="0;url=/">', '<p><a href="/">Go on to the page</a></p>')
        value = f"{until}.{self._access.sign(f'page {until}')}"
        secure = request.url.scheme == "https"
        answer.set_cookie(_name(request.headers), value, max_age=DAYS * 86400, httponly=True, samesite="strict", secure=secure)
        return answer


def _name(headers: Headers) -> str:
    """Cookies don't heed ports: with its own in the name, two servers of one machine don't take each other's away."""
    port = headers.get("host", "").rpartition(":")[2]
    return f"pmm-{port}" if port.isascii() and port.isdigit() else "pmm"


def _door(why: str) -> Response:
    told = f'<p role="alert"><strong>{escape(why)}</strong></p>' if why else ""
    return _page("", told + _DOOR, 401)


def _page(head: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(_HTML.replace("HEAD", head).replace("BODY", body), status, _HEADERS)


_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_DOOR = f"""<p>Open the link that <code>pmm serve</code> printed when it started. It works once.</p>
<p>Or paste the server's token. It is <code>PMM_TOKEN</code>, or in the file <code>token</code> beside the minds.</p>
<form method="post" action="{PATH}"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" required><button>Come in</button></form>"""
_HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>PMM</title>
<meta name="viewport" content="width=device-width, initial-scale=1">HEAD<style>
:root{color-scheme:light dark;--paper:#f7f6f2;--ink:#1b1c1a;--accent:#0f5e58;--on:#fff;--border:#85837a;--surface:#fff}
@media(prefers-color-scheme:dark){:root{--paper:#131412;--ink:#ecede7;--accent:#7fcabf;--on:#0b1f1c;--border:#80857b;--surface:#1b1d1a}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 Roboto,system-ui,sans-serif}
main{max-width:34rem;margin:12vh auto;padding:0 24px}h1{font-size:20px;font-weight:500}a{color:var(--accent)}
label{display:block;font-weight:500;margin:24px 0 4px}code{font-size:14px;overflow-wrap:anywhere}form{display:block}
input,button{font:inherit;border-radius:6px;padding:8px 12px;min-height:40px;box-sizing:border-box}
input{width:100%;background:var(--surface);color:inherit;border:1px solid var(--border)}
button{margin-top:12px;border:0;background:var(--accent);color:var(--on);font-weight:500;cursor:pointer}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
</style></head><body><main><h1>This mind is private</h1>BODY</main></body></html>"""
