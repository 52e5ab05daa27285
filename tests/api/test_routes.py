"""What can be asked of a mind over HTTP is what `Mind` says, in pages and as of any moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from running import Running

from pmm import Mind

PROBLEM = "application/problem+json"
SOON = (date.today() + timedelta(days=30)).isoformat()


def fails(server: Running, status: int, path: str, method: str = "GET", **more: Any) -> Any:
    """The problem that it answers."""
    answer = server.http.request(method, path, **more)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    return problem


def test_the_default_mind_is_there_from_the_start_and_others_are_made(fresh: Callable[..., Running]) -> None:
    server = fresh("create")
    assert server.get("/api/minds")["items"] == [{"name": "default", "open": True}]
    assert (server.folder / "default.db").is_file()
    made = server.http.post("/api/minds", json={"name": "echo"})
    assert (made.status_code, made.json()) == (201, {"name": "echo", "open": True})
    assert server.http.post("/api/minds", json={"name": "echo"}).status_code == 200
    assert [mind["name"] for mind in server.get("/api/minds")["items"]] == ["default", "echo"]


def test_with_create_whatever_is_told_to_a_mind_creates_it_and_looking_does_not(fresh: Callable[..., Running]) -> None:
    server = fresh("create")
    fails(server, 404, "/api/minds/new/state")
    assert server.say("My name is Scott.", "new")["user_event"] == 2
    assert server.get("/api/minds/new/state")["user_name"] == "Scott"
    fails(server, 404, "/api/minds/a.b/turns", "POST", json={"text": "hello"})
    fails(server, 404, "/api/minds/New/turns", "POST", json={"text": "hello"})
    assert sorted(file.name for file in server.folder.glob("*.db")) == ["default.db", "new.db"]


def test_without_create_none_is_made(fresh: Callable[..., Running]) -> None:
    server = fresh()
    assert "--create" in fails(server, 403, "/api/minds", "POST", json={"name": "echo"})["hint"]
    assert server.post("/api/minds", name="default") == {"name": "default", "open": True}
    fails(server, 404, "/api/minds/echo/state")
    fails(server, 404, "/api/minds/echo/turns", "POST", json={"text": "hello"})
    assert not list(server.folder.glob("echo*"))


@pytest.mark.parametrize("name", ["../default", "a/b", "A", "", ".hidden", "a" * 65, "é", "a.db", "-a", "con\x00"])
def test_what_can_not_name_a_mind_is_refused(server: Running, name: str) -> None:
    fails(server, 422, "/api/minds", "POST", json={"name": name})


@pytest.mark.parametrize("name", ["absent", "..%2fdefault", "%2e%2e", "default.db", "DEFAULT", "a" * 500, "%00"])
def test_an_absent_mind_and_an_impossible_one_look_alike(server: Running, name: str) -> None:
    problem = fails(server, 404, f"/api/minds/{name}/state")
    assert str(server.folder) not in str(problem)


def test_a_file_that_is_no_mind_is_told_without_its_place(fresh: Callable[..., Running]) -> None:
    server = fresh()
    (server.folder / "notes.db").write_text("not a mind at all, just a text that is long enough to be looked at" * 20)
    problem = fails(server, 500, "/api/minds/notes/state")
    assert str(server.folder) not in str(problem)
    assert server.get("/api/state")["head"] == 1


def test_minds_know_nothing_of_each_other(server: Running) -> None:
    for name in ("one", "two"):
        server.post("/api/minds", name=name)
        server.say(f"The word is {name}word.", name)
    found = server.get("/api/minds/one/recall", params={"q": "twoword oneword"})["items"]
    assert found
    assert all("twoword" not in memory["text"] for memory in found)
    assert server.get("/api/minds/two/events/2")["content"] == "The word is twoword."
    assert "oneword" not in server.http.get("/api/recall", params={"q": "oneword"}).text


def test_the_state_is_as_it_was_too(server: Running) -> None:
    before = server.get("/api/state")
    server.say("Your name is Echo.")
    now = server.get("/api/state")
    assert (now["name"], now["head"] > before["head"]) == ("Echo", True)
    assert server.get(f"/api/state?at={before['head']}")["name"] is None
    assert server.get("/api/state?at=2001-01-01")["head"] == 0
    assert server.get("/api/state?at=2199-01-01T00:00:00%2B02:00")["head"] == now["head"]
    assert server.get("/api/state", params={"at": before["created"]})["head"] == 1
    for wrong in ("soon", "", "-1", "1.5", "9999-12-31", "0001-01-01T00:00", "2026-02-30", "٣"):
        fails(server, 422, "/api/state", params={"at": wrong})


def test_a_commitment_from_beginning_to_end(server: Running) -> None:
    made = server.http.post("/api/commitments", json={"text": "call Ana", "due": "2099-03-06", "priority": 2})
    assert made.status_code == 201
    one = made.json()
    path = f"/api/commitments/{one['cid']}"
    assert (one["state"], one["due"], one["zone"], one["owner"]) == ("open", "2099-03-06", "UTC", "mind")
    assert server.post("/api/commitments", text="call Ana")["cid"] == one["cid"]
    assert server.http.patch(path, json={"text": "call Ana and Ben", "due": None}).json()["due"] is None
    assert server.get(path)["text"] == "call Ana and Ben"
    assert server.post(f"{path}/snooze", until=SOON)["state"] == "snoozed"
    before = server.get("/api/state")["head"]
    assert server.post(f"{path}/close", outcome="kept", note="done")["note"] == "done"
    assert one["cid"] not in [c["cid"] for c in server.get("/api/commitments")["items"]]
    assert one["cid"] in [c["cid"] for c in server.get("/api/commitments?which=ended")["items"]]
    assert one["cid"] in [c["cid"] for c in server.get(f"/api/commitments?at={before}")["items"]]
    assert server.post(f"{path}/reopen", reason="not yet")["episode"] == 2
    assert server.get(f"/api/why/commitment:{one['cid']}")["event"]["id"] == one["cid"]


def test_what_can_not_be_done_with_a_commitment_is_told(server: Running) -> None:
    cid = server.post("/api/commitments", text="wash the car")["cid"]
    for act, body in (("close", {}), ("snooze", {"until": SOON}), ("reopen", {})):
        fails(server, 404, f"/api/commitments/999999/{act}", "POST", json=body)
        fails(server, 404, f"/api/commitments/1/{act}", "POST", json=body)  # an event, but no commitment
    fails(server, 422, f"/api/commitments/{cid}/snooze", "POST", json={"until": "2001-01-01"})
    fails(server, 422, f"/api/commitments/{cid}/snooze", "POST", json={"until": "12"})
    fails(server, 422, f"/api/commitments/{cid}/reopen", "POST", json={})
    fails(server, 422, f"/api/commitments/{cid}/close", "POST", json={"outcome": "won"})
    fails(server, 422, "/api/commitments", "POST", json={"text": "x", "due": "whenever"})
    fails(server, 422, "/api/commitments", "POST", json={"text": "x", "repeat": "FREQ=SECONDLY"})


def test_facts_are_superseded_and_taken_back(server: Running) -> None:
    oslo = server.post("/api/facts", subject="user", relation="lives in", value="Oslo")
    lyon = server.post("/api/facts", subject="user", relation="lives in", value="Lyon", valid_from="2026-01-01")
    assert server.get(f"/api/facts/{oslo['id']}")["superseded_by"] == lyon["id"]
    assert [f["value"] for f in server.get("/api/facts?subject=user")["items"] if f["relation"] == "lives in"] == ["Lyon"]
    assert oslo["id"] in [f["id"] for f in server.get("/api/facts?which=past")["items"]]
    assert oslo["id"] in [f["id"] for f in server.get(f"/api/facts?at={oslo['id']}")["items"]]
    bergen = server.http.patch(f"/api/facts/{lyon['id']}", json={"value": "Bergen"}).json()
    assert (bergen["value"], server.get(f"/api/facts/{lyon['id']}")["superseded_by"]) == ("Bergen", bergen["id"])
    fails(server, 422, f"/api/facts/{lyon['id']}", "PATCH", json={"value": "Paris"})
    fails(server, 404, "/api/facts/1", "PATCH", json={"value": "Paris"})
    lyon = bergen
    gone = server.http.delete(f"/api/facts/{lyon['id']}", params={"reason": "moved"}).json()
    assert (gone["current"], gone["reason"]) == (False, "moved")
    fails(server, 422, f"/api/facts/{lyon['id']}", "DELETE")
    fails(server, 404, "/api/facts/1", "DELETE")
    fails(server, 422, "/api/facts", "POST", json={"subject": "a", "relation": "b", "value": "c", "confidence": 2})


def test_rules_are_set_and_revoked(server: Running) -> None:
    rule = server.post("/api/directives", text="Answer in verse.")
    assert server.post("/api/directives", text="Answer in verse.")["did"] == rule["did"]
    assert rule in server.get("/api/directives")["items"]
    assert server.http.delete(f"/api/directives/{rule['did']}").json() == rule
    assert rule not in server.get("/api/directives")["items"]
    assert rule in server.get(f"/api/directives?at={rule['did']}")["items"]
    fails(server, 404, f"/api/directives/{rule['did']}", "DELETE")


def paged(server: Running, path: str, by: str, **params: Any) -> list[Any]:
    """Every item of a list, page by page."""
    found: list[Any] = []
    while True:
        page = server.get(path, params=params)
        found += page["items"]
        if page["next"] is None:
            return found
        params[by] = page["next"]


def test_events_come_in_pages_both_ways(server: Running) -> None:
    for n in range(5):
        server.say(f"message {n}")
    last = server.get("/api/state")["head"]
    whole = [e["id"] for e in paged(server, "/api/events", "after", order="oldest", limit=500, before=last + 1)]
    assert whole == list(range(1, last + 1))
    assert [e["id"] for e in paged(server, "/api/events", "after", order="oldest", limit=3, before=last + 1)] == whole
    assert [e["id"] for e in paged(server, "/api/events", "before", limit=7, before=last + 1)] == whole[::-1]
    assert [e["id"] for e in paged(server, "/api/events", "before", limit=7, after=4, before=9)] == [8, 7, 6, 5]
    said = paged(server, "/api/events", "before", limit=2, kind=["user_message", "reply"])
    assert {e["kind"] for e in said} == {"user_message", "reply"}
    assert [e["id"] for e in said] == sorted((e["id"] for e in said), reverse=True)
    assert server.get("/api/events", params={"until": "2001-01-01"})["items"] == []
    assert len(server.get("/api/events", params={"since": "2001-01-01", "limit": 500})["items"]) >= last


def test_events_are_found_by_what_they_say(server: Running) -> None:
    for n in range(3):
        server.say(f"A Heron stands here, {n}")
    said = [e["id"] for e in paged(server, "/api/events", "before", limit=500, kind="user_message") if "Heron" in e["content"]]
    assert len(said) == 3
    assert [e["id"] for e in paged(server, "/api/events", "before", limit=1, kind="user_message", text="heron")] == said
    assert [e["id"] for e in paged(server, "/api/events", "after", limit=1, kind="user_message", text="HERON", order="oldest")] == said[
        ::-1
    ]
    assert server.get("/api/events", params={"text": "no event says this, not one"}) == {"items": [], "next": None}
    fails(server, 422, "/api/events", params={"text": "x" * 201})


def test_an_events_own_fields_are_there_with_those_it_refers_to(server: Running) -> None:
    reply = server.say("something to look at")
    event = server.get(f"/api/events/{reply['reply_event']}")
    assert (event["kind"], event["to"], event["content"]) == ("reply", reply["user_event"], reply["text"])
    assert [e["id"] for e in event["refers_to"]] == [reply["user_event"]]
    fails(server, 404, "/api/events/999999")
    fails(server, 422, "/api/events/0")
    fails(server, 422, "/api/events/first")
    fails(server, 422, f"/api/events/{2**70}")
    assert "reply" in fails(server, 422, "/api/events?kind=replay")["hint"]


def test_why_is_a_tree(server: Running) -> None:
    server.say("Your name is Vera.")
    tree = server.get("/api/why/name")
    assert tree["event"]["name"] == "Vera"
    assert tree["children"][0]["event"]["content"] == "Your name is Vera."
    fails(server, 422, "/api/why/nothing")
    fails(server, 422, "/api/why/999999")


def test_recall_and_links(server: Running) -> None:
    server.say("My cat Miso sleeps in the harbour office.")
    best = server.get("/api/recall", params={"q": "where does the cat sleep", "k": 3})["items"][0]
    assert "harbour office" in best["text"]
    assert round(sum(best["why"].values()), 3) == round(best["score"], 3)
    assert any(r["target"] == "Miso" for r in server.get("/api/graph", params={"topic": "Miso"})["items"])
    for wrong in ({"q": ""}, {"q": "a", "k": 0}, {"q": "x" * 10_001}, {}):
        fails(server, 422, "/api/recall", params=wrong)
    fails(server, 422, "/api/graph", params={"topic": "a", "confidence": "nan"})


def test_traces_and_figures(server: Running) -> None:
    server.say("words 5 pause 0.01")
    page = server.get("/api/traces", params={"limit": 1})
    one = server.get(f"/api/traces/{page['items'][0]['id']}")
    assert one["summary"]["route"] == "model"
    assert page["next"] == page["items"][0]["id"]
    fails(server, 404, "/api/traces/999999")
    told = server.get("/api/performance", params={"last": 5})
    assert told["turns"] == told["now"]["n"] >= 1
    assert set(told["breakdown"]) >= {"recall", "prompt", "llm_inference"}
    assert told["over_time"]
    assert told["alerts"] == []


def test_a_new_mind_has_no_figures_yet(server: Running) -> None:
    server.post("/api/minds", name="young")
    told = server.get("/api/minds/young/performance")
    assert (told["turns"], told["now"], told["over_time"]) == (0, None, [])
    assert server.get("/api/minds/young/reflections") == {"items": [], "next": None}
    assert server.get("/api/minds/young/metrics")["turns"] == 0


def test_verify_finds_what_was_changed(fresh: Callable[..., Running], tmp_path: Path) -> None:
    import apsw

    (tmp_path / "minds").mkdir()
    with Mind.open(tmp_path / "minds" / "default.db", model="offline") as mind:
        mind.handle_user("hello")
    with apsw.Connection(str(tmp_path / "minds" / "default.db")) as file:
        file.execute("DROP TRIGGER IF EXISTS events_update")
        for (name,) in list(file.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")):
            file.execute(f"DROP TRIGGER {name}")
        file.execute("UPDATE events SET content = 'goodbye' WHERE id = 2")
    file.close()
    verdict = fresh().get("/api/verify")
    assert (verdict["ok"], verdict["bad"]) == (False, 2)


def test_prometheus_can_read_the_figures_of_every_mind(server: Running) -> None:
    server.post("/api/minds", name="figured")
    lines = server.http.get("/metrics").text.splitlines()
    assert any(line.startswith('pmm_events_total{mind="default"} ') for line in lines)
    assert 'pmm_events_total{mind="figured"} 1' in lines
    assert any(line.startswith('pmm_turns_total{mind="default",') for line in lines)
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    samples = [line for line in lines if not line.startswith("#")]
    assert all(float(line.rpartition(" ")[2]) >= 0 for line in samples)
    named: list[str] = []  # the samples of a family stand together, under its name
    for line in lines:
        if line.startswith("# TYPE"):
            named.append(line.split()[2])
        elif not line.startswith("#"):
            assert line.startswith(named[-1])


def test_every_path_that_is_not_there_is_a_problem(server: Running) -> None:
    for path in ("/", "/api", "/api/", "/api/nothing", "/docs", "/api/minds/default"):
        fails(server, 404, path)
    fails(server, 405, "/api/state", "POST")
    assert "GET" in server.http.post("/api/state").headers["allow"]
