"""The stream of events: nothing is missed and nothing comes twice, whoever is cut off, slow, or many."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from running import BEARER, Running, frames

from pmm import Mind, Turn
from pmm.api.feed import Feed
from pmm.testing import counting

REQUEST = "GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}Authorization: {bearer}\r\n\r\n"


def listen(server: Running, until: int, path: str = "/api/events/stream?after=0", **headers: str) -> list[tuple[int, dict[str, Any]]]:
    """What comes on a stream up to event `until`."""
    found = []
    with server.http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for id, _, data in frames(answer.iter_lines()):
            found.append((int(id), data))
            if int(id) >= until:
                return found
    return found


def head(server: Running) -> int:
    return int(server.get("/api/state")["head"])


def test_a_stream_has_what_was_and_what_happens(server: Running) -> None:
    server.say("hello")
    heard: list[Any] = []
    thread = threading.Thread(target=lambda: heard.extend(listen(server, before + 2)))
    before = head(server)
    thread.start()
    time.sleep(0.3)
    rule = server.post("/api/directives", text="Answer briefly.")
    server.post("/api/directives", text="Be kind.")
    thread.join(30)
    assert [id for id, _ in heard] == list(range(1, before + 3))
    assert heard[before] == (rule["did"], {k: v for k, v in server.get(f"/api/events/{rule['did']}").items() if k != "refers_to"})
    assert heard[before][1]["content"] == "Answer briefly."


def heard_of_new(server: Running, act: Callable[[], list[tuple[int, Any]]]) -> list[int]:
    """The ids that were heard, while something new happens now and then."""
    heard: list[int] = []
    thread = threading.Thread(target=lambda: heard.extend(id for id, _ in act()))
    thread.start()
    for n in range(100):
        thread.join(0.3)
        if not thread.is_alive():
            break
        server.post("/api/directives", text=f"Rule {n} of {id(heard)}.")
    return heard


def test_from_now_on_is_the_default(server: Running) -> None:
    before = head(server)
    (first,) = heard_of_new(server, lambda: listen(server, before + 1, "/api/events/stream"))
    assert first > before


def test_last_event_id_goes_on_there_and_wins(server: Running) -> None:
    until = head(server)
    assert [id for id, _ in listen(server, until, **{"last-event-id": str(until - 2)})] == [until - 1, until]


def test_an_id_from_a_future_that_never_was_goes_on_from_now(server: Running) -> None:
    before = head(server)
    (first,) = heard_of_new(server, lambda: listen(server, before + 1, **{"last-event-id": "999999"}))
    assert first > before


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 30, "١"])
def test_what_is_no_id_is_refused(server: Running, given: str) -> None:
    answer = server.http.get("/api/events/stream", headers={"last-event-id": given.encode()})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Last-Event-ID is the id of an event."


def test_only_some_kinds(server: Running) -> None:
    said = server.say("one more message")["user_event"]
    found = listen(server, said, "/api/events/stream?after=0&kind=user_message&kind=mind_created")
    assert {data["kind"] for _, data in found} == {"user_message", "mind_created"}
    assert server.http.get("/api/events/stream?kind=nonsense").status_code == 422


async def follow(http: httpx2.AsyncClient, until: int, chance: random.Random, seen: list[int]) -> None:
    """A client that is cut off now and then, and goes on where it was."""
    last = 0
    async with http:
        while last < until:
            with suppress(httpx2.TransportError):
                cut = last + chance.randint(1, 25)
                async with http.stream("GET", "/api/events/stream?after=0", headers={"last-event-id": str(last)}) as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            last = int(line[4:])
                            seen.append(last)
                            if last >= until or last >= cut:
                                break


async def crowd(server: Running, clients: int, rules: int) -> list[list[int]]:
    """So many clients listen while rules are set; what each of them saw."""
    until = head(server) + rules
    seen: list[list[int]] = [[] for _ in range(clients)]
    chance, tls = random.Random(7), ssl.create_default_context()  # made once: it takes longer than a request
    async with asyncio.TaskGroup() as group:
        for mine in seen:
            http = httpx2.AsyncClient(base_url=server.url, headers=BEARER, timeout=60, verify=tls)
            group.create_task(follow(http, until, random.Random(chance.random()), mine))
        async with httpx2.AsyncClient(base_url=server.url, headers=BEARER, timeout=60, verify=tls) as http:
            for n in range(rules):
                answer = await http.post("/api/directives", json={"text": f"Rule {until} {n}."})
                assert answer.status_code == 201
    assert all(mine == list(range(1, until + 1)) for mine in seen)
    return seen


def test_fifty_clients_that_are_cut_off_miss_nothing(fresh: Callable[..., Running]) -> None:
    seen = asyncio.run(crowd(fresh(), clients=50, rules=60))
    assert len(seen) == 50


@pytest.mark.slow
def test_a_thousand_clients_that_are_cut_off_miss_nothing(fresh: Callable[..., Running]) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    assert len(asyncio.run(crowd(fresh(), clients=1000, rules=60))) == 1000


def test_a_client_that_does_not_read_holds_nobody_up_and_costs_no_memory(fresh: Callable[..., Running], tmp_path: Path) -> None:
    import psutil

    (tmp_path / "minds").mkdir()
    with Mind.open(tmp_path / "minds" / "default.db", model="offline", settings={"synchronous": "NORMAL"}) as mind:
        mind.import_turns([Turn("Ana", f"{n} " + "long " * 12_000) for n in range(150)])
    server = fresh()
    until = head(server)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", server.port))
        before = psutil.Process(server.process.pid).memory_info().rss
        raw.sendall(REQUEST.format(path="/api/events/stream?after=0", more="", bearer=BEARER["authorization"]).encode())
        time.sleep(0.5)
        assert [id for id, _ in listen(server, until)] == list(range(1, until + 1))  # another one isn't held up
        assert psutil.Process(server.process.pid).memory_info().rss - before < 60e6
        text, last = bytearray(), b"id: %d\n" % until
        raw.settimeout(60)
        while last not in text[-200_000:]:
            text += raw.recv(1 << 20)
    ids = [int(line[4:]) for line in text.split(b"\n") if line.startswith(b"id: ")]
    assert ids == list(range(1, until + 1))  # it missed nothing either


def test_nobody_who_listens_means_nothing_is_read(tmp_path: Path) -> None:
    async def look() -> None:
        with Mind.open(tmp_path / "a.db", model="offline", settings={"synchronous": "NORMAL"}) as mind:
            feed = Feed(mind)
            mind.wait_idle(30)
            await asyncio.sleep(0.1)
            with counting(mind) as cost:
                feed._appended([])
                await asyncio.sleep(0.1)
            assert cost.statements == cost.background.statements == 0
            assert feed.listeners == 0

    asyncio.run(look())


def test_what_is_kept_for_listeners_is_bounded_and_the_rest_is_read_from_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmm.api.feed.KEPT_BYTES", 3000)

    async def look() -> list[int]:
        with Mind.open(tmp_path / "a.db", model="offline", settings={"synchronous": "NORMAL"}) as mind:
            feed, seen = Feed(mind), []
            pages = feed.frames(0)
            seen += [frame.id for frame in await anext(pages)]
            for n in range(40):
                await asyncio.to_thread(mind.set_directive, f"Rule {n}.")
            until = mind.log.head[0]
            while seen[-1] < until:
                seen += [frame.id for frame in await anext(pages)]
            assert sum(len(frame.bytes) for frame in feed._kept) <= 3000
            feed.close()
            assert [page async for page in pages] == []
            assert seen == list(range(1, until + 1))
            return seen

    assert len(asyncio.run(look())) > 40


def test_what_another_process_appends_comes_with_the_next_heartbeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmm.api.feed.BEAT_S", 0.1)
    settings = {"synchronous": "NORMAL"}

    async def look() -> None:
        with Mind.open(tmp_path / "a.db", model="offline", settings=settings) as mind:
            pages = Feed(mind).frames(None)
            assert await anext(pages) == []  # a heartbeat
            with Mind.open(tmp_path / "a.db", model="offline", settings=settings) as other:
                rule = await asyncio.to_thread(other.set_directive, "Be kind.")
            found = [frame.id for _ in range(5) for frame in await anext(pages)]
            assert found[0] == rule
            await pages.aclose()

    asyncio.run(look())


def test_data_is_one_line_of_json_whatever_it_holds(server: Running) -> None:
    text = 'two\nlines\r\nid: 7\n\ndata: {"x": 1}  '
    rule = server.post("/api/directives", text=text)
    ((id, data),) = listen(server, rule["did"], f"/api/events/stream?after={rule['did'] - 1}")
    assert (id, data["content"]) == (rule["did"], json.loads(json.dumps(rule["text"])))
