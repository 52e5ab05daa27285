"""The history of traits: every move, as the fold keeps it."""

from __future__ import annotations

from collections.abc import Callable

from pmm import Mind
from pmm.events import TraitAdjusted
from pmm.testing import SimulatedClock

Open = Callable[..., Mind]
DAY = 86_400


def test_the_moves_of_traits_are_those_of_the_view_and_go_further_back(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    for n in range(50):
        clock.advance(DAY / 10)  # ten a day: the caps of a day bite
        mind.log.append([TraitAdjusted(trait="OCEAN"[n % 2], delta=0.05 if n % 3 else -0.09, cause="said", evidence=1)])
    moves = mind.moves()
    assert len(moves) == 50 and tuple(moves[-32:]) == mind.view().traits.history
    assert len({abs(move.delta) for move in moves}) > 1 and mind.moves(7) == moves[-7:]
    early = moves[9].event
    assert mind.moves(at=early) == moves[:10] and tuple(moves[:10]) == mind.view(early).traits.history


def test_a_mind_that_nothing_moved_has_no_moves(open_mind: Open) -> None:
    assert open_mind().moves() == []


def test_each_trait_has_its_word(open_mind: Open) -> None:
    mind = open_mind()
    assert mind.view().traits.words == ("open", "steady", "measured", "friendly", "composed")
