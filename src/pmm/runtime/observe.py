"""What other systems are told of a mind: spans for OpenTelemetry (an extra), and figures in Prometheus' text form (nothing to install).

Spans are made of finished turns, behind them, with the times they had: nothing of this stands between a user and the reply. What was
said is in them only where `otel_content` asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from pmm.config import Settings
from pmm.errors import ConfigError
from pmm.events import ReplyEvent
from pmm.version import VERSION

if TYPE_CHECKING:
    from pmm.runtime.alerts import Alert
    from pmm.runtime.background import Lag
    from pmm.runtime.encoding import Encoded
    from pmm.runtime.trace import Ended
    from pmm.views import View

Sample = tuple[str, Mapping[str, str], float]
"""of Prometheus: (suffix of the family's name, labels, value)"""
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_log = logging.getLogger("pmm.otel")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# -- OpenTelemetry -----------------------------------------------------------------------------------------------------------------------


def open_spans(settings: Settings) -> Spans | None:
    """What makes spans, if they are asked for. Raises ConfigError."""
    if not settings.otel:
        return None
    try:
        return Spans(whole=settings.otel_content)
    except ImportError:
        raise ConfigError("otel is on, but the package for it is missing.", hint="pip install 'pmm[otel]'") from None


class Spans:
    """Turns as spans of the tracer provider that this process has, after the semantic conventions for generative AI. whole: with texts."""

    def __init__(self, *, whole: bool) -> None:
        from opentelemetry import context, trace

        self.whole = whole
        self.context = context.get_current
        self._api = trace
        self._warned = False

    def show(self, turns: Sequence[Ended]) -> None:
        """Make the spans of turns that ended."""
        tracer = self._api.get_tracer("pmm", VERSION)
        for turn in turns:
            self._show(tracer, turn)

    def _show(self, tracer: Any, turn: Ended) -> None:
        zero = (turn.began - _EPOCH) // timedelta(microseconds=1) * 1000
        at: Callable[[float], int] = lambda stopped: zero + int((stopped - turn.trace.started) * 1e9)
        parent: Any = turn.trace.context
        span = tracer.start_span("invoke_agent pmm", context=parent, start_time=at(turn.trace.started), attributes=_of_turn(turn))
        if not (span.is_recording() or self._warned):
            self._warned = True
            _log.warning("otel is on, but this process has no tracer provider (or samples nothing): spans go nowhere.")
        inside = self._api.set_span_in_context(span, parent)
        for label, start, stop in turn.trace.parts:
            tracer.start_span(f"pmm.{label}", context=inside, start_time=at(start)).end(at(stop))
        steps = dict(turn.trace.steps)
        if "prompt" in steps and "speak" in steps:
            name, attributes = _of_call(turn)
            kind = self._api.SpanKind.CLIENT
            call = tracer.start_span(name, context=inside, kind=kind, start_time=at(steps["prompt"]), attributes=attributes)
            self._end(call, turn, at(steps["speak"]))
        self._end(span, turn, at(turn.ended))

    def _end(self, span: Any, turn: Ended, at: int) -> None:
        if not isinstance(turn.end, ReplyEvent):
            span.set_attribute("error.type", turn.end.reason)
            span.set_status(self._api.StatusCode.ERROR, turn.end.reason)
        span.end(at)


def _of_turn(turn: Ended) -> dict[str, Any]:
    end = turn.end
    found = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "pmm", "gen_ai.conversation.id": turn.session}
    return found | {"pmm.turn": turn.turn, "pmm.route": end.route if isinstance(end, ReplyEvent) else "failed"}


def _of_call(turn: Ended) -> tuple[str, dict[str, Any]]:
    """The name of the span of a model call, and what it says."""
    provider, _, model = turn.trace.model.partition(":")
    found: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model or provider,
        "gen_ai.conversation.id": turn.session,
    }
    if isinstance(turn.end, ReplyEvent):
        usage, timing = turn.end.usage, turn.end.timing
        counted = {
            "gen_ai.usage.input_tokens": usage.prompt,
            "gen_ai.usage.cache_read.input_tokens": usage.cached,
            "gen_ai.usage.output_tokens": usage.completion,
            "pmm.first_token_ms": timing.first_token_ms,
        }
        found |= {name: value for name, value in counted.items() if value is not None}
        found |= {"gen_ai.response.model": model or provider, "gen_ai.response.finish_reasons": (turn.end.finish,)}
    return f"chat {model or provider}", found | (_texts(turn) if turn.trace.whole else {})


def _texts(turn: Ended) -> dict[str, str]:
    """What was sent and said, as JSON."""
    sent = turn.trace.prompt.messages if turn.trace.prompt is not None else []
    told: dict[str, Any] = {"gen_ai.input.messages": [_message(message["role"], message["content"]) for message in sent]}
    if turn.end.content:
        finish = turn.end.finish if isinstance(turn.end, ReplyEvent) else "error"
        told["gen_ai.output.messages"] = [{**_message("assistant", turn.end.content), "finish_reason": finish}]
    return {name: msgspec.json.encode(messages).decode() for name, messages in told.items()}


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


# -- Prometheus --------------------------------------------------------------------------------------------------------------------------


class Meter:
    """What the turns of this process took, added up since it began. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._seconds = 0.0
        self._parts: dict[str, float] = {}
        self._prompt = self._reused = self._ready = self._again = 0

    def add(self, body: Mapping[str, Any]) -> None:
        """A performance trace."""
        seconds, stats = body["query_duration_ms"] / 1e3, body["cache_stats"]
        with self._lock:
            self._buckets[sum(seconds > limit for limit in BUCKETS_S)] += 1
            self._seconds += seconds
            for label, ms in body["breakdown"].items():
                self._parts[label] = self._parts.get(label, 0.0) + ms / 1e3
            self._prompt += stats["prompt_tokens"]
            self._reused += stats["prefix_hit_tokens"]
            self._ready += stats["snapshot_hit"]
            self._again += body.get("route") == "cache"

    def lines(self) -> list[str]:
        """As lines of the exposition."""
        with self._lock:
            limits = [*(f"{limit:g}" for limit in BUCKETS_S), "+Inf"]
            reached = [sum(self._buckets[: n + 1]) for n in range(len(self._buckets))]
            buckets = [("_bucket", {"le": limit}, count) for limit, count in zip(limits, reached, strict=True)]
            whole: list[Sample] = [("_sum", {}, self._seconds), ("_count", {}, reached[-1])]
            parts = [("", {"part": label}, seconds) for label, seconds in sorted(self._parts.items())]
            return [
                *_family("pmm_turn_duration_seconds", "histogram", "What turns took, in this process.", [*buckets, *whole]),
                *_family("pmm_turn_part_seconds_total", "counter", "What parts of turns took, in this process; parts overlap.", parts),
                *_one("pmm_snapshot_hits_total", "counter", "Turns that found the mind's state at hand, in this process.", self._ready),
                *_one("pmm_answers_given_again_total", "counter", "Turns that the answer cache served, in this process.", self._again),
                *_one("pmm_prompt_tokens_total", "counter", "Tokens of prompts, in this process.", self._prompt),
                *_one("pmm_prompt_tokens_reused_total", "counter", "Those that the model could reuse.", self._reused),
            ]


def exposition(view: View, meter: Meter, *, lags: Sequence[Lag], alerts: Sequence[Alert], encoded: Encoded | None, size_bytes: int) -> str:
    """All figures of a mind in Prometheus' text form (version 0.0.4). Those of turns and tokens are of its whole life."""
    usage = view.usage
    outcomes = [("", {"outcome": "reply"}, usage.turns), ("", {"outcome": "failed"}, usage.failed)]
    tokens = [
        ("", {"where": where, "kind": kind}, getattr(spent, kind))
        for where, spent in (("turns", usage.foreground), ("background", usage.background))
        for kind in ("prompt", "cached", "completion")
    ]
    calls = [("", {"where": "turns"}, usage.foreground.calls), ("", {"where": "background"}, usage.background.calls)]
    open_ones = [("", {"rule": alert.rule, "priority": alert.priority}, 1) for alert in alerts]
    lines = [
        *_one("pmm_events_total", "counter", "Events in the log.", view.head),
        *_one("pmm_file_bytes", "gauge", "Bytes on disk.", size_bytes),
        *_family("pmm_turns_total", "counter", "Turns by outcome.", outcomes),
        *_family("pmm_tokens_total", "counter", "Tokens of model calls: cached ones are among those of prompts.", tokens),
        *_family("pmm_model_calls_total", "counter", "Model calls.", calls),
        *meter.lines(),
        *_of_background(lags),
        *_family("pmm_alert_open", "gauge", "Alerts that aren't over.", open_ones),
    ]
    if encoded is not None:
        lines += [
            *_one("pmm_embedding_cache_hits_total", "counter", "Texts that were found encoded.", encoded.hits),
            *_one("pmm_embedding_cache_misses_total", "counter", "Texts that had to be encoded.", encoded.misses),
            *_one("pmm_messages_encoded", "gauge", "Messages with a vector.", encoded.encoded),
        ]
    return "\n".join(lines) + "\n"


def _of_background(lags: Sequence[Lag]) -> list[str]:
    lines = []
    for name, about, values in (
        ("pending", "1: events wait to be worked on.", [int(lag.pending) for lag in lags]),
        ("position", "The last event that was worked on.", [lag.position for lag in lags]),
        ("failures", "Tries that failed in a row.", [lag.failures for lag in lags]),
        ("parked", "Events that were given up.", [len(lag.parked) for lag in lags]),
    ):
        samples: list[Sample] = [("", {"consumer": lag.name}, value) for lag, value in zip(lags, values, strict=True)]
        lines += _family(f"pmm_background_{name}", "gauge", about, samples)
    return lines


def _one(name: str, kind: str, about: str, value: float) -> list[str]:
    return _family(name, kind, about, [("", {}, value)])


def _family(name: str, kind: str, about: str, samples: Sequence[Sample]) -> list[str]:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    for suffix, labels, value in samples:
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        lines.append(f"{name}{suffix}{'{' + told + '}' if told else ''} {value!r}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
