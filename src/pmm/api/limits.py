"""How much one may ask: the size of a body, and requests per second."""

from __future__ import annotations

import math
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pmm.api.errors import Refused, respond

BODY_MAX = 1024 * 1024
"""bytes of a request's body"""
RATE = 200.0
"""requests per second in the long run; ten times as many at once"""
BURST_S = 10


class Bucket:
    """`rate` per second in the long run, `size` at once. take() gives the seconds to wait, 0 if it may be done now."""

    def __init__(self, rate: float, size: float) -> None:
        self._rate = rate
        self._size = size
        self._left = size
        self._at = time.monotonic()

    def take(self) -> float:
        """One."""
        now = time.monotonic()
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0


class Limits:
    """The middleware behind the guard: there is one token, so one bucket. Bodies are read whole here; none is larger than BODY_MAX."""

    def __init__(self, app: ASGIApp, *, rate: float = RATE, body: int = BODY_MAX) -> None:
        self._app = app
        self._bucket = Bucket(rate, max(1.0, rate * BURST_S))
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or refuse."""
        if scope["type"] != "http" or scope["path"] == "/healthz":
            await self._app(scope, receive, send)
            return
        if wait := self._bucket.take():
            refused = Refused(429, "too many requests.", hint="Wait a moment.", retry_after_s=math.ceil(wait))
            await respond(refused)(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = await self._read(scope, receive)
        if body is None:
            await respond(Refused(413, f"a body has at most {self._body:,} bytes."))(scope, receive, send)
        else:
            await self._app(scope, _again(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> Message | None:
        """The body in one message; None if it is too large."""
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdigit() and int(stated[:20]) > self._body:
            return None
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message  # it went away
            body += message.get("body", b"")
            if len(body) > self._body:
                return None
            if not message.get("more_body"):
                return {"type": "http.request", "body": bytes(body), "more_body": False}


def _again(first: Message, receive: Receive) -> Receive:
    """Hands out what was read, then what comes."""
    read = [first]

    async def handed() -> Message:
        return read.pop() if read else await receive()

    return handed
