"""The reasoning trace: what a turn looked at, what it was shown of that, and what came of it. (What it took: `runtime.performance`.)

A turn only appends to its `TurnTrace`; a finished one waits in memory until the background writes it (`Tracer.drain`), so that nothing
of this stands between a user and the reply. The last ones are lost when the process is killed.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import msgspec

from pmm.agent.context import Prompt
from pmm.clock import Clock, stopwatch
from pmm.errors import InvalidInput
from pmm.events import ContextBuilt, Event, ReplyEvent, TurnFailedEvent
from pmm.memory.recall import Memory
from pmm.runtime.profiler import Part, PerformanceProfiler
from pmm.storage.traces import Trace, Traces

SUMMARY, SAMPLE = "reasoning_trace_summary", "reasoning_trace_sample"
WAITING_MAX = 256
"""finished traces that wait to be written; of more, the oldest are dropped"""
SAMPLED_MAX = 16
"""visits of one turn that are kept one by one"""
HIGH_CONFIDENCE = 0.6
PATHS_MAX = 10


class Visit(msgspec.Struct, frozen=True):
    """One thing that was looked at. node: an event, or a name. why: how it was come by, with each signal's share of the score.
    confidence: 0 to 1, how much of what was asked it speaks of. place: where the model saw it ("header", "transcript"), "left out", ""."""

    node: int | str
    kind: str
    score: float
    why: dict[str, float]
    confidence: float
    place: str = ""


class TurnTrace:
    """Collects what one turn does, by plain appends. steps: what was done, and the stopwatch when it was. parts: pieces of work inside.

    profiler: None leaves parts unmeasured. door: the nanoseconds that the asking thread has spent at the storage door. whole: keep texts
    too, for spans that are to show them. context: what those are part of.
    """

    def __init__(
        self,
        profiler: PerformanceProfiler | None = None,
        door: Callable[[], int] = lambda: 0,
        *,
        whole: bool = False,
        context: object = None,
    ) -> None:
        self.started = stopwatch()
        self.steps: list[tuple[str, float]] = []
        self.parts: list[Part] = []
        self.database_ns = 0
        self.inference_s = 0.0
        self.model = ""
        self.ready = False
        """whether the mind's state was at hand when the turn began"""
        self.whole = whole
        self.context = context
        self._profiler = profiler
        self._door = door
        self._at_door = door()
        self.memories: Sequence[Memory] = ()
        self.prompt: Prompt | None = None
        self.visits: list[Visit] = []

    def measure(self, label: str) -> AbstractContextManager[None]:
        """A context whose time becomes a part. Nothing may be yielded to the listener inside."""
        return nullcontext() if self._profiler is None else self._profiler.measure(label, self.parts)

    def step(self, name: str) -> None:
        """This is done. While the model speaks the thread may do other things, or be another: its time at the door isn't the turn's."""
        at_door = self._door()
        if name != "speak":
            self.database_ns += at_door - self._at_door
        self._at_door = at_door
        self.steps.append((name, stopwatch()))

    def heard(self, *, ready: bool) -> None:
        """The message is in the log, and read."""
        self.ready = ready
        self.step("hear")

    def recalled(self, memories: Sequence[Memory]) -> None:
        """Recall found these."""
        self.memories = memories
        self.step("recall")

    def built(self, prompt: Prompt, model: str = "") -> None:
        """This is what the model of that name is shown."""
        self.model = model
        if not self.whole:
            prompt = msgspec.structs.replace(prompt, messages=[], header="", opening=None)  # only numbers wait to be written
        self.prompt = prompt
        self.step("prompt")

    def spoken(self, inference_s: float) -> None:
        """The last piece was shown, or nothing more will be. inference_s: seconds that the model took of that."""
        self.inference_s = inference_s
        self.step("speak")

    def visit(self, node: int | str, kind: str, why: str, score: float) -> None:
        """Something else was looked at, such as a link (see `memory.graph.Visitor`)."""
        self.visits.append(Visit(node, kind, round(score, 4), {why: round(score, 4)}, round(score, 4)))


class Ended(msgspec.Struct, frozen=True):
    """A finished turn, not yet written. began: when, by the mind's clock. lookups: vectors needed until now, there and not."""

    trace: TurnTrace
    session: str
    turn: int
    ts: datetime
    began: datetime
    stored: tuple[tuple[int, str], ...]
    end: ReplyEvent | TurnFailedEvent
    ended: float
    lookups: tuple[int, int] = (0, 0)

    @property
    def started(self) -> float:
        """On the stopwatch."""
        return self.trace.started


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """A trace as it is looked at. summary: see `_summary`. visits: those that were kept one by one, best first."""

    id: int
    ts: datetime
    turn: int
    summary: dict[str, Any]
    visits: tuple[Visit, ...]


class Tracer:
    """Keeps finished traces until they are written, and finds written ones. Thread-safe. days: how long they are kept; 0: not at all.

    profiler, door, whole, context: what each `TurnTrace` is given. lookups: vectors that questions needed, there and not. watch: told of
    the turns that ended, when they are about to be written; what it returns is written with them.
    """

    def __init__(
        self,
        traces: Traces,
        clock: Clock,
        days: int,
        *,
        profiler: PerformanceProfiler | None = None,
        door: Callable[[], int] = lambda: 0,
        whole: bool = False,
        context: Callable[[], object] = lambda: None,
        lookups: Callable[[], tuple[int, int]] = lambda: (0, 0),
        watch: Callable[[Sequence[Ended]], Sequence[Trace]] = lambda ended: (),
    ) -> None:
        self._traces = traces
        self._clock = clock
        self._days = days
        self._profiler = profiler
        self._door = door
        self._whole = whole
        self._context = context
        self._lookups = lookups
        self._watch = watch
        self._waiting: deque[Ended] = deque(maxlen=WAITING_MAX)
        self._lock = Lock()

    def begin(self) -> TurnTrace:
        """A turn begins, in this thread."""
        return TurnTrace(self._profiler, self._door, whole=self._whole, context=self._context())

    def ended(self, trace: TurnTrace, session: str, turn: int, ts: datetime, stored: Sequence[Event]) -> None:
        """A turn is over, and what it appended is stored."""
        trace.step("keep")
        end = next((e for e in stored if isinstance(e, (ReplyEvent, TurnFailedEvent))), None)
        if end is not None:
            now = stopwatch()
            brief = tuple((e.id, e.kind) for e in stored if not isinstance(e, ContextBuilt))
            end = end if trace.whole else msgspec.structs.replace(end, content="")
            began = self._clock.now() - timedelta(seconds=now - trace.started)
            self._waiting.append(Ended(trace, session, turn, ts, began, brief, end, now, self._lookups()))

    @property
    def waits(self) -> bool:
        """Whether something is to be written, or being written."""
        return bool(self._waiting) or self._lock.locked()

    def drain(self) -> None:
        """Write what waits, and drop what is too old. Bounded work, behind the turn."""
        with self._lock:
            ended = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not ended:
                return
            rows = [row for one in ended for row in _rows(one)] if self._days else []
            rows += self._watch(ended)
            if self._days:
                self._traces.save(rows, before=self._clock.now() - timedelta(days=self._days))

    def latest(self, *, limit: int, before: int | None, session: str | None, until: int | None = None) -> list[Reasoning]:
        """Newest first, without their visits."""
        self.flush()
        found = self._traces.latest(SUMMARY, limit=limit, before=before, session=session, until=until)
        return [Reasoning(id=t.id, ts=t.ts, turn=t.turn or 0, summary=t.body, visits=()) for t in found]

    def get(self, id: int) -> Reasoning:
        """One, with its visits. Raises InvalidInput if there is none (any more)."""
        self.flush()
        return self._with_visits(self._traces.get(id), f"there is no trace {id}.")

    def of_turn(self, turn: int) -> Reasoning:
        """That of the turn of a user's message, with its visits. Raises InvalidInput if there is none (any more)."""
        self.flush()
        found = self._traces.of_turn(turn, SUMMARY)
        return self._with_visits(found[-1] if found else None, f"there is no trace of a turn of event {turn:,}.")

    def _with_visits(self, found: Trace | None, otherwise: str) -> Reasoning:
        if found is None or found.kind != SUMMARY or found.turn is None:
            raise InvalidInput(otherwise, hint="`pmm trace` lists them; old ones are dropped (trace_days).")
        visits = tuple(msgspec.convert(t.body, Visit) for t in self._traces.of_turn(found.turn, SAMPLE))
        return Reasoning(id=found.id, ts=found.ts, turn=found.turn, summary=found.body, visits=visits)

    def flush(self) -> None:
        """See that what ended is written."""
        if self.waits:
            self.drain()


# -- from what was collected to what is written ------------------------------------------------------------------------------------------


def _rows(ended: Ended) -> list[Trace]:
    visits = sorted([*_recalled(ended.trace), *ended.trace.visits], key=lambda visit: -visit.score)
    samples = visits[:SAMPLED_MAX]
    rows = [Trace(ts=ended.ts, kind=SUMMARY, turn=ended.turn, body=_summary(ended, visits, len(samples)))]
    rows += [Trace(ts=ended.ts, kind=SAMPLE, turn=ended.turn, body=msgspec.to_builtins(visit)) for visit in samples]
    return rows


def _recalled(trace: TurnTrace) -> list[Visit]:
    """What was recalled: messages, and the facts that were shown with them."""
    sources = trace.prompt.sources if trace.prompt else ()
    facts = [Visit(s.id, "fact_asserted", s.score, s.why, min(1.0, s.score), s.place) for s in sources if "fact" in s.why]
    places: dict[int, str] = {source.id: source.place for source in sources}
    return facts + [Visit(m.id, _kind(m), m.score, dict(m.why), m.coverage, places.get(m.id, "left out")) for m in trace.memories]


def _kind(memory: Memory) -> str:
    if memory.origin != "conversation":
        return "message_imported"
    return "reply" if memory.who == "mind" else "user_message"


def _summary(ended: Ended, visits: Sequence[Visit], sampled: int) -> dict[str, Any]:
    """query: the id of the message. steps: what was done, in milliseconds each. decisions: the events that the turn appended."""
    high = [visit for visit in visits if visit.confidence >= HIGH_CONFIDENCE]
    prompt, end = ended.trace.prompt, ended.end
    said: dict[str, Any] = (
        {"route": end.route, "model": end.model, "finish": end.finish, "first_token_ms": end.timing.first_token_ms}
        if isinstance(end, ReplyEvent)
        else {"failed": end.reason}
    )
    return {
        "session": ended.session,
        "query": ended.turn,
        "nodes_visited": len(visits),
        "node_types": dict(sorted(Counter(visit.kind for visit in visits).items())),
        "high_confidence_count": len(high),
        "high_confidence_paths": [[ended.turn, visit.node] for visit in high[:PATHS_MAX]],
        "sampled": sampled,
        "steps": _steps(ended),
        "duration_ms": round((ended.ended - ended.started) * 1e3, 3),
        **said,
        "tokens": prompt.sections if prompt else {},
        "left_out": [_numbered(what) for what in prompt.left_out] if prompt else [],
        "decisions": [{"id": id, "kind": kind} for id, kind in ended.stored],
    }


def _steps(ended: Ended) -> list[dict[str, Any]]:
    steps, before = [], ended.started
    for name, at in ended.trace.steps:
        steps.append({"step": name, "ms": round(max(0.0, at - before) * 1e3, 3)})
        before = max(before, at)
    return steps


_NUMBERED = re.compile(r"[a-z ]*#\d+(?:-#\d+)?")


def _numbered(what: str) -> str:
    """What was left out, by its number: texts stay in the log alone."""
    found = _NUMBERED.match(what)
    return found[0] if found else what.partition(":")[0] if what.startswith("note:") else "other"
