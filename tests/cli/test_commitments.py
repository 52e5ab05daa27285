"""`pmm commitments` and `pmm directives`, and their short forms in a chat."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pmm import Mind


@pytest.fixture
def mind(db: str) -> str:
    """A mind that owes something: 2 dated, 3 repeating, 4 closed, 5 a rule."""
    with Mind.open(db, model="offline", settings={"zone": "Europe/Berlin"}) as mind:
        assert mind.commit("call Ana", owner="user", due="2030-03-06", project="boat") == 2
        assert mind.commit("file the report", due="2030-03-04T09:00", repeat="FREQ=WEEKLY;BYDAY=MO") == 3
        assert mind.commit("read\x1b[31m it") == 4
        mind.close_commitment(4, "broken", "no time")
        mind.set_directive("Answer briefly.")
    return db


@pytest.fixture
def run(on: Any, mind: str) -> Any:
    return on(mind)


def test_without_a_command_the_open_ones_are_listed(run: Any) -> None:
    shown = run("commitments")
    assert shown == run("commitments", "list")
    assert "#2 call Ana (yours, due 2030-03-06)" in shown
    assert "#3 file the report (the mind’s, due 2030-03-04T09:00, every Monday)" in shown
    listed = run("commitments", "--json")
    assert [(c["cid"], c["state"], c["due"], c["project"]) for c in listed] == [
        (2, "open", "2030-03-06", "boat"),
        (3, "open", "2030-03-04T09:00", None),
    ]
    assert listed[0]["zone"] == "Europe/Berlin" and listed[1]["repeat"] == "FREQ=WEEKLY;BYDAY=MO"


def test_those_that_ended_are_listed_too(run: Any) -> None:
    assert run("commitments", "list", "--closed") == "  #4 read␛[31m it (the mind’s, broken)\n"
    (ended,) = run("commitments", "list", "--closed", "--json")
    assert (ended["cid"], ended["state"], ended["note"]) == (4, "broken", "no time")


def test_one_is_added_changed_put_off_closed_and_opened_again(run: Any) -> None:
    added = run("commitments", "add", "water the plants", "--due", "2030-05-01", "--owner", "user", "--priority", "2", "--json")
    cid = str(added["cid"])
    assert (added["text"], added["owner"], added["due"], added["priority"]) == ("water the plants", "user", "2030-05-01", 2)
    edited = run("commitments", "edit", cid, "--text", "water all", "--no-due", "--project", "home", "--json")
    assert (edited["text"], edited["due"], edited["project"], edited["priority"]) == ("water all", None, "home", 2)
    assert re.search(r"water all \(yours, snoozed until \d{4}-", run("commitments", "snooze", f"#{cid}", "2d"))
    assert run("commitments", "show", cid, "--json")["state"] == "snoozed"
    assert "(yours, kept)" in run("commitments", "close", cid)
    again = run("commitments", "reopen", cid, "--reason", "not all", "--json")
    assert (again["state"], again["episode"], again["snoozed_until"]) == ("open", 2, None)
    assert "episode        2" in run("commitments", "show", cid)


def test_closing_one_that_repeats_shows_the_next(run: Any) -> None:
    first, second = run("commitments", "close", "3", "--as", "kept").splitlines()
    assert "#3 file the report (the mind’s, kept" in first and "due 2030-03-11T09:00" in second


@pytest.mark.parametrize(
    "args",
    [
        ["edit", "2"],
        ["edit", "2", "--due", "2030-01-01", "--no-due"],
        ["edit", "4", "--text", "x"],
        ["close", "99"],
        ["close", "2", "--as", "exploded"],
        ["close", "two"],
        ["snooze", "2", "soon"],
        ["snooze", "2", "2020-01-01"],
        ["snooze", "2", "99999w"],
        ["reopen", "2"],
        ["show", "99"],
        ["add", "x", "--repeat", "FREQ=HOURLY"],
        ["add", "x", "--owner", "cat"],
        ["nonsense"],
    ],
)
def test_what_is_asked_wrongly_is_2(run: Any, args: list[str]) -> None:
    run("commitments", *args, code=2)


@pytest.mark.parametrize("until", ["30m", "2h", "3d", "1w", "tomorrow"])
def test_a_snooze_may_be_told_in_many_ways(run: Any, until: str) -> None:
    assert run("commitments", "snooze", "2", until, "--json")["state"] == "snoozed"


def test_rules_are_listed_set_and_revoked(run: Any) -> None:
    listed = run("directives", "--json")
    assert [d["text"] for d in listed] == ["Answer briefly."]
    assert "Answer briefly." in run("directives")
    added = run("directives", "add", "Never shout.", "--json")
    assert run("directives", "add", "never shout", "--json")["did"] == added["did"]
    assert "no longer holds" in run("directives", "revoke", f"#{added['did']}", "--reason", "fine now")
    assert [d["text"] for d in run("directives", "list", "--json")] == ["Answer briefly."]
    run("directives", "revoke", "99", code=2)


def test_the_short_forms_in_a_chat(pmm: Any, mind: str) -> None:
    lines = ["/done", "/snooze 2", "/snooze 2 2h", "/commitments", "/done 3", "/done 3", "/directives"]
    done = pmm("chat", "--db", mind, "--model", "offline", input="\n".join(lines) + "\n")
    assert "/done CID" in done.stdout and "/snooze CID UNTIL" in done.stdout
    assert "#2 call Ana (yours, due 2030-03-06, snoozed until " in done.stdout
    assert "#3 file the report (the mind’s, kept" in done.stdout and "due 2030-03-11T09:00" in done.stdout
    assert "error: there is no open commitment 3." in done.stderr
    assert "Answer briefly." in done.stdout
