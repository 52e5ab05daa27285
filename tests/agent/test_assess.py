"""Every ten reflections the mind looks at its own work, and may reflect a little more or less often."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.agent.assess import assessment_due, step
from pmm.events import CommitmentClosed, CommitmentExpired, PolicyChanged, Reflection, StageChanged, TraitAdjusted
from pmm.projections.work import Assessment
from tests.projections.folding import Folding


def a_mind(level: int = 3) -> Any:
    mind = Folding("metrics", "policy", "stage")
    for n in range(level):
        mind.put(StageChanged(before=n, after=n + 1, ias=0.9, gas=0.9))
    return mind


def reflected(mind: Any, times: int, *, kept: bool | None = None, hours: float = 1) -> int:
    """So many reflections; each opens something that is then kept, or lapses (None: opens nothing). The last one's id."""
    id = 0
    for _ in range(times):
        id = mind.put(Reflection(content="x", trigger="kept", action="none" if kept is None else "open_commitment"))
        if kept is not None:
            cid = mind.promise(source=id)
            end = CommitmentClosed(cid=cid, outcome="kept") if kept else CommitmentExpired(cid=cid, reason="lapsed")
            mind.put(end, days=hours / 24)
    return int(id)


def assessment(efficacy: float | None = None, hit_rate: float | None = None, lag: float | None = None, drift: float = 0.0) -> Assessment:
    return Assessment(9, efficacy, hit_rate, lag, drift)


# -- what it sees ------------------------------------------------------------------------------------------------------------------------


def test_a_tenth_reflection_closes_the_window() -> None:
    """Kept of opened, actions that ended by a close, hours to keep, moves of traits; the next window begins at nothing."""
    mind = a_mind()
    reflected(mind, 3, kept=True, hours=2)
    reflected(mind, 2, kept=False)
    mind.put(CommitmentClosed(cid=mind.promise(), outcome="kept"), days=5 / 24)
    mind.put(CommitmentClosed(cid=mind.promise(), outcome="broken"))
    mind.put(TraitAdjusted(trait="O", delta=-0.02, cause="x", evidence=1))
    mind.put(TraitAdjusted(trait="C", delta=9.0, cause="x", evidence=1))
    reflected(mind, 4)
    assert mind.metrics.work.assessed == ()
    tenth = reflected(mind, 1)
    (found,) = mind.metrics.work.assessed
    assert found == Assessment(tenth, round(4 / 7, 4), round(3 / 5, 4), pytest.approx((2 * 3 + 5) / 4), 0.07)
    reflected(mind, 10)
    assert mind.metrics.work.assessed[-1] == Assessment(mind.id, None, None, None, 0.0)
    assert mind.metrics.work.reflections == 20


def test_shares_are_never_more_than_one_and_the_past_is_bounded() -> None:
    """What was opened before the window may be kept in it."""
    mind = a_mind()
    cids = [mind.promise(source=reflected(mind, 1)) for _ in range(10)]
    for cid in cids:
        mind.put(CommitmentClosed(cid=cid, outcome="kept"))
    mind.promise(source=reflected(mind, 1))
    reflected(mind, 9)
    assert (mind.metrics.work.assessed[-1].efficacy, mind.metrics.work.assessed[-1].hit_rate) == (1.0, 1.0)
    reflected(mind, 100)
    assert len(mind.metrics.work.assessed) == 8


# -- what it does ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before", "moves"),
    [
        (assessment(), None, 0),
        (assessment(lag=3.0, drift=1.0), None, 0),
        (assessment(1.0, 1.0), None, -1),
        (assessment(0.61), None, -1),
        (assessment(0.6), None, 0),
        (assessment(0.4), None, 0),
        (assessment(0.39), None, 1),
        (assessment(0.0, 0.0), None, 1),
        (assessment(1.0, 0.2), None, 0),
        (assessment(None, 0.9), None, -1),
        (assessment(1.0, lag=11.0), assessment(1.0, lag=10.0), -1),
        (assessment(1.0, lag=11.1), assessment(1.0, lag=10.0), 0),
        (assessment(1.0, lag=99.0), assessment(1.0), -1),
        (assessment(1.0, drift=0.15), None, -1),
        (assessment(1.0, drift=0.16), None, 0),
        (assessment(0.1, lag=99.0, drift=0.9), assessment(1.0, lag=1.0), 1),
    ],
)
def test_reflecting_more_must_pay(now: Assessment, before: Assessment | None, moves: int) -> None:
    """Well over half: more often, unless traits drift or promises take longer; well under: less often; within a tenth of it: as it was."""
    assert step(now, before) == moves


def test_it_moves_the_cadence_one_step_citing_the_tenth_reflection() -> None:
    """Once; and at the end of its bounds no further."""
    mind = a_mind()
    assert assessment_due(mind) == []
    tenth = reflected(mind, 10, kept=True)
    (moved,) = assessment_due(mind)
    assert moved == PolicyChanged(policy="cadence", old=0, new=-1, cause="assessment", evidence=tenth, key=f"assess:{tenth}")
    mind.put(moved)
    assert assessment_due(mind) == []
    reflected(mind, 10, kept=True)
    assert assessment_due(mind) == [], "it is at -1 already"
    for wanted in (0, 1):
        reflected(mind, 10, kept=False)
        (moved,) = assessment_due(mind)
        assert moved.new == wanted
        mind.put(moved)


def test_what_the_user_set_since_is_left_alone() -> None:
    """Until the next ten."""
    mind = a_mind()
    reflected(mind, 10, kept=True)
    mind.put(PolicyChanged(policy="cadence", old=0, new=1, cause="user"))
    assert assessment_due(mind) == []
    reflected(mind, 10, kept=True)
    assert [event.new for event in assessment_due(mind)] == [0]


def test_it_needs_the_permission_to_change_policy() -> None:
    """S3, and not switched off; what was seen is kept at any stage."""
    early = a_mind(2)
    reflected(early, 10, kept=True)
    assert assessment_due(early) == [] and early.metrics.work.assessed[-1].efficacy == 1.0
    mind = a_mind()
    mind.put(PolicyChanged(policy="permit.change_policy", old=True, new=False, cause="user"))
    reflected(mind, 10, kept=True)
    assert assessment_due(mind) == []
