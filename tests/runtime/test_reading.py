"""Imports read by a model, because somebody asked for it: for facts, once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from pmm import InvalidInput, Mind, MindBusy, Turn
from pmm.errors import ModelUnavailable
from pmm.events import FactAsserted, ModelCalled
from pmm.testing import ScriptedModel

Open = Callable[..., Mind]


def fact(source: int, value: str, subject: str = "user") -> dict[str, Any]:
    return {"subject": subject, "relation": "likes", "value": value, "source": source, "confidence": 0.7, "valid_from": None}


def reader(*answers: Any) -> ScriptedModel:
    return ScriptedModel(["I see."], background=list(answers))


def each(messages: list[dict[str, str]]) -> str:
    """A fact for the first eight messages shown."""
    shown = re.findall(r"#(\d+) user: I like (\w+)", messages[-1]["content"])
    return json.dumps({"facts": [fact(int(id), value) for id, value in shown[:8]]})


def test_facts_come_with_their_origin_and_nothing_else_comes(open_mind: Open) -> None:
    """No name, promise or rule, whatever the answer says; the assistant's words aren't shown; another's aren't the user's."""
    answer = {
        "facts": [fact(2, "tea"), fact(4, "coffee"), fact(4, "coffee", "Ben"), fact(3, "rum")],
        "commitments": [{"owner": "mind", "text": "brew tea", "source": 2}],
        "names": [{"name": "Juno", "source": 2}],
    }
    model = reader(json.dumps(answer))
    mind = open_mind(model)
    mind.import_turns(
        [
            Turn("me", "I like tea. Call yourself Juno!", role="user"),
            Turn("ai", "I like rum.", role="assistant"),
            Turn("Ben", "I like coffee."),
        ],
        origin="talk",
    )
    done = mind.reading("talk").run()
    assert (done.calls, done.facts, done.unreadable) == (1, 2, 0)
    assert {(f.subject, f.value, f.origin) for f in mind.facts()} == {("user", "tea", "talk"), ("Ben", "coffee", "talk")}
    assert [event.kind for event in mind.log.since(4)] == ["model_called", "fact_asserted", "fact_asserted"]
    (call,) = mind.log.by_kind("model_called")
    assert isinstance(call, ModelCalled) and call.error.startswith("2 refused")
    assert "rum" not in model.calls[0][1][-1]["content"]


def test_what_it_takes_is_told_before_and_it_is_read_in_batches_once(open_mind: Open) -> None:
    """The calls are as many as estimated, the tokens no more; reading again reads nothing; new messages are read."""
    model = reader(each)
    mind = open_mind(model)
    mind.import_turns((Turn("me", f"I like thing{n}.", role="user") for n in range(100)), origin="talk")
    mind.import_turns([Turn("me", "I like silence.", role="user")], origin="other")
    takes = mind.reading("talk").estimate()
    assert (takes.messages, takes.calls, model.calls) == (100, 3, [])
    told: list[int] = []
    done = mind.reading("talk").run(told.append)
    assert (done.calls, done.facts, told) == (3, 24, [1, 2, 3])
    assert mind.spent_today().background <= takes.tokens
    assert mind.reading("talk").estimate() == type(takes)() and mind.reading("talk").run().calls == 0
    assert all(f.origin == "talk" for f in mind.facts(limit=100))


def test_a_reading_that_broke_off_is_gone_on_with(open_mind: Open) -> None:
    model = reader(each, ModelUnavailable("away"), each)
    mind = open_mind(model)
    mind.import_turns((Turn("me", f"I like thing{n}.", role="user") for n in range(100)), origin="talk")
    with pytest.raises(ModelUnavailable):
        mind.reading("talk").run()
    assert mind.reading("talk").run().calls == 2
    outcomes = [call.outcome for call in mind.log.by_kind("model_called") if isinstance(call, ModelCalled)]
    assert outcomes == ["ok", "failed", "ok", "ok"]


@pytest.mark.parametrize("answer", ["no", "[]", '{"facts": 7}', '{"facts": [7, null, {}]}', ["x" * 300_000]])
def test_an_answer_that_says_nothing_adds_nothing(open_mind: Open, answer: Any) -> None:
    mind = open_mind(reader(answer))
    mind.import_turns([Turn("me", "I like tea.", role="user")], origin="talk")
    assert mind.reading("talk").run().facts == 0
    assert mind.reading("talk").run().calls == 0


def test_it_gives_way_to_a_turn(open_mind: Open) -> None:
    mind, other = open_mind(reader(each)), open_mind(ScriptedModel([["One ", "two."]]))
    mind.import_turns([Turn("me", "I like tea.", role="user")], origin="talk")
    with other.handle_user_streaming("Hello.") as stream:
        next(stream)
        with pytest.raises(MindBusy):
            mind.reading("talk").run()
    assert mind.reading("talk").run().facts == 1


def test_a_model_that_can_not_read_says_so(open_mind: Open) -> None:
    with pytest.raises(InvalidInput, match="offline can't read transcripts"):
        open_mind("offline").reading("talk")


def test_what_was_imported_is_a_fact_like_any_other(open_mind: Open) -> None:
    """`why` leads to the line of the transcript."""
    mind = open_mind(reader(each))
    mind.import_turns([Turn("me", "I like tea.", role="user")], origin="talk")
    mind.reading("talk").run()
    (event,) = mind.log.by_kind("fact_asserted")
    assert isinstance(event, FactAsserted) and mind.log.get(event.source or 0).content == "I like tea."  # type: ignore[union-attr]
