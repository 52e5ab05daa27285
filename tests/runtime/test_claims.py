"""A reply that says of the log what the log contradicts: kept as it was shown, recorded, and put right in the next turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind, TurnFailed
from pmm.cli.chat import Chat
from pmm.errors import ModelCutOff
from pmm.events import ReplyContradicted
from pmm.projections.claims import LATEST_MAX
from pmm.testing import ScriptedModel

Open = Callable[..., Mind]


CID = 7
"""of the first commitment opened after the first turn"""


def recorded(mind: Mind) -> list[Any]:
    return mind.log.by_kind("reply_contradicted")


def told(model: ScriptedModel) -> str:
    """The last message that the model was sent: header and text."""
    return str(model.prompts[-1][-1]["content"])


def test_a_contradicted_reply_is_kept_as_shown_recorded_and_corrected_in_the_next_turn(open_mind: Open) -> None:
    model = ScriptedModel(["Commitment #77 is done.", "Sorry.", "Fine."])
    mind = open_mind(model)
    mind.name_mind("Echo")
    reply = mind.handle_user("How is the draft?")
    (event,) = recorded(mind)
    assert reply.text == "Commitment #77 is done." and reply.contradicted == event.claims
    assert (event.reply, event.content, event.claims[0].truth) == (reply.reply_event, *["There is no commitment #77."] * 2)
    stored = mind.log.get(reply.reply_event or 0)
    assert stored is not None and stored.content == "Commitment #77 is done."
    mind.handle_user("Are you sure?")
    assert f"Your last reply was wrong (#{event.id}): There is no commitment #77." in told(model)
    mind.handle_user("All right.")
    assert "wrong" not in told(model)
    assert len(recorded(mind)) == 1


def test_only_the_conversation_it_was_said_in_is_told(open_mind: Open) -> None:
    model = ScriptedModel(["My name is Claude.", "Hello.", "Hello again."])
    mind = open_mind(model)
    mind.name_mind("Echo")
    assert mind.handle_user("Hi there", session="a").contradicted[0].truth == "The mind's name is Echo."
    mind.handle_user("Hi there", session="b")
    assert "wrong" not in told(model)
    mind.handle_user("So?", session="a")
    assert "Your last reply was wrong" in told(model)


def test_it_is_told_in_the_next_turn_that_asks_a_model(open_mind: Open) -> None:
    model = ScriptedModel(["My name is Claude.", "I see.", "Fine."])
    mind = open_mind(model)
    mind.name_mind("Echo")
    mind.handle_user("Hi there")
    assert mind.handle_user("What is your name?").route == "fast"
    mind.handle_user("Then why did you say so?")
    assert "Your last reply was wrong" in told(model)
    mind.handle_user("All right.")
    assert "Your last reply was wrong" not in told(model)


def test_what_the_turn_itself_changes_and_what_it_was_shown_is_no_contradiction(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["Noted.", f"Well done, commitment #{CID} is done.", "You said so [#2].", "See [#900]."]))
    mind.handle_user("hello")
    assert mind.commit("call Ana") == CID
    assert mind.handle_user("I called Ana.").contradicted == ()
    assert mind.log.by_kind("commitment_closed")
    assert mind.handle_user("When did I say hello?").contradicted == ()
    (claim,) = mind.handle_user("Where is that?").contradicted
    assert claim.truth.startswith("There is no event #900")


def test_a_fast_answer_a_private_turn_and_one_that_was_stopped_record_none(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["My name is Claude.", "My name is Claude. And"]))
    mind.name_mind("Echo")
    mind.handle_user("What is your name?")
    assert mind.handle_user("Say hello.", record=False).contradicted == ()
    stream = mind.handle_user_streaming("And now?")
    next(stream)
    stream.close()
    assert recorded(mind) == []


def test_the_same_key_gives_the_same_claims_again(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["My name is Claude.", "Hello."]))
    mind.name_mind("Echo")
    first = mind.handle_user("Hi there", key="k")
    mind.handle_user("Hi again", key="l")
    again = mind.handle_user("Hi there", key="k")
    assert again == first and again.contradicted
    assert mind.handle_user("Hi again", key="l").contradicted == ()


def test_the_view_keeps_the_latest_few_and_why_knows_them(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([f"See [#{n}]." for n in range(500, 520)]))
    replies = [mind.handle_user(f"Is it number {n}?").reply_event for n in range(20)]
    claims = mind.view().claims
    assert claims.count == 20 and [c.reply for c in claims.latest] == replies[-LATEST_MAX:]
    assert claims.of(replies[-1] or 0) == claims.latest[-1] and claims.of(1) is None
    (event, *_) = recorded(mind)
    assert [(child.relation, child.event.kind) for child in mind.why(event.id).children] == [("is about", "reply")]
    assert isinstance(event, ReplyContradicted) and all(finding.ok for finding in mind.doctor())


def test_a_failed_turn_claims_nothing(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([ModelCutOff("cut")]))
    with pytest.raises(TurnFailed):
        mind.handle_user("Hi there")
    assert recorded(mind) == []


def test_a_chat_says_what_is_not_so(open_mind: Open, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ScriptedModel(["My name is Claude."])
    mind = open_mind(model)
    mind.name_mind("Echo")
    with Chat(lambda settings: mind, mind.settings, tmp_path / "mind.db", "main") as chat:
        chat.take("Hi there")
    assert "My name is Claude.\n(not so: The mind's name is Echo.)\n" in capsys.readouterr().out
