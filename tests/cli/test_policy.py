"""`pmm policy`: what the mind may do, how often and how much; and the user's hand on it."""

from __future__ import annotations

from typing import Any

import pytest

from pmm import Mind


@pytest.fixture
def run(on: Any, db: str) -> Any:
    """A command on a new mind: what it printed, parsed where it is JSON."""
    Mind.open(db, model="offline").close()
    return on(db, "policy")


def test_all_are_listed_with_what_they_mean(run: Any) -> None:
    shown = run()
    assert shown == run("list")
    lines = shown.splitlines()
    assert lines[0].startswith("  cadence                  0                      reflect more (-1) or less (1) often")
    assert any(line.startswith("  recall_k                 as the settings say") and line.endswith("4 to 12") for line in lines)
    assert any(line.startswith("  stage_cap                4") and line.endswith("yours alone to set") for line in lines)
    assert sum(line.startswith("  permit.") for line in lines) == 7
    told = run("--json")
    recall_k = told["policies"]["recall_k"]
    assert [recall_k[name] for name in ("value", "default", "low", "high", "own")] == [None, None, 4, 12, True]
    assert told["history"] == []


@pytest.mark.parametrize(
    ("key", "value", "is_", "said"),
    [
        ("recall_k", "6", 6, "6"),
        ("recall_k", "+6", 6, "6"),
        ("cadence", "-1", -1, "-1"),
        ("stage_cap", "0", 0, "0"),
        ("permit.speak_first", "off", False, "off"),
        ("permit.speak_first", "No", False, "off"),
    ],
)
def test_one_is_set_and_given_back(run: Any, key: str, value: str, is_: Any, said: str) -> None:
    assert run("set", key, value) == f"  {key} is {said}.\n"
    assert run("--json")["policies"][key]["value"] == is_
    assert f": {key} from " in run() and f" to {said}, by user" in run()
    run("set", key, "default")
    assert run("--json")["policies"][key]["value"] == run("--json")["policies"][key]["default"]


def test_the_answer_can_be_json(run: Any) -> None:
    assert run("set", "recall_k", "6", "--json")["value"] == 6


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("recall_k", "99"), "recall_k takes a whole number from 4 to 12."),
        (("recall_k", "many"), "recall_k takes a whole number from 4 to 12."),
        (("recall_k", "9" * 5000), "recall_k takes a whole number from 4 to 12."),
        (("recall_k", "on"), "recall_k takes a whole number from 4 to 12."),
        (("permit.reflect", "1"), "permit.reflect takes on or off."),
        (("moods\x1b[31m", "1"), "there is no policy"),
        (("", ""), "there is no policy ''."),
    ],
)
def test_what_can_not_be_set_is_refused_in_a_line_with_a_hint(run: Any, args: tuple[str, str], told: str) -> None:
    error = run("set", *args, code=2)
    assert told in error and "hint: " in error and "\x1b" not in error and len(error) < 1000


def test_there_must_be_a_mind(pmm: Any, db: str) -> None:
    assert pmm("policy", "--db", db).exit_code == 1
