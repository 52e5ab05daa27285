"""Contradicted replies: the latest few are kept whole, all of them are counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pmm.events import Claim, ReplyContradicted
from pmm.projections.claims import LATEST_MAX, Claims
from tests.projections.folding import Folding


@given(st.lists(st.lists(st.text(max_size=9), min_size=1, max_size=3), max_size=40))
def test_the_latest_are_kept_in_order_and_found_by_their_reply(truths: list[list[str]]) -> None:
    folding = Folding("claims")
    assert folding.claims == Claims()
    events = [
        (folding.put(ReplyContradicted(reply=n + 1, claims=tuple(Claim("x", truth) for truth in told))), n + 1, told)
        for n, told in enumerate(truths)
    ]
    state = folding.claims
    assert state.count == len(truths) and len(state.latest) == min(len(truths), LATEST_MAX)
    kept = [(c.event, c.reply, [claim.truth for claim in c.claims]) for c in state.latest]
    assert kept == events[-LATEST_MAX:]
    for event, reply, _ in events[-LATEST_MAX:]:
        found = state.of(reply)
        assert found is not None and found.event == event
    assert state.of(0) is None
