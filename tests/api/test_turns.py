"""Turns over HTTP: whole and in pieces, in line, many at once; kept when a client vanishes or the server stops."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from running import BEARER, Running, frames

from pmm import Mind
from pmm.api import turns
from pmm.api.errors import Refused
from pmm.api.turns import Line
from pmm.errors import ModelUnavailable, TurnFailed
from pmm.testing import Scripted, ScriptedModel

PIECES = {"accept": "text/event-stream"}


def speaking(server: Running, text: str, mind: str = "default", **headers: str) -> Iterator[tuple[str, Any]]:
    """The frames of one turn, as they come."""
    with server.http.stream("POST", f"/api/minds/{mind}/turns", json={"text": text}, headers={**PIECES, **headers}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for _, event, data in frames(answer.iter_lines()):
            yield event, data


def spoken(server: Running, text: str, mind: str = "default", **headers: str) -> list[tuple[str, Any]]:
    """The frames of one turn."""
    return list(speaking(server, text, mind, **headers))


def last(server: Running, *kinds: str, mind: str = "default") -> Any:
    """The newest event of these kinds."""
    found = server.get(f"/api/minds/{mind}/events", params={"kind": list(kinds), "limit": 1})["items"]
    return found[0] if found else None


def waits_for(what: Callable[[], Any], seconds: float = 30) -> Any:
    """What it gives, as soon as that is something."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := what():
            return found
        time.sleep(0.05)
    return what()


def test_a_turn_is_answered_whole(server: Running) -> None:
    reply = server.say("My dog's name is Rex.")
    assert reply["text"] == "Fine."
    assert (reply["route"], reply["model"], reply["finish"]) == ("model", "talker", "stop")
    assert server.get(f"/api/events/{reply['user_event']}")["content"] == "My dog's name is Rex."
    assert server.get(f"/api/events/{reply['user_event']}")["source"] == "api"
    assert server.get(f"/api/events/{reply['reply_event']}")["refers_to"][0]["id"] == reply["user_event"]


def test_a_turn_comes_in_pieces(server: Running) -> None:
    told = spoken(server, "words 30 pause 0.01")
    pieces = [data["text"] for event, data in told if event == "piece"]
    assert len(pieces) > 5
    assert told[-1][0] == "reply"
    assert "".join(pieces) == told[-1][1]["text"] == "".join(f"w{n} " for n in range(30))


def test_a_retry_with_the_same_key_gives_the_recorded_outcome(server: Running) -> None:
    first = server.http.post("/api/turns", json={"text": "I like tea."}, headers={"idempotency-key": "k1"}).json()
    again = server.http.post("/api/turns", json={"text": "I like tea."}, headers={"idempotency-key": "k1"}).json()
    assert (again["user_event"], again["text"]) == (first["user_event"], first["text"])
    other = server.http.post("/api/turns", json={"text": "I like coffee."}, headers={"idempotency-key": "k1"})
    assert other.status_code == 409
    assert other.json()["type"] == "urn:pmm:key-conflict"
    assert spoken(server, "I like tea.", **{"idempotency-key": "k1"})[-1][1]["reply_event"] == first["reply_event"]


def test_a_private_turn_leaves_nothing_said(server: Running) -> None:
    reply = server.say("a secret about the harbour", record=False)
    assert (reply["user_event"], reply["reply_event"]) == (None, None)
    assert b"harbour" not in (server.folder / "default.db").read_bytes()


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": 1}, {"text": "a", "more": 1}, {"text": "a", "record": "yes"}, {"text": "a", "session": ""}, [], "a", None],
)
def test_what_is_no_turn_is_refused(server: Running, body: Any) -> None:
    answer = server.http.post("/api/turns", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_what_can_not_be_stored_is_refused(server: Running) -> None:
    assert server.http.post("/api/turns", content=b'{"text": "\\ud800"}', headers={"content-type": "application/json"}).status_code == 422
    assert server.http.post("/api/turns", content=b'{"text": ', headers={"content-type": "application/json"}).status_code == 400
    assert server.http.post("/api/turns", json={"text": "   "}).status_code == 422
    assert spoken(server, "   ")[-1][0] == "problem"


def test_one_mind_speaks_one_turn_at_a_time_in_the_order_they_came(server: Running) -> None:
    server.post("/api/minds", name="line")
    told: list[list[tuple[str, Any]]] = [[] for _ in range(5)]

    def one(n: int) -> None:
        for frame in speaking(server, f"{n}: words {3 if n else 80} pause 0.03", "line"):
            told[n].append(frame)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(5)]
    for thread, mine in zip(threads, told, strict=True):
        thread.start()
        waits_for(lambda mine=mine: mine)  # type: ignore[misc]
    for thread in threads:
        thread.join(30)
    assert [frames[-1][0] for frames in told] == ["reply"] * 5
    assert [frames[-1][1]["user_event"] for frames in told] == sorted(frames[-1][1]["user_event"] for frames in told)
    assert [frames[0] for frames in told[2:]] == [("waiting", {"ahead": n}) for n in (2, 3, 4)]


def test_a_mind_that_speaks_elsewhere_is_waited_for(server: Running) -> None:
    server.post("/api/minds", name="elsewhere")
    told: list[Any] = []
    settings = {"synchronous": "NORMAL"}
    with Mind.open(server.folder / "elsewhere.db", model=ScriptedModel([Scripted("Slow.", delay_s=0.7)]), settings=settings) as mind:
        stream = mind.handle_user_streaming("first, from another process")
        thread = threading.Thread(target=lambda: told.append("".join(stream)))
        thread.start()
        waits_for(lambda: mind.log.by_kind("user_message"))
        reply = server.say("second", "elsewhere")
        thread.join(30)
        assert told == ["Slow."]
        assert reply["user_event"] > mind.log.by_kind("reply", limit=1)[0].id


async def talk(url: str, mind: str, n: int) -> str:
    said = ""
    async with (
        httpx2.AsyncClient(headers={**BEARER, **PIECES}, timeout=60) as http,
        http.stream("POST", f"{url}/api/minds/{mind}/turns", json={"text": f"{n}: words 20 pause 0.005", "session": f"s{n}"}) as answer,
    ):
        event = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: ") and event == "piece":
                said += httpx2.Response(200, content=line[6:]).json()["text"]
    assert event == "reply"
    return said


def many(server: Running, minds: int, turns: int) -> None:
    """So many turns at once over so many minds: every one is whole, and kept where it belongs."""
    names = [f"m{n}" for n in range(minds)]
    for name in names:
        server.post("/api/minds", name=name)

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(talk(server.url, names[n % minds], n) for n in range(turns)))

    assert asyncio.run(all_of_them()) == ["".join(f"w{n} " for n in range(20))] * turns
    for m, name in enumerate(names):
        said = server.get(f"/api/minds/{name}/events", params={"kind": "user_message"})["items"]
        assert sorted(e["content"] for e in said) == sorted(f"{n}: words 20 pause 0.005" for n in range(turns) if n % minds == m)
        assert server.get(f"/api/minds/{name}/verify")["ok"]


def test_twenty_turns_at_once_over_four_minds(fresh: Callable[..., Running]) -> None:
    many(fresh("create"), 4, 20)


@pytest.mark.slow
def test_a_hundred_turns_at_once_over_ten_minds(fresh: Callable[..., Running]) -> None:
    many(fresh("create"), 10, 100)


def test_a_client_that_vanishes_stops_its_turn_and_what_was_said_is_kept(server: Running) -> None:
    with server.http.stream("POST", "/api/turns", json={"text": "words 5000 pause 0.01"}, headers=PIECES) as answer:
        for _, event, _ in frames(answer.iter_lines()):
            if event == "piece":
                break
    end = waits_for(lambda: (e := last(server, "reply")) and e["finish"] == "interrupted" and e)
    assert end["content"].startswith("w0 ")
    assert len(end["content"].split()) < 5000
    assert server.say("hello")["text"] == "Fine."


def test_one_that_vanishes_without_streaming_too(server: Running) -> None:
    before = last(server, "reply")["id"]
    body = b'{"text": "words 5000 pause 0.01"}'
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        head = f"POST /api/turns HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BEARER['authorization']}\r\n"
        raw.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert waits_for(lambda: last(server, "user_message")["id"] > before)
        time.sleep(0.3)
    end = waits_for(lambda: (e := last(server, "reply", "turn_failed")) and e["id"] > before and e)
    assert (end.get("finish") or end.get("reason")) in ("interrupted", "cancelled")  # cancelled: before the first word


def test_one_that_vanishes_in_line_leaves_nothing(server: Running) -> None:
    server.post("/api/minds", name="left")
    first = speaking(server, "words 5000 pause 0.01", "left")
    next(first)
    assert next(speaking(server, "never said", "left")) == ("waiting", {"ahead": 1})  # and it is gone
    first.close()  # type: ignore[attr-defined]
    server.say("hello", "left")
    said = server.get("/api/minds/left/events", params={"kind": "user_message"})["items"]
    assert [e["content"] for e in said] == ["hello", "words 5000 pause 0.01"]


def test_stopping_the_server_lets_turns_end(fresh: Callable[..., Running]) -> None:
    server = fresh()
    told: list[Any] = []
    heard: list[Any] = []

    def listen() -> None:
        with server.http.stream("GET", "/api/events/stream?after=0") as answer:
            for frame in frames(answer.iter_lines()):
                heard.append(frame)

    def speak() -> None:
        for frame in speaking(server, "words 60 pause 0.02"):
            told.append(frame)

    threads = [threading.Thread(target=act) for act in (listen, speak)]
    for thread in threads:
        thread.start()
    assert waits_for(lambda: heard and told)
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()  # also the stream ended by itself
    assert told[-1][0] == "reply"
    assert told[-1][1]["finish"] == "stop"
    assert server.process.wait(30) in (0, -signal.SIGTERM)
    with Mind.open(server.folder / "default.db", model="offline") as mind:
        assert mind.log.tail(1)[0].kind in ("reply", "epoch_opened")


@pytest.mark.slow
def test_a_turn_that_takes_too_long_is_stopped_and_kept(fresh: Callable[..., Running]) -> None:
    server = fresh()
    pieces = speaking(server, "words 5000 pause 0.02")
    next(pieces)
    server.process.send_signal(signal.SIGTERM)
    for _ in pieces:
        pass
    server.process.wait(60)
    with Mind.open(server.folder / "default.db", model="offline") as mind:
        (end,) = mind.log.by_kind("reply", newest=True, limit=1)
        assert end.finish == "interrupted"  # type: ignore[attr-defined]


# -- the line itself ---------------------------------------------------------------------------------------------------------------


def in_line(open_mind: Callable[..., Mind], replies: list[Any], act: Callable[[Line], Any]) -> Any:
    async def run() -> Any:
        line = Line(open_mind(ScriptedModel(replies)))
        try:
            return await act(line)
        finally:
            await line.drain(5)

    return asyncio.run(run())


def test_more_than_so_many_are_refused_to_be_tried_again(open_mind: Callable[..., Mind], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_MAX", 3)

    async def act(line: Line) -> None:
        first = line.speak("one")
        while line.now is None:
            await asyncio.sleep(0.01)
        waiting = [line.speak(f"more {n}") for n in range(3)]
        with pytest.raises(Refused) as refused:
            line.speak("too many")
        assert (refused.value.status, refused.value.retry_after_s) == (503, 2)
        assert [line.ahead(s) for s in (first, *waiting)] == [0, 1, 2, 3]
        assert (await first.whole()).text == (await waiting[-1].whole()).text == "Slow."

    in_line(open_mind, [Scripted("Slow.", delay_s=0.5)], act)


def test_everybody_who_follows_hears_everything_whenever_they_come(open_mind: Callable[..., Mind]) -> None:
    async def act(line: Line) -> None:
        spoken = line.speak("go")
        early = asyncio.create_task(_all(spoken))
        await asyncio.sleep(0.1)
        late = asyncio.create_task(_all(spoken))
        await spoken.whole()
        assert await early == await late == await _all(spoken) == "one two three " == spoken.text
        assert line.now is None

    async def _all(spoken: Any) -> str:
        return "".join([piece async for piece in spoken.follow()])

    in_line(open_mind, [Scripted(["one ", "two ", "three "], delay_s=0.2)], act)


def test_a_turn_that_is_stopped_keeps_what_was_said(open_mind: Callable[..., Mind]) -> None:
    async def act(line: Line) -> None:
        spoken = line.speak("go")
        async for _ in spoken.follow():
            spoken.stop()
        assert spoken.reply is not None
        assert spoken.reply.finish == "interrupted"
        waiting = [line.speak("wait"), line.speak("never")]
        waiting[1].stop()
        with pytest.raises(TurnFailed):
            await waiting[1].whole()
        assert (await waiting[0].whole()).finish == "stop"

    in_line(open_mind, [Scripted(["a "] * 5000, delay_s=0.1), "Fine."], act)


def test_what_the_turn_raises_whoever_follows_raises(open_mind: Callable[..., Mind]) -> None:
    async def act(line: Line) -> None:
        spoken = line.speak("go")
        with pytest.raises(TurnFailed):
            async for _ in spoken.follow():
                pass
        with pytest.raises(TurnFailed):
            await spoken.whole()

    in_line(open_mind, [["so ", ModelUnavailable("gone.")]], act)
