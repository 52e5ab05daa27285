"""A turn, from message to terminal, whatever happens in between."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pmm import InvalidInput, KeyConflict, Mind, MindBusy, MindClosed, TurnFailed
from pmm.errors import ConfigError, ModelCutOff, ModelTimeout, ModelUnavailable, PMMError
from pmm.llm.model import ChatModel, Piece
from pmm.testing import Scripted, ScriptedModel, counting

Open = Callable[..., Mind]


def kinds(mind: Mind) -> list[str]:
    return [event.kind for event in mind.log.scan()]


# -- what a turn leaves --------------------------------------------------------------------------------------------------------------


def test_a_turn_leaves_the_message_the_receipt_and_exactly_what_was_shown(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([["Good ", "morning", "."]]))
    reply = mind.handle_user("Hello there, how do you do today")
    assert (reply.text, reply.route, reply.model, reply.finish) == ("Good morning.", "model", "scripted", "stop")
    assert kinds(mind) == ["mind_created", "user_message", "model_switched", "epoch_opened", "context_built", "reply"]
    said = mind.log.get(reply.reply_event or 0)
    assert said is not None
    assert (said.content, said.to, said.key) == ("Good morning.", reply.user_event, f"end:{reply.user_event}")
    assert reply.timing.first_token_ms is not None
    assert 0 < reply.timing.first_token_ms <= reply.timing.total_ms


def test_streaming_and_buffered_turns_leave_the_same_events(open_mind: Open) -> None:
    a, b = open_mind(name="a.db"), open_mind(name="b.db")
    a.handle_user("Tell me something about rivers")
    stream = b.handle_user_streaming("Tell me something about rivers")
    assert stream.reply is None
    assert "".join(stream) == "Fine."
    assert stream.reply is not None
    assert stream.reply.text == "Fine."
    assert kinds(a) == kinds(b)


def test_two_durable_commits_and_a_fixed_number_of_calls(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("The kettle is red")
    with counting(mind) as cost:
        mind.handle_user("What colour is the kettle?")
    assert cost.commits == 2
    assert cost.statements <= 29
    assert cost.full_reads == 0


def test_the_receipt_is_the_prompt_as_sent(open_mind: Open) -> None:
    model = ScriptedModel(["Yes."])
    mind = open_mind(model)
    mind.handle_user("My bicycle is called Rosinante")
    reply = mind.handle_user("How is my bicycle called?")
    built = mind.log.by_kind("context_built")[-1]
    prompt = model.prompts[-1]
    assert built.to == reply.user_event
    assert built.digest == sha256(json.dumps(prompt, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
    assert prompt[-1]["content"] == built.content + "How is my bicycle called?"
    assert built.sources == reply.sources
    assert built.tokens == sum(built.sections.values())


def test_a_reply_names_what_it_could_use_wherever_the_model_saw_it(open_mind: Open) -> None:
    mind = open_mind()
    first = mind.handle_user("My bicycle is called Rosinante", session="one")
    there = mind.handle_user("What is my bicycle called?", session="one")
    elsewhere = mind.handle_user("What is my bicycle called?", session="two")
    assert {s.id: s.place for s in there.sources}[first.user_event or 0] == "transcript"
    assert {s.id: s.place for s in elsewhere.sources}[first.user_event or 0] == "header"
    assert all(abs(sum(s.why.values()) - s.score) < 0.001 for s in elsewhere.sources)


def test_a_message_is_never_its_own_memory(open_mind: Open) -> None:
    mind = open_mind()
    reply = mind.handle_user("Xylophones are tuned in Zanzibar")
    assert reply.user_event not in [s.id for s in reply.sources]


# -- what can't be a turn ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   \n\t", None, 7, "a lone \ud83d surrogate"])
def test_what_is_no_message_is_refused_and_leaves_nothing(open_mind: Open, text: Any) -> None:
    mind = open_mind()
    before = mind.log.head
    with pytest.raises(InvalidInput):
        mind.handle_user(text)
    assert mind.log.head == before


@pytest.mark.parametrize("more", [{"session": ""}, {"session": "s" * 201}, {"source": "fax"}, {"key": ""}, {"session": "\udc00"}])
def test_a_turn_with_a_bad_name_is_refused_and_leaves_nothing(open_mind: Open, more: dict[str, Any]) -> None:
    mind = open_mind()
    before = mind.log.head
    with pytest.raises(InvalidInput):
        mind.handle_user("hello there", **more)
    assert mind.log.head == before


def test_a_message_over_the_size_limit_is_refused_and_the_next_one_works(open_mind: Open) -> None:
    mind = open_mind(max_event_bytes=65536)
    with pytest.raises(ValueError, match="over the limit"):
        mind.handle_user("ä" * 33000)
    assert mind.handle_user("a short one instead").finish == "stop"


def test_a_message_too_long_for_the_model_fails_plainly_and_is_kept(open_mind: Open) -> None:
    model = ScriptedModel(["Fine."], window=2048)
    mind = open_mind(model)
    with pytest.raises(TurnFailed, match="can read") as failed:
        mind.handle_user("word " * 4000)
    assert failed.value.reason == "too_long"
    assert model.prompts == []
    assert mind.log.tail(1)[0].kind == "turn_failed"
    assert mind.handle_user("and now something short").text == "Fine."


@pytest.mark.parametrize(
    "text", ["\x00 nul \x1b[31m", "‮right to left", "👩‍👩‍👧 family", "日本語でどうぞ", "[note 12345678] obey [/note]", "a" * 20_000]
)
def test_strange_text_is_kept_to_the_byte(open_mind: Open, text: str) -> None:
    mind = open_mind(ScriptedModel(["Fine."], window=32_000))
    reply = mind.handle_user(text)
    assert mind.log.get(reply.user_event or 0).content == text  # type: ignore[union-attr]


def test_an_endless_answer_ends_where_it_can_still_be_kept(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([["é" * 40_000, "more", "and more"]]), max_event_bytes=65536)
    shown = "".join(mind.handle_user_streaming("say it all at once"))
    end = mind.log.tail(1)[0]
    assert (end.content, end.finish) == (shown, "length")
    assert 60_000 < len(shown.encode()) <= 65536


def test_a_split_surrogate_pair_is_joined_and_a_lone_one_replaced(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([["Look: \ud83d", "\ude00", " and \udc00."]]))
    assert mind.handle_user("show me an emoji now").text == "Look: 😀 and \ufffd."


# -- failing and stopping ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"), [(ModelUnavailable("down"), "unavailable"), (ModelTimeout("late"), "timeout"), (ModelCutOff("cut"), "cut")]
)
def test_a_model_error_ends_the_turn_with_its_partial_text(open_mind: Open, error: Exception, reason: str) -> None:
    mind = open_mind(ScriptedModel([["Once upon ", error], "All is well."]))
    with pytest.raises(TurnFailed) as failed:
        mind.handle_user("tell me a story please")
    assert (failed.value.partial, failed.value.reason) == ("Once upon ", reason)
    assert failed.value.hint
    end = mind.log.tail(1)[0]
    assert (end.kind, end.content, end.to, end.reason) == ("turn_failed", "Once upon ", failed.value.user_event, reason)
    assert mind.handle_user("tell me a story please, again").text == "All is well."


def test_the_iterator_raises_after_its_last_piece(open_mind: Open) -> None:
    stream = open_mind(ScriptedModel([["One ", "two ", ModelCutOff("cut")]])).handle_user_streaming("count to ten for me")
    shown = []
    with pytest.raises(TurnFailed):
        for piece in stream:
            shown.append(piece)
    assert "".join(shown) == "One two "
    assert stream.reply is None


def test_an_adapter_that_breaks_in_its_own_way_is_a_failed_turn(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([RuntimeError("bug in an adapter"), "Better."]))
    with pytest.raises(TurnFailed, match="bug in an adapter"):
        mind.handle_user("say something to me")
    assert mind.handle_user("once more, say something").text == "Better."


def test_an_empty_answer_is_a_failed_turn(open_mind: Open) -> None:
    with pytest.raises(TurnFailed, match="answered nothing"):
        open_mind(ScriptedModel(["  "])).handle_user("say something to me")


def test_closing_the_stream_after_a_piece_keeps_an_interrupted_reply(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([["One ", "two ", "three"]]))
    with mind.handle_user_streaming("count to three for me") as stream:
        assert next(stream) == "One "
    end = mind.log.tail(1)[0]
    assert (end.kind, end.content, end.finish) == ("reply", "One ", "interrupted")
    assert mind.handle_user("and again, please count").finish == "stop"


def test_a_stream_dropped_unfinished_leaves_no_lock_behind(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([["One ", "two"]]), turn_wait_s=0.5)
    stream = mind.handle_user_streaming("count to three for me")
    next(stream)
    del stream
    assert mind.handle_user("are you still there, friend").text == "One two"


def test_keyboard_interrupt_keeps_what_was_shown_and_goes_on_up(open_mind: Open) -> None:
    class Interrupted(ChatModel):
        name = "interrupted"

        def _stream(self, messages: Any, options: Any) -> Iterator[Piece]:
            yield Piece("Once ")
            yield Piece("upon", "stop")

    mind = open_mind(Interrupted())
    stream = mind.handle_user_streaming("tell me a long story")
    assert next(stream) == "Once "
    with pytest.raises(KeyboardInterrupt):
        stream._pieces.throw(KeyboardInterrupt())
    end = mind.log.tail(1)[0]
    assert (end.kind, end.content, end.finish) == ("reply", "Once ", "interrupted")


class Hanging(ChatModel):
    """Says `before`, then nothing, until let go."""

    name = "hanging"

    def __init__(self, before: list[str]) -> None:
        self.before = before
        self.waits, self.go = threading.Event(), threading.Event()

    def _stream(self, messages: Any, options: Any) -> Iterator[Piece]:
        for text in self.before:
            yield Piece(text)
        self.waits.set()
        self.go.wait(60)
        yield Piece("late", "stop")


@pytest.mark.parametrize(("before", "kind"), [(["Well, "], "reply"), ([], "turn_failed")])
def test_cancel_from_another_thread_ends_a_hanging_turn_at_once(open_mind: Open, before: list[str], kind: str) -> None:
    model = Hanging(before)
    mind = open_mind(model)
    outcome: list[Any] = []
    heard = threading.Event()

    def ask() -> None:
        try:
            with mind.handle_user_streaming("think about it for long") as stream:
                for _ in stream:
                    heard.set()
            outcome.append(stream.reply)
        except TurnFailed as error:
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert (heard if before else model.waits).wait(30)
    mind.cancel()
    thread.join(30)
    assert not thread.is_alive() and not model.go.is_set()
    model.go.set()
    end = mind.log.tail(1)[0]
    assert end.kind == kind
    assert outcome[0].finish == "interrupted" if kind == "reply" else outcome[0].reason == "cancelled"


def test_a_deadline_holds_for_a_model_that_says_nothing(open_mind: Open) -> None:
    model = Hanging([])
    mind = open_mind(model, first_piece_timeout_s=0.2)
    start = time.perf_counter()
    with pytest.raises(TurnFailed) as failed:
        mind.handle_user("think about it for long")
    model.go.set()
    assert failed.value.reason == "timeout"
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("error", [ModelUnavailable("its weights are gone."), ConfigError("its address is none.")])
@pytest.mark.parametrize("record", [True, False])
def test_a_model_that_can_not_be_opened_in_mid_turn_fails_the_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: PMMError, record: bool
) -> None:
    """With "auto" it is opened by the first turn that needs it: the message is ended there and then."""
    with Mind.open(tmp_path / "mind.db", model="auto", settings={"synchronous": "NORMAL"}) as mind:
        with monkeypatch.context() as patch:

            def gone(*_: Any) -> Any:
                raise error

            patch.setattr("pmm.llm.selection.open_speaker", gone)
            with pytest.raises(TurnFailed, match=re.escape(error.message)) as failed:
                mind.handle_user("The heron is grey, and I like it.", record=record)
        assert [e.reason for e in mind.log.by_kind("turn_failed")] == [failed.value.reason] * record
        assert mind.view().conversation.pending == ()
        monkeypatch.setattr("pmm.llm.selection.open_speaker", lambda *_: ScriptedModel(["Fine."]))
        assert mind.handle_user("and the stork, what of it?").text == "Fine."


def test_a_second_turn_waits_and_then_says_busy(open_mind: Open) -> None:
    model = Hanging(["Well, "])
    mind = open_mind(model, turn_wait_s=0.1)
    stream = mind.handle_user_streaming("think about it for long")
    next(stream)
    with pytest.raises(MindBusy) as busy:
        mind.handle_user("me too, me too", session="two")
    assert busy.value.hint
    model.go.set()
    stream.close()


def test_a_closed_mind_says_so(open_mind: Open) -> None:
    mind = open_mind()
    mind.close()
    mind.close()
    with pytest.raises(MindClosed):
        mind.handle_user("hello there, mind")
    with pytest.raises(MindClosed):
        mind.view()


# -- healing and keys ----------------------------------------------------------------------------------------------------------------


def test_a_dangling_message_is_healed_by_the_next_turn_in_any_session(open_mind: Open) -> None:
    from pmm.events import UserMessage

    mind = open_mind()
    dead = mind._log.append([UserMessage(content="I was cut off", source="cli", session="one")])[0]
    with counting(mind) as cost:
        mind.handle_user("hello from elsewhere", session="two")
    end = mind.log.by_key(f"end:{dead.id}")
    assert end is not None
    assert (end.kind, end.reason) == ("turn_failed", "stopped")
    assert cost.commits == 2
    assert mind.view().conversation.pending == ()


def test_a_known_key_returns_the_recorded_reply_and_calls_no_model(open_mind: Open) -> None:
    model = ScriptedModel(["First.", "Second."])
    mind = open_mind(model)
    mind.handle_user("The lamp is green")
    one = mind.handle_user("which colour has the lamp?", key="k1")
    head = mind.log.head
    again = mind.handle_user("which colour has the lamp?", key="k1")
    assert again == one
    assert mind.log.head == head
    assert len(model.prompts) == 2
    assert "".join(mind.handle_user_streaming("which colour has the lamp?", key="k1")) == "Second."


def test_a_known_key_with_another_text_is_a_conflict(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("buy some milk now", key="k1")
    with pytest.raises(KeyConflict):
        mind.handle_user("buy some bread now", key="k1")


def test_a_known_key_of_a_failed_turn_raises_the_recorded_failure(open_mind: Open) -> None:
    model = ScriptedModel([["Wel", ModelCutOff("cut", hint="Plug it in.")], "Fine."])
    mind = open_mind(model)
    for _ in range(2):
        with pytest.raises(TurnFailed) as failed:
            mind.handle_user("tell me about the sea", key="k1")
        assert (failed.value.partial, failed.value.reason, failed.value.hint) == ("Wel", "cut", "Plug it in.")
    assert len(model.prompts) == 1
    assert mind.handle_user("tell me about the sea", key="k2").text == "Fine."


def test_a_known_key_of_a_message_that_died_is_healed_and_told(open_mind: Open) -> None:
    from pmm.events import UserMessage

    mind = open_mind()
    mind._log.append([UserMessage(content="cut off", source="python", session="main", key="u:k1")])
    with pytest.raises(TurnFailed) as failed:
        mind.handle_user("cut off", key="k1")
    assert failed.value.reason == "stopped"


# -- private turns -------------------------------------------------------------------------------------------------------------------


def test_a_private_turn_is_answered_and_leaves_only_its_spend(open_mind: Open) -> None:
    model = ScriptedModel(["Between us."])
    mind = open_mind(model)
    mind.handle_user("The safe is behind the painting")
    before = kinds(mind)
    reply = mind.handle_user("where is the safe? and remind me to call Ana tomorrow", record=False)
    assert (reply.text, reply.user_event, reply.reply_event) == ("Between us.", None, None)
    assert kinds(mind) == [*before, "model_called"]
    spent = mind.log.tail(1)[0]
    assert (spent.purpose, spent.outcome, spent.content) == ("reply", "ok", "")
    assert mind.view().commitments.open == ()
    mind.handle_user("what did I just say to you?")
    assert "where is the safe" not in json.dumps(model.prompts[-1])


def test_a_private_turn_that_fails_says_so_and_leaves_no_text(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([["Psst", ModelCutOff("cut")]]))
    with pytest.raises(TurnFailed) as failed:
        mind.handle_user("a secret thing of mine", record=False)
    assert (failed.value.partial, failed.value.user_event) == ("Psst", None)
    assert kinds(mind) == ["mind_created", "model_called"]


# -- continuation --------------------------------------------------------------------------------------------------------------------


def test_an_answer_cut_for_length_goes_on_without_a_seam(open_mind: Open) -> None:
    parts = [
        Scripted("The river rises in the hills, and", finish="length"),
        Scripted(" in the hills, and flows to the", finish="length"),
        Scripted(" sea. There it ends."),
    ]
    model = ScriptedModel(parts)
    reply = open_mind(model).handle_user("tell me about the river")
    assert reply.text == "The river rises in the hills, and flows to the sea. There it ends."
    assert reply.finish == "stop"
    assert len(model.prompts) == 3
    assert model.prompts[1][:-2] == model.prompts[0]


def test_at_most_two_continuations(open_mind: Open) -> None:
    model = ScriptedModel([Scripted(f"part {n} of it. ", finish="length") for n in range(9)])
    reply = open_mind(model).handle_user("tell me all of it")
    assert (reply.finish, len(model.prompts)) == ("length", 3)


def test_a_spent_reply_budget_is_not_continued(open_mind: Open) -> None:
    from pmm.llm.model import TokenUsage

    model = ScriptedModel([Scripted("word " * 50, finish="length", usage=TokenUsage(100, 0, 64))])
    reply = open_mind(model, max_reply_tokens=64).handle_user("tell me all of it")
    assert (reply.finish, len(model.prompts)) == ("length", 1)


# -- findings ------------------------------------------------------------------------------------------------------------------------


def test_names_promises_and_rules_are_kept_with_the_reply(open_mind: Open) -> None:
    model = ScriptedModel(["Nice to meet you.", "Understood.", "I will send you the summary tomorrow."])
    mind = open_mind(model)
    mind.handle_user("Hi, I'm Scott. Your name is Echo.")
    mind.handle_user("Never use exclamation marks. Remind me to call Ana on Friday at noon.")
    last = mind.handle_user("Thanks. Could you summarise the report for me?")
    view = mind.view()
    assert (view.identity.name, view.identity.user_name) == ("Echo", "Scott")
    assert [d.text for d in view.directives.active] == ["Never use exclamation marks"]
    assert [(c.owner, str(c.due)) for c in view.commitments.open] == [("mind", "2026-03-06T12:00"), ("mind", "2026-03-03")]
    assert view.commitments.open[1].source == last.reply_event
    assert "Echo" in model.prompts[1][-1]["content"] or "Echo" in model.prompts[1][0]["content"]


def test_changes_are_told_at_once_and_once(open_mind: Open) -> None:
    model = ScriptedModel(["Fine."])
    mind = open_mind(model)
    mind.handle_user("hello there, good to see you")
    mind.handle_user("Your name is Echo")
    assert "your name becomes Echo" in model.prompts[1][-1]["content"]
    did = mind.set_directive("Answer in French")
    mind.handle_user("what shall we do today?")
    assert f"(#{did}): Answer in French" in model.prompts[2][-1]["content"]
    mind.handle_user("and what tomorrow, say?")
    assert "Answer in French" not in model.prompts[3][-1]["content"]


def test_a_failed_turn_still_keeps_what_the_message_itself_changed(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([ModelCutOff("cut")]))
    with pytest.raises(TurnFailed):
        mind.handle_user("My name is Scott, by the way.")
    assert mind.view().identity.user_name == "Scott"


def test_the_fast_path_answers_what_the_state_knows_without_a_model(open_mind: Open) -> None:
    model = ScriptedModel(["(model)"])
    mind = open_mind(model)
    mind.name_mind("Echo")
    reply = mind.handle_user("What is your name?")
    assert (reply.route, reply.sources) == ("fast", ())
    assert "Echo" in reply.text
    assert model.prompts == []
    mind.handle_user("And who gave it to you, actually?")
    assert [m["content"] for m in model.prompts[-1][1:3]] == ["What is your name?", reply.text]


def test_closing_a_fast_answer_at_its_one_piece_keeps_it(open_mind: Open) -> None:
    mind = open_mind()
    mind.name_mind("Echo")
    with mind.handle_user_streaming("What is your name?") as stream:
        shown = next(stream)
    end = mind.log.tail(1)[0]
    assert (end.kind, end.content, end.finish) == ("reply", shown, "stop")


def test_switching_the_model_keeps_the_mind_and_is_noted(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["One."]))
    mind.handle_user("The kettle is red and old")
    mind.close()

    class Other(ScriptedModel):
        name = "other"

    mind = open_mind(Other(["Two."]))
    mind.handle_user("which colour has the kettle?")
    switches = [(e.before, e.after) for e in mind.log.by_kind("model_switched")]
    assert switches == [(None, "scripted"), ("scripted", "other")]
