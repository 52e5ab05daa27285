"""`mind.why`: what made it so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmm import InvalidInput, Mind
from pmm.agent.why import LOOK_MAX
from pmm.events import StageChanged, TraitAdjusted
from pmm.runtime.why import Why
from pmm.testing import ScriptedModel, SimulatedClock, counting, generate_log

Open = Callable[..., Mind]


def told(tree: Why) -> list[Any]:
    """The tree as nested lists of "relation kind"."""
    return [f"{tree.relation} {tree.event.kind}".strip(), *(told(child) for child in tree.children)]


def ids(mind: Mind, kind: str) -> list[int]:
    return [event.id for event in mind.log.by_kind(kind)]


def test_the_names_come_from_the_message_that_gave_them(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("Hello, I'm Scott. Your name is Echo.")
    for what, name in (("name", "Echo"), ("user", "Scott")):
        tree = mind.why(what)
        assert tree.event.name == name  # type: ignore[attr-defined]
        assert told(tree) == ["name_adopted", ["because of user_message"]]
        assert tree.children[0].event.content == "Hello, I'm Scott. Your name is Echo."


def test_a_name_that_was_set_by_hand_has_nothing_behind_it(open_mind: Open) -> None:
    mind = open_mind()
    mind.name_mind("Echo")
    assert told(mind.why("name")) == ["name_adopted"]


def test_a_commitment_has_its_message_its_reminders_and_its_end_with_the_evidence(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    mind.handle_user("Remind me to call Ana tomorrow.")
    (cid,) = ids(mind, "commitment_opened")
    clock.advance(2 * 24 * 3600)
    mind.tick()
    mind.handle_user("I called Ana.")
    tree = mind.why(f"commitment:{cid}")
    flat = told(tree)
    assert flat[0] == "commitment_opened" and flat[1] == ["because of user_message"]
    assert flat[2:] == [["reminded commitment_reminded"], ["closed commitment_closed", ["because of user_message"]]]


def test_a_rule_has_its_message_and_its_end(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("From now on, answer in French.")
    (did,) = ids(mind, "directive_set")
    mind.revoke_directive(did)
    assert told(mind.why(f"directive:{did}")) == ["directive_set", ["because of user_message"], ["revoked directive_revoked"]]
    (revoked,) = ids(mind, "directive_revoked")
    assert told(mind.why(revoked))[1][0] == "about directive_set"


def test_a_trait_and_the_stage_have_the_last_event_that_moved_them(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("Well done!")
    moves = [
        TraitAdjusted(trait="E", delta=0.01, cause="praise", evidence=2),
        TraitAdjusted(trait="A", delta=0.01, cause="praise", evidence=2),
    ]
    mind._log.append([*moves, StageChanged(before=0, after=1, ias=0.4, gas=0.3)])
    (up,) = ids(mind, "stage_changed")
    assert (mind.why("trait:e").event.id, mind.why("trait:A").event.id, mind.why("stage").event.id) == (up - 2, up - 1, up)
    assert told(mind.why("trait:E")) == ["trait_adjusted", ["because of user_message"]]


def test_a_reply_has_its_message_and_what_was_recalled(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("I live in Lyon.")
    mind.handle_user("Where in Lyon do I live?")
    tree = mind.why(ids(mind, "reply")[-1])
    assert [c.relation for c in tree.children] == ["answers", "was shown"]
    recalled = {c.event.id: c.score for c in tree.children[1].children}
    assert recalled[ids(mind, "user_message")[0]]


@pytest.mark.parametrize("what", [2, "2", "#2", " #2 "])
def test_an_id_can_be_written_as_people_do(open_mind: Open, what: Any) -> None:
    mind = open_mind()
    mind.handle_user("Hello.")
    assert mind.why(what).event.id == 2


@pytest.mark.parametrize(
    "what",
    [
        "",
        "nonsense",
        "name",
        "user",
        0,
        -1,
        99,
        "commitment:2",
        "commitment:x",
        "directive:2",
        "commitment:",
        "mind:2",
        "²",
        "name:2",
        "stage",
        "trait:E",
        "trait:",
        "trait:X",
    ],
)
def test_what_is_not_there_is_refused_with_a_hint(open_mind: Open, what: Any) -> None:
    mind = open_mind()
    mind.handle_user("Hello.")
    with pytest.raises(InvalidInput) as refused:
        mind.why(what)
    assert refused.value.hint


def test_it_never_reads_the_whole_log(tmp_path: Path) -> None:
    generate_log(tmp_path / "a.db", 12_000, seed=3)
    with Mind.open(tmp_path / "a.db", model=ScriptedModel()) as mind:
        mind.wait_idle(30)
        opened = ids(mind, "commitment_opened")
        replies = ids(mind, "reply")
        for what, rows in (
            (replies[-1], 150),
            (replies[0], 150),
            ("name", 300),
            ("user", 300),
            (f"commitment:{opened[0]}", LOOK_MAX + 150),
        ):
            with counting(mind) as cost:
                mind.why(what)
            assert cost.full_reads == 0
            assert cost.rows_read <= rows, what
