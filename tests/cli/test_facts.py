"""`pmm facts`, its short form in a chat, and where else facts are shown."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from pmm import Mind
from pmm.events import FactAsserted


@pytest.fixture
def mind(db: str) -> str:
    """A mind that knows: 2 Lyon, superseded by 3 Oslo; 5 read by a model from 2, so stale; 6 hostile."""
    with Mind.open(db, model="offline", settings={"zone": "Europe/Berlin"}) as mind:
        assert mind.assert_fact("user", "lives in", "Lyon") == 2
        assert mind.assert_fact("user", "lives in", "Oslo", valid_from="2026-05-01") == 3
        mind.log.append([FactAsserted(subject="user", relation="speaks", value="French", evidence=(2,), origin="model", confidence=0.7)])
        assert mind.assert_fact("Rex", "is", "a\x1b[31m dog") == 6
    return db


@pytest.fixture
def run(on: Any, mind: str) -> Any:
    return on(mind)


def test_without_a_command_what_holds_is_listed_the_newest_first(run: Any) -> None:
    shown = run("facts")
    assert shown == run("facts", "list")
    first, second, third = shown.splitlines()
    assert first.startswith("  #6 Rex is a␛[31m dog (since ")
    assert (
        "#5 user speaks French (since " in second and ", from model, 70% sure, stale: what it was derived from holds no longer)" in second
    )
    assert third == "  #3 user lives in Oslo (since 2026-05-01)"
    assert [(f["id"], f["current"], f["stale"]) for f in run("facts", "--json")] == [(6, True, False), (5, True, True), (3, True, False)]


def test_past_ones_are_listed_with_what_took_their_place(run: Any) -> None:
    assert "#2 user lives in Lyon (since " in run("facts", "list", "--past") and ", now #3)" in run("facts", "list", "--past")
    assert [f["id"] for f in run("facts", "list", "--all", "--json")] == [6, 5, 3, 2]
    assert [f["value"] for f in run("facts", "list", "--at", "2", "--json")] == ["Lyon"]
    assert [f["id"] for f in run("facts", "list", "--subject", "rex", "--json")] == [6]
    assert "No such facts." in run("facts", "list", "--subject", "nobody")
    assert "contradict" in run("facts", "list", "--all", "--past", code=2)
    assert "neither an event's id nor a time" in run("facts", "list", "--at", "soon", code=2)


def test_a_long_list_comes_in_pages(run: Any) -> None:
    assert run("facts", "list", "--limit", "2").splitlines()[-1] == "  and more: --before 5 lists them"
    assert run("facts", "list", "--before", "5") == "  #3 user lives in Oslo (since 2026-05-01)\n"


def test_one_is_added_shown_and_taken_back(run: Any) -> None:
    added = run("facts", "add", "user", "likes", "tea", "--since", "2026-01-02", "--json")
    id = str(added["id"])
    assert (added["subject"], added["relation"], added["value"], added["valid_from"]) == ("user", "likes", "tea", "2026-01-02")
    assert run("facts", "add", "User", "likes", "Tea") == f"  #{id} user likes tea (since 2026-01-02)\n"
    assert run("facts", "show", f"#{id}").startswith("user likes tea\n  id             ")
    assert run("facts", "show", id, "--json") == added
    assert "until" in run("facts", "retract", id, "--reason", "a joke")
    assert run("facts", "show", id, "--json")["reason"] == "a joke"
    assert "there is no current fact" in run("facts", "retract", id, code=2)


def test_what_was_asked_wrongly_is_one_line_and_a_hint(run: Any) -> None:
    assert "there is no fact 4." in run("facts", "show", "4", code=2)
    assert "is not an id" in run("facts", "show", "x", code=2)
    assert "is not a day" in run("facts", "add", "user", "likes", "tea", "--since", "soon", code=2)
    assert "needs a value" in run("facts", "add", "user", "likes", " ", code=2)


def test_other_pages_count_them(run: Any) -> None:
    assert run("status", "--json")["facts"] == 3 and "3 facts" in run("status")
    assert run("mind", "--json")["facts"] == 3
    then = run("at", "2", "--json")
    assert (
        then["facts"] == [{"id": 2, "subject": "user", "relation": "lives in", "value": "Lyon", "stale": False}] and then["facts_more"] == 0
    )
    assert "#2 user lives in Lyon" in run("at", "2") and "#5 user speaks French (stale)" in run("at", "6")
    assert "retracted" in run("why", "fact:2") and "#3" in run("why", "fact:2")
    assert "archive      at the head, and whole" in run("doctor")


def test_a_chat_lists_them(pmm: Any, mind: str) -> None:
    done = pmm("chat", "--db", mind, "--model", "offline", input="/facts\n")
    assert "#3 user lives in Oslo" in done.stdout and date(2026, 5, 1).isoformat() in done.stdout


def test_commitments_beyond_the_cap_are_listed_on_request(pmm: Any, mind: str) -> None:
    with Mind.open(mind, model="offline") as opened:
        cids = [opened.commit(f"task {n}", due="2030-01-01") for n in range(130)]
        opened.close_commitment(cids[0])
    assert "and 1 more (`pmm commitments list --all`)" in pmm("commitments", "--db", mind).stdout
    listed = json.loads(pmm("commitments", "list", "--all", "--json", "--db", mind).stdout)
    assert [c["cid"] for c in listed] == cids[:0:-1]
    assert pmm("commitments", "list", "--all", "--db", mind).stdout.count("task") == 129
    assert f"#{cids[0]} task 0" in pmm("commitments", "list", "--closed", "--all", "--db", mind).stdout
    assert pmm("commitments", "show", str(cids[-1]), "--db", mind).exit_code == 0
