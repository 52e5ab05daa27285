"""What other systems are told: figures that Prometheus can read, and spans, without a word of what was said unless asked for."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pmm import Mind, TurnFailed
from pmm.errors import ConfigError, ModelUnavailable
from pmm.runtime.observe import BUCKETS_S, Meter, _family
from pmm.testing import ScriptedModel

Open = Callable[..., Mind]

# -- Prometheus ----------------------------------------------------------------------------------------------------------------------

SAMPLE = re.compile(r'^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>(?:\w+="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (?P<value>\S+)$')


def parsed(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """An exposition by name and labels. Fails where it isn't one: every line is read, every family declared once, before its samples."""
    assert text.endswith("\n")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    kinds: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            assert len(line.split(" ", 3)) == 4
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds and kind in ("counter", "gauge", "histogram")
            kinds[name] = kind
            continue
        sample = SAMPLE.match(line)
        assert sample, line
        family = re.sub(r"_(bucket|sum|count)$", "", sample["name"])
        assert sample["name"] in kinds or kinds.get(family) == "histogram", line
        labels = tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample["labels"] or ""))
        assert labels not in found.setdefault(sample["name"], {}), line
        found[sample["name"]][labels] = float(sample["value"])
    return found


def test_a_minds_figures_are_well_formed_and_true(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["I see.", ModelUnavailable("no"), "Fine."]), alert_database_ms=0.0001)
    mind.handle_user("Ana sold me the piano.")
    with pytest.raises(TurnFailed):
        mind.handle_user("Who sold me the piano?")
    mind.handle_user("Who was it?")
    found = parsed(mind.prometheus())
    assert found["pmm_events_total"] == {(): mind.log.head[0]}
    assert found["pmm_turns_total"] == {(("outcome", "reply"),): 2, (("outcome", "failed"),): 1}
    usage = mind.view().usage.foreground
    assert found["pmm_tokens_total"][(("where", "turns"), ("kind", "prompt"))] == usage.prompt > 0
    assert found["pmm_turn_duration_seconds_count"] == {(): 3}
    buckets = [found["pmm_turn_duration_seconds_bucket"][(("le", le),)] for le in [*(f"{s:g}" for s in BUCKETS_S), "+Inf"]]
    assert buckets == sorted(buckets) and buckets[-1] == 3
    assert found["pmm_turn_duration_seconds_sum"][()] > 0
    assert found["pmm_turn_part_seconds_total"][(("part", "recall"),)] > 0
    assert found["pmm_alert_open"] == {(("rule", "database_time"), ("priority", "P2")): 1}
    assert found["pmm_background_parked"][(("consumer", "epochs"),)] == 0
    assert found["pmm_file_bytes"][()] > 1000 and "pmm_embedding_cache_hits_total" not in found


def test_the_caches_of_an_embedder_are_told_where_there_is_one(open_mind: Open) -> None:
    mind = open_mind(embedder="hashed")
    mind.handle_user("hello")
    assert mind.wait_idle(30)
    found = parsed(mind.prometheus())
    assert found["pmm_embedding_cache_misses_total"][()] > 0 and found["pmm_messages_encoded"] == {(): 2}


def test_a_new_mind_has_figures_too(open_mind: Open) -> None:
    found = parsed(open_mind().prometheus())
    assert found["pmm_turn_duration_seconds_count"] == {(): 0} and found["pmm_events_total"] == {(): 1}


def test_no_label_can_break_a_line() -> None:
    hostile = 'a"} 1\nb\\'
    (_, _, line) = _family("x", "gauge", "about", [("", {"name": hostile}, 0.5)])
    assert line == 'x{name="a\\"} 1\\nb\\\\"} 0.5' and SAMPLE.match(line)


def test_a_turn_as_long_as_a_limit_is_within_it() -> None:
    meter = Meter()
    cache = {"prompt_tokens": 0, "prefix_hit_tokens": 0, "snapshot_hit": True}
    for seconds in (1.0, 1.001, 3600.0):
        meter.add({"query_duration_ms": seconds * 1e3, "breakdown": {}, "cache_stats": cache})
    lines = meter.lines()
    reached = {le: int(count) for le, count in re.findall(r'le="([^"]+)"} (\d+)', "\n".join(lines))}
    assert (reached["0.5"], reached["1"], reached["2.5"], reached["60"], reached["+Inf"]) == (0, 1, 2, 2, 3)


# -- OpenTelemetry -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A provider that keeps spans in memory, for this test alone. Calling it gives them."""
    pytest.importorskip("opentelemetry.sdk.trace", reason="the extra 'otel' is not installed")
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)

    def kept(mind: Mind) -> dict[str, list[Any]]:
        mind.profile()
        found: dict[str, list[Any]] = {}
        for span in exporter.get_finished_spans():
            found.setdefault(span.name, []).append(span)
        exporter.clear()
        return found

    yield kept
    provider.shutdown()


def test_a_turn_is_a_span_with_recall_the_model_call_and_the_appends_in_it(open_mind: Open, spans: Any) -> None:
    model = ScriptedModel(["I see the zebra."])
    model.name = "openai:gpt-x"
    mind = open_mind(model, otel=True)
    reply = mind.handle_user("My zebra is well.", session="work")
    found = spans(mind)
    (turn,), (recall,), (call,) = found["invoke_agent pmm"], found["pmm.recall"], found["chat gpt-x"]
    appends = found["pmm.append"]
    assert len(appends) == 2 and turn.parent is None
    for inner in (recall, call, *appends):
        assert inner.parent.span_id == turn.context.span_id
        assert turn.start_time <= inner.start_time <= inner.end_time <= turn.end_time
    assert recall.end_time <= call.start_time and appends[0].end_time <= recall.start_time and call.end_time <= appends[1].start_time
    attributes = dict(call.attributes)
    assert attributes["gen_ai.operation.name"] == "chat" and attributes["gen_ai.provider.name"] == "openai"
    assert attributes["gen_ai.request.model"] == "gpt-x" and attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["gen_ai.usage.input_tokens"] == reply.usage.prompt
    assert attributes["gen_ai.usage.output_tokens"] == reply.usage.completion
    assert turn.attributes["gen_ai.conversation.id"] == "work" and turn.attributes["pmm.turn"] == reply.user_event
    began = mind.now.timestamp() * 1e9
    assert began - 60e9 < turn.start_time <= began  # by the mind's clock
    assert "zebra" not in json.dumps([span.to_json() for many in found.values() for span in many])


def test_what_was_said_is_in_them_only_where_that_is_asked_for(open_mind: Open, spans: Any) -> None:
    mind = open_mind(ScriptedModel(["I see the zebra."]), otel=True, otel_content=True)
    mind.handle_user("My giraffe is well.")
    (call,) = spans(mind)["chat scripted"]
    sent = json.loads(call.attributes["gen_ai.input.messages"])
    assert sent[-1]["role"] == "user" and "giraffe" in sent[-1]["parts"][0]["content"]
    (said,) = json.loads(call.attributes["gen_ai.output.messages"])
    assert said == {"role": "assistant", "parts": [{"type": "text", "content": "I see the zebra."}], "finish_reason": "stop"}
    rows = mind._log.main.run("SELECT body FROM traces")
    assert "zebra" not in json.dumps(rows) and "giraffe" not in json.dumps(rows)


def test_a_turn_that_failed_says_so_and_a_fast_one_calls_no_model(open_mind: Open, spans: Any) -> None:
    mind = open_mind(ScriptedModel([ModelUnavailable("no")]), otel=True)
    mind.handle_user("What is your name?")
    assert "chat scripted" not in spans(mind)
    with pytest.raises(TurnFailed):
        mind.handle_user("Tell me more.")
    found = spans(mind)
    for span in (found["invoke_agent pmm"][0], found["chat scripted"][0]):
        assert span.status.status_code.name == "ERROR" and span.attributes["error.type"] == "unavailable"


def test_a_turn_is_part_of_what_its_caller_was_doing(open_mind: Open, spans: Any) -> None:
    from opentelemetry import trace

    mind = open_mind(otel=True)
    with trace.get_tracer("caller").start_as_current_span("request") as request:
        mind.handle_user("hello")
    (turn,) = spans(mind)["invoke_agent pmm"]
    assert turn.parent.span_id == request.get_span_context().span_id


def test_spans_that_go_nowhere_are_said_so_once(open_mind: Open, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("opentelemetry.trace", reason="the extra 'otel' is not installed")
    mind = open_mind(otel=True)
    for _ in range(2):
        mind.handle_user("hello")
        mind.profile()
    assert [record.name for record in caplog.records] == ["pmm.otel"] and "spans go nowhere" in caplog.text


def test_without_the_package_the_setting_is_refused_and_off_it_is_not_loaded(open_mind: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    open_mind().handle_user("hello")
    with pytest.raises(ConfigError, match="the package for it is missing") as refused:
        open_mind(name="b.db", otel=True)
    assert "pmm[otel]" in refused.value.hint


def test_nothing_is_logged_in_a_turn_without_spans(open_mind: Open, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "pmm"):
        open_mind().handle_user("hello")
    assert not [record for record in caplog.records if record.name.startswith("pmm.otel")]
