"""The reasoning trace: what a turn looked at and why, written behind the turn, without a word of what was said."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pmm import InvalidInput, Mind, TurnFailed
from pmm.clock import stopwatch
from pmm.errors import ModelUnavailable
from pmm.events import ReplyEvent
from pmm.memory.recall import Memory
from pmm.runtime.trace import PATHS_MAX, SAMPLE, SAMPLED_MAX, SUMMARY, WAITING_MAX, Tracer, TurnTrace
from pmm.storage.sqlite import open_log
from pmm.storage.traces import Traces
from pmm.testing import ScriptedModel, SimulatedClock, counting

Open = Callable[..., Mind]
NOW = SimulatedClock("2026-03-02T09:00:00+00:00").now()


def test_a_turn_tells_what_it_recalled_what_was_shown_and_what_it_decided(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["I see.", "I will send you the draft tomorrow."]))
    mind.handle_user("Ana sold me the piano.", session="a")
    reply = mind.handle_user("Who sold me the piano?", session="b")
    (last, first) = mind.traces()
    assert (first.turn, last.turn) == (2, reply.user_event) and last.ts == first.ts == mind.now
    trace = mind.trace(last.id)
    summary = trace.summary
    assert (summary["session"], summary["query"], summary["route"], summary["model"]) == ("b", reply.user_event, "model", "scripted")
    assert summary["nodes_visited"] == summary["sampled"] == len(trace.visits) == 2
    assert summary["node_types"] == {"reply": 1, "user_message": 1}
    (best, _) = trace.visits
    (source,) = [s for s in reply.sources if s.id == 2]
    assert (best.node, best.kind, best.place, best.score, best.why) == (2, "user_message", "header", source.score, source.why)
    assert summary["high_confidence_count"] == len(summary["high_confidence_paths"])
    assert best.confidence > 0.6 and [reply.user_event, 2] in summary["high_confidence_paths"]
    assert {"id": reply.reply_event, "kind": "reply"} in summary["decisions"]
    assert "commitment_opened" in [done["kind"] for done in summary["decisions"]]
    assert [step["step"] for step in summary["steps"]] == ["hear", "recall", "prompt", "speak", "keep"]
    assert all(step["ms"] >= 0 for step in summary["steps"])
    assert sum(step["ms"] for step in summary["steps"]) == pytest.approx(summary["duration_ms"], abs=1)


def test_a_trace_is_found_by_its_turn(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["I see.", "Ana did."]))
    mind.handle_user("Ana sold me the piano.", session="a")
    turn = mind.handle_user("Who sold me the piano?", session="b").user_event
    assert turn is not None
    found = mind.trace_of(turn)
    assert found == mind.trace(mind.traces(1)[0].id) and found.visits
    for wrong in (0, 1, turn + 1, 2**62):
        with pytest.raises(InvalidInput, match="no trace of a turn"):
            mind.trace_of(wrong)


def test_a_fact_in_sight_is_told_as_one(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("I live in Lyon.", session="a")
    (fact,) = mind.log.by_kind("fact_asserted")
    mind.handle_user("Which town do I live in, and is it nice?", session="b")
    trace = mind.trace(mind.traces(1)[0].id)
    assert ("fact_asserted", "transcript") in [(v.kind, v.place) for v in trace.visits if v.node == fact.id]


def test_fast_answers_and_failed_turns_have_one_and_private_turns_have_none(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([ModelUnavailable("no"), "Fine."]))
    mind.handle_user("What is your name?")
    with pytest.raises(TurnFailed):
        mind.handle_user("The secret is out.")
    mind.handle_user("Between us: the cellar.", record=False)
    (failed, fast) = mind.traces()
    assert fast.summary["route"] == "fast" and fast.summary["nodes_visited"] == 0
    assert failed.summary["failed"] == "unavailable" and "route" not in failed.summary


def test_a_trace_holds_numbers_and_no_word_of_what_was_said(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["I see the zebra."]), max_memory_tokens=1)
    mind.handle_user("From now on, always mention the giraffe.")
    mind.handle_user("My zebra and my giraffe are well.")
    mind.handle_user("How are my zebra and giraffe?")
    rows = mind._log.main.run("SELECT body FROM traces")
    told = json.dumps(rows).lower()
    assert mind.traces()[0].summary["left_out"] or mind.traces()[0].summary["nodes_visited"]
    assert "zebra" not in told and "giraffe" not in told


def test_traces_are_listed_by_session_and_page_and_an_unknown_one_is_refused(open_mind: Open) -> None:
    mind = open_mind()
    for n in range(4):
        mind.handle_user(f"hello {n}", session="ab"[n % 2])
    assert [t.summary["session"] for t in mind.traces(3)] == ["b", "a", "b"]
    assert len(mind.traces(session="a")) == 2 and mind.traces(session="c") == []
    newest = mind.traces(1)[0]
    assert [t.turn for t in mind.traces(1, before=newest.id)] == [mind.traces(2)[1].turn]
    for wrong in (0, newest.id + 1, -5, 2**80):
        with pytest.raises(InvalidInput, match="there is no trace"):
            mind.trace(wrong)


def test_they_are_written_behind_the_turn_and_read_by_others(open_mind: Open, tmp_path: Path) -> None:
    mind = open_mind()
    with counting(mind) as cost:
        mind.handle_user("hello")
    assert mind.wait_idle(30) and cost.commits == 2
    log = open_log(tmp_path / "mind.db")
    assert len(Traces(log).latest(SUMMARY)) == 1
    log.close()


def test_closing_writes_what_waits(open_mind: Open, tmp_path: Path) -> None:
    with open_mind() as mind:
        mind.handle_user("hello")
    log = open_log(tmp_path / "mind.db")
    assert len(Traces(log).latest(SUMMARY)) == 1
    log.close()


def test_old_ones_are_dropped_and_none_are_kept_where_none_are_wanted(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind(trace_days=2)
    mind.handle_user("hello")
    assert len(mind.traces()) == 1
    clock.advance(timedelta(days=3).total_seconds())
    mind.handle_user("hello again")
    assert len(mind.traces()) == 1
    silent = open_mind(name="silent.db", trace_days=0)
    silent.handle_user("hello")
    assert silent.traces() == []


# -- the collector -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tracer(tmp_path: Path, clock: SimulatedClock) -> Any:
    log = open_log(tmp_path / "a.db", synchronous="OFF")
    yield Tracer(Traces(log), clock, 30)
    log.close()


def end(id: int) -> ReplyEvent:
    return ReplyEvent(id=id, content="text", to=id - 1, route="model", model="m", finish="stop")


def test_of_many_visits_the_best_are_kept_and_all_are_counted(tracer: Tracer) -> None:
    trace = TurnTrace()
    trace.recalled(
        [Memory(id=n, text="", at=NOW, who="mind", origin="x", score=n / 100, why={"words": n / 100}, coverage=0.1) for n in range(1, 60)]
    )
    trace.visit("Ana", "entity", "mentions", 0.95)
    trace.visit(7, "reply", "cites", 0.7)
    tracer.ended(trace, "main", 90, NOW, [end(91)])
    (brief,) = tracer.latest(limit=5, before=None, session=None)
    summary, visits = brief.summary, tracer.get(brief.id).visits
    assert (summary["nodes_visited"], summary["sampled"], len(visits)) == (61, SAMPLED_MAX, SAMPLED_MAX)
    assert summary["node_types"] == {"entity": 1, "message_imported": 59, "reply": 1}
    assert [visit.node for visit in visits[:3]] == ["Ana", 7, 59]
    assert summary["high_confidence_count"] == 2 and summary["high_confidence_paths"] == [[90, "Ana"], [90, 7]]
    assert len(summary["high_confidence_paths"]) <= PATHS_MAX


def test_what_waits_is_bounded_and_a_turn_without_an_end_leaves_nothing(tracer: Tracer) -> None:
    for n in range(WAITING_MAX + 10):
        tracer.ended(TurnTrace(), "main", n + 1, NOW, [end(n + 2)])
    tracer.ended(TurnTrace(), "main", 1, NOW, [])
    found = tracer.latest(limit=1000, before=None, session=None)
    assert len(found) == WAITING_MAX and min(trace.turn for trace in found) == 11


def test_collecting_costs_far_less_than_a_millisecond(tracer: Tracer) -> None:
    memories = [Memory(id=n, text="x" * 300, at=NOW, who="user", origin="conversation", score=0.5, why={"words": 0.5}) for n in range(8)]
    started = stopwatch()
    for n in range(200):
        trace = TurnTrace()
        trace.recalled(memories)
        tracer.ended(trace, "main", n + 1, NOW, [end(n + 2)])
    assert (stopwatch() - started) / 200 < 0.001


def test_the_kinds_are_what_the_design_calls_them() -> None:
    assert (SUMMARY, SAMPLE) == ("reasoning_trace_summary", "reasoning_trace_sample")
