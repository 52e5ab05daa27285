"""Net 2: equality. However a View comes about (step by step, all at once, from a snapshot and a tail, elsewhere), it is the same."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.clock import SimulatedClock
from pmm.events import KINDS, Event, NameAdopted, UserMessage
from pmm.projections import all_projections
from pmm.projections.projection import Projection
from pmm.storage.snapshots import KEEP_EVERY, Snapshot, Snapshots
from pmm.storage.sqlite import SqliteLog, open_log
from pmm.views import View, Views
from tests.histories import START, Group, append_all, events_of, histories

_numbers = count()


class NoSnapshots(Snapshots):
    """None to load, none saved: every View is a replay from event 1."""

    def __init__(self) -> None:
        pass

    def load(self, projection: str, version: int, at: int) -> Snapshot | None:
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("views")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(_open(tmp_path / "mind.db")) as opened:
        yield opened


def _open(path: Path) -> SqliteLog:
    return open_log(path, clock=SimulatedClock(START), synchronous="OFF")


def _said(log: SqliteLog, times: int) -> None:
    log.append([UserMessage(content=str(n), source="python", session="main") for n in range(times)])


def _replayed(log: SqliteLog, until: int) -> dict[str, Any]:
    """The states after event `until`, folded here with nothing but `initial` and `apply`."""
    states = {}
    for projection in all_projections():
        state = projection.initial()
        for event in log.scan(stop=until):
            if event.kind in projection.kinds:
                state = projection.apply(state, event)
        states[projection.name] = state
    return states


def _whole(view: View) -> dict[str, Any]:
    return {projection.name: view._states[projection.name] for projection in all_projections()}


@given(history=histories(), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_way_to_a_view_gives_the_same_mind(folder: Path, history: list[Group], data: st.DataObject) -> None:
    """Incremental == replayed == snapshot at a random point + tail == reopened == another handle == as of any event."""
    path = folder / f"{next(_numbers)}.db"
    clock = SimulatedClock(START)
    log = open_log(path, clock=clock, synchronous="OFF")
    views = Views(log, Snapshots(log))
    snapshot_at = data.draw(st.integers(0, len(history)), "snapshot at")
    looks = data.draw(st.sets(st.integers(0, len(history))), "looks")
    elsewhere = open_log(path, synchronous="OFF")
    others = Views(elsewhere, Snapshots(elsewhere))
    digests: dict[int, str] = {}
    for n, step in enumerate(history):
        append_all(log, clock, [step])
        if n in looks:
            digests[log.head[0]] = views.at_head().digest()
        if n == snapshot_at:
            assert views.save(every=1)
    assert log.since(0) == events_of(history)
    incremental = views.at_head()
    head = log.head[0]
    assert incremental.head == head
    expected = incremental.digest()
    assert _whole(incremental) == _replayed(log, head)
    assert list(incremental.conversation.sessions) == list(_replayed(log, head)["conversation"].sessions)
    assert Views(log, NoSnapshots()).at_head().digest() == expected
    assert Views(log, Snapshots(log)).at_head().digest() == expected
    assert others.at_head().digest() == expected
    for id, digest in digests.items():
        assert views.at(id).digest() == digest
    for id in data.draw(st.lists(st.integers(0, head), max_size=3), "as of"):
        view = views.at(id)
        assert view.head == id and _whole(view) == _replayed(log, id)
    assert views.at(head + 5).digest() == expected
    elsewhere.close()
    log.close()
    with closing(_open(path)) as again:
        reopened = Views(again, Snapshots(again)).at_head()
        assert reopened.digest() == expected and _whole(reopened) == _whole(incremental)
        assert list(reopened.conversation.sessions) == list(incremental.conversation.sessions)
        assert {name: getattr(reopened, name) for name in _whole(reopened)} == {
            name: getattr(incremental, name) for name in _whole(reopened)
        }
    path.unlink()


def test_generated_histories_hold_every_kind() -> None:
    """Else the net would have a hole: a new kind must be added to tests/histories.py."""
    from random import Random

    from tests.histories import History

    kinds = {event.kind for seed in range(5) for _, group in History(Random(seed)).groups(400) for event in group}
    assert kinds == set(KINDS)


@pytest.mark.slow
def test_a_long_history_is_the_same_every_way(tmp_path: Path) -> None:
    """30,000 events, with snapshots as a mind makes them: reopened, replayed, and as of events near and far."""
    from random import Random

    from tests.histories import History

    clock = SimulatedClock(START)
    log = open_log(tmp_path / "mind.db", clock=clock, synchronous="OFF")
    views = Views(log, Snapshots(log))
    digests = {}
    for n, step in enumerate(History(Random(3)).groups(30_000)):
        append_all(log, clock, [step])
        if n % 500 == 0:
            digests[log.head[0]] = views.at_head().digest()
        views.save()
    replayed = Views(log, NoSnapshots())
    assert replayed.at_head().digest() == views.at_head().digest() == Views(log, Snapshots(log)).at_head().digest()
    for id, digest in digests.items():
        assert views.at(id).digest() == digest
    log.close()


# -- the View --------------------------------------------------------------------------------------------------------------------------


def test_a_view_is_frozen(log: SqliteLog) -> None:
    """Nothing in it can be set, deleted or changed in place, and what it doesn't have it says by name."""
    _said(log, 3)
    view = Views(log, Snapshots(log)).at_head()
    log.append([NameAdopted(whose="user", name="Ana")])
    acts: list[Callable[[], Any]] = [
        lambda: setattr(view, "head", 99),
        lambda: setattr(view, "identity", None),
        lambda: setattr(view, "new", 1),
        lambda: delattr(view, "head"),
        lambda: delattr(view, "identity"),
        lambda: setattr(view.identity, "name", "Eve"),
        lambda: setattr(view.commitments, "open", ()),
        lambda: view.conversation.sessions.update({"x": None}),  # type: ignore[attr-defined]
        lambda: view.conversation.sessions.__setitem__("x", None),  # type: ignore[attr-defined]
        lambda: view.conversation.sessions.clear(),  # type: ignore[attr-defined]
    ]
    for act in acts:
        with pytest.raises((AttributeError, TypeError)):
            act()
    assert (view.head, view.identity.user_name) == (3, None)
    with pytest.raises(AttributeError, match="moods"):
        _ = view.moods
    with pytest.raises((AttributeError, TypeError)):  # but no endless recursion
        copy.deepcopy(view)


def test_a_view_stays_what_it_was(log: SqliteLog) -> None:
    """A View taken before an event doesn't show it; one taken after does; an unchanged mind is the same View."""
    views = Views(log, Snapshots(log))
    before = views.at_head()
    digest = before.digest()
    assert views.at_head() is before
    log.append([NameAdopted(whose="mind", name="Echo")])
    after = views.at_head()
    assert (before.head, before.identity.name, before.digest()) == (0, None, digest)
    assert (after.head, after.identity.name) == (1, "Echo")
    assert after.digest() != digest


def test_the_digest_tells_minds_apart(log: SqliteLog) -> None:
    """An event that changes no projection still moves the head; other states give other digests; it is hex of SHA-256."""
    views = Views(log, Snapshots(log))
    digests = set()
    for event in (
        UserMessage(content="a", source="cli", session="s"),
        NameAdopted(whose="mind", name="A"),
        NameAdopted(whose="user", name="A"),
    ):
        log.append([event])
        digests.add(views.at_head().digest())
    assert len(digests) == 3 and all(len(d) == 64 and int(d, 16) for d in digests)


def test_ids_out_of_range_are_as_near_as_there_is(log: SqliteLog) -> None:
    """Before event 1 there is the empty mind; after the head there is the head."""
    _said(log, 3)
    views = Views(log, Snapshots(log))
    assert [views.at(id).head for id in (-5, 0, 1, 3, 4, 2**63 - 1, 2**70)] == [0, 0, 1, 3, 3, 3, 3]


def test_a_past_moment_is_at_hand_for_whoever_asks_again(log: SqliteLog) -> None:
    _said(log, 9)
    views = Views(log, Snapshots(log))
    past = views.at(4)
    _said(log, 3)
    assert views.at(4) is past
    assert views.at(5).head == 5 and views.at(4).head == 4


def test_threads_that_look_at_once_see_one_mind(log: SqliteLog) -> None:
    """Views are caught up by whoever looks; each sees a whole mind at a head that only grows."""
    import threading

    views = Views(log, Snapshots(log))
    failures: list[str] = []
    done = threading.Event()

    def look() -> None:
        last = 0
        while not done.is_set():
            view = views.at_head()
            if view.head < last or len(view.conversation.pending) != min(view.head, 64):
                failures.append(f"{view.head} after {last}, {len(view.conversation.pending)}")
            last = view.head

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        _said(log, 3)
    done.set()
    for thread in threads:
        thread.join(30)
    assert not failures and views.at_head().head == 300


# -- snapshots in use ------------------------------------------------------------------------------------------------------------------


def _counted(views: Views) -> list[int]:
    """How many events each read of the log gave, from now on."""
    reads: list[int] = []
    original = views._log.since

    def since(id: int, limit: int | None = None) -> list[Event]:
        events = original(id, limit)
        reads.append(len(events))
        return events

    views._log.since = since  # type: ignore[method-assign]
    return reads


def test_a_view_catches_up_with_new_events_alone(log: SqliteLog) -> None:
    """Each look reads what others appended since the last look, never from the beginning, and nothing when there is nothing new."""
    elsewhere = open_log(log.path)
    _said(log, 50)
    views = Views(log, Snapshots(log))
    views.at_head()
    reads = _counted(views)
    views.at_head()
    _said(elsewhere, 3)
    assert [views.at_head().head for _ in range(2)] == [53, 53]
    assert reads == [3]
    elsewhere.close()


def test_what_this_process_appends_is_not_read_again(log: SqliteLog) -> None:
    """The log tells what it stored, and that is folded as it would be read; where others came between, all of it is read."""
    elsewhere = open_log(log.path)
    views = Views(log, Snapshots(log))
    reads = _counted(views)
    _said(log, 2)
    assert (views.at_least(2).head, views.at_least(0).head, views.at_head().head, reads) == (2, 2, 2, [])
    assert views.at_head().digest() == Views(elsewhere, NoSnapshots()).at_head().digest()
    _said(log, 1)
    _said(elsewhere, 1)
    _said(log, 3)
    _said(log, 1)
    assert (views.at_least(3).head, reads) == (3, [])
    assert (views.at_least(8).head, reads) == (8, [5])
    assert views.at_least(8).digest() == Views(elsewhere, NoSnapshots()).at_head().digest()
    _said(log, 2)
    assert (views.at_head().head, reads) == (10, [5])
    elsewhere.close()


def test_what_nobody_looks_at_is_not_kept_for_ever(log: SqliteLog) -> None:
    """A long import goes on without anybody looking: beyond a batch what was appended is forgotten, and read when somebody does."""
    views = Views(log, Snapshots(log))
    for _ in range(6):
        _said(log, 1000)
    assert len(views._heard) <= 3000
    reads = _counted(views)
    assert views.at_head().head == 6000 and sum(reads) < 6000
    assert views.at_head().digest() == Views(log, NoSnapshots()).at_head().digest()


def test_opening_reads_snapshots_and_the_tail_alone(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot at 3,000 of 3,010 events: opening reads ten."""
    _said(log, 3000)
    assert Views(log, Snapshots(log)).save()
    _said(log, 10)
    rows = 0
    original = SqliteLog.since

    def since(self: SqliteLog, id: int, limit: int | None = None) -> list[Event]:
        nonlocal rows
        events = original(self, id, limit)
        rows += len(events)
        return events

    monkeypatch.setattr(SqliteLog, "since", since)
    assert Views(log, Snapshots(log)).at_head().head == 3010
    assert rows == 10


def test_a_snapshot_is_made_when_enough_came(log: SqliteLog) -> None:
    """Every 1,000 events unless asked otherwise, and never twice at one event."""
    views = Views(log, Snapshots(log))
    assert not views.save() and not views.save(every=1)
    _said(log, 999)
    assert not views.save()
    _said(log, 1)
    assert views.save() and not views.save() and not views.save(every=1)
    _said(log, 1)
    assert not views.save() and views.save(every=1)


def _rows(log: SqliteLog) -> list[tuple[Any, ...]]:
    return log.side.run("SELECT projection, position, version FROM snapshots ORDER BY projection, position")


SPOILS = {
    "a flipped byte": "UPDATE snapshots SET state = CAST(state || x'00' AS BLOB)",
    "an empty state": "UPDATE snapshots SET state = x''",
    "garbage": "UPDATE snapshots SET state = x'c1c1c1', digest = x'00'",
    "another digest": "UPDATE snapshots SET digest = zeroblob(32)",
    "another link": "UPDATE snapshots SET link = zeroblob(32)",
    "an older version": "UPDATE snapshots SET version = version - 1",
    "a newer version": "UPDATE snapshots SET version = version + 1",
    "a place past the end": "UPDATE snapshots SET position = position + 1000",
    "a place before": "UPDATE snapshots SET position = position - 1",
    "another projection's state": "UPDATE snapshots SET (state, digest) = "
    "(SELECT s.state, s.digest FROM snapshots s WHERE s.projection = 'usage')",
    "one gone": "DELETE FROM snapshots WHERE projection = 'identity'",
    "all gone": "DELETE FROM snapshots",
}


@pytest.mark.parametrize("how", SPOILS)
@pytest.mark.parametrize("which", ["all", "identity"])
def test_a_doubtful_snapshot_is_discarded_and_made_anew(log: SqliteLog, how: str, which: str) -> None:
    """Whatever is wrong with it, the mind is the same as replayed, and the next save puts it right, also with no new event."""
    log.append([NameAdopted(whose="mind", name="Echo"), NameAdopted(whose="user", name="Ana")])
    _said(log, 30)
    expected = Views(log, NoSnapshots()).at_head().digest()
    assert Views(log, Snapshots(log)).save(every=1)
    sound = _rows(log)
    with closing(sqlite3.connect(log.path)) as db:
        where = " WHERE projection = 'identity'" if which == "identity" and "WHERE projection = 'identity'" not in SPOILS[how] else ""
        db.execute(SPOILS[how] + where)
        db.commit()
    views = Views(log, Snapshots(log))
    assert views.at_head().digest() == expected and views.at_head().identity.name == "Echo"
    for id in (0, 1, 2, 20):
        assert _whole(views.at(id)) == _replayed(log, id)
    if which == "identity" or "another projection" not in how:
        assert views.save(every=1)
        assert _rows(log) == sound
        assert Views(log, Snapshots(log))._saved == 32
    _said(log, 1)
    assert views.save(every=1)
    assert Views(log, Snapshots(log)).at_head().digest() == Views(log, NoSnapshots()).at_head().digest()


def test_a_state_that_decodes_to_something_else_is_discarded(log: SqliteLog) -> None:
    """A whole snapshot (digest and link right) whose bytes are no state of this projection: computed anew."""
    log.append([NameAdopted(whose="mind", name="Echo")])
    expected = Views(log, NoSnapshots()).at_head().digest()
    for state in (
        b"",
        b"\xc1",
        msgspec.msgpack.encode([1, 2]),
        msgspec.msgpack.encode({"name": 5}),
        msgspec.msgpack.encode({"history": "x"}),
    ):
        Snapshots(log).drop()
        Snapshots(log).save([Snapshot("identity", 1, 1, state)])
        assert Views(log, Snapshots(log)).at_head().digest() == expected


def test_a_snapshot_of_a_longer_log_is_not_used_for_a_shorter_one(tmp_path: Path) -> None:
    """An old copy of the file with a newer copy's snapshots: the link doesn't hold, so they are discarded."""
    with closing(_open(tmp_path / "a.db")) as a, closing(_open(tmp_path / "b.db")) as b:
        for log, name in ((a, "Echo"), (b, "Other")):
            log.append([NameAdopted(whose="mind", name=name)])
            assert Views(log, Snapshots(log)).save(every=1)
        rows = a.side.run("SELECT projection, position, version, link, digest, state FROM snapshots")
        b.side.run("DELETE FROM snapshots")
        b.side.many("INSERT INTO snapshots VALUES (?,?,?,?,?,?)", rows)
        assert Views(b, Snapshots(b)).at_head().identity.name == "Other"


# -- a new projection is a single new file ----------------------------------------------------------------------------------------------


class Tally(msgspec.Struct, frozen=True):
    """How many messages of each session."""

    sessions: dict[str, int] = msgspec.field(default_factory=dict)


class TallyProjection(Projection[Tally]):
    """A projection nobody has heard of."""

    name: ClassVar = "tally"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"user_message"})
    State: ClassVar = Tally

    def initial(self) -> Tally:
        return Tally()

    def apply(self, state: Tally, event: Event) -> Tally:
        assert isinstance(event, UserMessage), "only the kinds it wants"
        return Tally({**state.sessions, event.session: state.sessions.get(event.session, 0) + 1})

    def freeze(self, state: Tally) -> int:
        return sum(state.sessions.values())


class TallyAnew(TallyProjection):
    """Its meaning changed: it counts double."""

    version: ClassVar = 2

    def freeze(self, state: Tally) -> int:
        return 2 * super().freeze(state)


def test_a_new_projection_takes_part_at_once(log: SqliteLog) -> None:
    """It is shown under its name, caught up over the whole log though the others have snapshots, saved with them, and loaded again."""
    log.append([NameAdopted(whose="mind", name="Echo")])
    _said(log, 40)
    assert Views(log, Snapshots(log)).save(every=1)
    views = Views(log, Snapshots(log), [*all_projections(), TallyProjection()])
    assert views.at_head().tally == 40 and views.at_head().identity.name == "Echo"
    assert views.save(every=1)
    _said(log, 2)
    again = Views(log, Snapshots(log), [*all_projections(), TallyProjection()])
    assert again.at_head().tally == 42 and again.at(11).tally == 10
    assert again.at_head().digest() != Views(log, Snapshots(log)).at_head().digest()


def test_a_projection_whose_meaning_changed_is_computed_anew(log: SqliteLog) -> None:
    """A raised version discards the old snapshots, for this projection alone."""
    _said(log, 40)
    old = Views(log, Snapshots(log), [*all_projections(), TallyProjection()])
    assert old.save(every=1)
    new = Views(log, Snapshots(log), [*all_projections(), TallyAnew()])
    assert new.at_head().tally == 80 and new.save(every=1)
    assert {row for row in _rows(log) if row[0] == "tally"} == {("tally", 40, 2)}
    assert len(_rows(log)) == len(all_projections()) + 1


def test_a_new_file_in_the_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every module of pmm.projections that defines PROJECTION takes part; nothing else needs to know."""
    import sys

    import pmm.projections

    (tmp_path / "extra_tally.py").write_text("from tests.test_views import TallyProjection as PROJECTION\n")
    monkeypatch.setattr(pmm.projections, "__path__", [*pmm.projections.__path__, str(tmp_path)])
    names = [projection.name for projection in all_projections()]
    monkeypatch.delitem(sys.modules, "pmm.projections.extra_tally")
    monkeypatch.delattr(pmm.projections, "extra_tally")
    assert "tally" in names and names == sorted(names) and set(names) > {"identity", "conversation", "commitments", "directives", "usage"}


def test_the_rule_for_old_snapshots_is_every_ten_thousand() -> None:
    """What `at` counts on."""
    assert KEEP_EVERY == 10_000
