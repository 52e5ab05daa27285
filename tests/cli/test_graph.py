"""`pmm graph`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pmm import Mind
from pmm.testing import ScriptedModel

Run = Callable[..., Any]


@pytest.fixture
def mind(db: str) -> str:
    with Mind.open(db, model=ScriptedModel(["I see.", "Fine.\x1b[2J"]), settings={"synchronous": "NORMAL"}) as mind:
        mind.handle_user("I bought a piano from Ana in Lyon.")
        mind.handle_user("Remind me to tune the piano tomorrow.\x1b[31m")
    return db


def test_a_topic_is_shown_as_a_tree_of_links(pmm: Run, mind: str) -> None:
    shown = pmm("graph", "the piano", "--db", mind).stdout
    assert "#2 I bought a piano from Ana in Lyon." in shown
    assert "─ mentions Ana (90% sure)" in shown and "─ replies to #" in shown and "─ opens #" in shown
    assert "\x1b" not in shown


def test_json_holds_every_relation_with_its_proof(pmm: Run, mind: str) -> None:
    found = json.loads(pmm("graph", "piano", "--db", mind, "--json", "--limit", "5").stdout)
    assert len(found) == 5 and all(r["proof"] and 0 <= r["confidence"] <= 1 for r in found)
    assert {"source", "relation", "target", "source_text", "target_text", "score"} <= set(found[0])


def test_nothing_found_is_said_so(pmm: Run, mind: str) -> None:
    assert pmm("graph", "qwertzuiop", "--db", mind).stdout == "Nothing that is linked was found.\n"
    assert json.loads(pmm("graph", "qwertzuiop", "--db", mind, "--json").stdout) == []


@pytest.mark.parametrize("args", [("--limit", "0"), ("--confidence", "2"), ()])
def test_wrong_use_is_refused(pmm: Run, mind: str, args: tuple[str, ...]) -> None:
    assert pmm("graph", *(("x", *args) if args else ()), "--db", mind).exit_code == 2
