"""What a mind is and knows, to be looked at: its state and scores, reflections, recall, links, traces, figures, and whether it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from pmm.api import shapes
from pmm.api.asking import TEXT_MAX, At, Before, Here, Id, Limit
from pmm.api.errors import absent
from pmm.errors import InvalidInput
from pmm.runtime.typed import at_of

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

router = APIRouter()

_TRAITS = "OCEAN"
_WHEN = "2026-03-02T09:00:00Z"


def state_of(mind: Mind, at: Any = None) -> shapes.State:
    """The mind as of an event or a time."""
    view = mind.view(at)
    identity = view.identity
    return shapes.State(
        name=identity.name,
        user_name=identity.user_name,
        created=identity.created,
        zone=identity.zone,
        head=view.head,
        stage=shapes.StageShape(level=view.stage.level, turns=view.stage.turns, permits=mind.permissions if at is None else ()),
        scores=shapes.Scores.of(view.metrics),
        traits={trait: getattr(view.traits, trait) for trait in _TRAITS},
        tone=tuple(view.traits.tone),
        commitments_open=view.commitments.count,
        facts=view.facts.count,
        directives=view.directives.count,
        reflections=view.reflections.total,
        model=view.usage.model,
        policy={name: value for name, value, _ in view.policy.table()},
    )


_STATE = {
    "name": "Echo",
    "user_name": "Scott",
    "created": _WHEN,
    "zone": "Europe/Paris",
    "head": 214,
    "stage": {"level": 1, "turns": 12, "permits": ["observe", "reflect", "propose_name", "adjust_trait"]},
    "scores": {"ias": 0.41, "gas": 0.25},
    "traits": {"O": 0.52, "C": 0.54, "E": 0.5, "A": 0.5, "N": 0.47},
    "tone": ["friendly", "steady"],
    "commitments_open": 3,
    "facts": 17,
    "directives": 1,
    "reflections": 4,
    "model": "offline",
    "policy": {"recall_k": None},
}


@router.get("/state", tags=["state"], responses=shapes.says(shapes.State, _STATE))
def state(here: Here, at: At = None) -> Response:
    """Who the mind is and how far it has come, now or as of an event or a time (`permits` is told of now alone)."""
    return shapes.answer(state_of(here.mind, at_of(at)))


_METRICS = {
    "turns": 30,
    "scores": {"ias": 0.41, "gas": 0.25},
    "next_floors": {"ias": 0.5, "gas": 0.35},
    "A": 1.0,
    "B": 2.0,
    "K": 1.9,
    "M": 2.8,
    "history": [{"event": 180, "ias": 0.4, "gas": 0.2}],
    "moves": [{"event": 170, "trait": "C", "delta": 0.02, "value": 0.54, "cause": "kept", "evidence": 169}],
    "stages": [],
    "assessments": [],
    "tokens_today": {"foreground": 5200, "background": 0, "foreground_cap": None, "background_cap": 200000, "stopped": False},
    "background": [{"name": "epochs", "position": 214, "pending": False, "failures": 0, "parked": [], "until": None}],
    "size_bytes": 421888,
}


@router.get("/metrics", tags=["state"], responses=shapes.says(shapes.Metrics, _METRICS))
def metrics(here: Here) -> Response:
    """The scores and what moved them, what was spent today, and how far the work behind the user's back is."""
    mind = here.mind
    view = mind.view()
    found = shapes.Metrics.of(
        view.metrics,
        turns=view.metrics.n,
        scores=shapes.Scores.of(view.metrics),
        next_floors=view.stage.next_floors,
        moves=view.traits.history,
        stages=view.stage.history,
        assessments=view.metrics.work.assessed,
        tokens_today=shapes.Spent.of(mind.spent_today()),
        background=mind.background(),
        size_bytes=mind.size_bytes(),
    )
    return shapes.answer(found)


_REFLECTION = {
    "id": 190,
    "ts": _WHEN,
    "text": "I keep what is dated, and forget what is not.",
    "trigger": "promises",
    "action": "none",
    "evidence": [170, 181],
    "model": None,
    "stale": False,
}


@router.get("/reflections", tags=["state"], responses=shapes.says(shapes.Page[shapes.Reflection], {"items": [_REFLECTION], "next": None}))
def reflections(here: Here) -> Response:
    """The latest reflections, newest first; `/api/events?kind=reflection` has all there ever were."""
    return shapes.page(map(shapes.Reflection.of, here.mind.view().reflections.latest[::-1]))


_WHY: dict[str, Any] = {
    "event": {"id": 214, "ts": _WHEN, "kind": "name_adopted", "content": "", "key": None, "whose": "mind", "name": "Echo", "evidence": 212},
    "relation": "",
    "score": None,
    "left_out": 0,
    "note": "",
    "children": [],
}


@router.get("/why/{what}", tags=["state"], responses=shapes.says(shapes.Why, _WHY))
def why(here: Here, what: str) -> Response:
    """The events that made something so, as a tree. what: an event's id, name, user, stage, trait:LETTER, policy:NAME, commitment:ID ..."""
    return shapes.answer(here.mind.why(what).as_dict())


_MEMORY = {
    "id": 12,
    "text": "My dog's name is Rex.",
    "excerpt": "My dog's name is Rex.",
    "at": _WHEN,
    "who": "user",
    "origin": "conversation",
    "score": 1.4,
    "coverage": 0.9,
    "why": {"words": 0.9, "role": 0.3, "who": 0.2},
    "ref": None,
}
Asked = Annotated[str, Query(min_length=1, max_length=TEXT_MAX, examples=["my dog"])]


@router.get("/recall", tags=["memory"], responses=shapes.says(shapes.Page[shapes.Memory], {"items": [_MEMORY], "next": None}))
def recall(here: Here, q: Asked, k: Annotated[int, Query(ge=1, le=100)] = 8, at: At = None) -> Response:
    """The `k` messages that say most about `q`, best first, and why."""
    return shapes.page(map(shapes.Memory.of, here.mind.recall(q, k, at_of(at))))


_RELATION = {
    "source": 12,
    "relation": "mentions",
    "target": "Rex",
    "confidence": 1.0,
    "proof": 12,
    "score": 0.9,
    "source_text": "My dog's name is Rex.",
    "target_text": "",
}


@router.get("/graph", tags=["memory"], responses=shapes.says(shapes.Page[shapes.Relation], {"items": [_RELATION], "next": None}))
def graph(
    here: Here,
    topic: Asked,
    limit: Annotated[int, Query(ge=1, le=200)] = 25,
    confidence: Annotated[float, Query(ge=0, le=1, description="Only links at least so sure.")] = 0.6,
    at: At = None,
) -> Response:
    """The links between events, and to the names in them, that bear most on a topic, best first."""
    if not confidence == confidence:
        raise InvalidInput("confidence is a number from 0 to 1.")
    return shapes.page(map(shapes.Relation.of, here.mind.graph_slice(topic, limit, confidence, at=at_of(at))))


_TRACE = {
    "id": 40,
    "ts": _WHEN,
    "turn": 212,
    "summary": {"session": "main", "nodes_visited": 8, "duration_ms": 14.2, "route": "model", "steps": [{"step": "recall", "ms": 1.9}]},
    "visits": [],
}


@router.get("/traces", tags=["performance"], responses=shapes.says(shapes.Page[shapes.Trace], {"items": [_TRACE], "next": None}))
def traces(here: Here, limit: Limit = 20, before: Before = None, session: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """What the latest turns looked at, newest first, in brief. Private turns leave none; old ones are dropped."""
    found = here.mind.traces(limit + 1, before=before, session=session)
    return shapes.page(map(shapes.Trace.of, found[:limit]), found[limit - 1].id if len(found) > limit else None)


@router.get("/traces/{id}", tags=["performance"], responses=shapes.says(shapes.Trace, _TRACE))
def trace(here: Here, id: Id) -> Response:
    """One trace, with what was looked at."""
    try:
        return shapes.answer(shapes.Trace.of(here.mind.trace(id)))
    except InvalidInput as error:
        raise absent(f"trace {id}", error.hint) from None


_MEASURED = {"n": 100, "mean": 15.0, "p50": 14.2, "p95": 20.0, "max": 31.5}
_CACHES = {"embeddings": None, "snapshots": 0.99, "prefix": 0.86, "answers": 0.0}
_PERFORMANCE = {
    "turns": 100,
    "now": _MEASURED,
    "before": None,
    "breakdown": {"recall": _MEASURED},
    "caches": _CACHES,
    "caches_before": {"embeddings": None, "snapshots": None, "prefix": None, "answers": None},
    "over_time": [{"since": _WHEN, "n": 4, "p50": 14.2, "p95": 20.0, "max": 20.0, "slowest": 212}],
    "alerts": [],
}


@router.get("/performance", tags=["performance"], responses=shapes.says(shapes.Performance, _PERFORMANCE))
def performance(here: Here, last: Annotated[int, Query(ge=1, le=500)] = 100) -> Response:
    """How long the last turns took, beside as many before them, where the time went, and the newest alerts."""
    return shapes.answer(shapes.Performance.of(here.mind.profile(last), alerts=here.mind.alerts()))


@router.get("/verify", tags=["state"], responses=shapes.says(shapes.Verdict, {"ok": True, "events": 214, "bad": None, "why": ""}))
async def verify(here: Here) -> Response:
    """Check every event of the log against its seal and the chain. Reads the whole file, and writes nothing. One at a time.

    Open pages of that mind say what was found.
    """
    return shapes.answer(shapes.Verdict.of((await here.verify()).verdict))
