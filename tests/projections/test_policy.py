"""Policies: within their bounds whatever an event says, and the user's where they are the user's alone."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.events import PolicyChanged
from pmm.projections.policy import HISTORY_MAX, KNOBS, Policy, PolicyProjection
from pmm.projections.stage import PERMITTED
from tests.projections.folding import Folding


def after(*changes: tuple[str, Any], cause: Literal["user", "reflection", "assessment"] = "user") -> Policy:
    mind = Folding("policy")
    for policy, new in changes:
        mind.put(PolicyChanged(policy=policy, old=None, new=new, cause=cause))
    found = mind.policy
    assert isinstance(found, Policy)
    return found


def test_at_first_everything_is_as_the_settings_and_the_stage_say() -> None:
    now = after()
    assert (now.cadence, now.recall_k, now.expiry_hours, now.stage_cap, now.off, now.history) == (0, None, None, 4, (), ())
    assert all(now.get(name) == knob.default for name, knob in KNOBS.items())
    assert [name for name, value, knob in now.table()] == list(KNOBS)


def test_every_permission_has_a_switch_that_is_the_users_alone() -> None:
    assert {f"permit.{what}" for what in PERMITTED} == {name for name, knob in KNOBS.items() if knob.switch}
    assert {name for name, knob in KNOBS.items() if knob.own} == {"cadence", "recall_k", "expiry_hours"}


@pytest.mark.parametrize(
    ("policy", "given", "is_"),
    [
        ("cadence", 7, 1),
        ("cadence", -9, -1),
        ("recall_k", 1, 4),
        ("recall_k", 12.0, 12),
        ("recall_k", 7.9, 7),
        ("expiry_hours", 10**12, 168),
        ("expiry_hours", 1e300, 168),
        ("expiry_hours", 23, 24),
        ("stage_cap", -1, 0),
        ("permit.reflect", False, False),
    ],
)
def test_what_lies_out_of_bounds_is_brought_within(policy: str, given: Any, is_: Any) -> None:
    assert after((policy, given)).get(policy) == is_


@pytest.mark.parametrize(
    ("policy", "given"),
    [
        ("moods", 1),
        ("", 1),
        ("history", 1),
        ("permit.", False),
        ("permit.fly", False),
        ("off", True),
        ("cadence", True),
        ("cadence", "1"),
        ("permit.reflect", 0),
        ("permit.reflect", "off"),
    ],
)
def test_what_is_no_policy_or_no_value_of_it_changes_nothing(policy: str, given: Any) -> None:
    assert after((policy, given)) == Policy()


def test_none_gives_it_back() -> None:
    now = after(("recall_k", 5), ("permit.reflect", False), ("cadence", 1), *((name, None) for name in KNOBS))
    assert all(now.get(name) == knob.default for name, knob in KNOBS.items()) and now.off == ()


def test_only_the_user_sets_the_cap_and_the_switches() -> None:
    """A reflection or an assessment that says so is not obeyed."""
    for cause in ("reflection", "assessment"):
        asked = after(("stage_cap", 0), ("permit.reflect", False), ("recall_k", 9), cause=cause)  # type: ignore[arg-type]
        assert (asked.stage_cap, asked.off, asked.recall_k) == (4, (), 9)


def test_the_history_says_what_it_was_before() -> None:
    """Whatever the event says of that; the latest 32, with the event that last set the cadence."""
    mind = Folding("policy")
    mind.put(PolicyChanged(policy="recall_k", old=99, new=20, cause="user"))
    mind.put(PolicyChanged(policy="recall_k", old=99, new=5, cause="reflection", evidence=1))
    assert [(c.event, c.old, c.new, c.cause, c.evidence) for c in mind.policy.history] == [
        (2, None, 12, "user", None),
        (3, 12, 5, "reflection", 1),
    ]
    set_at = mind.put(PolicyChanged(policy="cadence", old=0, new=1, cause="user"))
    for n in range(40):
        mind.put(PolicyChanged(policy="stage_cap", old=0, new=n % 5, cause="user"))
    assert len(mind.policy.history) == HISTORY_MAX and mind.policy.cadence_set == set_at


values = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text())


@given(changes=st.lists(st.tuples(st.sampled_from([*KNOBS, "moods", "permit.x"]), values, st.sampled_from(["user", "reflection"]))))
def test_no_history_leads_out_of_the_bounds(changes: list[tuple[str, Any, Any]]) -> None:
    projection = PolicyProjection()
    state = projection.initial()
    for policy, new, cause in changes:
        state = projection.apply(state, PolicyChanged(policy=policy, old=None, new=new, cause=cause))
        for name, value, knob in state.table():
            assert value == knob.default or (knob.fits(value) and knob.within(value) == value), name


def test_a_value_is_said_as_a_person_says_it() -> None:
    assert [Policy.spoken(value) for value in (None, True, False, 0, 7)] == ["as the settings say", "on", "off", "0", "7"]
