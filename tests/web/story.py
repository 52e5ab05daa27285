"""A mind with a history, written by hand: three months with Scott, who moves from Lyon to Oslo. `write(path)`."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pmm.clock import SimulatedClock
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    DirectiveSet,
    Due,
    Event,
    FactAsserted,
    FactRetracted,
    MindCreated,
    NameAdopted,
    PolicyChanged,
    Reflection,
    ReplyEvent,
    StageChanged,
    Timing,
    TraitAdjusted,
    Usage,
    UserMessage,
)
from pmm.storage.sqlite import open_log

ZONE = "Europe/Oslo"
DAYS = 90


class Story:
    """Writes events one day after the other; `now` is where it ends."""

    def __init__(self, path: Path, now: datetime) -> None:
        self.clock = SimulatedClock(now - timedelta(days=DAYS))
        self.log = open_log(path, clock=self.clock, synchronous="OFF")
        self.today = now.astimezone(ZoneInfo(ZONE)).date()

    def add(self, event: Event, hours: float = 0.0) -> int:
        """Append it, so many hours after what came before."""
        self.clock.advance(hours * 3600 + 1)
        return self.log.append([event])[0].id

    def say(self, said: str, reply: str, hours: float = 5.0) -> tuple[int, int]:
        """A turn: the ids of the message and of the reply."""
        message = self.add(UserMessage(content=said, source="web", session="main"), hours)
        usage, timing = Usage(prompt=3160, cached=3034, completion=60), Timing(first_token_ms=180.0, total_ms=1400.0)
        end = ReplyEvent(
            content=reply, to=message, route="model", model="talker", finish="stop", usage=usage, timing=timing, key=f"end:{message}"
        )
        return message, self.add(end)

    def fact(self, subject: str, relation: str, value: str, said: str, source: int, **more: object) -> int:
        """A fact that a message says."""
        return self.add(FactAsserted(content=said, subject=subject, relation=relation, value=value, source=source, **more))  # type: ignore[arg-type]

    def due(self, days: int, at: time | None = None) -> Due:
        """So many days from where it ends."""
        return Due(self.today + timedelta(days=days), at, ZONE)

    # -- the story ---------------------------------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """All of it."""
        self.add(MindCreated(format=1, timezone=ZONE, software="pmm test"))
        named, _ = self.say("Hi, I'm Scott. I will call you Echo.", "Echo it is. Nice to meet you, Scott.")
        self.add(NameAdopted(whose="mind", name="Echo", evidence=named))
        self.add(NameAdopted(whose="user", name="Scott", evidence=named))
        rule, _ = self.say("Never book anything before 8:00.", "Understood: nothing before eight.")
        self.add(DirectiveSet(content="Never book anything before 8:00.", source=rule))
        self.add(DirectiveSet(content="Answer briefly, and say where you have it from.", source=rule))
        lyon, _ = self.say("I live in Lyon, with my sister Ana.", "Lyon it is, with Ana.")
        was = self.fact("user", "lives in", "Lyon", "I live in Lyon, with my sister Ana.", lyon)
        sister = self.fact("user", "sister", "Ana", "I live in Lyon, with my sister Ana.", lyon)
        self.fact(
            "Ana", "lives with", "the user", "Scott and Ana share a flat in Lyon.", lyon, origin="model", confidence=0.8, evidence=(was,)
        )
        early, _ = self.say("Ana eats early, so dinner is at seven at the latest.", "Dinner by seven, then.")
        self.fact("Ana", "eats", "early, by seven", "Ana eats early, so dinner is at seven at the latest.", early, evidence=(sister,))
        self.months()
        moved, _ = self.say("I moved to Oslo in May; Lyon was lovely but the work is here.", "Then Oslo is home now.", 24)
        new = self.fact("user", "lives in", "Oslo", "I moved to Oslo in May; Lyon was lovely but the work is here.", moved)
        self.add(FactRetracted(content="The user lives in Lyon.", fact=was, reason="superseded", superseded_by=new, source=moved))
        ferry, _ = self.say("Morning ferry if you can. I like to work on board.", "The 9:00 ferry has a quiet deck.")
        self.fact("user", "likes", "to work on board", "Morning ferry if you can. I like to work on board.", ferry)
        self.fact("user", "works as", "a hydrologist", "I am a hydrologist.", moved, valid_from=self.today - timedelta(days=400))
        self.clock.advance(max(0.0, DAYS * 86400 - (self.clock.now() - self.started).total_seconds() - 7200))
        self.owed(ferry)
        self.add(PolicyChanged(policy="recall_k", old=None, new=10, cause="user"))

    @property
    def started(self) -> datetime:
        """When it begins."""
        first = self.log.get(1)
        assert first is not None
        return first.ts

    def months(self) -> None:
        """Promises kept and broken, and what they moved."""
        level = 0
        for n in range(36):
            asked, reply = self.say(f"Could you look into part {n + 1} of the grant?", f"I will send you part {n + 1} tomorrow.", 20)
            cid = self.add(CommitmentOpened(content=f"Send part {n + 1} of the grant", owner="mind", due=None, source=reply))
            how = "broken" if n % 9 == 4 else "kept"
            thanks, _ = self.say(f"Part {n + 1} {'never came' if how == 'broken' else 'arrived, thank you'}.", "Noted.", 18)
            end = self.add(CommitmentClosed(content=f"Send part {n + 1} of the grant", cid=cid, outcome=how, evidence=thanks))  # type: ignore[arg-type]
            if how == "broken" or n % 4 == 0:
                self.add(TraitAdjusted(trait="C", delta=-0.02 if how == "broken" else 0.02, cause=how, evidence=end))
            if n % 4 == 1:
                self.add(TraitAdjusted(trait="A", delta=0.03, cause="said", evidence=asked))
            if n % 6 == 2:
                thought = self.add(
                    Reflection(
                        content=THOUGHTS[n // 6 % len(THOUGHTS)],
                        trigger="promises",
                        action="adjust_trait",
                        evidence=(end, cid),
                        model="talker",
                    )
                )
                self.add(TraitAdjusted(trait="O", delta=0.04, cause="reflected", evidence=thought))
                self.add(TraitAdjusted(trait="N", delta=-0.03, cause="reflection", evidence=thought))
            if n in (12, 26):
                level += 1
                self.add(StageChanged(before=level - 1, after=level, ias=0.36 + 0.16 * (level - 1), gas=0.3 + 0.2 * (level - 1)))

    def owed(self, source: int) -> None:
        """What is open where it ends, and what is done."""
        opened = lambda said, **more: self.add(CommitmentOpened(content=said, source=source, **more))
        opened("Send Ana the photos from the harbour", owner="user", due=self.due(-1))
        opened("Remind you to book the ferry", owner="mind", due=self.due(0, time(23, 58)))
        opened("Water the plants", owner="user", due=self.due(0), repeat="FREQ=WEEKLY;BYDAY=MO,TH", project="Home")
        opened("Read your grant draft, section 3", owner="mind", due=self.due(2), priority=2, project="Grant")
        opened("File the quarterly report", owner="user", due=self.due(12, time(9, 0)), repeat="FREQ=MONTHLY;BYMONTHDAY=1")
        opened("Find a good umbrella", owner="mind")
        done = opened("Look up the sailing times", owner="mind", due=self.due(0))
        self.add(
            CommitmentClosed(content="Look up the sailing times", cid=done, outcome="kept", evidence=source, note="9:00, 10:30 and 14:15")
        )


THOUGHTS = (
    "I keep what is dated, and forget what is not.",
    "When the grant comes up I promise too much at once.",
    "Scott prefers a number to an adjective.",
    "Broken promises come in weeks with more than five of them.",
    "I ask before I book: that has worked every time.",
    "Short answers are read; long ones are asked about again.",
)


def write(path: Path, now: datetime | None = None) -> None:
    """The story, in a new file."""
    story = Story(path, now or datetime.now(UTC))
    try:
        story.tell()
    finally:
        story.log.close()
