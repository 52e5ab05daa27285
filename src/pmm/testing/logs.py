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
    MindCreated,
    ModelSwitched,
    NameAdopted,
    ReplyEvent,
    Source,
    Timing,
    Usage,
    UserMessage,
)
from pmm.memory.index import TextIndex
from pmm.storage.positions import Position, Positions
from pmm.storage.snapshots import Snapshots
from pmm.storage.sqlite import open_log
from pmm.version import VERSION
from pmm.views import Views

START = datetime(2024, 1, 8, 8, 0, tzinfo=UTC)
DAY = 40
"""events of a simulated day, which are appended together"""
CONSUMERS = ("epochs", "merge", "snapshots")

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
    """Write a mind of exactly `events` events (at least 20) to a new file: dialogue, names, commitments, rules; with its index, snapshots
    and positions at the head. The same seed gives the same events (their salts apart)."""
    rng = random.Random(seed)
    clock = SimulatedClock(START)
    log = open_log(Path(path), clock=clock, synchronous="OFF")
    try:
        index = TextIndex(log)
        views = Views(log, Snapshots(log))
        group: list[Event] = []
        count = 0
        for batch in _days(rng, max(20, events)):
            group += [_shifted(event, len(group)) for event in batch]
            count += len(batch)
            if len(group) >= DAY or count >= events:
                clock.advance(rng.uniform(70_000, 100_000))
                log.append(group)
                group = []
                views.at_head()
                views.save()
        index.merge(10_000)
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


def _days(rng: random.Random, events: int) -> Iterator[list[Event]]:
    """Batches of events: one turn and what came of it each, in all exactly `events`."""
    id = 0
    open_ones: list[int] = []
    rules: list[int] = []
    epoch = 0
    first: list[Event] = [
        MindCreated(format=FORMAT, timezone="Europe/Paris", software=f"pmm {VERSION}"),
        UserMessage(content="Hello, I'm Scott. Your name is Echo.", source="python", session="main"),
        ModelSwitched(before=None, after="scripted"),
        EpochOpened(content=_opening(0), session="main", epoch=1, marker="00000001", first=-2, key="epoch:main:1"),
        *_spoken(-2, "Hello Scott. I'm Echo.", 1, []),
        NameAdopted(whose="user", name="Scott", evidence=-2),
        NameAdopted(whose="mind", name="Echo", evidence=-2),
    ]
    id += len(first)
    yield first
    said: list[int] = []
    while id < events:
        left = events - id
        batch = _turn(rng, id, epoch + 1, said) if left >= 3 else []
        if batch:
            said = [*said[-200:], id + 1]
        if batch and id // 700 > epoch and left > len(batch):
            epoch = id // 700
            key = f"epoch:main:{epoch + 1}"
            batch.append(
                EpochOpened(content=_opening(epoch), session="main", epoch=epoch + 1, marker=f"{epoch + 1:08x}", first=-1, key=key)
            )
        if len(batch) < left and (not batch or rng.random() < 0.3):
            batch += _governance(rng, id + len(batch), open_ones, rules, bool(batch))
        id += len(batch)
        yield batch


def _opening(n: int) -> str:
    return f"{CHARTER}\n\nThe mark of this conversation is {n + 1:08x}.\n\nYour name is Echo. Your user's name is Scott."


def _fill(rng: random.Random, text: str) -> str:
    pick = rng.choice
    return text.format(
        person=pick(_PEOPLE),
        place=pick(_PLACES),
        thing=pick(_THINGS),
        verb=pick(_VERBS),
        topic=pick(_TOPICS),
        feel=pick(_FEEL),
        n=rng.randint(2, 400),
        code=f"{pick(_THINGS)[:3]}{rng.randint(1000, 999999)}",
    )


def _spoken(to: int, answer: str, epoch: int, sources: list[Source]) -> list[Event]:
    return [
        ContextBuilt(
            content="",
            to=to,
            session="main",
            epoch=epoch,
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
            usage=Usage(prompt=640, cached=600, completion=len(answer) // 4),
            timing=Timing(first_token_ms=80.0, total_ms=900.0),
        ),
    ]


def _turn(rng: random.Random, id: int, epoch: int, said: list[int]) -> list[Event]:
    sources = [Source(id=rng.choice(said), score=0.5, why={"words": 0.5}, place="header") for _ in range(3)] if said else []
    answer = " ".join(_fill(rng, rng.choice(_ANSWERS)) for _ in range(rng.randint(1, 4)))
    session = "main" if rng.random() < 0.9 else f"chat {rng.randint(1, 20)}"
    message = UserMessage(content=_fill(rng, rng.choice(_SAID)), source="python", session=session)
    return [message, *_spoken(-1, answer, epoch, sources)]


def _governance(rng: random.Random, id: int, open_ones: list[int], rules: list[int], after_turn: bool) -> list[Event]:
    """One event about what is owed or allowed; `id` is how many events there are before it."""
    source = -1 if after_turn else None
    if open_ones and (len(open_ones) > 40 or rng.random() < 0.5):
        cid = open_ones.pop(rng.randrange(len(open_ones)))
        return [CommitmentClosed(content="done", cid=cid, outcome=rng.choice(("kept", "kept", "kept", "cancelled")), evidence=source)]
    if rules and (len(rules) > 10 or rng.random() < 0.1):
        return [DirectiveRevoked(did=rules.pop(0), source=source)]
    if rng.random() < 0.2:
        rules.append(id + 1)
        return [DirectiveSet(content=_fill(rng, "Never bring up {topic} before {n}."), source=source)]
    open_ones.append(id + 1)
    due = Due((START + timedelta(days=id // 40 + rng.randint(1, 20))).date(), None, "Europe/Paris") if rng.random() < 0.6 else None
    return [
        CommitmentOpened(
            content=_fill(rng, "{verb} the {thing} for {person} ({n})"), owner=rng.choice(("mind", "user")), due=due, source=source
        )
    ]
