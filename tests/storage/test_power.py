"""Loss of power at any moment of appending: what was acknowledged is there, nothing is half there, the chain is whole, it goes on at once.

See tests/storage/power.py for what a loss leaves. Controls keep the harness honest: at synchronous=NORMAL, offered by name as "may lose the
last seconds", something must be found missing; a disk that says it synced and didn't must be caught; one that drops nothing must have the
very bytes that the real one has.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from shutil import rmtree

import pytest

from pmm.clock import SimulatedClock
from pmm.errors import NotAMind, StorageError
from pmm.storage.positions import Position, Positions
from pmm.storage.snapshots import Snapshot, Snapshots
from pmm.storage.sqlite import SqliteLog, copy_file, open_log, verify_file
from tests.storage.files import answered, said, small_mind
from tests.storage.power import ALL, NOTHING, Acknowledged, Created, Disk, Loss, Odds, Recorder, Synced, losses, moments


def _life(path: Path, rng: Random, appends: int, synchronous: str = "FULL") -> Recorder:
    """A log that is opened, sometimes twice as two processes would, appended to and closed some times; every group is acknowledged. Beside
    it are rows that may be lost."""
    with Recorder(path.parent) as disk:
        while appends > 0:
            with ExitStack() as stack:
                logs = [stack.enter_context(closing(_open(path, synchronous))) for _ in range(rng.choice([1, 1, 2]))]
                disk.acknowledged(logs[0].head)
                for _ in range(rng.randint(1, 40)):
                    log = rng.choice(logs)
                    _append(log, rng)
                    disk.acknowledged(log.head)
                    appends -= 1
    return disk


def _open(path: Path, synchronous: str) -> SqliteLog:
    return open_log(path, clock=SimulatedClock("2026-03-02T09:00:00+00:00"), synchronous=synchronous)


def _append(log: SqliteLog, rng: Random) -> None:
    """A group that says how large it is. Positions and snapshots go through the connection at NORMAL on purpose: they are made again."""
    size = rng.randint(1, 6)
    first = log.head[0] + 1
    text = f"{first} of {size} " + "x" * rng.choice([10, 300, 9000])
    log.append([said(text, session=f"{first}/{size}", key=f"{first}"), *(answered(-1, "y" * rng.randint(0, 300)) for _ in range(size - 1))])
    if rng.random() < 0.3:
        Positions(log).save(Position("follower", position=first))
    if rng.random() < 0.2:
        Snapshots(log).save([Snapshot("p", 1, log.head[0], rng.randbytes(rng.randint(10, 20_000)))])


def _found(loss: Loss, folder: Path) -> int:
    """Open what a loss left, look at all of it, go on. How many acknowledged events are missing."""
    path = loss.restore(folder)
    whole: int | None = None
    try:
        verdict = verify_file(path)
        assert verdict.ok, verdict
        whole = verdict.events
    except NotAMind:  # it wasn't made yet
        pass
    with closing(open_log(path, synchronous="OFF")) as log:
        head, _ = log.head
        assert head == (whole or 0)
        _look(log, head)
        if head >= loss.acknowledged.id > 0:
            assert log.main.run("SELECT hash FROM events WHERE id = ?", (loss.acknowledged.id,)) == [(loss.acknowledged.hash,)]
        assert log.append([said("and on", session="-/1")])[0].id == head + 1
    assert verify_file(path).events == head + 1
    rmtree(folder)
    return max(0, loss.acknowledged.id - head)


def _look(log: SqliteLog, head: int) -> None:
    events = list(log.scan())
    assert [event.id for event in events] == list(range(1, head + 1))
    at = 0
    while at < head:
        size = int(events[at].session.split("/")[1])  # type: ignore[attr-defined]
        group = events[at + 1 : at + size]
        assert len(group) == size - 1 and all(e.to == at + 1 for e in group), f"half a group at {at + 1}"  # type: ignore[attr-defined]
        at += size
    assert all(p.position <= head for p in Positions(log).all())
    assert Snapshots(log).load("p", 1, head + 9) == Snapshots(log).load("p", 1, head)


def _missing(tmp_path: Path, seed: int, *, appends: int, count: int, lives: int = 1, synchronous: str = "FULL") -> list[int]:
    """What was missing after each of so many losses in each life. A life begins with what a loss in the one before left. The files of a
    loss that is not survived stay."""
    rng, missing = Random(seed), []
    left = Loss(0, {}, Acknowledged(0, bytes(32)))
    for n in range(lives):
        disk = _life(left.restore(tmp_path / f"life {n} of seed {seed}"), rng, appends, synchronous)
        all_of_them = list(losses(disk, rng, moments(disk, rng, count)))
        missing += [_found(loss, tmp_path / f"life {n} of seed {seed}, power lost at {loss.moment}") for loss in all_of_them]
        left = rng.choice(all_of_them)
    return missing


@pytest.mark.parametrize("seed", range(3))
def test_nothing_acknowledged_is_lost_with_the_power(tmp_path: Path, seed: int) -> None:
    """Ninety losses, each life but the first going on from one."""
    assert not any(_missing(tmp_path, seed, appends=30, count=10, lives=3))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_nothing_acknowledged_is_lost_in_two_thousand_losses(tmp_path: Path, seed: int) -> None:
    """With lives long enough for the write-ahead log to be folded in and begun anew, many times over."""
    assert not any(_missing(tmp_path, seed, appends=300, count=25, lives=4))


def test_power_may_fail_at_any_moment_of_making_a_mind(tmp_path: Path) -> None:
    """Also while its very first page is written, which leaves a torn one and a journal to take it back: that was refused as no mind."""
    rng = Random(1)
    (tmp_path / "made").mkdir()
    disk = _life(tmp_path / "made" / "mind.db", rng, appends=1)
    opened = next(n for n, entry in enumerate(disk.record) if isinstance(entry, Acknowledged))
    logged = next(n for n, entry in enumerate(disk.record) if isinstance(entry, Created) and entry.name.endswith("-wal"))
    at = [n for n in range(opened) for _ in range(6 if n < logged else 1)]
    for n, loss in enumerate(losses(disk, rng, at, Odds(0.3, 0.9))):
        assert not _found(loss, tmp_path / f"loss {n} at {loss.moment}")


@pytest.mark.skipif(os.name == "nt", reason="folders can't be synced there")
def test_a_backup_is_on_the_disk_when_it_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First what is in it, then, once it has its name, the folder."""
    small_mind(tmp_path / "mind.db")
    (tmp_path / "safe").mkdir()
    copy, synced = tmp_path / "safe" / "copy.db", []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append((os.fstat(file).st_ino, copy.exists())))
    copy_file(tmp_path / "mind.db", copy)
    assert synced == [(copy.stat().st_ino, False), (copy.parent.stat().st_ino, True)]


# -- controls ------------------------------------------------------------------------------------------------------------------------


def test_at_normal_some_of_it_is_lost_and_what_is_left_is_whole(tmp_path: Path) -> None:
    assert any(_missing(tmp_path, 5, appends=30, count=30, synchronous="NORMAL"))


def test_a_disk_that_does_not_sync_is_caught(tmp_path: Path) -> None:
    """It loses, or mixes old and new so that the file can't be read."""
    (tmp_path / "a").mkdir()
    rng = Random(6)
    disk = _life(tmp_path / "a" / "mind.db", rng, appends=30)
    disk.record = [entry for entry in disk.record if not isinstance(entry, Synced)]
    caught = 0
    for n, loss in enumerate(losses(disk, rng, [len(disk.record)] * 20)):
        try:
            caught += _found(loss, tmp_path / f"loss {n}") > 0
        except (AssertionError, StorageError):
            caught += 1
    assert caught > 10


def test_a_disk_that_drops_nothing_has_what_the_real_one_has(tmp_path: Path) -> None:
    """At the end, and with the mind still open; and what it has synced by then is enough."""
    folder = tmp_path / "a"
    folder.mkdir()
    rng = Random(7)
    _life(folder / "mind.db", rng, appends=30)
    with Recorder(folder) as recorder:
        with closing(open_log(folder / "mind.db")) as log:
            for _ in range(30):
                _append(log, rng)
            while_open = (len(recorder.record), _real(folder))
            recorder.acknowledged(log.head)
        at_end = (len(recorder.record), _real(folder))
    disk, done = Disk(recorder), 0
    for moment, real in (while_open, at_end):
        for entry in recorder.record[done:moment]:
            disk.take(entry)
        done = moment
        assert disk.after_loss(rng, ALL) == real
    assert not _found(Loss(done, disk.after_loss(rng, NOTHING), disk.acknowledged), tmp_path / "b")


def _real(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.endswith("-shm")}
