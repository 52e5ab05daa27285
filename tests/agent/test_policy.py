"""A policy is changed through one door, within bounds, by whoever may."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.agent.policy import change
from pmm.errors import InvalidInput
from pmm.events import PolicyChanged
from tests.projections.folding import Folding


def mind() -> Any:
    return Folding("policy")


def test_a_change_says_what_it_was_and_what_it_is() -> None:
    assert change(mind(), "recall_k", 6) == PolicyChanged(policy="recall_k", old=None, new=6, cause="user")
    assert change(mind(), "permit.reflect", False) == PolicyChanged(policy="permit.reflect", old=True, new=False, cause="user")
    asked = change(mind(), "cadence", 1.0, cause="reflection", evidence=-1)
    assert asked == PolicyChanged(policy="cadence", old=0, new=1, cause="reflection", evidence=-1)


def test_what_is_so_already_changes_nothing() -> None:
    one = mind()
    assert change(one, "cadence", 0) == change(one, "recall_k", None) == change(one, "permit.reflect", True) == one.head


def test_none_gives_it_back() -> None:
    one = mind()
    one.put(PolicyChanged(policy="stage_cap", old=4, new=1, cause="user"))
    assert change(one, "stage_cap", None) == PolicyChanged(policy="stage_cap", old=1, new=4, cause="user")


@pytest.mark.parametrize(
    ("policy", "value", "said"),
    [
        ("recall_k", 3, "recall_k takes a whole number from 4 to 12."),
        ("recall_k", 13, "recall_k takes a whole number from 4 to 12."),
        ("recall_k", 5.5, "recall_k takes a whole number from 4 to 12."),
        ("recall_k", float("nan"), "recall_k takes a whole number from 4 to 12."),
        ("recall_k", float("inf"), "recall_k takes a whole number from 4 to 12."),
        ("recall_k", "many", "recall_k takes a whole number from 4 to 12."),
        ("cadence", True, "cadence takes a whole number from -1 to 1."),
        ("permit.reflect", 0, "permit.reflect takes on or off."),
        ("permit.fly", False, "there is no policy 'permit.fly'."),
        ("", 1, "there is no policy ''."),
        (None, 1, "there is no policy None."),
        (7, 1, "there is no policy 7."),
    ],
)
def test_what_is_not_possible_is_refused_with_a_hint(policy: Any, value: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        change(mind(), policy, value)
    assert refused.value.message == said and refused.value.hint


def test_a_hint_says_what_was_meant() -> None:
    with pytest.raises(InvalidInput) as refused:
        change(mind(), "recal_k", 5)
    assert refused.value.hint == "Did you mean recall_k?"


@pytest.mark.parametrize(("policy", "value"), [("stage_cap", 2), ("permit.speak_first", False)])
def test_the_mind_does_not_touch_what_is_its_users(policy: str, value: Any) -> None:
    for cause in ("reflection", "assessment"):
        with pytest.raises(InvalidInput, match="user's alone"):
            change(mind(), policy, value, cause=cause)  # type: ignore[arg-type]
