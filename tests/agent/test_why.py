"""agent/why: bounded trees from bounded look-ups."""

from __future__ import annotations

from collections.abc import Sequence

from pmm.agent.why import BREADTH_MAX, DEPTH_MAX, EVENTS_MAX, LOOK_MAX, Why, why
from pmm.events import (
    CommitmentOpened,
    CommitmentReminded,
    ContextBuilt,
    DirectiveSet,
    Due,
    Event,
    NameAdopted,
    Reflection,
    ReplyEvent,
    Source,
    TraitAdjusted,
    UserMessage,
)


class Listed:
    """A log of events in a list; counts what is asked of it."""

    def __init__(self, events: Sequence[Event]) -> None:
        import msgspec

        self.events = [msgspec.structs.replace(event, id=n) for n, event in enumerate(events, 1)]
        self.gets = 0
        self.rows = 0

    def get(self, id: int) -> Event | None:
        self.gets += 1
        return self.events[id - 1] if 1 <= id <= len(self.events) else None

    def by_kind(self, *kinds: str, since: int = 0, until: int | None = None, limit: int | None = None, newest: bool = False) -> list[Event]:
        assert limit is not None
        found = [e for e in self.events if e.kind in kinds and e.id > since and (until is None or e.id <= until)]
        found = found[-limit:] if newest else found[:limit]
        self.rows += len(found)
        return found


def said(text: str = "Hello.") -> UserMessage:
    return UserMessage(content=text, source="python", session="main")


def replied(to: int) -> ReplyEvent:
    return ReplyEvent(content="Yes.", to=to, route="model", model="m", finish="stop")


def receipt(to: int, *sources: tuple[int, float]) -> ContextBuilt:
    shown = tuple(Source(id=id, score=score, why={}, place="header") for id, score in sources)
    return ContextBuilt(to=to, session="main", epoch=1, digest="", budget=1, tokens=1, sections={}, sources=shown)


def size(tree: Why) -> int:
    return 1 + sum(map(size, tree.children))


def depth(tree: Why) -> int:
    return 1 + max(map(depth, tree.children), default=0)


def test_a_reply_has_its_message_and_what_was_recalled_for_it_with_scores() -> None:
    log = Listed([said("I live in Lyon."), replied(1), said("Where?"), receipt(3, (1, 0.9), (2, 0.2)), replied(3)])
    tree = why(log, log.events[4])
    assert [(c.relation, c.event.id) for c in tree.children] == [("answers", 3), ("was shown", 4)]
    recalled = tree.children[1].children
    assert [(c.relation, c.event.id, c.score) for c in recalled] == [("recalled", 1, 0.9), ("recalled", 2, 0.2)]
    assert [(c.relation, c.event.id) for c in recalled[1].children] == [("answers", 1)]


def test_another_messages_receipt_is_not_taken_for_its_own() -> None:
    log = Listed([said(), said(), receipt(1, (1, 0.5)), replied(2)])
    assert [c.relation for c in why(log, log.events[3]).children] == ["answers"]


def test_a_message_has_its_answer_and_what_cites_it() -> None:
    log = Listed(
        [said("Your name is Echo. Never shout."), replied(1), NameAdopted(whose="mind", name="Echo", evidence=1), DirectiveSet(source=1)]
    )
    tree = why(log, log.events[0])
    assert [(c.relation, c.event.kind) for c in tree.children] == [
        ("was answered by", "reply"),
        ("led to", "name_adopted"),
        ("led to", "directive_set"),
    ]
    assert all(not c.children for c in tree.children)


def test_an_event_with_several_grounds_has_them_all() -> None:
    log = Listed([said(), said(), Reflection(content="hm", trigger="turns", action="adjust_trait", evidence=(1, 2)),
                  TraitAdjusted(trait="O", delta=0.01, cause="reflection", evidence=3)])  # fmt: skip
    (because,) = why(log, log.events[3]).children
    assert [c.event.id for c in because.children] == [1, 2]


def test_a_circle_ends_and_what_stands_twice_is_followed_once() -> None:
    log = Listed([NameAdopted(whose="mind", name="A", evidence=2), NameAdopted(whose="mind", name="B", evidence=1)])
    assert size(why(log, log.events[0])) == 2
    log = Listed([said(), replied(1), said(), receipt(3, (2, 0.5), (2, 0.4)), replied(3)])
    first, second = why(log, log.events[4]).children[1].children
    assert first.children and not second.children and second.note == "see above"


def test_depth_breadth_and_size_are_bounded_and_what_is_left_out_is_said() -> None:
    chain: list[Event] = [said()]
    chain += [NameAdopted(whose="mind", name="A", evidence=n) for n in range(1, 50)]
    log = Listed(chain)
    tree = why(log, log.events[-1])
    assert depth(tree) == DEPTH_MAX + 1 and log.gets == DEPTH_MAX
    while tree.children:
        assert tree.left_out == 0
        (tree,) = tree.children
    assert tree.left_out == 1

    many: list[Event] = [
        CommitmentOpened(owner="mind"),
        *(CommitmentReminded(cid=1, due=Due.parse("2026-03-02", "UTC")) for _ in range(40)),
    ]
    tree = why(Listed(many), Listed(many).events[0])
    assert len(tree.children) == BREADTH_MAX and tree.left_out == 40 - BREADTH_MAX

    wide: list[Event] = [said()]
    for n in range(1, 400):
        wide.append(Reflection(trigger="turns", action="none", evidence=tuple(range(max(1, n - 11), n + 1))))
    log = Listed(wide)
    assert size(why(log, log.events[-1])) <= EVENTS_MAX and log.gets <= EVENTS_MAX


def test_a_look_up_that_was_cut_short_is_said() -> None:
    due = Due.parse("2026-03-02", "UTC")
    events: list[Event] = [CommitmentOpened(owner="mind"), CommitmentOpened(owner="user")]
    events += [CommitmentReminded(cid=2, due=due) for _ in range(LOOK_MAX)] + [CommitmentReminded(cid=1, due=due)]
    log = Listed(events)
    tree = why(log, log.events[0])
    assert not tree.children and f"{LOOK_MAX:,}" in tree.note
    assert log.rows == LOOK_MAX


def test_an_event_that_is_not_there_is_said() -> None:
    log = Listed([replied(77)])
    tree = why(log, log.events[0])
    assert tree.note == "event 77, which it cites, is not there" and tree.left_out == 1
