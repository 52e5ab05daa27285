"""What every projection keeps: it is pure, bounded whatever happens, and means the same for good unless its version says otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from pmm.events import (
    KINDS,
    Claim,
    CommitmentClosed,
    CommitmentEdited,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentReopened,
    CommitmentSnoozed,
    ContextBuilt,
    DirectiveRevoked,
    DirectiveSet,
    Due,
    EpochOpened,
    Event,
    FactAsserted,
    FactRetracted,
    FollowedUp,
    MessageImported,
    MindCreated,
    ModelCalled,
    ModelSwitched,
    NameAdopted,
    NameProposed,
    PolicyChanged,
    Reflection,
    ReplyContradicted,
    ReplyEvent,
    SceneCompacted,
    Source,
    StageChanged,
    TimezoneChanged,
    TraitAdjusted,
    TurnFailedEvent,
    TurnSuperseded,
    Usage,
    UserMessage,
)
from pmm.projections import all_projections
from pmm.projections.projection import Projection
from tests.histories import Group, History, events_of, histories

PROJECTIONS = all_projections()
each = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda p: p.name)


def encoded(state: Any) -> bytes:
    return msgspec.json.encode(state, order="deterministic")


def in_order(state: Any) -> str:
    """As it prints, with the order of everything that has one; of a set, whose order says nothing, sorted."""
    return re.sub(r"frozenset\(\{([^{}]*)\}\)", lambda found: str(sorted(found[1].split(", "))), repr(state))


def folded(projection: Projection[Any], events: list[Event]) -> Any:
    state = projection.initial()
    for event in events:
        if event.kind in projection.kinds:
            state = projection.apply(state, event)
    return state


@each
def test_a_projection_says_what_it_is(projection: Projection[Any]) -> None:
    """A name that can be an attribute, a version from 1, kinds that exist, an initial state of its State, hashable nowhere needed."""
    assert projection.name.isidentifier() and not projection.name.startswith("_") and projection.version >= 1
    assert projection.kinds and projection.kinds <= set(KINDS)
    assert type(projection.initial()) is projection.State and encoded(projection.initial()) == encoded(projection.initial())


@given(history=histories(120))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_apply_changes_neither_the_state_nor_the_event_it_is_given(history: list[Group]) -> None:
    """Encodings before and after are the same; and applying twice gives the same."""
    for projection in PROJECTIONS:
        state = projection.initial()
        for event in events_of(history):
            if event.kind not in projection.kinds:
                continue
            before, given_event = encoded(state), msgspec.msgpack.encode(event)
            after = projection.apply(state, event)
            assert encoded(state) == before and msgspec.msgpack.encode(event) == given_event
            assert encoded(projection.apply(state, event)) == encoded(after)
            shown = projection.freeze(after)
            assert encoded(after) == encoded(projection.apply(state, event)) and shown is not None
            state = after


@given(history=histories(120))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_state_survives_being_stored(history: list[Group]) -> None:
    """Encoded and decoded at any point, the fold goes on to the same end; order within it included."""
    for projection in PROJECTIONS:
        events = [event for event in events_of(history) if event.kind in projection.kinds]
        state = projection.initial()
        for n, event in enumerate(events):
            state = projection.apply(state, event)
            if n % 7 == 0:
                back = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=projection.State)
                assert back == state and in_order(back) == in_order(state)
                state = back
        assert state == folded(projection, events)


# -- bounded ---------------------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def _turns(session: Callable[[int], str], sources: int) -> Iterator[Event]:
    n = 0
    while True:
        n += 3
        yield UserMessage(id=n, ts=NOW, content="x", source="cli", session=session(n))
        shown = tuple(Source(id=n * sources + m, score=0.5, why={}, place="header") for m in range(sources))
        yield ContextBuilt(
            id=n + 1, ts=NOW, to=n, session=session(n), epoch=0, digest="", budget=1, tokens=1, sections={"header": 3}, sources=shown
        )
        yield ReplyEvent(id=n + 2, ts=NOW, content="y", to=n, route="model", model="m", finish="stop", usage=Usage(1, 1, 1))


def _each(make: Callable[[int], Event]) -> Iterator[Event]:
    n = 0
    while True:
        n += 1
        yield make(n)


def _occurrences() -> Iterator[Event]:
    """One that repeats: opened, put off, changed, closed, opened again and closed for good, and so on."""
    n, last = 0, None
    while True:
        n += 6
        yield CommitmentOpened(id=n, ts=NOW, content="x", owner="mind", repeat="FREQ=DAILY", follows=last)
        yield CommitmentSnoozed(id=n + 1, ts=NOW, cid=n, until=NOW)
        yield CommitmentEdited(id=n + 2, ts=NOW, cid=n, content="x", project="p")
        yield CommitmentClosed(id=n + 3, ts=NOW, cid=n, outcome="kept")
        yield CommitmentReopened(id=n + 4, ts=NOW, cid=n)
        yield CommitmentClosed(id=n + 5, ts=NOW, cid=n, outcome="broken")
        last = n


FLOODS: dict[str, Callable[[], Iterator[Event]]] = {
    "turns of one session without an epoch": lambda: _turns(lambda n: "main", 9),
    "turns of ever new sessions": lambda: _turns(lambda n: f"s{n:06}", 1),
    "messages that are never answered": lambda: _each(lambda n: UserMessage(id=n, ts=NOW, content="x", source="cli", session=f"s{n:06}")),
    "epochs of ever new sessions": lambda: _each(lambda n: EpochOpened(id=n, ts=NOW, session=f"s{n:06}", epoch=n, marker="m", first=1)),
    "scenes": lambda: _each(lambda n: SceneCompacted(id=n, ts=NOW, content="x", session="main", first=1, last=1, method="extract")),
    "commitments": lambda: _each(lambda n: CommitmentOpened(id=n, ts=NOW, content="x", owner="mind", due=Due(date(2026, 1, 1)))),
    "closings of nothing": lambda: _each(lambda n: CommitmentClosed(id=n, ts=NOW, cid=n, outcome="kept")),
    "reminders": lambda: _each(lambda n: CommitmentReminded(id=n, ts=NOW, cid=1, due=Due(date(2026, 1, 1)))),
    "edits": lambda: _each(lambda n: CommitmentEdited(id=n, ts=NOW, cid=n - 1, content="x")),
    "snoozes": lambda: _each(lambda n: CommitmentSnoozed(id=n, ts=NOW, cid=n - 1, until=NOW)),
    "reopenings": lambda: _each(lambda n: CommitmentReopened(id=n, ts=NOW, cid=n - 1)),
    "occurrences": lambda: _occurrences(),
    "expiries": lambda: _each(lambda n: CommitmentExpired(id=n, ts=NOW, cid=n, reason="lapsed")),
    "rules": lambda: _each(lambda n: DirectiveSet(id=n, ts=NOW, content="x")),
    "revocations": lambda: _each(lambda n: DirectiveRevoked(id=n, ts=NOW, did=n)),
    "names": lambda: _each(lambda n: NameAdopted(id=n, ts=NOW, whose="mind", name="x")),
    "models": lambda: _each(lambda n: ModelSwitched(id=n, ts=NOW, after=f"m{n:06}")),
    "calls": lambda: _each(lambda n: ModelCalled(id=n, ts=NOW, purpose="scene", model="m", outcome="ok", usage=Usage(1, 1, 1))),
    "failures": lambda: _each(lambda n: TurnFailedEvent(id=n, ts=NOW, to=n, reason="x")),
    "beginnings": lambda: _each(lambda n: MindCreated(id=n, ts=NOW, format=1, timezone="UTC", software="x")),
    "trait moves": lambda: _each(lambda n: TraitAdjusted(id=n, ts=NOW + timedelta(days=n), trait="C", delta=0.3, cause="x", evidence=n)),
    "reflections": lambda: _each(lambda n: Reflection(id=n, ts=NOW, content="x", trigger="cadence", action="none", evidence=(n,))),
    "stages": lambda: _each(lambda n: StageChanged(id=n, ts=NOW, before=0, after=n % 5, ias=0.5, gas=0.5)),
    "facts": lambda: _each(lambda n: FactAsserted(id=n, ts=NOW, content="x", subject=f"s{n:06}", relation="is", value="x", source=1)),
    "retractions": lambda: _each(lambda n: FactRetracted(id=n, ts=NOW, fact=n - 1, superseded_by=n)),
    "proposals": lambda: _each(lambda n: NameProposed(id=n, ts=NOW, name=f"n{n:06}")),
    "policies": lambda: _each(lambda n: PolicyChanged(id=n, ts=NOW, policy="recall_k", old=None, new=4 + n % 9, cause="user")),
    "unasked messages": lambda: _each(lambda n: FollowedUp(id=n, ts=NOW, content="x", session=f"s{n:06}", about=1)),
    "contradictions": lambda: _each(lambda n: ReplyContradicted(id=n, ts=NOW, reply=1, claims=(Claim("x", "y", 1),))),
    "journeys": lambda: _each(lambda n: TimezoneChanged(id=n, ts=NOW, zone=("UTC", "Asia/Kathmandu")[n % 2])),
    "turns taken back": lambda: _each(lambda n: TurnSuperseded(id=n, ts=NOW, turn=n - 1, by=n)),
    "imports": lambda: _each(lambda n: MessageImported(id=n, ts=NOW, origin="o", speaker="s", role="user", session=f"{n}")),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_state_is_bounded_whatever_comes(flood: str) -> None:
    """After 4,000 events of a kind and after 8,000, no state is larger (but for a few digits)."""
    events, stream = [], FLOODS[flood]()
    for _ in range(8000):
        events.append(next(stream))
    kinds = {event.kind for event in events[:3]}
    for projection in PROJECTIONS:
        if not kinds & projection.kinds:
            continue
        state, sizes = projection.initial(), []
        for n, event in enumerate(events, 1):
            if event.kind in projection.kinds:
                state = projection.apply(state, event)
            if n in (4000, 8000):
                sizes.append(len(encoded(state)))
        assert sizes[1] <= sizes[0] * 1.15 + 50, (projection.name, sizes)


def test_floods_hold_every_kind() -> None:
    """A new kind needs a flood of its own."""
    assert {next(stream).kind for stream in (make() for make in FLOODS.values())} | {"reply", "context_built"} == set(KINDS)


def test_caps_hold_over_a_long_history() -> None:
    """The numbers of the design: 128 open commitments, 64 rules, 8 sessions; and everything else that is a list is short."""
    events = events_of(list(History(Random(5)).groups(7000)))
    states = {projection.name: folded(projection, events) for projection in PROJECTIONS}
    assert 100 < len(states["commitments"].open) <= 128 and len(states["commitments"].closed) == 64 and states["commitments"].overflow > 0
    assert 200 < len(states["facts"].current) <= 256 and len(states["facts"].past) == 64 and states["facts"].overflow > 0
    assert 50 < len(states["directives"].active) <= 64 and states["directives"].dropped > 0
    assert len(states["conversation"].sessions) == 8 and states["conversation"].forgotten
    assert len(states["conversation"].pending) <= 64 and len(states["identity"].history) <= 32
    assert sum(map(len, map(encoded, states.values()))) < 1_000_000


# -- meaning -----------------------------------------------------------------------------------------------------------------------------


def fixed_history() -> list[Event]:
    """One of each kind and a little more. Never change it: the golden digests stand on it."""
    due = Due(date(2026, 3, 6), time(12, 0), "Europe/Berlin")
    events: list[Event] = [
        MindCreated(format=1, timezone="Europe/Berlin", software="pmm 0.1.0", name="Echo"),
        UserMessage(content="Hello, I'm Ana.", source="cli", session="main"),
        ModelSwitched(after="scripted"),
        EpochOpened(content="You are Echo.", session="main", epoch=1, marker="0badcafe", first=2),
        ContextBuilt(
            content="[header]", to=2, session="main", epoch=1, digest="0" * 64, budget=1500, tokens=64, sections={"header": 9, "message": 5}
        ),
        ReplyEvent(content="Hello Ana.", to=2, route="model", model="scripted", finish="stop", usage=Usage(64, 32, 4)),
        NameAdopted(whose="user", name="Ana", evidence=2),
        UserMessage(content="Remind me to call Ben.", source="web", session="other"),
        CommitmentOpened(content="call Ben", owner="user", due=due, priority=2, project="calls", source=8),
        CommitmentOpened(content="water the plants", owner="mind", repeat="FREQ=DAILY"),
        CommitmentOpened(content="write", owner="mind", due=Due(date(2026, 4, 1), None, "UTC")),
        DirectiveSet(content="Be brief.", source=8),
        DirectiveSet(content="No emojis."),
        ReplyEvent(content="Gewiß.", to=8, route="offline", model="offline", finish="stop"),
        CommitmentReminded(content="call Ben", cid=9, due=due),
        CommitmentClosed(content="water the plants", cid=10, outcome="kept", evidence=8, note="done"),
        CommitmentExpired(content="write", cid=11, reason="lapsed"),
        DirectiveRevoked(did=12, reason="asked", source=8),
        UserMessage(content="And now?", source="api", session="main"),
        TurnFailedEvent(content="Well", to=19, reason="timeout", detail="30 s"),
        UserMessage(content="Again: and now?", source="api", session="main"),
        ContextBuilt(
            content="",
            to=21,
            session="main",
            epoch=1,
            digest="1" * 64,
            budget=1500,
            tokens=90,
            sections={"message": 6},
            sources=(Source(id=8, score=0.5, why={"words": 0.5}, place="header"), Source(id=2, score=0.1, why={}, place="transcript")),
        ),
        ReplyEvent(content="Now we wait.", to=21, route="model", model="scripted", finish="length", usage=Usage(90, None, 12)),
        SceneCompacted(content="They met.", session="main", first=2, last=2, method="extract"),
        EpochOpened(content="You are still Echo.", session="main", epoch=2, marker="cafe0bad", first=21),
        MessageImported(content="Old words.", origin="o", speaker="Ben", role="other", session="1", at=datetime(2020, 1, 1, tzinfo=UTC)),
        ModelCalled(purpose="scene", model="scripted", outcome="failed", usage=Usage(30, 0, 2), error="no", attempts=2),
        ModelCalled(purpose="reply", model="scripted", outcome="ok", usage=Usage(8, 4, 2)),
        NameAdopted(whose="mind", name="Zoë", evidence=21),
        UserMessage(content="Still there?", source="mcp", session="third"),
        Reflection(content="Promises are kept.", trigger="cadence", action="adjust_trait", evidence=(16,), model="scripted"),
        TraitAdjusted(trait="C", delta=0.05, cause="kept", evidence=16),
        TraitAdjusted(trait="N", delta=0.4, cause="turn_failed", evidence=20),
        StageChanged(before=0, after=1, ias=0.36, gas=0.25),
        CommitmentSnoozed(content="call Ben", cid=9, until=NOW + timedelta(days=9)),
        CommitmentEdited(content="call Ben and Ada", cid=9, due=Due(date(2026, 3, 20), None, "Europe/Berlin"), priority=1, project=""),
        CommitmentReopened(content="water the plants", cid=10, reason="not all of them"),
        CommitmentOpened(content="stretch", owner="mind", due=due, repeat="FREQ=DAILY;COUNT=2"),
        CommitmentClosed(content="stretch", cid=38, outcome="kept"),
        CommitmentOpened(content="stretch", owner="mind", due=due, repeat="FREQ=DAILY;COUNT=1", follows=38, key="repeat:38"),
        FactAsserted(content="I live in Lyon.", subject="user", relation="lives in", value="Lyon", source=2, valid_from=date(2026, 1, 5)),
        FactAsserted(content="Rex is a dog.", subject="Rex", relation="is", value="a dog", source=21, origin="model", confidence=0.7),
        FactAsserted(content="Now it's Oslo.", subject="user", relation="lives in", value="Oslo", source=29, evidence=(41,)),
        FactRetracted(fact=41, reason="superseded", superseded_by=43, source=29),
        NameProposed(name="Juno", evidence=23),
        PolicyChanged(policy="recall_k", old=None, new=6, cause="reflection", evidence=31),
        FollowedUp(content="How did the call go?", session="main", about=9),
        ReplyContradicted(reply=23, claims=(Claim("commitment 10 is open", "it was closed", 10),)),
        TimezoneChanged(zone="Asia/Kathmandu"),
        TurnSuperseded(turn=21, by=30),
    ]
    assert {event.kind for event in events} == set(KINDS)
    return [msgspec.structs.replace(event, id=n, ts=NOW + timedelta(hours=3 * n)) for n, event in enumerate(events, 1)]


GOLDEN: dict[tuple[str, int], str] = {
    ("answers", 1): "459eb6c43f7bec96469baa0183af5cb1cbc971dd3d905c149fd32e2171699c19",
    ("claims", 1): "081baa68907c685a0681605374ca3e2ba08913b575ce365e22a93f22938aead1",
    ("commitments", 3): "2ca658a731015eac7230590caaaacda2ec9133668d902c6a3dd5c96421535654",
    ("conversation", 4): "38976373681b21a0bed6785cfac9da20ee2baa0e00036cfa77997e985473ab5c",
    ("directives", 1): "4d18ea7dbb472c7ca60736d7262984201f8267da058867efdbba129cac1433fe",
    ("facts", 1): "a02ca6d6f739ba53d896ba3a49375decdd998ee8af94edfc246c2dfa72c1b912",
    ("identity", 2): "34aa4d9b2c77c8f49b311a6546731bcc47d95f045cdbaec5890728f2c8d49ee3",
    ("metrics", 2): "64b2cfb6f830738558ea53f15f4a4e097701f5728565305c8443cb6dcc106f64",
    ("policy", 1): "ff9fa21a31d9d2b7d2885424329c0c456d9f44f7d07a83412a057465e9eeb1a4",
    ("reflections", 1): "cdb310dd70f6e0a5bd0a73341f033e47312ac69853b6c9b7234544220e5af721",
    ("stage", 1): "8edd53a162d36c5838be77d6d2bcf048f224baf6e5d64259e7be8d195c50243e",
    ("threads", 1): "1d7591883e5fb1cabbbea0db696c26a070db0c36b394fbb529b3861456b5078f",
    ("traits", 2): "3641c03d0ba5b36b5226223481f351fb56f4ac81a79aa4d9dce258f7e294c2ec",
    ("unasked", 1): "7f35903c1193558f88676a294446f97457604b1fdaf7f777ba99367307076229",
    ("usage", 2): "a513fb3a25abd79e55d7706767f6b6dd3224c0c2cc2b39c8d6cbce0352e20391",
}


@each
def test_a_projection_means_what_it_meant(projection: Projection[Any]) -> None:
    """The state of a fixed history has a golden digest. If you changed what a state means or holds, raise the projection's version (old
    snapshots are then discarded) and pin the new digest beside it."""
    digest = sha256(encoded(folded(projection, fixed_history()))).hexdigest()
    assert GOLDEN.get((projection.name, projection.version)) == digest


def test_every_projection_has_a_golden_digest() -> None:
    """And nothing is pinned that is no more."""
    assert {(projection.name, projection.version) for projection in PROJECTIONS} == set(GOLDEN)
