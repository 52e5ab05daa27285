"""The MCP server, asked by the SDK's own client over both transports."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the MCP SDK is not installed")

import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from running import BEARER, Running

TOOLS = ["ask", "commitments", "recall", "remember", "state", "why"]

Use = Callable[[Client], Awaitable[None]]


@asynccontextmanager
async def over_http(server: Running, query: str = "", mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=BEARER) as http,
        Client(streamable_http_client(f"{server.url}/mcp{query}", http_client=http), mode=mode) as client,
    ):
        yield client


@asynccontextmanager
async def over_pipes(db: Path) -> AsyncIterator[Client]:
    command = ["-m", "pmm", "mcp", "--db", str(db), "--model", "offline"]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=command))) as client:
        yield client


def said(result: Any) -> Any:
    """What a tool gave."""
    assert not result.is_error, result.content
    given = result.structured_content
    return given["result"] if set(given) == {"result"} else given


async def use_all(client: Client, reply: str) -> None:
    """Each tool and resource once, in a small story."""
    assert sorted(tool.name for tool in (await client.list_tools()).tools) == TOOLS
    assert said(await client.call_tool("remember", {"text": "The shed key hangs behind the clock."})) == {"kept": 1}
    found = said(await client.call_tool("recall", {"query": "where is the shed key?"}))
    assert found[0]["text"] == "The shed key hangs behind the clock." and found[0]["who"] == "user" and found[0]["origin"] == "mcp"
    answer = said(await client.call_tool("ask", {"text": "Remind me to water the ferns on Friday"}))
    assert reply in answer["text"] and answer["reply_event"] > answer["user_event"]
    promised = said(await client.call_tool("commitments", {}))
    assert [one["state"] for one in promised] == ["open"] and "ferns" in promised[0]["text"]
    tree = said(await client.call_tool("why", {"what": f"commitment:{promised[0]['cid']}"}))
    assert "ferns" in json.dumps(tree) and tree["event"]["kind"] == "commitment_opened"
    state = said(await client.call_tool("state", {}))
    assert state["commitments_open"] == 1
    assert said(await client.call_tool("state", {"at": "1"}))["commitments_open"] == 0
    assert json.loads((await client.read_resource("pmm://state")).contents[0].text)["head"] == state["head"]
    latest = json.loads((await client.read_resource("pmm://events")).contents[0].text)
    assert latest[-1]["id"] == state["head"] or latest[-1]["id"] > state["head"]
    first = json.loads((await client.read_resource("pmm://events/1")).contents[0].text)
    assert first["kind"] == "mind_created"


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("recall", {"query": "x", "k": 0}, "from 1 to 100"),
    ("recall", {"query": "x", "k": 10**30}, "from 1 to 100"),
    ("recall", {"query": "x", "at": "soon"}, "neither an event"),
    ("ask", {"text": "  "}, "empty"),
    ("ask", {"text": "x", "session": ""}, "session"),
    ("why", {"what": "nothing of the kind"}, ""),
    ("why", {"what": "9" * 40}, ""),
    ("why", {"what": ""}, ""),
    ("commitments", {"which": "lost"}, ""),
    ("commitments", {"limit": -1}, "from 1 to 100"),
    ("remember", {}, ""),
    ("remember", {"text": ""}, "empty"),
    ("nothing", {}, ""),
]


async def use_badly(client: Client) -> None:
    """What can't be answered is told, and nothing breaks."""
    for name, arguments, says in BAD:
        try:
            result = await client.call_tool(name, arguments)
        except MCPError as error:
            assert "Traceback" not in str(error)
            continue
        assert result.is_error and says in result.content[0].text, (name, arguments, result)
        assert "Traceback" not in result.content[0].text
    for uri in ("pmm://events/0", "pmm://events/x", "pmm://events/99999999999999999999", "pmm://nothing"):
        with pytest.raises(MCPError):
            await client.read_resource(uri)
    assert said(await client.call_tool("state", {}))["head"] > 0


def run(using: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(120):
            await using()

    asyncio.run(limited())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_everything_over_http(server: Running, mode: str) -> None:
    """Of a mind that the address names; by today's protocol and by the one before."""
    server.post("/api/minds", name=f"mcp-{mode}")

    async def using() -> None:
        async with over_http(server, f"?mind=mcp-{mode}", mode) as client:
            await use_all(client, "Fine.")
            await use_badly(client)

    run(using)
    assert server.get("/api/state")["commitments_open"] == 0, "the default mind heard nothing of it"


def test_everything_over_pipes(tmp_path: Path) -> None:
    """With a mind of its own, which is closed well."""

    async def using() -> None:
        async with over_pipes(tmp_path / "echo.db") as client:
            await use_all(client, "")
            await use_badly(client)

    run(using)
    from pmm import Mind

    with Mind.open(tmp_path / "echo.db", model="offline") as mind:
        assert mind.view().commitments.open[0].text
        assert {e.source for e in mind.log.by_kind("user_message")} == {"mcp"}  # type: ignore[attr-defined]


def test_a_mind_that_is_not_there_is_told_and_not_made(server: Running) -> None:
    answer = server.http.post("/mcp?mind=nobody", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code == 404 and "nobody" not in answer.json()["detail"]
    assert "nobody" not in [mind["name"] for mind in server.get("/api/minds")["items"]]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"authorization": "Bearer no"}, 401), (BEARER | {"host": "evil.example"}, 421), (BEARER | {"origin": "http://evil"}, 403)],
)
def test_the_door_is_guarded_as_every_other(server: Running, headers: dict[str, str], status: int) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert httpx2.request(method, f"{server.url}/mcp", headers=headers, content=b"{}").status_code == status


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"\xff", b"[" * 5000, b'{"jsonrpc": "2.0", "id": 1, "method": "no/such"}'])
def test_rubbish_is_refused(server: Running, sent: bytes) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    assert 400 <= server.http.post("/mcp", content=sent, headers=headers).status_code < 500 or b"method" in sent
    assert server.get("/healthz")["status"] == "ok"


def test_many_clients_at_once(server: Running) -> None:
    """Their turns wait in line; none fails."""

    async def using() -> None:
        async def one(n: int) -> None:
            async with over_http(server) as client:
                assert said(await client.call_tool("ask", {"text": f"Hello number {n}", "session": f"s{n}"}))["text"] == "Fine."

        await asyncio.gather(*(one(n) for n in range(8)))

    run(using)


def test_a_server_that_nobody_asks_for_it_does_not_load_the_sdk() -> None:
    """It takes memory that an idle server hasn't got to spend."""
    import subprocess

    code = "import sys, pmm.api.app; print('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout == "False\n"
