"""How a mind grows: ticks move traits and the stage by what happened, once, and nothing drifts while nothing happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pmm import Mind, TurnFailed
from pmm.errors import ModelUnavailable
from pmm.events import ReplyEvent, UserMessage
from pmm.testing import ScriptedModel, SimulatedClock, counting

Open = Callable[..., Mind]


def talked(mind: Mind, turns: int) -> None:
    """So many turns, as the log would hold them."""
    for _ in range(turns):
        said = mind.log.head[0] + 1
        reply = ReplyEvent(content="Yes.", to=said, route="offline", model="offline", finish="stop", key=f"end:{said}")
        mind._log.append([UserMessage(content="And?", source="python", session="main"), reply])


def kept(mind: Mind, promises: int, first: int = 0) -> None:
    for n in range(first, first + promises):
        mind.close_commitment(mind.commit(f"do thing {n}", due="2031-01-01"))


def test_outcomes_move_traits_at_the_next_tick_and_once(open_mind: Open) -> None:
    """Citing the close; a second tick does nothing."""
    mind = open_mind()
    kept(mind, 1)
    mind.close_commitment(mind.commit("read the book"), "broken")
    closes = [e.id for e in mind.log.by_kind("commitment_closed")]
    assert [(e.trait, e.delta, e.cause, e.evidence) for e in mind.tick()] == [
        ("C", 0.02, "kept", closes[0]),
        ("C", -0.02, "broken", closes[1]),
    ]
    assert mind.tick() == []
    assert mind.view().traits.C == 0.5 and len(mind.view().traits.history) == 2


def test_a_failed_turn_moves_neuroticism(open_mind: Open) -> None:
    """One the model failed; the user's own stop does not."""
    mind = open_mind(ScriptedModel([ModelUnavailable("gone")]))
    with pytest.raises(TurnFailed):
        mind.handle_user("tell me of the sea, please")
    assert [(e.trait, e.cause) for e in mind.tick()] == [("N", "turn_failed")]
    assert mind.view().traits.N == 0.51


def test_the_stage_rises_and_falls_by_evidence(open_mind: Open) -> None:
    """To S1 by turns under a name and promises kept; to S2 by more; back by promises broken."""
    mind = open_mind()
    mind.name_mind("Echo")
    talked(mind, 30)
    assert mind.tick() == [] and mind.view().stage == 0, "a mind never asked to promise anything stays at S0"
    kept(mind, 4)
    assert [e.kind for e in mind.tick()] == ["trait_adjusted"] * 4 + ["stage_changed"]
    assert str(mind.view().stage) == "S1" and [e.kind for e in mind.tick()] == ["reflection"] and mind.tick() == []
    talked(mind, 80)
    changed = mind.tick()[-1]
    assert (changed.before, changed.after) == (1, 2) and changed.ias >= 0.5 and changed.gas >= 0.35
    assert "open_commitment" in mind.permissions
    for n in range(12):
        mind.close_commitment(mind.commit(f"promise {n}", due="2031-01-01"), "broken")
    talked(mind, 9)
    assert not [e for e in mind.tick() if e.kind == "stage_changed"], "not within ten turns"
    talked(mind, 1)
    assert [(e.before, e.after) for e in mind.tick()] == [(2, 1)]
    assert [(c.before, c.after) for c in mind.view().stage.history] == [(0, 1), (1, 2), (2, 1)]


def test_nothing_drifts_while_idle(open_mind: Open, clock: SimulatedClock) -> None:
    """Two thousand ticks over years: the same state, no event, no row."""
    mind = open_mind()
    mind.name_mind("Echo")
    talked(mind, 40)
    kept(mind, 5)
    while mind.tick():
        pass
    before, head = mind.view().digest(), mind.log.head
    with counting(mind) as cost:
        for _ in range(2000):
            clock.advance(86_400)
            assert mind.tick() == []
    assert (cost.rows_read, cost.appended, cost.commits) == (0, 0, 0)
    assert (mind.view().digest(), mind.log.head) == (before, head)


@pytest.mark.slow
def test_nothing_drifts_in_a_hundred_thousand_idle_ticks(open_mind: Open, clock: SimulatedClock) -> None:
    """The same, for longer."""
    mind = open_mind()
    mind.name_mind("Echo")
    talked(mind, 40)
    kept(mind, 5)
    while mind.tick():
        pass
    before = mind.view().digest()
    for _ in range(100_000):
        clock.advance(60)
        assert mind.tick() == []
    assert mind.view().digest() == before


def test_minds_on_one_file_do_what_is_due_once(tmp_path: Path) -> None:
    """Two of them tick at the same time: every outcome one move, one change of stage."""
    path = tmp_path / "mind.db"
    with Mind.open(path, model="offline") as one, Mind.open(path, model="offline") as other:
        one.name_mind("Echo")
        talked(one, 30)
        kept(one, 5)
        start = threading.Barrier(2)

        def ticks(mind: Mind) -> None:
            start.wait(10)
            for _ in range(5):
                mind.tick()

        threads = [threading.Thread(target=ticks, args=(mind,)) for mind in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(one.log.by_kind("trait_adjusted")) == 5
        assert len(one.log.by_kind("stage_changed")) == 1
        assert one.view().digest() == other.view().digest()


def test_the_manner_is_told_at_the_next_epoch_and_only_if_it_is_marked(open_mind: Open) -> None:
    """Not in the opening of a plain mind; not in the one that stands; in that of the next session."""
    model = ScriptedModel(["Fine."])
    mind = open_mind(model)
    mind.handle_user("let us talk of boats and rivers")
    kept(mind, 5)
    mind.tick()
    assert mind.view().traits.tone == ("careful", "measured", "friendly")
    mind.handle_user("and of the sea as well, please")
    assert not any("Your manner" in prompt[0]["content"] for prompt in model.prompts)
    mind.handle_user("let us begin anew, shall we", session="other")
    opening = model.prompts[-1][0]["content"]
    assert "You have no name yet. Your manner: careful, measured, friendly." in opening
