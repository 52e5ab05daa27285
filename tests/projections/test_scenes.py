"""The scenes of a session: in order, few, and none that another covers."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pmm.events import Event, SceneCompacted, TimezoneChanged, UserMessage
from pmm.projections.conversation import SCENES_MAX
from tests.projections.folding import Folding

SPANS = st.tuples(st.integers(1, 60), st.integers(0, 20)).map(lambda span: (span[0], span[0] + span[1]))


def scene(first: int, last: int, text: str = "x") -> Event:
    return SceneCompacted(content=text, session="main", first=first, last=last, method="extract")


def kept(*spans: tuple[int, int]) -> list[tuple[int, int]]:
    mind = Folding("conversation")
    for span in spans:
        mind.put(scene(*span))
    return [(s.first, s.last) for s in mind.conversation.session("main").scenes]


def test_one_that_covers_others_takes_their_place() -> None:
    assert kept((2, 8), (10, 17), (20, 29), (30, 39)) == [(2, 8), (10, 17), (20, 29), (30, 39)]
    assert kept((2, 8), (10, 17), (20, 29), (30, 39), (2, 17)) == [(2, 17), (20, 29), (30, 39)]
    assert kept((2, 8), (10, 17), (2, 17), (20, 29), (2, 29)) == [(2, 29)]


def test_the_oldest_is_dropped_only_beyond_the_cap() -> None:
    spans = [(n * 10, n * 10 + 9) for n in range(1, SCENES_MAX + 3)]
    assert kept(*spans) == spans[2:]


@given(spans=st.lists(SPANS, max_size=40))
def test_whatever_comes_they_are_few_in_order_and_cover_none_of_each_other(spans: list[tuple[int, int]]) -> None:
    found = kept(*spans)
    assert len(found) <= SCENES_MAX and found == sorted(found, key=lambda span: span[0])
    assert not spans or spans[-1] in found or len(found) == SCENES_MAX
    for (a, b), (c, d) in itertools.permutations(found, 2):
        later, earlier = max(((a, b), (c, d)), key=lambda s: len(spans) - spans[::-1].index(s)), None
        earlier = (c, d) if later == (a, b) else (a, b)
        assert not (later[0] <= earlier[0] and earlier[1] <= later[1])


def test_a_journey_moves_the_day_of_what_is_said() -> None:
    mind = Folding("conversation")
    mind.put(TimezoneChanged(zone="Pacific/Kiritimati"))
    mind.put(UserMessage(content="x", source="cli", session="main"), days=0.1)
    (pending,) = mind.conversation.pending
    assert pending.day.isoformat() == "2026-03-03" != mind.now.date().isoformat()
