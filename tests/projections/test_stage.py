"""The stage as a View shows it: a level that prints and compares, what it permits, and how often it reflects."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from pmm.events import Event, StageChanged
from pmm.projections.stage import CADENCE, FLOORS, PERMITTED, Stage, StageProjection
from tests.histories import Group, events_of, histories
from tests.projections.folding import Folding


def stage(*levels: int, turns: int = 0) -> Stage:
    """After changes to these levels."""
    mind = Folding("stage")
    for before, after in zip((0, *levels), levels, strict=False):
        mind.put(StageChanged(before=before, after=after, ias=0.4, gas=0.3))
    mind.turns(turns)
    found = mind.stage
    assert isinstance(found, Stage)
    return found


def test_a_stage_prints_and_compares_as_what_it_is() -> None:
    """With numbers and with other stages; by its level alone."""
    two = stage(1, 2)
    assert str(two) == f"{two}" == "S2" and int(two) == 2
    assert two == 2 == two and two != 1 and two > 1 and two >= 2 and two < 3 and two <= 2 and two > stage(1) and not two < stage()
    assert two == stage(1, 2, turns=9) and hash(two) == hash(stage(1, 2, turns=9)) and two != "S2"
    assert max([two, stage(1)]) is two


def test_every_action_of_a_reflection_is_permitted_somewhere() -> None:
    """The names are the same, so that one can be asked about the other."""
    from typing import get_args, get_type_hints

    from pmm.events import Reflection

    actions = get_args(get_type_hints(Reflection)["action"])
    assert set(actions) - {"none"} <= set(PERMITTED)


def test_the_floors_and_cadences_are_those_of_the_design() -> None:
    """And a policy may shift the cadence by one row, within the table."""
    assert [(f.ias, f.gas) for f in FLOORS[1:]] == [(0.35, 0.20), (0.50, 0.35), (0.70, 0.55), (0.85, 0.75)]
    assert [(c.turns, c.seconds) for c in CADENCE] == [(2, 20), (3, 35), (4, 50), (5, 70), (6, 90)]
    assert stage().cadence() == CADENCE[0] == stage().cadence(-1) and stage(1, 2).cadence(1) == CADENCE[3]
    assert stage(1, 2).cadence(7) == CADENCE[3] and stage(1, 2, 3, 4).cadence(1) == CADENCE[4]
    assert stage().next_floors == FLOORS[1] and stage(1, 2, 3, 4).next_floors is None and stage(1).floors == FLOORS[1]


def test_turns_are_counted_since_the_last_change() -> None:
    """And what changed is remembered with the scores of then."""
    now = stage(1, 2, 1, turns=3)
    assert (now.level, now.turns, now.last) == (1, 3, 4)
    assert [(c.event, c.before, c.after, c.ias) for c in now.history] == [(2, 0, 1, 0.4), (3, 1, 2, 0.4), (4, 2, 1, 0.4)]


@given(history=histories(200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_stage_is_one_step_from_the_one_before_whatever_an_event_says(history: list[Group]) -> None:
    """And never outside S0 to S4."""
    projection = StageProjection()
    state = projection.initial()
    events: list[Event] = [e for e in events_of(history) if e.kind in projection.kinds]
    for event in events:
        after = projection.apply(state, event)
        assert abs(after.level - state.level) <= 1 and 0 <= after.level <= 4
        state = after
    assert len(state.history) <= 32
