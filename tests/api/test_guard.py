"""Who may come in: asked before anything else, of every path and of websockets too."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx2
import pytest
from running import BEARER, Running
from serving import TOKEN

from pmm.api.guard import Access, Guard

GOOD = f"Bearer {TOKEN}"
WRONG = [None, "", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer 🔑".encode(), f"bearer{TOKEN}"]
PATHS = [
    "/",
    "/api/state",
    "/api/minds",
    "/api/minds/default/state",
    "/api/minds/absent/state",
    "/api/events/stream",
    "/openapi.json",
    "/metrics",
    "/nowhere",
]


def ask(server: Running, path: str, **headers: Any) -> Any:
    return httpx2.get(f"{server.url}{path}", headers={name: value for name, value in headers.items() if value is not None})


@pytest.mark.parametrize("given", WRONG, ids=str)
def test_without_the_token_nothing_is_told_apart(server: Running, given: Any) -> None:
    answers = [ask(server, path, authorization=given) for path in PATHS]
    assert {a.status_code for a in answers} == {401}
    assert len({a.text for a in answers}) == 1
    assert all(a.headers["www-authenticate"].startswith("Bearer") for a in answers)


def test_health_alone_is_open(server: Running) -> None:
    assert ask(server, "/healthz").json() == {"status": "ok"}
    assert ask(server, "/healthz/").status_code == 401
    assert ask(server, "//healthz").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.", "", "localhost@evil.example"])
@pytest.mark.parametrize("path", ["/api/state", "/healthz", "/nowhere"])
def test_a_foreign_host_is_refused_even_with_the_token(server: Running, host: str, path: str) -> None:
    assert ask(server, path, authorization=GOOD, host=host).status_code in (421, 400)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8377"])
def test_loopback_goes_by_these_names(server: Running, host: str) -> None:
    assert ask(server, "/api/state", authorization=GOOD, host=host).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://localhost:1", "file://", ""])
def test_a_foreign_origin_is_refused_even_with_the_token(server: Running, origin: str) -> None:
    answer = ask(server, "/api/state", authorization=GOOD, origin=origin)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_its_own_pages_may_call(server: Running) -> None:
    assert ask(server, "/api/state", authorization=GOOD, origin=server.url).status_code == 200


def test_a_page_that_was_allowed_may_call_and_read(server: Running) -> None:
    page = "http://page.example"
    asked = {"origin": page, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    preflight = httpx2.options(f"{server.url}/api/turns", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == page
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert ask(server, "/api/state", authorization=GOOD, origin=page).headers["access-control-allow-origin"] == page
    refused = ask(server, "/api/state", origin=page)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == page  # so that its script can read why


def test_two_hosts_are_none(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"GET /api/state HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nAuthorization: {GOOD}\r\n\r\n".encode())
        assert raw.recv(100).split()[1] in (b"421", b"400")


def test_the_token_in_a_url_is_none(server: Running) -> None:
    assert ask(server, f"/api/state?token={TOKEN}&access_token={TOKEN}").status_code == 401


def websocket(access: Access, **headers: str) -> list[str]:
    """What the guard sends to a websocket, and whether it reached the application."""
    sent: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sent.append("let in")

    async def send(message: Any) -> None:
        sent.append(message["type"])

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "path": "/socket", "headers": raw}
    asyncio.run(Guard(app, access)(scope, None, send))  # type: ignore[arg-type]
    return sent


def test_a_websocket_is_asked_the_same() -> None:
    access = Access(TOKEN)
    assert websocket(access, host="localhost", authorization=GOOD) == ["let in"]
    assert websocket(access, host="localhost") == ["websocket.close"]
    assert websocket(access, host="evil.example", authorization=GOOD) == ["websocket.close"]
    assert websocket(access, host="localhost", authorization=GOOD, origin="https://evil.example") == ["websocket.close"]


def test_a_real_handshake_without_the_token_gets_nowhere(server: Running) -> None:
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n".encode())
        assert raw.recv(100).split()[1] in (b"401", b"403")


def test_another_front_door_adds_itself() -> None:
    access = Access(TOKEN)
    access.also.append(lambda scope: (b"cookie", b"pmm=yes") in scope["headers"])
    assert websocket(access, host="localhost", cookie="pmm=yes") == ["let in"]
    assert websocket(access, host="localhost", cookie="pmm=no") == ["websocket.close"]
    assert websocket(access, host="evil.example", cookie="pmm=yes") == ["websocket.close"]


def test_answers_are_kept_by_nobody_on_the_way(server: Running) -> None:
    assert httpx2.get(f"{server.url}/api/state", headers=BEARER).headers["cache-control"] == "no-store"
