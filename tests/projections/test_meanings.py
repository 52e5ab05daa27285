"""What each projection makes of events: names, what is owed, rules in force, what the next prompt begins with, what was spent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from pmm.events import (
    CommitmentClosed,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    ContextBuilt,
    DirectiveRevoked,
    DirectiveSet,
    Due,
    EpochOpened,
    Event,
    MindCreated,
    ModelCalled,
    ModelSwitched,
    NameAdopted,
    NameProposed,
    ReplyEvent,
    SceneCompacted,
    Source,
    TimezoneChanged,
    TurnFailedEvent,
    Usage,
    UserMessage,
)
from pmm.projections import all_projections

NOW = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
BY_NAME = {projection.name: projection for projection in all_projections()}


def state(name: str, events: Iterable[Event], *, apart: timedelta = timedelta(0)) -> Any:
    """The projection's state after these events, numbered from 1."""
    projection = BY_NAME[name]
    now = projection.initial()
    for n, event in enumerate(events, 1):
        if event.kind in projection.kinds:
            now = projection.apply(now, msgspec.structs.replace(event, id=n, ts=NOW + apart * n))
    return projection.freeze(now)


def said(text: str = "x", session: str = "main") -> UserMessage:
    return UserMessage(content=text, source="cli", session=session)


def replied(to: int, text: str = "y", **fields: Any) -> ReplyEvent:
    return ReplyEvent(**{"content": text, "to": to, "route": "model", "model": "m", "finish": "stop", **fields})


def receipt(to: int, content: str = "[h]", shown: tuple[int, ...] = (), /, **sections: int) -> ContextBuilt:
    sources = tuple(Source(id=id, score=1.0, why={}, place="header") for id in shown)
    transcript = (Source(id=999, score=1.0, why={}, place="transcript"),)
    return ContextBuilt(
        content=content, to=to, session="main", epoch=1, digest="", budget=9, tokens=9, sections=sections, sources=sources + transcript
    )


# -- identity --------------------------------------------------------------------------------------------------------------------------


def test_names_are_those_last_adopted() -> None:
    """None at first; the mind's and the user's apart; with the event that gave the mind its name."""
    events: list[Event] = [MindCreated(format=1, timezone="Asia/Tokyo", software="x")]
    born = state("identity", events)
    assert (born.name, born.user_name, born.adopted, born.zone, born.created) == (None, None, None, "Asia/Tokyo", NOW)
    events += [NameAdopted(whose=whose, name=name) for whose, name in (("mind", "A"), ("user", "U"), ("mind", "B"), ("user", "V"))]  # type: ignore[arg-type]
    named = state("identity", events)
    assert (named.name, named.user_name, named.adopted) == ("B", "V", 4)
    assert [(n.event, n.whose, n.name) for n in named.history] == [(2, "mind", "A"), (3, "user", "U"), (4, "mind", "B"), (5, "user", "V")]


def test_a_mind_may_be_born_with_a_name() -> None:
    """Then event 1 is what gave it."""
    born = state("identity", [MindCreated(format=1, timezone="UTC", software="x", name="Echo")])
    assert (born.name, born.adopted) == ("Echo", 1)


def test_an_empty_name_takes_the_old_one_away() -> None:
    """Of the mind and of the user; what was is still in the history."""
    events: list[Event] = [MindCreated(format=1, timezone="UTC", software="x", name="Echo"), NameAdopted(whose="user", name="Ana")]
    events += [NameAdopted(whose="mind", name=""), NameAdopted(whose="user", name="")]
    nameless = state("identity", events)
    assert (nameless.name, nameless.user_name, nameless.adopted) == (None, None, None)
    assert [n.name for n in nameless.history] == ["Ana", "", ""]


def test_a_proposed_name_waits_for_one_message() -> None:
    """The latest one; the second message after it, or a name adopted, ends it."""
    asked: list[Event] = [said(), NameProposed(name="Juno", evidence=1), NameProposed(name="Echo", evidence=1)]
    assert state("identity", asked).proposed.name == "Echo"
    assert state("identity", [*asked, said()]).proposed.evidence == 1
    assert state("identity", [*asked, said(), said()]).proposed is None
    assert state("identity", [*asked, NameAdopted(whose="user", name="Ana")]).proposed is not None
    assert state("identity", [*asked, NameAdopted(whose="mind", name="Nova")]).proposed is None
    assert state("identity", [*asked, said(), asked[1], said()]).proposed.name == "Juno", "asked again, it waits again"


def test_the_zone_is_the_last_one_told() -> None:
    """From the event that says so on."""
    assert state("identity", [MindCreated(format=1, timezone="UTC", software="x"), TimezoneChanged(zone="Asia/Tokyo")]).zone == "Asia/Tokyo"


# -- commitments -----------------------------------------------------------------------------------------------------------------------


def test_what_is_open_is_listed_by_cid_until_it_ends() -> None:
    """Closed and expired ones leave, reminded and overdue ones stay, and what happened is listed with its message."""
    due = Due(date(2020, 1, 1))
    events: list[Event] = [
        CommitmentOpened(content="a", owner="mind", source=9),
        CommitmentOpened(content="b", owner="user", due=due, priority=3, project="p", repeat="r"),
        CommitmentOpened(content="c", owner="user"),
        CommitmentReminded(content="b", cid=2, due=due),
        CommitmentClosed(content="a", cid=1, outcome="kept", evidence=9),
        CommitmentExpired(content="c", cid=3, reason="lapsed"),
        CommitmentOpened(content="d", owner="mind"),
    ]
    now = state("commitments", events)
    assert [(c.cid, c.text, c.owner, c.due, c.reminded) for c in now.open] == [(2, "b", "user", due, due), (7, "d", "mind", None, None)]
    assert now.get(2) == now.open[0] and now.get(1) is None
    assert (now.open[0].priority, now.open[0].project, now.open[0].repeat, now.open[0].opened) == (3, "p", "r", NOW)
    assert (now.opened, now.kept, now.overflow) == (4, 1, 0)
    told = [(c.event, c.cid, c.state, c.source) for c in now.changes]
    assert told == [
        *((1, 1, "opened", 9), (2, 2, "opened", None), (3, 3, "opened", None), (4, 2, "due", None)),
        *((5, 1, "kept", 9), (6, 3, "expired", None), (7, 7, "opened", None)),
    ]


def test_beyond_the_cap_the_least_pressing_one_leaves() -> None:
    """No due date before a due date, low priority before high, the older before the newer; and how many left is counted."""
    due = Due(date(2026, 4, 1))
    events: list[Event] = [CommitmentOpened(content="x", owner="mind", due=due) for _ in range(126)]
    events += [CommitmentOpened(content="low", owner="mind"), CommitmentOpened(content="high", owner="mind", priority=1)]
    full = state("commitments", events)
    assert len(full.open) == 128 and full.overflow == 0
    events.append(CommitmentOpened(content="y", owner="mind", due=due))
    over = state("commitments", events)
    assert len(over.open) == 128 and over.overflow == 1 and over.get(127) is None and over.get(128) is not None
    events += [CommitmentOpened(content="z", owner="mind", due=due)] * 2
    assert [state("commitments", events).get(cid) is None for cid in (1, 2, 127, 128)] == [True, False, True, True]
    events.append(CommitmentClosed(content="low", cid=127, outcome="cancelled"))
    assert state("commitments", events).overflow == 2


# -- directives ------------------------------------------------------------------------------------------------------------------------


def test_rules_hold_from_when_they_are_set_until_they_are_revoked() -> None:
    """In order of did, with what changed and in which message."""
    events: list[Event] = [DirectiveSet(content="a", source=7), DirectiveSet(content="b"), DirectiveSet(content="c")]
    events += [DirectiveRevoked(did=2, source=8), DirectiveRevoked(did=2), DirectiveRevoked(did=99)]
    now = state("directives", events)
    assert [(d.did, d.text, d.since, d.source) for d in now.active] == [(1, "a", NOW, 7), (3, "c", NOW, None)]
    assert [(c.event, c.did, c.text, c.active, c.source) for c in now.changes[3:]] == [
        *((4, 2, "b", False, 8), (5, 2, "", False, None), (6, 99, "", False, None)),
    ]


def test_the_newest_sixty_four_rules_hold() -> None:
    """Older ones fall off the end, counted."""
    now = state("directives", [DirectiveSet(content=str(n)) for n in range(70)])
    assert [d.did for d in now.active] == list(range(7, 71)) and now.dropped == 6


# -- conversation ----------------------------------------------------------------------------------------------------------------------


def test_a_turn_that_ended_in_a_reply_is_kept_as_it_was_sent() -> None:
    """Header, text and answer; tokens as the model counted them; one that failed leaves nothing but its message in the log."""
    events: list[Event] = [
        said("one"),
        receipt(1, "[head]", (5, 6), header=10, message=3, transcript=500),
        replied(1, "first", usage=Usage(prompt=600, completion=7)),
        said("two"),
        TurnFailedEvent(to=4, reason="timeout"),
        said("three"),
        replied(6, "third", route="fast"),
        said("four"),
    ]
    now = state("conversation", events)
    first, third = now.session("main").turns
    assert (first.user, first.reply, first.header, first.text, first.answer, first.tokens) == (
        1,
        3,
        "[head]",
        "one",
        "first",
        10 + 3 + 7 + 8,
    )
    assert (third.user, third.header, third.text, third.answer) == (6, "", "three", "third") and third.tokens >= 8 + 2
    session = now.session("main")
    assert session.tokens == first.tokens + third.tokens and session.shown == {5, 6}
    assert (session.last, session.told) == (3, 1), "a fast answer told no model what had changed"
    assert [(p.id, p.text) for p in now.pending] == [(8, "four")]


def test_a_reply_to_what_is_not_pending_changes_nothing() -> None:
    """A second end of the same message, or an end of nothing."""
    events: list[Event] = [said(), replied(1), replied(1, "again"), replied(99), TurnFailedEvent(to=1, reason="x")]
    assert [t.answer for t in state("conversation", events).session("main").turns] == ["y"]


def test_an_epoch_keeps_the_turns_from_its_first_message_on() -> None:
    """Earlier ones leave the transcript, what was shown may be shown again, and scenes stay."""
    events: list[Event] = [said("a"), receipt(1, "[h]", (3,)), replied(1), said("b"), replied(4), said("c"), replied(6)]
    events += [SceneCompacted(content="They met.", session="main", first=1, last=1, method="extract")]
    events += [EpochOpened(content="You are", session="main", epoch=2, marker="cafe", first=4)]
    session = state("conversation", events).session("main")
    assert [t.text for t in session.turns] == ["b", "c"] and session.tokens == sum(t.tokens for t in session.turns)
    assert (session.epoch, session.marker, session.opening, session.opened, session.shown) == (2, "cafe", "You are", 9, frozenset())
    assert [(s.id, s.text, s.first, s.last) for s in session.scenes] == [(8, "They met.", 1, 1)]


def test_the_eight_sessions_used_last_are_kept() -> None:
    """Using one again makes it the newest; whether any was forgotten is remembered."""
    events: list[Event] = []
    for n in (0, 1, 2, 3, 4, 5, 6, 7, 0):
        events += [said("x", f"s{n}"), replied(len(events) + 1)]
    now = state("conversation", events)
    assert list(now.sessions) == ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s0"] and not now.forgotten
    events += [said("x", "s8"), replied(len(events) + 1)]
    now = state("conversation", events)
    assert list(now.sessions) == ["s2", "s3", "s4", "s5", "s6", "s7", "s0", "s8"] and now.forgotten
    assert now.session("s1") == now.session("never") and now.session("s1").epoch == 0


def test_a_session_that_never_opens_an_epoch_keeps_its_latest_turns() -> None:
    """1,024 of them; their tokens are those of the turns kept."""
    events: list[Event] = []
    for n in range(1100):
        events += [said(str(n)), replied(len(events) + 1)]
    session = state("conversation", events).session("main")
    assert len(session.turns) == 1024 and session.turns[-1].text == "1099" and session.tokens == sum(t.tokens for t in session.turns)


def test_days_are_those_of_the_minds_zone() -> None:
    """At 22:30 UTC it is tomorrow in Tokyo."""
    for zone, day in (("UTC", 2), ("Asia/Tokyo", 3), ("America/New_York", 2)):
        events: list[Event] = [
            MindCreated(format=1, timezone=zone, software="x"),
            said(),
            receipt(2, header=5, message=3),
            replied(2),
            said(),
        ]
        now = state("conversation", events)
        assert now.pending[0].day == date(2026, 3, day) and now.session("main").day == date(2026, 3, day)


# -- usage -----------------------------------------------------------------------------------------------------------------------------


def test_spend_is_counted_in_front_and_behind_in_all_and_today() -> None:
    """Only what a model was asked; private turns in front; what the model didn't say counts as nothing."""
    events: list[Event] = [
        said(),
        replied(1, usage=Usage(100, 60, 5)),
        replied(1, route="offline", usage=Usage(9, 9, 9)),
        ModelCalled(purpose="reply", model="m", outcome="ok", usage=Usage(10, None, 1)),
        ModelCalled(purpose="scene", model="m", outcome="failed", usage=Usage(20, 0, 2)),
        TurnFailedEvent(to=1, reason="x"),
        ModelSwitched(after="n"),
    ]
    now = state("usage", events)
    assert (now.turns, now.failed, now.model) == (2, 1, "n")
    figures = [
        (s.calls, s.prompt, s.cached, s.completion) for s in (now.foreground, now.background, now.foreground_today, now.background_today)
    ]
    assert figures == [(2, 110, 60, 6), (1, 20, 0, 2)] * 2


def test_today_begins_anew_at_midnight_where_the_mind_is() -> None:
    """22:30 UTC and an hour later are two days in UTC+1, one in UTC-5; the totals go on."""
    for zone, calls in (("Etc/GMT-1", 1), ("Etc/GMT+5", 3)):
        events: list[Event] = [MindCreated(format=1, timezone=zone, software="x"), *[replied(1, usage=Usage(1, 1, 1))] * 2]
        events.append(ModelCalled(purpose="reply", model="m", outcome="ok", usage=Usage(1, 1, 1)))
        now = state("usage", events, apart=timedelta(minutes=10) if zone == "Etc/GMT+5" else timedelta(minutes=8))
        assert now.foreground.calls == 3
        assert now.foreground_today.calls == calls
