"""generate_log: a realistic mind of any size, from a seed, fast."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from pmm.agent.context import CHARTER
from pmm.clock import SimulatedClock
from pmm.errors import InvalidInput
from pmm.events import (
    FORMAT,
    CommitmentClosed,
    CommitmentOpened,
    ContextBuilt,
    DirectiveRevoked,
    DirectiveSet,
    Due,
    EpochOpened,
    Event,
    FactAsserted,
    FactRetracted,
    MindCreated,
    ModelSwitched,
    NameAdopted,
    ReplyEvent,
    SceneCompacted,
    Source,
    Timing,
    Usage,
    UserMessage,
)
from pmm.memory.index import TextIndex
from pmm.memory.links import Links
from pmm.runtime.archive import open_archive
from pmm.storage.positions import Position, Positions
from pmm.storage.snapshots import Snapshots
from pmm.storage.sqlite import open_log
from pmm.version import VERSION
from pmm.views import Views

START = datetime(2024, 1, 8, 8, 0, tzinfo=UTC)
DAY = 40
"""events of a simulated day, which are appended together"""
TURN_EVENTS_MAX = 8
EPOCH_TOKENS = 4000
CONSUMERS = ("epochs", "warming", "thinking", "index", "snapshots", "traces")

_PEOPLE = "Ana Ben Carla David Elif Farid Greta Hugo Ines Jonas Kim Lena Marek Nadia Omar Petra Quinn Rosa Sven Tara Uma Viktor".split()
_PLACES = "Lyon Oslo Porto Ghent Turin Graz Malmo Cork Bergen Leipzig Utrecht Nantes Girona Split Tartu Basel".split()
_THINGS = """bicycle kitchen garden piano report budget contract camera novel recipe tent boat engine curtain lamp ladder invoice sweater
greenhouse telescope violin printer suitcase passport backpack sofa fridge roof fence cellar shelf guitar website newsletter""".split()
_VERBS = "repair sell paint move borrow clean order review plan measure return photograph describe insure replace sharpen".split()
_TOPICS = """taxes sourdough chess astronomy knitting sailing grammar vaccines compost jazz marathon pottery insulation mortgages orchids
beekeeping cycling espresso origami statistics translation archery""".split()
_FEEL = "happy tired curious worried proud annoyed calm excited bored relieved".split()
_SAID = (
    "I want to {verb} the {thing} before {person} comes over.",
    "{person} told me about {topic} when we met in {place}.",
    "Yesterday I was in {place} with {person}; we talked about {topic} for hours.",
    "My {thing} is {n} years old and still works.",
    "I feel {feel} about the {thing}.",
    "The {thing} cost {n} euros in {place}.",
    "{person} and I will {verb} the {thing} next week if the weather holds.",
    "What do you know about {topic}?",
    "How would you {verb} a {thing}?",
    "Do you remember what {person} said about {topic}?",
    "I have been reading about {topic}; chapter {n} was the best.",
    "Code {code} is for the {thing} in the cellar.",
)
_ANSWERS = (
    "That sounds worth doing. Start with the {thing}, then see how {topic} fits in. {person} may have an opinion too.",
    "From what you told me, {person} knows {place} well. For {topic}, I would take one small step first: write down what you need, "
    "measure the {thing}, and only then decide.",
    "I understand that you feel {feel}. A {thing} is not the end of the world.",
    "Good question. {topic} takes patience: most people give up in week {n}.",
    "Noted: the {thing}, {place}, and {person}.",
)


def generate_log(path: str | os.PathLike[str], events: int, seed: int = 0) -> None:
    """Write a mind of exactly `events` events (at least 8) to a new file: dialogue, names, commitments, rules; with its index, snapshots
    and positions at the head. The same seed gives the same events (their salts apart). Raises InvalidInput if the file exists."""
    if Path(path).exists():
        raise InvalidInput(f"{path} exists already.", hint="Generate into a new file.")
    author = _Author(seed)
    clock = SimulatedClock(START)
    log = open_log(Path(path), clock=clock, synchronous="OFF")
    try:
        index = TextIndex(log)
        Links(log)
        open_archive(log)
        views = Views(log, Snapshots(log))
        group: list[Event] = []
        count = 0
        for batch in author.story(max(8, events)):
            group += [_shifted(event, len(group)) for event in batch]
            count += len(batch)
            if len(group) >= DAY or count >= events:
                clock.advance(author.rng.uniform(70_000, 100_000))
                log.append(group)
                group = []
                views.at_head()
                views.save()
        index.settle(10_000)
        views.at_head()
        views.save(every=1)
        for name in CONSUMERS:
            Positions(log).save(Position(name, position=log.head[0]))
    finally:
        log.close()


def _shifted(event: Event, by: int) -> Event:
    """References within a batch, -1 its first event, become references within the group."""
    changed = {}
    for name in event.refs:
        value = getattr(event, name)
        if isinstance(value, int) and value < 0:
            changed[name] = value - by
    return msgspec.structs.replace(event, **changed) if changed else event


class _Author:
    """Writes the story, one turn and what came of it at a time. `id`: how many events there are so far."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.id = 0
        self.said: list[int] = []
        self.commitments: list[int] = []
        self.rules: list[int] = []
        self.facts: list[int] = []
        self.epochs: dict[str, int] = {}
        self.spoken: dict[str, list[tuple[int, int]]] = {}

    def story(self, events: int) -> Iterator[list[Event]]:
        """Batches of events, in all exactly `events`."""
        yield self._told(self._beginning())
        while self.id < events:
            left = events - self.id
            batch = self._turn() if left >= TURN_EVENTS_MAX else []
            if not batch or self.rng.random() < 0.3:
                batch.append(self._governance(self.id + len(batch), bool(batch)))
            yield self._told(batch)

    def _told(self, batch: list[Event]) -> list[Event]:
        self.id += len(batch)
        return batch

    def _beginning(self) -> list[Event]:
        hello = "Hello, I'm Scott. Your name is Echo."
        return [
            MindCreated(format=FORMAT, timezone="Europe/Paris", software=f"pmm {VERSION}"),
            UserMessage(content=hello, source="python", session="main"),
            ModelSwitched(before=None, after="scripted"),
            self._epoch("main", -2),
            *self._answer(-2, "main", "Hello Scott. I'm Echo.", 1),
            NameAdopted(whose="user", name="Scott", evidence=-2),
            NameAdopted(whose="mind", name="Echo", evidence=-2),
        ]

    def _turn(self) -> list[Event]:
        """A message, its reply, and perhaps a new epoch before or after: at most TURN_EVENTS_MAX - 1 events."""
        rng, id = self.rng, self.id + 1
        session = "main" if rng.random() < 0.9 else f"chat {rng.randint(1, 20)}"
        answer = " ".join(self._fill(rng.choice(_ANSWERS)) for _ in range(rng.randint(1, 4)))
        batch: list[Event] = [UserMessage(content=self._fill(rng.choice(_SAID)), source="python", session=session)]
        if session not in self.epochs:
            batch.append(self._epoch(session, -1))
        batch += self._answer(-1, session, answer, id)
        self.said = [*self.said[-200:], id]
        turns = self.spoken[session]
        if sum(tokens for _, tokens in turns) > EPOCH_TOKENS:
            gone = turns[: len(turns) // 2]
            del turns[: len(gone)]
            summary = f"They spoke about {self._fill('{topic}, the {thing} and {place}')}."
            batch.append(SceneCompacted(content=summary, session=session, first=gone[0][0], last=gone[-1][0], method="extract"))
            batch.append(self._epoch(session, turns[0][0]))
        return batch

    def _epoch(self, session: str, first: int) -> EpochOpened:
        n = self.epochs[session] = self.epochs.get(session, 0) + 1
        mark = f"{n:08x}"
        text = f"{CHARTER}\n\nThe mark of this conversation is {mark}.\n\nYour name is Echo. Your user's name is Scott."
        return EpochOpened(content=text, session=session, epoch=n, marker=mark, first=first, key=f"epoch:{session}:{n}")

    def _answer(self, to: int, session: str, answer: str, id: int) -> list[Event]:
        why = {"words": 0.5}
        sources = [Source(id=self.rng.choice(self.said), score=0.5, why=why, place="header") for _ in range(3)] if self.said else []
        usage = Usage(prompt=640, cached=600, completion=len(answer) // 3)
        self.spoken.setdefault(session, []).append((id, 48 + (usage.completion or 0)))
        return [
            ContextBuilt(
                to=to,
                session=session,
                epoch=self.epochs[session],
                digest="0" * 64,
                budget=1500,
                tokens=640,
                sections={"opening": 300, "transcript": 300, "header": 20, "message": 20},
                sources=tuple(sources),
            ),
            ReplyEvent(
                content=answer,
                to=to,
                route="model",
                model="scripted",
                finish="stop",
                usage=usage,
                timing=Timing(first_token_ms=80.0, total_ms=900.0),
            ),
        ]

    def _governance(self, before: int, after_turn: bool) -> Event:
        """One event about what is owed or allowed, the next after `before` others."""
        rng, source = self.rng, -1 if after_turn else None
        if rng.random() < 0.2:
            return self._fact(before + 1, source)
        if self.commitments and (len(self.commitments) > 40 or rng.random() < 0.5):
            cid = self.commitments.pop(rng.randrange(len(self.commitments)))
            return CommitmentClosed(cid=cid, outcome=rng.choice(("kept", "kept", "kept", "cancelled")), evidence=source)
        if self.rules and (len(self.rules) > 10 or rng.random() < 0.1):
            return DirectiveRevoked(did=self.rules.pop(0), source=source)
        if rng.random() < 0.2:
            self.rules.append(before + 1)
            return DirectiveSet(content=self._fill("Never bring up {topic} before {n}."), source=source)
        self.commitments.append(before + 1)
        day = (START + timedelta(days=before // DAY + rng.randint(1, 20))).date()
        due = Due(day, None, "Europe/Paris") if rng.random() < 0.6 else None
        text = self._fill("{verb} the {thing} for {person} ({n})")
        return CommitmentOpened(content=text, owner=rng.choice(("mind", "user")), due=due, source=source)

    def _fact(self, id: int, source: int | None) -> Event:
        """A fact, or the end of one."""
        if self.facts and (len(self.facts) > 400 or self.rng.random() < 0.3):
            return FactRetracted(fact=self.facts.pop(self.rng.randrange(len(self.facts))), source=source)
        self.facts.append(id)
        person, thing = self._fill("{person}"), self._fill("{feel} {thing}")
        return FactAsserted(content=f"{person} likes a {thing}.", subject=person, relation="likes", value=f"a {thing}", source=source)

    def _fill(self, text: str) -> str:
        pick = self.rng.choice
        return text.format(
            person=pick(_PEOPLE),
            place=pick(_PLACES),
            thing=pick(_THINGS),
            verb=pick(_VERBS),
            topic=pick(_TOPICS),
            feel=pick(_FEEL),
            n=self.rng.randint(2, 400),
            code=f"{pick(_THINGS)[:3]}{self.rng.randint(1000, 999999)}",
        )
