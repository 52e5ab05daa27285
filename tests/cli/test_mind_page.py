"""`pmm mind`: who the mind is, for people and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pmm import Mind
from pmm.cli.screen import bar, sparkline


@pytest.fixture
def echo(db: str) -> str:
    """A mind that kept a promise and broke one."""
    with Mind.open(db, model="offline") as mind:
        mind.handle_user("Hello, I'm Scott.")
        mind.name_mind("Echo")
        mind.handle_user("I live in Lyon.")
        mind.close_commitment(mind.commit("call Ana", due="2030-03-06"))
        mind.close_commitment(mind.commit("call Ben", due="2030-03-06"), "broken")
        mind.tick()
    return db


def test_the_mind_as_json(pmm: Any, echo: str) -> None:
    """All that the page shows, and the numbers behind it."""
    told = json.loads(pmm("mind", "--db", echo, "--json").stdout)
    assert (told["name"], told["user_name"], told["turns"]) == ("Echo", "Scott", 1)
    assert told["traits"] == {"O": 0.5, "C": 0.5, "E": 0.5, "A": 0.5, "N": 0.5}
    assert [(move["trait"], move["delta"], move["cause"]) for move in told["moves"]] == [("C", 0.02, "kept"), ("C", -0.02, "broken")]
    assert told["tone"] == ["measured", "friendly", "steady"]
    assert [then["gas"] for then in told["scores"].pop("history")] == [0.25, 0.1919]
    assert told["scores"] == {"ias": 0.0286, "gas": 0.1919, "A": 0.0, "B": 0.0, "K": 0.95, "M": 1.95}
    assert told["stage"]["level"] == 0 and told["stage"]["next"] == {"ias": 0.35, "gas": 0.2} and told["stage"]["history"] == []
    assert told["stage"]["permits"] == ["observe", "reflect", "propose_name"]
    assert (told["stage"]["cap"], told["stage"]["switched_off"], told["assessments"]) == (4, [], [])
    assert told["policy"]["recall_k"] is None and told["policy"]["permit.speak_first"] is True


def test_the_mind_for_people(pmm: Any, echo: str) -> None:
    """Bars, the way a trait went, why, and what is missing to the next stage."""
    shown = pmm("mind", "--db", echo).stdout
    assert shown.startswith("Echo\n  you                Scott\n")
    assert "conscientiousness  ██████████·········· 0.50 ▄▄▄" in shown
    assert "conscientiousness -0.02, broken (#" in shown
    assert "manner             measured, friendly, steady" in shown
    assert "IAS                ▋··················· 0.03 (0.35 for S1) ▁▁▁" in shown
    assert "Policy" not in shown, "nothing was changed"
    assert "Stage S0\n  may, unasked       observe, reflect, propose name\n" in shown


def test_what_the_user_has_changed_is_shown(pmm: Any, echo: str) -> None:
    """The permissions that are left, those switched off, and the policies that aren't as they were."""
    for key, value in (("permit.reflect", "off"), ("cadence", "1"), ("stage_cap", "2")):
        assert pmm("policy", "set", key, value, "--db", echo).exit_code == 0
    shown = pmm("mind", "--db", echo).stdout
    assert "may, unasked       observe, propose name\n  switched off       reflect\n" in shown
    assert "Policy\n  cadence            1\n  stage_cap          2\n" in shown
    told = json.loads(pmm("mind", "--db", echo, "--json").stdout)
    assert told["stage"]["permits"] == ["observe", "propose_name"] and told["stage"]["switched_off"] == ["reflect"]


def test_a_mind_nobody_has_met(pmm: Any, db: str) -> None:
    """Says so."""
    Mind.open(db, model="offline").close()
    shown = pmm("mind", "--db", db).stdout
    assert shown.startswith("A mind without a name\n  you                not introduced yet\n") and "\n\nTraits\n" in shown


def test_there_must_be_a_mind(pmm: Any, db: str) -> None:
    """It looks and makes nothing."""
    assert pmm("mind", "--db", db).exit_code == 1


def test_bars_and_sparks_are_as_long_as_they_should_be() -> None:
    """Whatever the value."""
    assert [bar(v, 20).count("█") for v in (-1, 0, 0.5, 1, 2)] == [0, 0, 10, 20, 20] and len(bar(0.33, 20)) == 20
    assert sparkline([-1, 0, 0.5, 1, 7], 1.0) == "▁▁▄██" and sparkline([0.0, 2.0]) == "▁█" and sparkline([]) == ""
