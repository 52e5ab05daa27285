"""`mind.doctor()` and `examine`: what holds, and what doesn't, by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from pmm import Mind, NotAMind, Settings, StorageError
from pmm.errors import DiskFull
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    DirectiveRevoked,
    Event,
    MindCreated,
    ReplyEvent,
    TurnFailedEvent,
    UserMessage,
)
from pmm.memory.index import TextIndex
from pmm.memory.links import Links
from pmm.projections.identity import Identity, IdentityProjection
from pmm.projections.traits import Traits, TraitsProjection
from pmm.runtime.archive import open_archive
from pmm.runtime.doctor import Finding, examine
from pmm.runtime.rebuild import rebuild
from pmm.storage.positions import Position, Positions
from pmm.storage.snapshots import Snapshot, Snapshots
from pmm.storage.sqlite import SqliteLog, open_log, verify_file
from pmm.testing import ScriptedModel, counting, generate_log

Open = Callable[..., Mind]

CHECKS = "chain ids turns references commitments rules facts projections bounds archive index graph consumers".split()


def said(text: str = "Hello.") -> UserMessage:
    return UserMessage(content=text, source="python", session="main")


def replied(to: int) -> ReplyEvent:
    return ReplyEvent(content="Yes.", to=to, route="model", model="m", finish="stop")


def bad(findings: list[Finding]) -> dict[str, str]:
    return {f.check: f.detail for f in findings if not f.ok}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@contextmanager
def opened(path: Path) -> Iterator[SqliteLog]:
    with closing(open_log(path, synchronous="OFF")) as log:
        yield log


def written(path: Path, *events: Event) -> Path:
    """A log of a mind with these events, indexed."""
    with opened(path) as log:
        log.append([MindCreated(format=1, timezone="UTC", software="pmm")])
    return continued(path, *events)


def continued(path: Path, *events: Event) -> Path:
    """The same log with more events."""
    with opened(path) as log:
        TextIndex(log)
        Links(log)
        open_archive(log)
        for event in events:
            log.append([event])
    return path


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        yield db


# -- what is whole -------------------------------------------------------------------------------------------------------------------


def test_a_mind_in_use_is_found_whole(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["I will send you the draft tomorrow.", "Fine."]))
    mind.handle_user("Hello, I'm Scott. Your name is Echo.")
    mind.set_directive("Be brief.")
    mind.close_commitment(mind.commit("call Ana"))
    findings = mind.doctor()
    assert [f.check for f in findings] == CHECKS
    assert not bad(findings)


def test_a_generated_mind_is_found_whole_by_one_scan_and_nothing_is_changed(path: Path) -> None:
    generate_log(path, 3_000, seed=5)
    seen: list[tuple[int, int]] = []
    assert not bad(examine(path, lambda done, of: seen.append((done, of))))
    assert seen == sorted(seen) and seen[-1] == (6000, 6000)
    with Mind.open(path, model=ScriptedModel()) as mind:
        mind.wait_idle(30)
        with counting(mind) as cost:
            mind.doctor()
        assert (cost.full_reads, cost.appended, cost.commits) == (1, 0, 0)


def test_a_message_at_the_very_end_may_still_wait_for_its_reply(path: Path, open_mind: Open) -> None:
    (turns,) = (f for f in examine(written(path, said())) if f.check == "turns")
    assert turns.ok and "message 2 has no answer yet" in turns.detail
    mind = open_mind(ScriptedModel(["One two three."]))
    with mind.handle_user_streaming("Hello.") as stream:
        next(stream)
        assert not bad(mind.doctor())


def test_a_turn_that_died_and_was_healed_is_whole(path: Path) -> None:
    written(path, said(), TurnFailedEvent(to=2, reason="stopped"), said(), replied(4))
    assert not bad(examine(path))


# -- only what is new ----------------------------------------------------------------------------------------------------------------


def chain(findings: list[Finding]) -> str:
    return next(f.detail for f in findings if f.check == "chain")


def test_the_next_check_goes_on_from_the_last_and_says_so_and_finds_the_same(path: Path) -> None:
    generate_log(path, 1_000, seed=5)
    assert chain(examine(path)) == "all 1,000 events"
    assert chain(examine(path)) == "0 new events; an earlier check found the 1,000 before them whole"
    with Mind.open(path, model=ScriptedModel(["I will send you the draft tomorrow."])) as mind:
        for n in range(3):
            mind.handle_user(f"Remind me to call number {n} tomorrow.")
        mind.wait_idle(30)
        head = mind.log.head[0]
    seen: list[tuple[int, int]] = []
    new = examine(path, lambda done, of: seen.append((done, of)))
    assert not bad(new) and chain(new).startswith(f"{head - 1000} new events; ") and seen[-1] == (2 * (head - 1000),) * 2
    every = examine(path, full=True)
    assert not bad(every) and chain(every) == f"all {head:,} events"
    told = {f.check: f.detail for f in every if f.check not in ("chain", "ids")}
    assert told == {f.check: f.detail for f in new if f.check not in ("chain", "ids")}


def test_what_a_check_reads_depends_on_what_is_new_alone(tmp_path: Path) -> None:
    """Not on the size of the log; of what is kept beside it, the engine counts the rows and gives a few."""
    read = {}
    for size in (1_000, 8_000):
        generate_log(tmp_path / f"{size}.db", size, seed=5)
        with Mind.open(tmp_path / f"{size}.db", model=ScriptedModel(), settings={"synchronous": "NORMAL"}) as mind:
            with counting(mind) as first:
                assert not bad(mind.doctor())
            head = mind.log.head[0]
            for n in range(5):
                mind.handle_user(f"Hello number {n}.")
            assert mind.wait_idle(60)
            with counting(mind) as cost:
                assert not bad(mind.doctor())
            new = mind.log.head[0] - head
            kept = len(mind.view().commitments.open) + len(mind.view().facts.current)  # held against the archive, each with its few events
            assert first.rows_read >= 2 * size and cost.rows_read <= 2 * new + 3 * kept + 60
            read[size] = cost.rows_read - 2 * new - 3 * kept
    assert abs(read[8_000] - read[1_000]) < 200


def test_an_old_event_that_was_changed_since_is_found_by_a_full_check_which_the_next_one_then_is(path: Path) -> None:
    written(path, said("I paid."), replied(2))
    assert not bad(examine(path))
    with tampering(path) as db:
        db.execute("UPDATE events SET content = 'I did not pay.' WHERE id = 2")
    assert chain(examine(path)).startswith("0 new events")
    assert not verify_file(path).ok
    for full in (True, False):
        assert bad(examine(path, full=full)) == {"chain": "event 2: its content, meta, key, salt or seal was changed"}
    continued(path, said(), replied(4))
    assert chain(examine(path)) == "event 2: its content, meta, key, salt or seal was changed"


def test_a_fault_in_what_is_new_is_found_each_time(path: Path) -> None:
    written(path, said(), replied(2))
    assert not bad(examine(path))
    continued(path, said("I paid."), replied(4), replied(4))
    told = {"turns": "event 6: it ends message 4, which was not waiting for an end"}
    assert bad(examine(path)) == bad(examine(path)) == told
    with tampering(path) as db:
        db.execute("UPDATE events SET content = 'I did not pay.' WHERE id = 4")
    assert bad(examine(path)) == {"chain": "event 4: its content, meta, key, salt or seal was changed", **told}


def test_what_is_new_may_speak_of_what_is_old(path: Path) -> None:
    """The message that waited for its end, a commitment, a rule; and what is none is still told."""
    written(path, CommitmentOpened(content="call", owner="mind"), said())
    assert not bad(examine(path))
    continued(path, replied(3), CommitmentClosed(cid=2, outcome="kept"))
    findings = examine(path)
    assert not bad(findings) and "1 opened" in {f.detail for f in findings}
    continued(path, CommitmentClosed(cid=3, outcome="kept"), replied(3))
    assert bad(examine(path)) == {
        "turns": "event 7: it ends message 3, which was not waiting for an end",
        "commitments": "event 6: it speaks of 3, which is no commitment_opened",
    }


def _another_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tampering(path) as db:
        db.execute("UPDATE events SET hash = zeroblob(32) WHERE id = 3")


def _changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tampering(path) as db:
        db.execute("UPDATE snapshots SET state = x'00' WHERE projection = 'verified'")


def _made_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rebuild(path, Settings(), lambda name: lambda done, of: None)


def _other_rules(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IdentityProjection, "version", 99)


@pytest.mark.parametrize("change", [_another_log, _changed, _made_anew, _other_rules])
def test_where_the_last_check_can_not_be_gone_on_from_everything_is_checked(
    path: Path, change: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(path, said(), replied(2))
    assert not bad(examine(path)) and "new" in chain(examine(path))
    change(path, monkeypatch)
    assert "new" not in chain(examine(path))


def test_a_check_that_can_not_be_remembered_still_tells(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, said(), replied(2))

    def full(*_: object) -> None:
        raise DiskFull("the disk is full.")

    monkeypatch.setattr(Snapshots, "save", full)
    assert not bad(examine(path)) and chain(examine(path)) == "all 3 events"


# -- what isn't ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([said(), said(), replied(3)], "event 3: message 2 was never ended"),
        ([said(), replied(2), replied(2)], "event 4: it ends message 2, which was not waiting for an end"),
        ([said(), replied(2), TurnFailedEvent(to=2, reason="stopped")], "event 4: it ends message 2, which was not waiting for an end"),
        ([replied(1)], "event 2: it ends message 1, which was not waiting for an end"),
    ],
)
def test_a_message_that_does_not_end_exactly_once(path: Path, events: list[Event], told: str) -> None:
    assert bad(examine(written(path, *events))) == {"turns": told}


def test_a_closing_of_what_was_never_opened(path: Path) -> None:
    written(path, CommitmentOpened(content="call", owner="mind"), CommitmentClosed(cid=1, outcome="kept"), DirectiveRevoked(did=2))
    assert bad(examine(path)) == {
        "commitments": "event 3: it speaks of 1, which is no commitment_opened",
        "rules": "event 4: it speaks of 2, which is no directive_set",
    }


def test_of_many_faults_some_are_told_and_all_are_counted(path: Path) -> None:
    told = bad(examine(written(path, *(replied(1) for _ in range(10)))))["turns"]
    assert told.count("event ") == 3 and told.endswith("; and 7 more")


def test_a_changed_content_is_named(path: Path) -> None:
    written(path, said("I paid."), replied(2))
    with tampering(path) as db:
        db.execute("UPDATE events SET content = 'I did not pay.' WHERE id = 2")
    assert bad(examine(path)) == {"chain": "event 2: its content, meta, key, salt or seal was changed"}


def test_a_removed_event_is_named(path: Path) -> None:
    written(path, said(), replied(2), said(), replied(4))
    with tampering(path) as db:
        db.execute("DELETE FROM events WHERE id = 3")
    told = bad(examine(path))
    assert told["chain"] == "event 3: missing" and told["ids"] == "event 4: it comes right after event 2"
    assert told["turns"] == "event 4: message 2 was never ended" and "index" in told


def test_a_reference_to_what_is_not_there_is_named(path: Path) -> None:
    written(path, CommitmentOpened(content="call", owner="mind"))
    with tampering(path) as db:
        db.execute('UPDATE events SET meta = \'{"owner":"mind","source":7}\' WHERE id = 2')
    assert bad(examine(path))["references"] == "event 2: it refers to event 7, which does not come before it"


@pytest.mark.parametrize("change", ["content = NULL", "meta = 'no json'", "kind = 'no_such_kind'"])
def test_what_can_not_be_read_is_named_and_the_rest_is_still_told(path: Path, change: str) -> None:
    written(path, said(), replied(2), said(), replied(4))
    with tampering(path) as db:
        db.execute(f"UPDATE events SET {change} WHERE id = 3")
    findings = examine(path)
    assert [f.check for f in findings] == CHECKS
    told = bad(findings)
    assert told["chain"].startswith("event 3: ")
    assert told["ids"].startswith("after event 2 the log can't be read: event 3") and "can't be told" in told["projections"]


def test_a_cut_tail_is_named(path: Path) -> None:
    written(path, said(), replied(2))
    with tampering(path) as db:
        db.execute("DELETE FROM events WHERE id = 3")
    assert bad(examine(path))["chain"] == "event 3: missing: the head says there are 3 events"


def test_a_state_that_is_not_what_a_replay_gives_is_named(path: Path) -> None:
    written(path, said(), replied(2))
    with opened(path) as log:
        projection = IdentityProjection()
        forged = msgspec.msgpack.encode(Identity(name="Mallory"))
        Snapshots(log).save([Snapshot(projection.name, projection.version, log.head[0], forged)])
    assert bad(examine(path)) == {"projections": "identity: not what a replay from event 1 gives"}


def test_a_trait_out_of_bounds_is_named(path: Path) -> None:
    written(path, said(), replied(2))
    with opened(path) as log:
        projection = TraitsProjection()
        Snapshots(log).save([Snapshot(projection.name, projection.version, log.head[0], msgspec.msgpack.encode(Traits(E=1.5)))])
    assert bad(examine(path))["bounds"] == "trait E is 1.5, not within 0 and 1"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM docs WHERE id = 5", "it ends with event 4; the last message is event 5"),
        ("DELETE FROM docs WHERE id = 3", "it holds 3 messages; the log has 4"),
        ("UPDATE words SET docs = docs + 1 WHERE word = '#docs'", "it counts 5 messages"),
        ("UPDATE words SET docs = docs + 1 WHERE word = '#words'", "it counts 4 messages"),
        ("UPDATE index_version SET inverted = 5", "its inverted part holds 0 messages of 4"),
        ("UPDATE index_version SET version = 0", "it has version 0"),
        ("DROP TABLE docs", "there is none"),
    ],
)
def test_an_index_that_does_not_fit_the_log_is_named_and_not_repaired(path: Path, statement: str, told: str) -> None:
    written(path, said(), replied(2), said(), replied(4))
    with tampering(path) as db:
        db.execute(statement)
    for _ in range(2):
        assert told in bad(examine(path))["index"]


def test_a_consumer_that_gave_up_is_named_and_one_that_tries_again_is_told(path: Path) -> None:
    with opened(written(path, said(), replied(2))) as log:
        Positions(log).save(Position("epochs", position=3, parked=(2, 3)))
        Positions(log).save(Position("index", position=1, failures=2, error="OSError: no"))
    told = bad(examine(path))
    assert list(told) == ["consumers"]
    assert "epochs gave up on 2 events, last 3" in told["consumers"] and "index failed 2 times" in told["consumers"]


def test_a_consumer_that_is_ahead_of_the_log_is_named(path: Path) -> None:
    with opened(written(path, said(), replied(2))) as log:
        Positions(log).save(Position("epochs", position=9))
    assert "epochs is at event 9" in bad(examine(path))["consumers"]


def test_damaged_pages_are_told_not_raised(path: Path) -> None:
    generate_log(path, 500)
    whole = bytearray(path.read_bytes())
    for at in range(4096 * 3, len(whole), 4096 * 2):
        whole[at : at + 64] = b"\xff" * 64
    path.write_bytes(whole)
    told = bad(examine(path))
    assert "chain" in told


def test_what_is_no_mind_raises(tmp_path: Path) -> None:
    (tmp_path / "b.db").write_text("no database at all" * 100)
    with pytest.raises(NotAMind):
        examine(tmp_path / "b.db")
    with pytest.raises(StorageError):
        examine(tmp_path / "no folder" / "b.db")
