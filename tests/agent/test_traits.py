"""Traits that move by themselves: one small move for every outcome, citing it, and then no more."""

from __future__ import annotations

from pmm.agent.traits import moves_due
from pmm.events import CommitmentClosed, ModelCalled, Reflection, TraitAdjusted, TurnFailedEvent
from tests.projections.folding import Folding


def test_every_outcome_moves_its_trait_once() -> None:
    """Kept and broken promises conscientiousness, failed turns neuroticism; under a key that names the cause."""
    mind = Folding("traits")
    assert moves_due(mind) == []  # type: ignore[arg-type]
    kept = mind.put(CommitmentClosed(cid=mind.promise(), outcome="kept"))
    broken = mind.put(CommitmentClosed(cid=mind.promise(), outcome="broken"))
    failed = mind.put(TurnFailedEvent(to=1, reason="timeout"))
    moves = moves_due(mind)  # type: ignore[arg-type]
    assert moves == [
        TraitAdjusted(trait="C", delta=0.02, cause="kept", evidence=kept, key=f"trait:{kept}"),
        TraitAdjusted(trait="C", delta=-0.02, cause="broken", evidence=broken, key=f"trait:{broken}"),
        TraitAdjusted(trait="N", delta=0.01, cause="turn_failed", evidence=failed, key=f"trait:{failed}"),
    ]
    for move in moves:
        mind.put(move)
    assert moves_due(mind) == []  # type: ignore[arg-type]
    assert (mind.traits.C, mind.traits.N) == (0.5, 0.51)


def test_failed_calls_and_reflections_of_a_model_move_theirs() -> None:
    """Behind the user's back too: a call that failed neuroticism, an observation openness."""
    mind = Folding("traits")
    mind.put(ModelCalled(purpose="extract", model="m", outcome="failed", error="timeout"))
    mind.put(Reflection(content="I learn.", trigger="kept", action="none", model="m"))
    for move in moves_due(mind):  # type: ignore[arg-type]
        mind.put(move)
    assert (mind.traits.N, mind.traits.O, mind.traits.pending) == (0.51, 0.51, ())
