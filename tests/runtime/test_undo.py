"""Undo through the front door: what a turn asserted is taken back, the next prompt says so, and the log keeps it all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pmm import Mind, TurnFailed
from pmm.errors import ModelUnavailable
from pmm.events import FactAsserted
from pmm.runtime.undo import EVENTS_MAX, MESSAGES_MAX
from pmm.testing import ScriptedModel, counting

Open = Callable[..., Mind]

ALL_AT_ONCE = "Your name is Echo. I live in Lyon. From now on, answer in French. Remind me to call Ana on Friday."


def holds(mind: Mind) -> tuple[object, ...]:
    """What a turn can assert."""
    view = mind.view()
    return (
        view.identity.name,
        view.identity.user_name,
        [f.value for f in view.facts.current],
        [c.text for c in view.commitments.open],
        [d.text for d in view.directives.active],
    )


NOTHING = (None, None, [], [], [])


def test_everything_a_turn_asserted_is_taken_back_and_nothing_is_erased(open_mind: Open) -> None:
    mind = open_mind()
    said = mind.handle_user(ALL_AT_ONCE)
    assert holds(mind) == ("Echo", None, ["Lyon"], ["call Ana"], ["answer in French"])
    head = mind.log.head[0]
    done = mind.undo()
    assert len(done) == 4 and [e.id for e in done] == list(range(head + 1, head + 5))
    assert holds(mind) == NOTHING
    assert mind.undo() == [] and mind.log.head[0] == head + 4
    message = mind.log.get(said.user_event or 0)
    assert message is not None and message.content == ALL_AT_ONCE
    assert mind.log.verify().ok


def test_the_next_prompt_says_what_was_undone(open_mind: Open) -> None:
    model = ScriptedModel(["Fine."])
    mind = open_mind(model)
    mind.handle_user("good morning to you all")
    mind.handle_user(ALL_AT_ONCE)
    fact, cid = mind.log.by_kind("fact_asserted")[0].id, mind.view().commitments.open[0].cid
    rule = mind.view().directives.active[0].did
    mind.undo()
    mind.handle_user("so what else is new?")
    header = model.prompts[-1][-1]["content"]
    for note in ("Your name is taken back (#", f"Commitment #{cid} is cancelled.", f"The rule #{rule} no longer holds.", f"#{fact}"):
        assert note in header, note


def test_what_the_turn_ended_or_replaced_is_there_again(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("I live in Lyon. Your name is Echo.")
    mind.set_directive("answer in French")
    cid = mind.commit("water the plants", owner="user", repeat="FREQ=DAILY")
    before = holds(mind)
    mind.handle_user("I have watered the plants. I live in Oslo. Your name is Nova. Forget the rule about answering in French.")
    assert holds(mind) != before
    assert [c.follows for c in mind.view().commitments.open] == [cid]
    mind.undo()
    assert holds(mind) == before
    assert [c.cid for c in mind.view().commitments.open] == [cid]
    assert mind.undo() == []


def test_each_session_has_its_own_last_turn(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("I live in Lyon.", session="home")
    mind.handle_user("Remind me to call Ana on Friday.", session="work")
    assert [e.kind for e in mind.undo("work")] == ["commitment_closed"]
    assert [f.value for f in mind.view().facts.current] == ["Lyon"]
    assert [e.kind for e in mind.undo("home")] == ["fact_retracted"]
    for session in ("main", "", "never", "\x00", "work"):
        assert mind.undo(session) == []


def test_a_failed_turn_and_a_new_mind_can_be_undone_too(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([ModelUnavailable("no")]))
    assert mind.undo() == []
    with pytest.raises(TurnFailed):
        mind.handle_user("From now on, answer in French.")
    assert [d.text for d in mind.view().directives.active] == ["answer in French"]
    assert [e.kind for e in mind.undo()] == ["directive_revoked"]


def test_a_private_turn_leaves_the_one_before_it_the_last(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("I live in Lyon.")
    mind.handle_user("I live in Oslo.", record=False)
    assert [e.kind for e in mind.undo()] == ["fact_retracted"]


def test_what_a_model_read_in_the_turn_later_goes_with_it(open_mind: Open) -> None:
    mind = open_mind()
    said = mind.handle_user("The dog is barking again, poor Rex.")
    late = FactAsserted(content="x", subject="user", relation="dog", value="Rex", source=said.user_event, origin="model", confidence=0.7)
    mind._log.append([late])
    assert holds(mind)[2] == ["Rex"]
    assert [e.kind for e in mind.undo()] == ["fact_retracted"] and holds(mind) == NOTHING


def test_it_reads_no_more_than_it_must(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("I live in Lyon.")
    for n in range(EVENTS_MAX + 5):
        mind._log.append([FactAsserted(content="x", subject="user", relation="has", value=f"thing {n}")])
    mind.view()
    with counting(mind) as cost:
        mind.undo()
    assert cost.rows_read <= EVENTS_MAX + MESSAGES_MAX + 20 and cost.full_reads == 0 and cost.appended == 1


def test_two_who_undo_at_once_undo_once(open_mind: Open) -> None:
    from concurrent.futures import ThreadPoolExecutor

    mind, other = open_mind(), open_mind()
    mind.handle_user(ALL_AT_ONCE)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: (mind, other)[n % 2].undo(), range(8)))
    assert sorted(map(len, done)) == [0] * 7 + [4] and holds(mind) == NOTHING
