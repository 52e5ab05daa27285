"""Who may come in: checked before routing, for requests and websockets alike, so that a stranger learns nothing of what is there.

Host first (421: a page that resolved its own name to this machine), then Origin (403: a page of somebody else's), then the token (401).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pmm.api.errors import Refused, respond

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_ALLOWED_METHODS = "GET, POST, PATCH, DELETE"
_ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Session-Id, X-PMM-Record"


class Access:
    """token: what a request bears. hosts: names it may be addressed to, without port. cors: origins whose scripts may call.

    Another front door (a page with a cookie) adds itself: `open_paths` ask for no token, `also` are asked whether a request that bears
    none is admitted all the same, and `page` is what a browser is shown that isn't.
    """

    def __init__(self, token: str, *, hosts: tuple[str, ...] = (), cors: tuple[str, ...] = ()) -> None:
        self._token = token.encode()
        self.hosts = frozenset(host.lower() for host in (*LOOPBACK, *hosts))
        self.cors = frozenset(cors)
        self.open_paths = {"/healthz"}
        self.also: list[Callable[[Scope], bool]] = []
        self.page: ASGIApp | None = None

    def bears_token(self, headers: Headers) -> bool:
        """Whether a request bears the token. Takes the same time for every wrong one."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(given.strip())

    def is_token(self, given: str) -> bool:
        """Whether this is the token. Takes the same time for every wrong one."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    def sign(self, text: str) -> str:
        """64 hex digits that only who knows the token can give to a text."""
        return hmac.new(self._token, text.encode("utf-8", "replace"), "sha256").hexdigest()

    def refusal(self, scope: Scope) -> Refused | None:
        """Why a request may not come in; None if it may."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name(hosts[0]) not in self.hosts:
            return Refused(421, "this server does not go by that name.", hint="Start it with --allow-host NAME to serve it there.")
        if not self._same_page(headers.getlist("origin"), hosts[0]):
            return Refused(403, "pages from elsewhere may not call this server.", hint="Start it with --cors ORIGIN to allow one.")
        if scope["path"] in self.open_paths or self.bears_token(headers) or any(admits(scope) for admits in self.also):
            return None
        return Refused(401, "a token is needed.", hint="Send it as `Authorization: Bearer TOKEN`; the server printed where it is kept.")

    def _same_page(self, origins: list[str], host: str) -> bool:
        """Whether the request comes from no page at all, from one of this server's, or from one that was allowed."""
        return all(origin in self.cors or origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}") for origin in origins)


def _name(host: str) -> str:
    """The Host header without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isascii() and port.isdigit() else host.lower()


class Guard:
    """The middleware that asks `access`, and tells browsers which pages may read the answers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        told = send
        origin = Headers(scope=scope).get("origin")
        if scope["type"] == "http" and origin in self._access.cors:
            told = _readable_by(origin, send)
        refusal = self._access.refusal(scope)
        if refusal is None:
            await self._app(scope, receive, told)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it was accepted: the server answers 403
        elif refusal.status == 401 and told is not send and scope["method"] == "OPTIONS":
            await _preflight()(scope, receive, told)  # browsers ask without the token
        elif refusal.status == 401 and self._access.page is not None and _is_browser(scope):
            await self._access.page(scope, receive, told)
        else:
            await respond(refusal)(scope, receive, told)


def _is_browser(scope: Scope) -> bool:
    """Whether somebody wants to look at a page."""
    return bool(scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""))


def _preflight() -> Response:
    allowed = {"access-control-allow-methods": _ALLOWED_METHODS, "access-control-allow-headers": _ALLOWED_HEADERS}
    return Response(status_code=204, headers={**allowed, "access-control-max-age": "600"})


def _readable_by(origin: str, send: Send) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = origin
            headers["access-control-expose-headers"] = "Retry-After"
            headers.add_vary_header("Origin")
        await send(message)

    return told
