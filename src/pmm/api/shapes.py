"""What is answered: one struct for each kind of answer, one encoder for all of them, and their schemas for OpenAPI.

The command line prints the same ones, so that nothing of the server is loaded before something is answered over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import msgspec

if TYPE_CHECKING:
    from starlette.responses import Response

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_REF = "#/components/schemas/{name}"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. `Shape.of(thing)` takes the fields of the same names from what the mind hands out."""

    @classmethod
    def of(cls, thing: Any, **more: Any) -> Self:
        """The shape of a thing; more: fields that it hasn't, or has otherwise."""
        fields = {name: getattr(thing, name) for name in cls.__struct_fields__ if name not in more and hasattr(thing, name)}
        return msgspec.convert(fields | more, cls, from_attributes=True)


class Page(Shape, Generic[T], frozen=True, kw_only=True):
    """next: what to pass as `before` (or `after`) for the next page; null where this is the last."""

    items: tuple[T, ...]
    next: int | None = None


class Health(Shape, frozen=True, kw_only=True):
    """Whether the server is up."""

    status: str


class MindInfo(Shape, frozen=True, kw_only=True):
    """A mind of this server. open: whether it was asked for since the server started."""

    name: str
    open: bool


class Scores(Shape, frozen=True, kw_only=True):
    """Both from 0 to 1."""

    ias: float
    gas: float


class StageShape(Shape, frozen=True, kw_only=True):
    """How far the mind has come, S0 to S4. permits: what it may do unasked."""

    level: int
    turns: int
    permits: tuple[str, ...]


class State(Shape, frozen=True, kw_only=True):
    """The mind after event `head`. traits: O, C, E, A and N, 0 to 1. model: the one that spoke last.

    policy: null is "as the settings say".
    """

    name: str | None
    user_name: str | None
    created: datetime | None
    zone: str
    head: int
    stage: StageShape
    scores: Scores
    traits: dict[str, float]
    tone: tuple[str, ...]
    commitments_open: int
    facts: int
    directives: int
    reflections: int
    model: str | None
    policy: dict[str, int | bool | None]


class Scored(Shape, frozen=True, kw_only=True):
    """What the scores were after an event."""

    event: int
    ias: float
    gas: float


class Moved(Shape, frozen=True, kw_only=True):
    """A trait moved: by how much, to what, why, and the event that caused it."""

    event: int
    trait: str
    delta: float
    value: float
    cause: str
    evidence: int


class StageStep(Shape, frozen=True, kw_only=True):
    """A change of stage, at these scores."""

    event: int
    before: int
    after: int
    ias: float
    gas: float


class Assessed(Shape, frozen=True, kw_only=True):
    """What ten reflections came to; null where there was nothing to tell it from."""

    event: int
    efficacy: float | None
    hit_rate: float | None
    lag_hours: float | None
    drift: float


class Spent(Shape, frozen=True, kw_only=True):
    """Tokens of this local day; a cap of null is no limit. stopped: whether background calls have, until midnight."""

    foreground: int
    background: int
    foreground_cap: int | None
    background_cap: int
    stopped: bool


class Work(Shape, frozen=True, kw_only=True):
    """How far something that is done behind the user's back is. parked: events it gave up on. until: when it goes on."""

    name: str
    position: int
    pending: bool
    failures: int
    parked: tuple[int, ...]
    until: datetime | None


class Metrics(Shape, frozen=True, kw_only=True):
    """The scores and what moved them. turns: replies under the present name. A of B own actions were carried out, K of M promises kept."""

    turns: int
    scores: Scores
    next_floors: Scores | None
    A: float
    B: float
    K: float
    M: float
    history: tuple[Scored, ...]
    moves: tuple[Moved, ...]
    stages: tuple[StageStep, ...]
    assessments: tuple[Assessed, ...]
    tokens_today: Spent
    background: tuple[Work, ...]
    size_bytes: int


class Commitment(Shape, frozen=True, kw_only=True):
    """state: open, snoozed, kept, broken, cancelled, superseded or expired. due: a local date, perhaps with a time, in `zone`."""

    cid: int
    text: str
    owner: str
    state: str
    due: str | None
    zone: str | None
    repeat: str | None
    priority: int
    project: str | None
    opened: datetime
    episode: int
    source: int | None
    snoozed_until: datetime | None
    follows: int | None
    followed: int | None
    ended: datetime | None = None
    evidence: int | None = None
    note: str = ""

    @classmethod
    def at(cls, item: Any, now: datetime) -> Self:
        """Of one that is open or ended, as it is now."""
        c = getattr(item, "commitment", item)
        due = {"due": None if c.due is None else str(c.due), "zone": None if c.due is None else c.due.zone}
        if c is item:
            return cls.of(c, **due, state="snoozed" if c.snoozed(now) else "open")
        return cls.of(c, **due, state=item.outcome, ended=item.at, evidence=item.evidence, note=item.note)


class Fact(Shape, frozen=True, kw_only=True):
    """since: when it was told; valid_from: the day since when it holds; until: when it was told that it holds no longer (event `ended`).

    stale: what it was derived from holds no longer. used: in how many turns it was shown.
    """

    id: int
    subject: str
    relation: str
    value: str
    text: str
    current: bool
    since: datetime
    valid_from: date | None
    until: datetime | None
    source: int | None
    evidence: tuple[int, ...]
    confidence: float
    origin: str
    stale: bool
    used: int
    ended: int | None
    reason: str
    superseded_by: int | None


class Directive(Shape, frozen=True, kw_only=True):
    """A rule in force."""

    did: int
    text: str
    since: datetime
    source: int | None


class Reflection(Shape, frozen=True, kw_only=True):
    """What the mind observed about itself. stale: something it cites was taken back since."""

    id: int
    ts: datetime
    text: str
    trigger: str
    action: str
    evidence: tuple[int, ...]
    model: str | None
    stale: bool


class Event(Shape, frozen=True, kw_only=True):
    """What happened: these fields, and those of its kind beside them."""

    id: int
    ts: datetime
    kind: str
    content: str
    key: str | None


class EventShown(Event, frozen=True, kw_only=True):
    """An event with those it refers to."""

    refers_to: tuple[Event, ...]


class Why(Shape, frozen=True, kw_only=True):
    """An event, and the events behind it. relation: what it is to the one above. left_out: how many right behind it aren't shown."""

    event: Event
    relation: str
    score: float | None
    left_out: int
    note: str
    children: tuple[Why, ...]


class Memory(Shape, frozen=True, kw_only=True):
    """What was recalled. why: each signal and its part of the score. excerpt: the sentences that match best."""

    id: int
    text: str
    excerpt: str
    at: datetime
    who: str
    origin: str
    score: float
    coverage: float
    why: dict[str, float]
    ref: str | None


class Relation(Shape, frozen=True, kw_only=True):
    """A link between an event and another one, or a name. proof: the event that says so."""

    source: int
    relation: str
    target: int | str
    confidence: float
    proof: int
    score: float
    source_text: str
    target_text: str


class Source(Shape, frozen=True, kw_only=True):
    """Something recalled that the reply could use. place: where the model saw it."""

    id: int
    score: float
    why: dict[str, float]
    place: str
    ref: str | None = None


class Claim(Shape, frozen=True, kw_only=True):
    """Something the reply says that the log contradicts."""

    said: str
    truth: str
    about: int | None = None


class Usage(Shape, frozen=True, kw_only=True):
    """Tokens as the model counted them; null where it didn't say."""

    prompt: int | None
    cached: int | None
    completion: int | None


class Timing(Shape, frozen=True, kw_only=True):
    """Milliseconds from the start of the turn."""

    first_token_ms: float | None
    total_ms: float


class Reply(Shape, frozen=True, kw_only=True):
    """What came of a turn. The two event ids are null for one that wasn't recorded."""

    text: str
    route: str
    model: str
    finish: str
    sources: tuple[Source, ...]
    contradicted: tuple[Claim, ...]
    usage: Usage
    timing: Timing
    user_event: int | None
    reply_event: int | None


class Visit(Shape, frozen=True, kw_only=True):
    """One thing that a turn looked at: an event, or a name."""

    node: int | str
    kind: str
    score: float
    why: dict[str, float]
    confidence: float
    place: str


class Trace(Shape, frozen=True, kw_only=True):
    """How a turn went. summary: what was looked at, shown, left out and decided, and how long it took. visits: of one trace alone."""

    id: int
    ts: datetime
    turn: int
    summary: dict[str, Any]
    visits: tuple[Visit, ...] = ()


class Measured(Shape, frozen=True, kw_only=True):
    """Milliseconds of something, over so many turns."""

    n: int
    mean: float
    p50: float
    p95: float
    max: float


class Caches(Shape, frozen=True, kw_only=True):
    """Shares from 0 to 1 of what was there already; null where there was nothing to count."""

    embeddings: float | None
    snapshots: float | None
    prefix: float | None
    answers: float | None


class Slice(Shape, frozen=True, kw_only=True):
    """Some turns in a row: when the first of them began, and their milliseconds. slowest: the message whose turn took the longest."""

    since: datetime
    n: int
    p50: float
    p95: float
    max: float
    slowest: int | None


class Alert(Shape, frozen=True, kw_only=True):
    """A limit that was passed. priority: P1 to P3. state: open or resolved. turn: the message whose turn brought it about."""

    id: int
    ts: datetime
    rule: str
    priority: str
    value: float
    threshold: float
    state: str
    turn: int | None
    detail: str


class Performance(Shape, frozen=True, kw_only=True):
    """The last turns beside as many before them; null where there are none. breakdown: of the last ones, the most time first."""

    turns: int
    now: Measured | None
    before: Measured | None
    breakdown: dict[str, Measured]
    caches: Caches
    caches_before: Caches
    over_time: tuple[Slice, ...]
    alerts: tuple[Alert, ...]


class Verdict(Shape, frozen=True, kw_only=True):
    """Whether the chain is whole. bad: the first event that is missing or changed, and why."""

    ok: bool
    events: int
    bad: int | None
    why: str


def encode(value: Any) -> bytes:
    """As JSON."""
    return _encoder.encode(value)


def answer(value: Any, status: int = 200) -> Response:
    """The answer to a request."""
    from starlette.responses import Response

    return Response(encode(value), status, {"cache-control": "no-store"}, media_type="application/json")


def page(items: Iterable[Any], next: int | None = None) -> Response:
    """The answer to a request for a list."""
    return answer({"items": list(items), "next": next})


def says(shape: Any, example: Any, description: str = "Successful Response", *, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: what it answers, with an example."""
    (schema,), _ = msgspec.json.schema_components((shape,), ref_template=_REF)
    _shown.append((shape, example))
    return {status: {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}}


def components() -> dict[str, Any]:
    """The schemas that routes refer to."""
    return msgspec.json.schema_components([shape for shape, _ in _shown], ref_template=_REF)[1]


def examples() -> list[tuple[Any, Any]]:
    """Every (shape, example of it) that the routes show."""
    return list(_shown)


_shown: list[tuple[Any, Any]] = []
