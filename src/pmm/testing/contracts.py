"""The contract every EventLog keeps, whatever engine is behind it. Needs the core install alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pmm.clock import Clock, SimulatedClock
from pmm.errors import HeadMoved, KeyConflict, StorageError, Unstorable
from pmm.events import (
    FORMAT,
    CommitmentClosed,
    CommitmentOpened,
    ContextBuilt,
    Event,
    MindCreated,
    NameAdopted,
    ReplyEvent,
    Source,
    Timing,
    UserMessage,
    microseconds,
)
from pmm.storage.eventlog import EventLog

START = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


def said(text: str = "Hello.", **fields: Any) -> UserMessage:
    """A user's message."""
    return UserMessage(**{"content": text, "source": "python", "session": "main", **fields})


def answered(to: int, text: str = "Hi.", **fields: Any) -> ReplyEvent:
    """A reply to message `to`."""
    return ReplyEvent(**{"content": text, "to": to, "route": "model", "model": "m", "finish": "stop", **fields})


class EventLogContract:
    """What every EventLog does. Subclass it in a test file and say how to open one.

    class TestMine(EventLogContract):
        def log(self, clock, **limits): return open_mine(clock=clock, **limits)    # a new, empty log each time; closed by the contract
        def again(self, log): return open_mine(log.address)                        # the same log, opened once more (None: not possible)
    """

    MAX_EVENT_BYTES = 4096

    def log(self, clock: Clock, **limits: Any) -> EventLog:
        """A new, empty log that reads this clock. limits: max_event_bytes."""
        raise NotImplementedError

    def again(self, log: EventLog) -> EventLog | None:
        """The same log, opened once more; None if there can't be another."""
        return None

    @contextmanager
    def _opened(self, clock: Clock | None = None, **limits: Any) -> Iterator[EventLog]:
        log = self.log(clock or SimulatedClock(START), **limits)
        try:
            yield log
        finally:
            log.close()

    # -- appending -----------------------------------------------------------------------------------------------------------------

    def test_ids_are_one_two_three_without_gaps(self) -> None:
        with self._opened() as log:
            assert log.head == (0, bytes(32))
            assert [event.id for event in log.append([said("a"), said("b")])] == [1, 2]
            assert [event.id for event in log.append([said("c")])] == [3]
            _refused(log, [said("d"), answered(99)])
            assert [event.id for event in log.append([said("e")])] == [4]
            assert [event.id for event in log.since(0)] == [1, 2, 3, 4]
            assert log.head[0] == 4 and len(log.head[1]) == 32
            assert [log.goes_on(id) for id in (0, 3, 4, 5, 2**63 - 1)] == [True, True, False, False, False]

    def test_an_append_of_nothing_does_nothing(self) -> None:
        with self._opened() as log:
            assert log.append([]) == []
            assert log.head == (0, bytes(32))

    def test_the_time_is_the_clocks_in_utc_also_when_it_steps_back(self) -> None:
        clock = SimulatedClock(START)
        with self._opened(clock) as log:
            for step in (0.0, 1.5, -3600.0):
                clock.advance(step)
                (event,) = log.append([said(ts=datetime(1999, 1, 1, tzinfo=UTC), id=77)])
                assert event.ts == clock.now() and event.ts.utcoffset() == timedelta(0)
                assert log.get(event.id) == event
            assert [event.id for event in log.since(0)] == [1, 2, 3]

    def test_what_is_returned_is_what_is_read(self) -> None:
        events: list[Event] = [
            MindCreated(format=FORMAT, timezone="Europe/Paris", software="pmm"),
            said("Zażółć 你好 👩‍👩‍👧 e\u0301 \x00 \r\n\t \x7f \uffff", key="ключ\x00'\""),
            answered(-2, timing=Timing(first_token_ms=80, total_ms=900.5)),
            ContextBuilt(
                to=-2,
                session="s\x00",
                epoch=1,
                digest="0" * 64,
                budget=1,
                tokens=2**63 - 1,
                sections={"ä\x00": -(2**63), "": 0},
                sources=(Source(id=1, score=0.1, why={"words": 1e-300}, place="header"),),
                left_out=("", "x"),
            ),
            CommitmentOpened(content="", owner="mind"),
        ]
        with self._opened() as log:
            stored = log.append(events)
            assert stored == log.since(0) == [log.get(n) for n in range(1, 6)] == list(log.scan()) == log.tail(5)
            for given, kept in zip(events, stored, strict=True):
                restored = msgspec.structs.replace(given, id=kept.id, ts=kept.ts, **({"to": 2} if hasattr(given, "to") else {}))
                assert restored == kept
            assert log.by_key("ключ\x00'\"") == stored[1]

    def test_a_group_is_appended_whole_or_not_at_all(self) -> None:
        with self._opened() as log:
            log.append([said("kept", key="k")])
            for bad in (answered(99), said("\ud800"), said("other", key="k"), said("x" * 2_000_000)):
                _refused(log, [said("one"), said("two", key="new"), bad])
                _refused(log, [bad, said("one")])
            assert log.by_key("new") is None

    # -- keys ----------------------------------------------------------------------------------------------------------------------

    def test_a_known_key_with_the_same_event_returns_the_first(self) -> None:
        clock = SimulatedClock(START)
        with self._opened(clock) as log:
            first = log.append([said("a", key="k")])
            clock.advance(60)
            assert log.append([said("a", key="k")]) == first
            assert log.append([said("a")])[0].id == 2
            assert log.head[0] == 2

    def test_known_events_are_skipped_and_returned_in_their_place(self) -> None:
        with self._opened() as log:
            group: list[Event] = [said("a", key="a"), answered(-1, key="end"), said("plain")]
            stored = log.append(group)
            again = log.append([said("before"), *[g for g in group if g.key][:1], answered(-2, key="end"), said("after")])
            assert again[1:3] == stored[:2]
            assert [event.id for event in again] == [4, 1, 2, 5]

    def test_one_key_twice_in_one_group_is_one_event(self) -> None:
        with self._opened() as log:
            one, other, two = log.append([said("a", key="k"), said("b"), said("a", key="k")])
            assert one == two and (one.id, other.id, log.head[0]) == (1, 2, 2)
            _refused(log, [said("c", key="new"), said("d", key="new")], KeyConflict)

    def test_a_known_key_with_anything_else_is_a_conflict(self) -> None:
        with self._opened() as log:
            log.append([said("a", key="k")])
            others: list[Event] = [
                said("b", key="k"),
                said("a", key="k", session="x"),
                NameAdopted(content="a", whose="user", name="A", key="k"),
            ]
            for event in others:
                _refused(log, [event], KeyConflict)
                _refused(log, [said("more"), event], KeyConflict)
            assert len(log.append([said("a", key="K"), said("a", key="k ")])) == 2  # keys differ by case and by spaces

    def test_a_retry_is_known_however_its_numbers_are_spelled(self) -> None:
        with self._opened() as log:
            log.append([said()])
            first = log.append([answered(1, key="k", timing=Timing(total_ms=5))])
            for total in (5, 5.0):
                assert log.append([answered(1, key="k", timing=Timing(total_ms=total))]) == first
            assert log.append([msgspec.structs.replace(first[0])]) == first

    # -- references ----------------------------------------------------------------------------------------------------------------

    def test_a_negative_reference_is_the_nth_event_of_the_append(self) -> None:
        with self._opened() as log:
            log.append([said("zero", key="z")])
            a, b, c, d = log.append([said("zero", key="z"), said("one"), answered(-2), answered(-1)])
            assert (a.id, b.id, c.id, d.id) == (1, 2, 3, 4)
            assert (getattr(c, "to", 0), getattr(d, "to", 0)) == (2, 1)
            assert getattr(log.get(3), "to", 0) == 2

    def test_a_reference_to_what_does_not_exist_is_refused(self) -> None:
        with self._opened() as log:
            log.append([said()])
            references: list[Any] = [0, 2, 99, -1, -5, 2**63 - 1, -(2**63), 2**80, True, 1.0, "1"]
            for to in references:
                _refused(log, [answered(to)])
            _refused(log, [answered(-1), said()])  # forward
            _refused(log, [said(), answered(3)])  # itself
            _refused(log, [CommitmentClosed(cid=1, outcome="kept", evidence=9)])
            assert log.append([said(), answered(2)])[1].id == 3

    # -- expecting a head ----------------------------------------------------------------------------------------------------------

    def test_an_append_that_expects_another_head_is_refused(self) -> None:
        with self._opened() as log:
            log.append([said("a")], expect=0)
            for head in (0, 2, -1):
                _refused(log, [said("b")], HeadMoved, expect=head)
            log.append([said("b")], expect=1)
            assert log.head[0] == 2

    # -- searching -----------------------------------------------------------------------------------------------------------------

    def test_a_search_finds_what_says_a_text_in_either_order(self) -> None:
        with self._opened() as log:
            log.append([said("The Ferry"), answered(-1, "a ferry, 50% off"), said("a boat"), answered(-1, "FERRY_1")])
            found: Callable[..., list[int]] = lambda *args, **more: [event.id for event in log.find(*args, **more)[0]]
            assert found("ferry") == found("FERRY", newest=False) == [1, 2, 4]
            assert (found("ferry", limit=2), found("ferry", limit=2, newest=False)) == ([2, 4], [1, 2])
            assert (found("ferry", "reply"), found("ferry", "reply", "user_message"), found("ferry", "epoch_opened")) == (
                [2, 4],
                [1, 2, 4],
                [],
            )
            assert (found("ferry", since=1, until=3), found("ferry", since=4), found("ferry", until=0)) == ([2], [], [])
            assert (found("50%"), found("_"), found("%"), found("\\"), found("boat")) == ([2], [4], [2], [], [3])
            assert found("\ud800") == []
            assert found("") == [1, 2, 3, 4]

    def test_a_search_says_how_far_it_looked_and_goes_on_from_there(self) -> None:
        with self._opened() as log:
            log.append([said(f"ferry {n}" if n % 2 else "boat") for n in range(1, 11)])
            assert (log.find("ferry")[1], log.find("ferry", since=3)[1], log.find("ferry", newest=False)[1]) == (0, 3, 10)
            for newest in (True, False):
                seen: list[int] = []
                low, high = 0, 10
                while low < high:
                    found, edge = log.find("ferry", since=low, until=high, limit=2, newest=newest, seconds=0)
                    low, high = (low, edge) if newest else (edge, high)
                    seen += [event.id for event in found]
                assert sorted(seen) == [1, 3, 5, 7, 9]

    def test_events_are_counted(self) -> None:
        with self._opened() as log:
            assert log.count() == log.count("reply", text="x") == 0
            log.append([said("a ferry"), answered(-1, "a Ferry"), said("a boat")])
            assert (log.count(), log.count(since=1), log.count(until=2), log.count(since=9)) == (3, 2, 2, 0)
            assert (log.count("user_message"), log.count("reply", "user_message"), log.count("epoch_opened")) == (2, 3, 0)
            assert (log.count(text="ferry"), log.count("reply", text="FERRY"), log.count(text="ferry", since=1)) == (2, 1, 1)

    # -- what can't be stored --------------------------------------------------------------------------------------------------------

    def test_what_can_not_be_stored_faithfully_is_refused(self) -> None:
        deep: dict[str, Any] = {}
        for _ in range(100):
            deep = {"a": deep}
        with self._opened() as log:
            log.append([said("first")])
            for text in ("\ud800", "a\udfffb", "\ud83d \ude00"):
                _refused(log, [said(text)])
                _refused(log, [said(session=text)])
                _refused(log, [said(key=text)])
            for key in ("", "x" * 513, "é" * 257):
                _refused(log, [said(key=key)])
            for number in (float("nan"), float("inf"), float("-inf")):
                _refused(log, [answered(1, timing=Timing(total_ms=number))])
            for integer in (2**63, -(2**63) - 1, 2**64, 10**30):
                _refused(log, [CommitmentOpened(owner="mind", priority=integer)])
            _refused(log, [_receipt(sections=deep)])
            assert log.append([said(key="é" * 256)])[0].id == 2

    def test_a_field_of_the_wrong_type_is_refused(self) -> None:
        wrong: list[Any] = [
            said(5),  # type: ignore[arg-type]
            said(b"x"),  # type: ignore[arg-type]
            said(None),  # type: ignore[arg-type]
            said(session=b"abc"),
            said(session=None),
            said(source="carrier pigeon"),
            said(key=5),
            said(key=b"k"),
            answered(1, usage={"prompt": 1}),
            answered(1, usage=None),
            answered(1, model=START),
            CommitmentOpened(owner="mind", priority=1.5),  # type: ignore[arg-type]
            CommitmentOpened(owner="mind", priority="1"),  # type: ignore[arg-type]
            CommitmentOpened(owner="mind", due="2026-03-06"),  # type: ignore[arg-type]
            _receipt(sections={1: 2}),
            _receipt(sections=object()),
            _receipt(left_out=("a", 5)),
        ]
        with self._opened() as log:
            log.append([said("first")])
            for event in wrong:
                _refused(log, [event])
            assert log.append([_receipt(left_out=["a"])]) == log.tail(1)  # a list where a tuple is meant is the same

    def test_an_event_of_no_known_kind_is_refused(self) -> None:
        class Foreign(Event, frozen=True, kw_only=True):
            kind = "foreign"
            note: str = ""

        class Disguised(UserMessage, frozen=True, kw_only=True):
            extra: str = ""

        strangers: list[Any] = [Foreign(), Disguised(source="cli", session="s"), Event(), "an event", None, {"kind": "user_message"}]
        with self._opened() as log:
            for event in strangers:
                _refused(log, [event])

    def test_the_limit_counts_bytes_of_content_and_meta(self) -> None:
        with self._opened(max_event_bytes=self.MAX_EVENT_BYTES) as log:
            meta = len('{"session":"main","source":"python"}')
            room = self.MAX_EVENT_BYTES - meta
            assert log.append([said("x" * room)])[0].id == 1
            _refused(log, [said("x" * (room + 1))])
            assert log.append([said("é" * (room // 2))])[0].id == 2
            _refused(log, [said("é" * (room // 2 + 1))])
            _refused(log, [said("", session="€" * (self.MAX_EVENT_BYTES // 3))])

    # -- reading -------------------------------------------------------------------------------------------------------------------

    def test_an_empty_log_reads_as_empty(self) -> None:
        with self._opened() as log:
            assert log.get(1) is None and log.by_key("k") is None
            assert log.since(0) == log.tail(5) == log.by_kind("reply") == list(log.scan()) == []
            assert log.between(START, START + timedelta(days=9999)) == [] and log.at_time(START) == 0

    def test_what_does_not_exist_reads_as_nothing(self) -> None:
        with self._opened() as log:
            log.append([said(key="k")])
            for id in (0, -1, 2, 2**63 - 1, 2**63, 2**90, -(2**90)):
                assert log.get(id) is None
            for key in ("", "K", "k\x00", "\ud800"):
                assert log.by_key(key) is None
            assert log.since(1) == log.since(2**90) == [] and len(log.since(-5)) == 1
            assert log.by_kind() == log.by_kind("reply") == log.by_kind("no such kind") == []

    def test_since_tail_and_scan_cut_where_they_say(self) -> None:
        with self._opened() as log:
            stored = log.append([said(str(n)) for n in range(1, 11)])
            for n in range(12):
                assert log.since(n) == stored[n:]
                assert log.tail(n) == stored[max(0, 10 - n) :]
                assert log.since(2, limit=n) == stored[2 : 2 + n]
                for m in range(12):
                    assert list(log.scan(n, m)) == stored[max(0, n - 1) : m]
                    assert [row[:4] for row in log.rows(n, m)] == [
                        (e.id, microseconds(e.ts), e.kind, e.content) for e in stored[max(0, n - 1) : m]
                    ]
            assert log.tail(-1) == log.since(0, limit=0) == log.since(0, limit=-1) == []
            assert log.tail(2**70) == log.since(0, limit=2**70) == list(log.scan(-5, 2**70)) == stored

    def test_by_kind_gives_those_kinds_in_order_of_id(self) -> None:
        with self._opened() as log:
            for n in range(1, 20, 2):
                log.append([said(str(n)), answered(n)])
            log.append([NameAdopted(whose="user", name="Ana")])
            everything = log.since(0)
            for kinds in (("reply",), ("user_message", "reply"), ("reply", "name_adopted", "reply"), ("name_adopted", "no such")):
                for since, until in ((0, None), (4, None), (0, 9), (5, 15), (15, 5)):
                    wanted = [e for e in everything if e.kind in kinds and since < e.id <= (until or 2**63)]
                    assert log.by_kind(*kinds, since=since, until=until) == wanted
                    for limit in (0, 1, 3, 100):
                        assert log.by_kind(*kinds, since=since, until=until, limit=limit) == wanted[:limit]
                        newest = log.by_kind(*kinds, since=since, until=until, limit=limit, newest=True)
                        assert newest == wanted[max(0, len(wanted) - limit) :]

    def test_by_time_is_from_inclusive_to_exclusive(self) -> None:
        clock = SimulatedClock(START)
        with self._opened(clock) as log:
            for _ in range(5):
                log.append([said(), said()])
                clock.advance(10)
            at = [START + timedelta(seconds=10 * n) for n in range(6)]
            tick = timedelta(microseconds=1)
            assert [e.id for e in log.between(at[1], at[3])] == [3, 4, 5, 6]
            assert [e.id for e in log.between(at[1] + tick, at[3] + tick)] == [5, 6, 7, 8]
            assert [e.id for e in log.between(at[1], at[3], limit=3)] == [3, 4, 5]
            assert log.between(at[3], at[1]) == []
            assert [log.at_time(moment) for moment in (at[0] - tick, at[0], at[2], at[2] - tick, at[5])] == [0, 2, 6, 4, 10]

    def test_a_scan_goes_on_while_others_append(self) -> None:
        with self._opened() as log:
            log.append([said(str(n)) for n in range(2500)])
            seen = []
            for event in log.scan(stop=2500):
                seen.append(event.id)
                if event.id % 500 == 0:
                    log.append([said("meanwhile")])
            assert seen == list(range(1, 2501))

    # -- the rest --------------------------------------------------------------------------------------------------------------------

    def test_a_whole_log_verifies(self) -> None:
        with self._opened() as log:
            assert log.verify().ok
            log.append([said(str(n), key=f"k{n}" if n % 2 else None) for n in range(50)])
            told: list[int] = []
            verdict = log.verify(told.append)
            assert verdict.ok and verdict.events == 50 and verdict.bad is None

    def test_what_comes_after_an_event_verifies_if_it_goes_on_from_there(self) -> None:
        with self._opened() as log:
            for n in range(3):
                log.append([said(str(n))])
            heads = {id: row[-1] for id, row in zip(range(1, 4), log.rows(), strict=True)}
            for id, hash in heads.items():
                verdict = log.verify(since=(id, hash))
                assert verdict.ok and verdict.events == 3
                assert log.verify(since=(id, bytes(32))).bad == min(id + 1, 3)

    def test_what_is_derived_is_written_with_the_event_or_undoes_it(self) -> None:
        class Watching:
            def __init__(self) -> None:
                self.seen: list[list[int]] = []
                self.fail = False

            def on_append(self, events: Sequence[Event]) -> None:
                if self.fail:
                    raise ZeroDivisionError("not today")
                self.seen.append([event.id for event in events])

        watching = Watching()
        called: list[list[int]] = []
        with self._opened() as log:
            log.attach(watching)
            log.on_appended(lambda events: called.append([event.id for event in events]))
            log.append([said("a", key="k"), said("b")])
            log.append([said("c"), said("a", key="k")])
            log.append([said("a", key="k")])
            assert watching.seen == [[1, 2], [3]] and called == [[1, 2], [3]]  # only what was added, and only if anything was
            watching.fail = True
            _refused(log, [said("d", key="new"), said("e")], ZeroDivisionError)
            assert called == [[1, 2], [3]]
            watching.fail = False
            assert log.append([said("d", key="new")])[0].id == 4

    def test_threads_append_without_gaps_and_without_losing_a_key(self) -> None:
        with self._opened() as log:
            stored: list[Event] = []

            def append(worker: int) -> None:
                for n in range(10):
                    stored.extend(log.append([said(f"{worker} {n}"), said(f"shared {n}", key=f"shared {n}")]))

            _in_threads(append, 4)
            assert [event.id for event in log.since(0)] == list(range(1, 51))
            assert {event.id: event for event in stored} == {event.id: event for event in log.since(0)}
            assert log.verify().ok

    def test_of_those_who_expect_one_head_one_wins(self) -> None:
        with self._opened() as log:
            outcomes: list[str] = []

            def append(worker: int) -> None:
                for n in range(10):
                    try:
                        log.append([said(f"{worker}")], expect=n)
                        outcomes.append(f"won {n}")
                    except HeadMoved:
                        outcomes.append("lost")
                    while log.head[0] <= n:
                        pass

            _in_threads(append, 4)
            assert sorted(o for o in outcomes if o != "lost") == sorted(f"won {n}" for n in range(10))
            assert outcomes.count("lost") == 30 and log.head[0] == 10

    def test_another_handle_sees_what_was_appended(self) -> None:
        with self._opened() as log:
            other = self.again(log)
            if other is None:
                return
            try:
                log.append([said("a", key="k")])
                assert other.get(1) == log.get(1) and other.head == log.head
                assert other.append([said("a", key="k")])[0].id == 1
                _refused(other, [said("b", key="k")], KeyConflict)
                other.append([said("b")], expect=1)
                _refused(log, [said("c")], HeadMoved, expect=1)
                assert log.head == other.head and log.head[0] == 2
            finally:
                other.close()

    def test_it_can_be_closed_twice_and_reopened(self) -> None:
        log = self.log(SimulatedClock(START))
        stored = log.append([said("a"), said("b", key="k")])
        head = log.head
        other = self.again(log)
        log.close()
        log.close()
        if other is not None:
            assert other.since(0) == stored and other.head == head
            other.close()


def _receipt(**fields: Any) -> ContextBuilt:
    given = {"to": 1, "session": "s", "epoch": 1, "digest": "0", "budget": 1, "tokens": 1, "sections": {}}
    return ContextBuilt(**{**given, **fields})


def _refused(log: EventLog, events: Sequence[Any], error: type[Exception] = StorageError, *, expect: int | None = None) -> None:
    """It refuses with a typed error, and nothing changes."""
    before, count = log.head, len(log.since(0))
    try:
        log.append(events, expect=expect)
    except error as refusal:
        assert type(refusal) is not StorageError and (error is not StorageError or isinstance(refusal, (Unstorable, KeyConflict)))
    else:
        raise AssertionError(f"it accepted {events!r}")
    assert log.head == before and len(log.since(0)) == count


def _in_threads(act: Callable[[int], None], count: int) -> None:
    failures: list[BaseException] = []

    def guarded(worker: int) -> None:
        try:
            act(worker)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and not any(thread.is_alive() for thread in threads)
