"""A mind that reflects: behind the user's back by a model, or by itself at a tick; what it then does cites what it observed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from pmm import Mind
from pmm.events import Event, Reflection, StageChanged
from pmm.testing import ScriptedModel, SimulatedClock

Open = Callable[..., Mind]

NOTHING: dict[str, Any] = {"facts": [], "commitments": [], "closed": [], "names": [], "traits": []}


def reflecting(**fields: Any) -> Callable[[list[Any]], str]:
    """A model's answer that cites the newest evidence it was shown."""

    def answer(messages: list[Any]) -> str:
        cited = int(re.findall(r"^- #(\d+) · ", messages[-1]["content"], re.MULTILINE)[-1])
        said = {"observation": "I keep what I promise about calls.", "action": "none", "evidence": [cited]} | fields
        return json.dumps(NOTHING | {"reflection": said})

    return answer


def a_mind(open_mind: Open, *answers: Any, stage: int = 0) -> tuple[Mind, Any]:
    """One that has talked for a while and kept a promise; what is due at a tick is done."""
    model = ScriptedModel(["Fine."], background={"extract": [json.dumps(NOTHING)], "reflect": list(answers)})
    mind = open_mind(model)
    mind._log.append([StageChanged(before=n, after=n + 1, ias=0.9, gas=0.9) for n in range(stage)])
    for n in range(6):
        mind.handle_user(f"let us talk of boats, number {n}")
    mind.close_commitment(mind.commit("call Ana"))
    mind.tick()
    return mind, model


def thought(mind: Mind, clock: SimulatedClock) -> list[Event]:
    """What came of one more turn and a quiet hour."""
    clock.advance(3600)
    mind.handle_user("and what of rivers, then")
    clock.advance(3600)
    done = mind.work(20)
    return [event for event in done if event.kind != "fact_asserted"]


def test_a_reflection_rides_along_and_is_shown_in_the_next_opening(open_mind: Open, clock: SimulatedClock) -> None:
    mind, model = a_mind(open_mind, reflecting())
    found = thought(mind, clock)
    assert [event.kind for event in found] == ["reflection", "model_called"]
    (known,) = mind.view().reflections.latest
    assert (known.text, known.trigger, known.model, known.action) == ("I keep what I promise about calls.", "kept", "scripted", "none")
    assert [purpose for purpose, _ in model.calls].count("reflect") == 1
    mind.handle_user("let us begin anew", session="other")
    assert f"- reflection #{known.id}: I keep what I promise about calls." in model.prompts[-1][0]["content"]


ACTIONS: dict[str, tuple[int, dict[str, Any], str, str]] = {
    "propose_name": (0, {"text": "Nova"}, "name_proposed", "evidence"),
    "adjust_trait": (1, {"trait": "O", "delta": 0.03}, "trait_adjusted", "evidence"),
    "open_commitment": (2, {"text": "ask how the call went", "due": "2026-03-06"}, "commitment_opened", "source"),
    "change_policy": (3, {"policy": "recall_k", "value": 6}, "policy_changed", "evidence"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_its_action_is_carried_out_where_it_is_permitted(open_mind: Open, clock: SimulatedClock, action: str) -> None:
    """In the same append, citing it, and the log is whole."""
    stage, fields, kind, field = ACTIONS[action]
    mind, _ = a_mind(open_mind, reflecting(action=action, **fields), stage=stage)
    found = {event.kind: event for event in thought(mind, clock)}
    assert getattr(found[kind], field) == found["reflection"].id
    assert all(check.ok for check in mind.doctor())


@pytest.mark.parametrize("action", [name for name, (stage, *_) in ACTIONS.items() if stage])
def test_what_is_not_permitted_yet_is_refused_whole(open_mind: Open, clock: SimulatedClock, action: str) -> None:
    """The call is on record, with the reason; nothing else came of it, and it is an attempt."""
    stage, fields, _, _ = ACTIONS[action]
    mind, _ = a_mind(open_mind, reflecting(action=action, **fields), stage=stage - 1)
    (called,) = thought(mind, clock)
    assert called.kind == "model_called" and f"{action} is not permitted at this stage" in called.error  # type: ignore[attr-defined]
    state = mind.view().reflections
    assert (state.total, state.attempted, state.new) == (0, called.id, 0) and state.evidence


@pytest.mark.parametrize("answer", ["", "Sure!", "[" * 3000, "{}", json.dumps(NOTHING | {"reflection": {"observation": "x"}})])
def test_an_unusable_answer_leaves_a_record_and_is_not_asked_for_again_at_once(open_mind: Open, clock: SimulatedClock, answer: str) -> None:
    mind, model = a_mind(open_mind, answer, reflecting())
    assert [event.kind for event in thought(mind, clock)] == ["model_called"]
    thought(mind, clock)
    assert [purpose for purpose, _ in model.calls].count("reflect") == 1, "nothing new has happened since"
    mind.close_commitment(mind.commit("call Ben"))
    thought(mind, clock)
    for _ in range(2):
        thought(mind, clock)
    assert mind.view().reflections.total == 1


def test_without_a_model_that_reflects_a_tick_does(open_mind: Open, clock: SimulatedClock) -> None:
    """Once for the same evidence; and its own trait stays where it is."""
    mind = open_mind("offline")
    mind.handle_user("Hello there.")
    mind.close_commitment(mind.commit("call Ana"))
    mind.handle_user("How are you?")
    while done := mind.tick():
        last = done[-1]
    assert isinstance(last, Reflection) and last.content.startswith("Since the beginning: 1 commitment kept (#")
    clock.advance(86_400)
    mind.handle_user("Well?")
    mind.handle_user("Well then?")
    assert mind.tick() == [] and mind.view().traits.O == 0.5


def test_ten_reflections_at_s3_shift_the_cadence_once(open_mind: Open) -> None:
    """Two minds on one file do it once too: the second finds it done."""
    mind = open_mind("offline")
    mind._log.append([StageChanged(before=n, after=n + 1, ias=0.9, gas=0.9) for n in range(3)])
    mind.close_commitment(mind.commit("call Ana"))
    mind._log.append([Reflection(content=f"Number {n}.", trigger="kept", action="none", evidence=(1,)) for n in range(10)])
    done = [event for _ in range(4) for event in mind.tick() if event.kind == "policy_changed"]
    assert [(e.policy, e.new, e.cause) for e in done] == [("cadence", -1, "assessment")]  # type: ignore[attr-defined]
    other = open_mind("offline")
    assert other.tick() == [] and other.view().policy.cadence == -1
