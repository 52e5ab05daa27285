"""`pmm trace`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pmm import Mind, TurnFailed
from pmm.errors import ModelUnavailable
from pmm.testing import ScriptedModel

Run = Callable[..., Any]


@pytest.fixture
def mind(db: str) -> str:
    model = ScriptedModel(["I see.", "Ana did.\x1b[2J", ModelUnavailable("no")])
    with Mind.open(db, model=model, settings={"synchronous": "NORMAL", "model_retries": 0}) as mind:
        mind.handle_user("Ana sold me the piano.\x1b[31m")
        mind.handle_user("Who sold me the piano?", session="other")
        mind.handle_user("What is your name?")
        with pytest.raises(TurnFailed):
            mind.handle_user("Tell me more.")
    return db


def test_the_latest_turns_are_listed_with_what_came_of_them(pmm: Run, mind: str) -> None:
    shown = pmm("trace", "--db", mind).stdout
    assert "\x1b" not in shown
    lines = shown.splitlines()
    assert lines[0].split()[:3] == ["ID", "WHEN", "ROUTE"] and len(lines) == 5
    assert "failed (unavailable)" in lines[1] and "Tell me more." in lines[1] and "fast" in lines[2] and "model, scripted" in lines[3]
    assert len(pmm("trace", "--db", mind, "--limit", "2").stdout.splitlines()) == 3
    assert len(pmm("trace", "--db", mind, "--session", "other").stdout.splitlines()) == 2


def test_one_turn_is_shown_with_its_signals_decisions_and_times(pmm: Run, mind: str) -> None:
    (other,) = json.loads(pmm("trace", "--db", mind, "--session", "other", "--json").stdout)
    shown = pmm("trace", str(other["id"]), "--db", mind).stdout
    assert "\x1b" not in shown
    assert shown.startswith(f"#{other['turn']} Who sold me the piano?")
    for part in ("route: model, scripted", "looked at: 2 nodes", "left out: memory #", "shown: opening", "decided", "took "):
        assert f"─ {part}" in shown
    assert "█" in shown and "#2 shown Ana sold me the piano." in shown and "words " in shown
    assert "recall " in shown and " ms" in shown


def test_json_holds_the_visits_of_one(pmm: Run, mind: str) -> None:
    listed = json.loads(pmm("trace", "--db", mind, "--json").stdout)
    assert len(listed) == 4 and "visits" not in listed[0]
    (other,) = [one for one in listed if one["session"] == "other"]
    full = json.loads(pmm("trace", str(other["id"]), "--db", mind, "--json").stdout)
    assert full["visits"][0]["node"] == 2 and full["visits"][0]["why"]["words"] > 0


def test_a_failed_and_a_fast_one_can_be_shown_too(pmm: Run, mind: str) -> None:
    for one in json.loads(pmm("trace", "--db", mind, "--json").stdout):
        assert pmm("trace", str(one["id"]), "--db", mind).exit_code == 0


def test_what_is_not_there_is_said_so(pmm: Run, mind: str, tmp_path: Any) -> None:
    missing = pmm("trace", "99999", "--db", mind)
    assert missing.exit_code == 2 and missing.stderr.startswith("error: there is no trace 99999.")
    assert pmm("trace", "--db", mind, "--session", "nobody").stdout == "There are no traces.\n"
    assert pmm("trace", "0", "--db", mind).exit_code == pmm("trace", "x", "--db", mind).exit_code == 2
    assert pmm("trace", "--db", str(tmp_path / "none.db")).exit_code != 0
