"""The performance trace: what each turn took, where, and how that went over many turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm import InvalidInput, Mind, TurnFailed
from pmm.errors import ModelUnavailable
from pmm.runtime.performance import LAST_MAX, PERFORMANCE, SLICES, profile
from pmm.storage.sqlite import open_log
from pmm.storage.traces import Trace, Traces
from pmm.testing import Scripted, ScriptedModel, SimulatedClock, counting

Open = Callable[..., Mind]
NOW = SimulatedClock("2026-03-02T09:00:00+00:00").now()


def bodies(mind: Mind) -> list[dict[str, Any]]:
    """The performance traces, oldest first."""
    mind.profile()
    return [trace.body for trace in Traces(mind._log).latest(PERFORMANCE, limit=100)][::-1]


def test_a_turn_leaves_what_it_took_and_where(open_mind: Open) -> None:
    mind = open_mind()
    mind.handle_user("Ana sold me the piano.")
    mind.handle_user("Who sold me the piano?")
    first, second = bodies(mind)
    assert set(second["breakdown"]) == {
        *("hearing", "waiting", "append", "extraction", "recall", "prompt", "llm_inference", "post_processing", "database_ops")
    }
    took, total = second["breakdown"], second["query_duration_ms"]
    whole = sum(took[part] for part in ("hearing", "recall", "prompt", "llm_inference", "post_processing"))
    assert 0 < whole <= total * 1.01 + 0.1 and all(ms >= 0 for ms in took.values())
    assert 0 < took["database_ops"] < total and 0 < took["append"] < took["hearing"] + took["post_processing"]
    assert (second["route"], second["model"]) == ("model", "scripted")
    stats = second["cache_stats"]
    assert stats["snapshot_hit"] is True
    assert 0 < stats["prefix_hit_tokens"] < stats["prompt_tokens"] and first["cache_stats"]["prefix_hit_tokens"] == 0
    assert stats["embedding_hit_rate"] is None and stats["embedding_lookups"] == 0


def test_the_model_s_time_is_told_apart_and_the_listener_s_is_nobody_s(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([Scripted(["One ", "two ", "three."], delay_s=0.08)]))
    began, listened = time.perf_counter(), 0.0
    with mind.handle_user_streaming("Count for me.") as stream:
        for _ in stream:
            heard = time.perf_counter()
            time.sleep(0.2)
            mind.log.tail(5)  # what the listener reads meanwhile isn't the turn's either
            listened += time.perf_counter() - heard
    spoken = time.perf_counter() - began - listened
    (body,) = bodies(mind)
    assert 80 <= body["breakdown"]["llm_inference"] <= body["query_duration_ms"] <= spoken * 1000 + 1


def test_reads_of_the_listener_are_not_the_turns(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([["One ", "two."]]))
    mind.handle_user("hello")
    door = mind._log.counts.nanoseconds
    with mind.handle_user_streaming("Count for me.") as stream:
        started = door()
        next(stream)
        before = door() - started
        for _ in range(200):
            mind.log.tail(50)
        theirs = door() - started - before
        for _ in stream:
            pass
        ours = (door() - started - theirs) / 1e6
    assert bodies(mind)[-1]["breakdown"]["database_ops"] == pytest.approx(ours, abs=0.01)


def test_fast_and_failed_turns_are_measured_and_private_ones_are_not(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([ModelUnavailable("no"), "Fine."]))
    mind.handle_user("What is your name?")
    with pytest.raises(TurnFailed):
        mind.handle_user("The secret is out.")
    mind.handle_user("Between us: the cellar.", record=False)
    fast, failed = bodies(mind)
    assert fast["route"] == "fast" and "recall" not in fast["breakdown"] and "llm_inference" not in fast["breakdown"]
    assert failed["failed"] == "unavailable" and failed["cache_stats"]["prompt_tokens"] > 0


def test_questions_encoded_are_a_part_and_vectors_that_were_there_are_hits(tmp_path: Path) -> None:
    with Mind.open(tmp_path / "a.db", model=ScriptedModel(["Fine."]), embedder="hashed", settings={"synchronous": "NORMAL"}) as mind:
        encoding = mind._encoding
        assert encoding is not None
        mind.handle_user("Ana sold me the piano.")
        assert mind.wait_idle(30)
        head = mind.log.head[0]
        near = encoding.nearest("Who sold the piano?", head=head, k=5, wait=True)
        assert near is not None and encoding.lookups == (len(near.hits), 1)
        encoding.nearest("Who sold the piano?", head=head, k=5)
        assert encoding.lookups == (2 * len(near.hits), 1)
        assert mind._performance.profiler.report()["embeddings"].n == 2
        mind.handle_user("Who sold the piano to me?")
        last = bodies(mind)[-1]
        assert 0 < last["breakdown"]["embeddings"] < last["breakdown"]["recall"]
        stats = last["cache_stats"]  # of what was looked up since the turn before: the two by hand, and its own question
        assert stats["embedding_hit_rate"] == round(stats["embedding_hits"] / stats["embedding_lookups"], 4)
        assert stats["embedding_hits"] >= 3 * len(near.hits) and stats["embedding_lookups"] - stats["embedding_hits"] == 2


def test_nothing_is_measured_where_that_is_off(open_mind: Open) -> None:
    mind = open_mind(profile=False)
    mind.handle_user("hello")
    assert bodies(mind) == [] and mind.profile().now is None and mind.profile().turns == 0
    assert len(mind.traces()) == 1  # what it looked at is another matter


def test_measuring_costs_no_call_and_no_durable_commit(open_mind: Open) -> None:
    costs = []
    for on in (True, False):
        mind = open_mind(name=f"{on}.db", profile=on)
        mind.handle_user("hello")
        mind.wait_idle(30)
        with counting(mind) as cost:
            mind.handle_user("hello again")
        costs.append((cost.statements, cost.rows_read, cost.commits))
    assert costs[0] == costs[1]


def test_a_process_that_does_not_do_the_work_writes_its_own(open_mind: Open, tmp_path: Path) -> None:
    first = open_mind()
    assert first.wait_idle(30)
    second = open_mind()
    second.handle_user("hello")
    log = open_log(tmp_path / "mind.db")
    until = time.monotonic() + 30
    while not Traces(log).latest(PERFORMANCE) and time.monotonic() < until:
        time.sleep(0.02)
    assert len(Traces(log).latest(PERFORMANCE)) == 1
    log.close()


def test_where_no_traces_are_kept_none_are_written_and_the_figures_still_count(open_mind: Open) -> None:
    mind = open_mind(trace_days=0)
    mind.handle_user("hello")
    assert bodies(mind) == []
    assert "pmm_turn_duration_seconds_count 1\n" in mind.prometheus()


# -- many turns ----------------------------------------------------------------------------------------------------------------------


def trace(ms: float, *, at: int = 0, recall: float = 1.0, **stats: Any) -> Trace:
    """A performance trace as it is stored."""
    cache = {"embedding_hits": 0, "embedding_lookups": 0, "snapshot_hit": True, "prefix_hit_tokens": 0, "prompt_tokens": 0} | stats
    body = {"query_duration_ms": ms, "breakdown": {"database_ops": 0.5, "recall": recall}, "cache_stats": cache}
    return Trace(ts=NOW + timedelta(minutes=at), kind=PERFORMANCE, turn=100 + at, body=body)


def test_the_last_turns_stand_beside_those_before_them() -> None:
    newest_first = [trace(30.0, at=3), trace(20.0, at=2, recall=7.0), trace(2.0, at=1, snapshot_hit=False), trace(1.0)]
    found = profile(newest_first, 2)
    assert found.now is not None and found.before is not None
    assert (found.turns, found.now.p50, found.now.p95, found.now.max) == (2, 25.0, 30.0, 30.0)
    assert (found.before.n, found.before.p50) == (2, 1.5)
    assert list(found.breakdown) == ["recall", "database_ops"] and found.breakdown["recall"].mean == 4.0
    assert (found.caches.snapshots, found.caches_before.snapshots) == (1.0, 0.5)
    assert [one.p50 for one in found.over_time] == [1.0, 2.0, 20.0, 30.0] and found.over_time[0].since == NOW
    assert [(one.max, one.slowest) for one in found.over_time] == [(1.0, 100), (2.0, 101), (20.0, 102), (30.0, 103)]


def test_of_turns_in_a_row_the_slowest_is_named() -> None:
    found = profile([trace(float(n % 7), at=n) for n in range(119, -1, -1)], 60)
    assert [one.n for one in found.over_time] == [4] * 30
    assert all(one.slowest is not None and (one.slowest - 100) % 7 == one.max for one in found.over_time)


def test_shares_are_of_all_tokens_and_lookups_not_of_turns() -> None:
    found = profile(
        [trace(1, prefix_hit_tokens=90, prompt_tokens=100), trace(1, prompt_tokens=300, embedding_hits=1, embedding_lookups=4)], 2
    )
    assert (found.caches.prefix, found.caches.embeddings) == (0.225, 0.25)
    assert profile([trace(1)], 5).caches.embeddings is None


@given(st.lists(st.floats(0, 1e6), max_size=200), st.integers(1, LAST_MAX))
def test_any_number_of_turns_has_a_profile(times: list[float], last: int) -> None:
    found = profile([trace(ms, at=-n) for n, ms in enumerate(times)], last)
    assert found.turns == min(last, len(times)) and (found.now is None) is (not times)
    assert len(found.over_time) <= SLICES and sum(one.n for one in found.over_time) == len(times)
    if found.now is not None:
        assert min(times[:last]) <= found.now.p50 <= found.now.p95 <= found.now.max == max(times[:last])
    assert all(one.p50 <= one.p95 for one in found.over_time)


def test_a_profile_as_of_an_event_knows_no_later_turn(open_mind: Open) -> None:
    mind = open_mind()
    turns = [mind.handle_user(text).user_event for text in ("one", "two", "three")]
    assert (mind.profile().turns, mind.profile(until=turns[1]).turns, mind.profile(until=1).turns) == (3, 2, 0)
    assert [t.turn for t in mind.traces(until=turns[1])] == turns[1::-1]


def test_a_profile_of_no_or_too_many_turns_is_refused(open_mind: Open) -> None:
    mind = open_mind()
    for wrong in (0, -1, LAST_MAX + 1):
        with pytest.raises(InvalidInput, match="from 1 to 500"):
            mind.profile(wrong)
