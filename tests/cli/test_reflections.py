"""`pmm reflections`: what the mind has observed about itself; and in a chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pmm import Mind
from pmm.events import Reflection


@pytest.fixture
def run(on: Any, db: str) -> Any:
    """A command on a mind with reflections: what it printed, parsed where it is JSON. 2: a fact, taken back. 3 and 4: reflections."""
    with Mind.open(db, model="offline", settings={"zone": "UTC"}) as mind:
        fact = mind.assert_fact("user", "lives in", "Lyon")
        told = [("About\x1b[31m Lyon.", (fact,), "none", None), ("I keep promises.", (1,), "open_commitment", "m")]
        mind._log.append(
            [
                Reflection(content=text, trigger="kept", action=action, evidence=evidence, model=model)
                for text, evidence, action, model in told
            ]  # type: ignore[arg-type]
        )
        mind.retract_fact(fact)
    return on(db, "reflections")


def test_the_latest_are_listed(run: Any) -> None:
    """With when, what they did, and whether they still hold; nothing in them steers the terminal."""
    shown = run()
    assert shown == run("list") and "\x1b" not in shown
    first, second = shown.splitlines()
    assert first.startswith("  #3 About␛[31m Lyon. (") and first.endswith(", stale)")
    assert second.startswith("  #4 I keep promises. (") and second.endswith(", open commitment)")
    assert [(r["id"], r["stale"], r["action"], r["evidence"]) for r in run("--json")] == [
        (3, True, "none", [2]),
        (4, False, "open_commitment", [1]),
    ]


def test_one_is_shown_whole_with_what_it_cites(run: Any) -> None:
    shown = run("show", "#3")
    assert shown.startswith("About␛[31m Lyon.\n") and "\x1b" not in shown
    assert "because of   kept\n" in shown and "by           counting, without a model\n" in shown
    assert "stale        something it cites was taken back since\n" in shown and "cites #2 fact_asserted: " in shown
    assert "by           m\n" in run("show", "4") and "stale" not in run("show", "4")
    assert run("show", "4", "--json")["text"] == "I keep promises."


@pytest.mark.parametrize("id", ["2", "99", "x", "", "²"])
def test_what_is_no_reflection_is_refused(run: Any, id: str) -> None:
    assert "hint: " in run("show", id, code=2)


def test_a_self_assessment_is_shown_after_ten(run: Any, pmm: Any, db: str) -> None:
    """In the list, on the mind's page, and as JSON."""
    with Mind.open(db, model="offline") as mind:
        mind.close_commitment(mind.commit("call Ana"))
        mind._log.append([Reflection(content=f"Number {n}.", trigger="kept", action="none", evidence=(1,)) for n in range(8)])
        tenth = mind.log.head[0]
    for shown in (run(), pmm("mind", "--db", db).stdout):
        assert f"Self-assessment at reflection #{tenth}\n" in shown
        assert "  kept of promised   100%\n" in shown and "  actions that hit   nothing to tell it from\n" in shown
    (told,) = json.loads(pmm("mind", "--db", db, "--json").stdout)["assessments"]
    assert (told["event"], told["efficacy"], told["hit_rate"]) == (tenth, 1.0, None)


def test_none_yet(pmm: Any, db: str) -> None:
    Mind.open(db, model="offline").close()
    assert pmm("reflections", "--db", db).stdout.startswith("  No reflections yet.")


def test_in_a_chat(run: Any, pmm: Any, db: str) -> None:
    """/reflections, /mind and its other name."""
    done = pmm("chat", "--db", db, "--model", "offline", input="/reflections\n/mind\n/metrics\n")
    assert "#4 I keep promises." in done.stdout and done.stdout.count("\nStage S0\n") == 2
