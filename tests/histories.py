"""Random histories of a mind: valid events of every kind, with references that hold, and with what only happens when things go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from random import Random
from typing import Any

from hypothesis import strategies as st

from pmm.clock import SimulatedClock
from pmm.events import (
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
    Timing,
    TraitAdjusted,
    TurnFailedEvent,
    TurnSuperseded,
    Usage,
    UserMessage,
)
from pmm.storage.eventlog import EventLog

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ZONES = ("Europe/Berlin", "UTC", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati")
WORDS = "tea été 你好 garden \0 [#12] 👩‍👧 <b> report, \"quoted\" \\n 'bike' \u2028 water".split(" ")

Group = tuple[float, list[Event]]
"""seconds that pass, and what is then appended together"""


class History:
    """Writes events one group at a time. Ids are as the log will give them: nothing here is refused or skipped."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.last = 0
        self.said: list[int] = []
        self.dangling: list[int] = []
        self.commitments: list[int] = []
        self.directives: list[int] = []
        self.facts: list[int] = []
        self.epochs: dict[str, int] = {}

    def groups(self, events: int) -> Iterator[Group]:
        """About so many events."""
        yield (
            0.0,
            self._told([MindCreated(format=1, timezone=self.rng.choice(ZONES), software="pmm test", name=self.rng.choice((None, "Echo")))]),
        )
        while self.last < events:
            seconds = self.rng.choice((0.0, 0.5, 60.0, 3600.0, 86_400.0 * 3, -30.0, -86_400.0))
            yield seconds, self._told(self.rng.choices(self.ACTS, self.WEIGHTS)[0](self))

    def _told(self, group: list[Event]) -> list[Event]:
        self.last += len(group)
        return group

    def _text(self) -> str:
        return " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(0, 8)))

    def _session(self) -> str:
        return self.rng.choice(("main", "main", "main", f"chat {self.rng.randint(1, 14)}"))

    def _some(self, ids: list[int]) -> int | None:
        return self.rng.choice(ids) if ids and self.rng.random() < 0.7 else None

    def _due(self) -> Due:
        day = date(2026, 1, 1) + timedelta(days=self.rng.randint(0, 800))
        return Due(day, self.rng.choice((None, time(self.rng.randint(0, 23), 30))), self.rng.choice(ZONES))

    def _usage(self) -> Usage:
        number = lambda: self.rng.choice((None, 0, self.rng.randint(1, 9000)))
        return Usage(prompt=number(), cached=number(), completion=number())

    # -- what can happen -----------------------------------------------------------------------------------------------------------

    def _turn(self) -> list[Event]:
        """A message and its end; or a message alone, whose end comes later or never."""
        session, id = self._session(), self.last + 1
        message = UserMessage(content=self._text(), source="python", session=session)
        self.said.append(id)
        if self.rng.random() < 0.15:
            self.dangling.append(id)
            return [message]
        return [message, *self._end(id, session)]

    def _heal(self) -> list[Event]:
        """The end of an older message; now and then of one that had ended already, or of what is no message."""
        id = self.dangling.pop() if self.dangling and self.rng.random() < 0.8 else self.rng.randint(1, self.last)
        return self._end(id, self._session())

    def _end(self, to: int, session: str) -> list[Event]:
        if self.rng.random() < 0.15:
            return [TurnFailedEvent(content=self._text(), to=to, reason=self.rng.choice(("cancelled", "timeout")), detail=self._text())]
        group: list[Event] = [self._receipt(to, session)] if self.rng.random() < 0.8 else []
        route = self.rng.choice(("model", "model", "fast", "offline"))
        route = "cache" if route == "fast" and to % 2 else route
        timing = Timing(first_token_ms=self.rng.choice((None, 80.5)), total_ms=900)
        finish = self.rng.choice(("stop", "length", "interrupted"))
        reply = ReplyEvent(content=self._text(), to=to, route=route, model="m", finish=finish, usage=self._usage(), timing=timing)
        return [*group, reply]

    def _receipt(self, to: int, session: str) -> ContextBuilt:
        shown = self.rng.sample(self.said, min(len(self.said), self.rng.randint(0, 4)))
        sources = tuple(Source(id=s, score=0.5, why={"words": 0.5}, place=self.rng.choice(("header", "transcript"))) for s in shown)
        sections = {name: self.rng.randint(0, 400) for name in ("opening", "transcript", "header", "message") if self.rng.random() < 0.8}
        epoch = self.epochs.get(session, 0)
        return ContextBuilt(
            content=self._text(),
            to=to,
            session=session,
            epoch=epoch,
            digest="0" * 64,
            budget=1500,
            tokens=640,
            sections=sections,
            sources=sources,
            question=("", "", "q1", "q2")[to % 4],
            basis=f"b{to % 3}",
        )

    def _epoch(self) -> list[Event]:
        session = self._session()
        self.epochs[session] = self.epochs.get(session, 0) + 1
        first = self.rng.choice(self.said[-12:] or [1])
        return [EpochOpened(content=self._text(), session=session, epoch=self.epochs[session], marker="0badcafe", first=first)]

    def _scene(self) -> list[Event]:
        first, last = self.rng.randint(1, self.last), self.rng.randint(1, self.last)
        return [SceneCompacted(content=self._text(), session=self._session(), first=first, last=last, method="extract")]

    def _import(self) -> list[Event]:
        at = self.rng.choice((None, START - timedelta(days=self.rng.randint(1, 3000))))
        count = self.rng.randint(1, 4)
        return [
            MessageImported(content=self._text(), origin="test", speaker="Ana", role="other", session="1", ref=f"{self.last}:{n}", at=at)
            for n in range(count)
        ]

    def _name(self) -> list[Event]:
        whose = self.rng.choice(("mind", "user"))
        return [NameAdopted(whose=whose, name=self.rng.choice(("Echo", "Ana", "Zo\u00eb")), evidence=self._some(self.said))]

    def _open(self) -> list[Event]:
        count = self.rng.choice((1, 1, 1, 20))
        self.commitments += range(self.last + 1, self.last + 1 + count)
        return [
            CommitmentOpened(
                content=self._text(),
                owner=self.rng.choice(("mind", "user")),
                due=self._due() if self.rng.random() < 0.6 else None,
                repeat=self.rng.choice((None, "FREQ=WEEKLY")),
                priority=self.rng.randint(-1, 3),
                project=self.rng.choice((None, "garden")),
                source=self._some(self.said),
            )
            for _ in range(count)
        ]

    def _close(self) -> list[Event]:
        """Most often one that is open; now and then one that was closed already, or never was one."""
        known = bool(self.commitments) and self.rng.random() < 0.85
        cid = self.commitments.pop(self.rng.randrange(len(self.commitments))) if known else self.rng.randint(1, self.last)
        if self.rng.random() < 0.3:
            return [CommitmentExpired(content="x", cid=cid, reason=self.rng.choice(("lapsed", "overdue")))]
        outcome = self.rng.choice(("kept", "broken", "cancelled", "superseded"))
        return [CommitmentClosed(content="x", cid=cid, outcome=outcome, evidence=self._some(self.said), note=self._text())]

    def _remind(self) -> list[Event]:
        return [CommitmentReminded(content="x", cid=self._some(self.commitments) or self.rng.randint(1, self.last), due=self._due())]

    def _edit(self) -> list[Event]:
        """Most often of one that is open, and now and then of nothing at all."""
        cid = self._some(self.commitments) or self.rng.randint(1, self.last)
        due, priority = self.rng.choice((None, self._due())), self.rng.choice((None, 4))
        text, project = self.rng.choice(("", "else")), self.rng.choice((None, "", "house"))
        return [CommitmentEdited(content=text, cid=cid, due=due, clear_due=self.rng.random() < 0.2, priority=priority, project=project)]

    def _snooze(self) -> list[Event]:
        """For hours or days, into the past, or told in another zone."""
        hours = timezone(timedelta(hours=self.rng.randint(-11, 11)))
        until = (START + timedelta(hours=self.rng.randint(-100, 5000))).astimezone(hours)
        return [CommitmentSnoozed(content="x", cid=self._some(self.commitments) or self.rng.randint(1, self.last), until=until)]

    def _reopen(self) -> list[Event]:
        """One that may have ended, or may not."""
        cid = self.rng.randint(1, self.last)
        self.commitments.append(cid)
        return [CommitmentReopened(content="x", cid=cid, reason=self._text())]

    def _follow(self) -> list[Event]:
        """The next occurrence of one that ends, or of one that was never there."""
        if not self.commitments:
            return self._open()
        cid, id = self.commitments.pop(), self.last + 2
        self.commitments.append(id)
        next_one = CommitmentOpened(content="x", owner="mind", repeat="FREQ=DAILY", due=self._due(), follows=cid, key=f"repeat:{cid}:{id}")
        return [CommitmentClosed(content="x", cid=cid, outcome=self.rng.choice(("kept", "broken"))), next_one]

    def _rule(self) -> list[Event]:
        count = self.rng.choice((1, 1, 30))
        self.directives += range(self.last + 1, self.last + 1 + count)
        return [DirectiveSet(content=self._text(), source=self._some(self.said)) for _ in range(count)]

    def _revoke(self) -> list[Event]:
        did = self._some(self.directives) or self.rng.randint(1, self.last)
        return [DirectiveRevoked(content="x", did=did, reason=self._text(), source=self._some(self.said))]

    def _switch(self) -> list[Event]:
        return [ModelSwitched(before=self.rng.choice((None, "m")), after=self.rng.choice(("offline", "m", "n")))]

    def _call(self) -> list[Event]:
        purpose, outcome = self.rng.choice(("reply", "scene", "reflect")), self.rng.choice(("ok", "invalid", "failed"))
        return [ModelCalled(purpose=purpose, model="m", outcome=outcome, usage=self._usage(), error=self._text(), attempts=2)]

    def _trait(self) -> list[Event]:
        """A move within the caps or far beyond, for something that happened or for nothing in particular."""
        trait, delta = self.rng.choice("OCEAN"), self.rng.choice((0.01, -0.02, 0.05, -0.05, 0.4, -3.0))
        return [TraitAdjusted(trait=trait, delta=delta, cause="test", evidence=self.rng.randint(1, self.last))]  # type: ignore[arg-type]

    def _reflect(self) -> list[Event]:
        """Now and then with an action of the mind's own."""
        cited, model = (*self.said[-2:], *self.facts[-2:]), self.rng.choice((None, "m"))
        reflection = Reflection(content=self._text(), trigger="cadence", action="none", evidence=cited, model=model)
        if self.rng.random() < 0.4:
            return [reflection]
        id = self.last + 1
        self.commitments.append(id + 1)
        return [reflection, CommitmentOpened(content=self._text(), owner="mind", due=self.rng.choice((None, self._due())), source=id)]

    def _policy(self) -> list[Event]:
        """Within bounds and far beyond; of policies that don't exist, and by those who may not."""
        policy = self.rng.choice(("cadence", "recall_k", "expiry_hours", "stage_cap", "permit.reflect", "permit.speak_first", "moods"))
        new = self.rng.choice((None, True, False, -1, 0, 1, 6, 9.5, 1000, "on"))
        cause = self.rng.choice(("user", "user", "reflection", "assessment"))
        evidence = self.rng.choice((None, self.rng.randint(1, self.last)))
        return [PolicyChanged(policy=policy, old=None, new=new, cause=cause, evidence=evidence)]

    def _unasked(self) -> list[Event]:
        """The mind speaks first, whether or not the last time was answered."""
        return [FollowedUp(content=self._text(), session=self._session(), about=self._some(self.commitments))]

    def _propose(self) -> list[Event]:
        return [NameProposed(name=self.rng.choice(("Nova", "Juno")), evidence=self._some(self.said))]

    def _move(self) -> list[Event]:
        """To another zone, or the same."""
        return [TimezoneChanged(zone=self.rng.choice(ZONES))]

    def _contradict(self) -> list[Event]:
        claims = tuple(Claim(self._text(), self._text(), self._some(self.said)) for _ in range(self.rng.randint(1, 3)))
        return [ReplyContradicted(reply=self.rng.randint(1, self.last), claims=claims)]

    def _supersede(self) -> list[Event]:
        """A turn that was spoken, or something that is no turn."""
        return [TurnSuperseded(turn=self._some(self.said) or 1, by=self.rng.randint(1, self.last))]

    def _stage(self) -> list[Event]:
        """Up, down, and to stages that don't exist."""
        before, after = self.rng.randint(0, 4), self.rng.randint(-1, 5)
        return [StageChanged(before=before, after=after, ias=self.rng.random(), gas=self.rng.random())]

    def _know(self) -> list[Event]:
        """A fact or many: told by the user, read by a model, or derived from others; now and then in place of an older one."""
        count, first = self.rng.choice((1, 1, 2, 40)), self.last + 1
        told: list[Event] = [
            FactAsserted(
                content=self._text(),
                subject=self.rng.choice(("user", "Ana")),
                relation=self.rng.choice(("lives in", "likes")),
                value=self._text() or "x",
                source=self._some(self.said),
                evidence=tuple(self.rng.sample(self.facts, min(len(self.facts), self.rng.choice((0, 0, 1, 3))))),
                confidence=self.rng.choice((1.0, 1.0, 0.7, 0.4)),
                origin=self.rng.choice(("user", "model")),
            )
            for _ in range(count)
        ]
        if self.facts and self.rng.random() < 0.3:
            gone = self.facts.pop(self.rng.randrange(len(self.facts)))
            told.append(FactRetracted(fact=gone, reason="superseded", superseded_by=first))
        self.facts += range(first, first + count)
        return told

    def _forget(self) -> list[Event]:
        """A fact that holds; now and then one that doesn't any more, or what is no fact."""
        fact = self._some(self.facts) or self.rng.randint(1, self.last)
        return [FactRetracted(content="x", fact=fact, reason=self._text(), source=self._some(self.said))]

    ACTS: tuple[Callable[[Any], list[Event]], ...] = (
        *(_turn, _heal, _epoch, _scene, _import, _name, _open, _close, _remind, _rule, _revoke, _switch, _call),
        *(_trait, _reflect, _stage, _policy),
        *(_edit, _snooze, _reopen, _follow),
        *(_know, _forget, _unasked, _propose, _move, _contradict, _supersede),
    )
    WEIGHTS = (12, 2, 2, 1, 2, 1, 3, 3, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 2, 2, 1, 1, 1, 1, 2)


def histories(most: int = 150) -> st.SearchStrategy[list[Group]]:
    """Histories of up to about `most` events."""
    return st.builds(lambda rng, size: list(History(rng).groups(size)), st.randoms(use_true_random=False), st.integers(1, most))


def events_of(history: list[Group]) -> list[Event]:
    """As stored: with ids, and the times of a clock that starts at START."""
    import msgspec

    now, stored = START, list[Event]()
    for seconds, group in history:
        now += timedelta(seconds=seconds)
        stored += [msgspec.structs.replace(event, id=len(stored) + n, ts=now) for n, event in enumerate(group, 1)]
    return stored


def append_all(log: EventLog, clock: SimulatedClock, history: list[Group]) -> None:
    """Append it group by group. The log must read this clock."""
    for seconds, group in history:
        clock.advance(seconds)
        log.append(group)
