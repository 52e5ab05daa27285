"""When the disk is full or fails: nothing is acknowledged that isn't stored, reads go on, and what can't be trusted stops."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from pmm.errors import DiskFull, LogStopped, MindBusy, StorageError
from pmm.storage import door as door_module
from pmm.storage.positions import Position, Positions
from pmm.storage.snapshots import Snapshot, Snapshots
from pmm.storage.sqlite import SqliteLog, open_log, verify_file
from tests.storage.files import fast_log, said


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KB; skipped where it can't be mounted."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_space(tiny_disk: Path) -> None:
    """DiskFull for the event that has no room, reads go on, and once space is freed the same log appends again; nothing is half there."""
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    log = open_log(tiny_disk / "mind.db", synchronous="NORMAL")
    stored = []
    for round in range(3):
        with pytest.raises(DiskFull):
            for n in range(1000):
                stored += log.append([said(f"{round} {n} " + "x" * 3000, key=f"{round} {n}")])
        assert log.since(0) == stored and log.head[0] == len(stored)
        with pytest.raises(DiskFull):
            log.append([said("y" * 200_000)])
        with pytest.raises(DiskFull):
            Snapshots(log).save([Snapshot("p", 1, 1, b"z" * 200_000)])
        assert log.get(1) == stored[0] and log.verify().ok
        if round == 0:
            ballast.write_bytes(bytes(50_000))
        if round == 1:
            ballast.unlink()
        if round < 2:
            stored += log.append([said("there is space", key=f"space {round}")])
    log.close()
    log = open_log(tiny_disk / "mind.db", synchronous="NORMAL")
    assert log.since(0) == stored
    log.close()
    assert verify_file(tiny_disk / "mind.db").events == len(stored)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_mind_can_not_be_made_on_a_full_disk_and_says_so(tiny_disk: Path) -> None:
    """A typed error, and once there is space the same path works."""
    ballast = tiny_disk / "ballast"
    with ballast.open("wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass
    with pytest.raises(DiskFull):
        open_log(tiny_disk / "mind.db")
    ballast.unlink()
    log = open_log(tiny_disk / "mind.db")
    assert log.append([said()])[0].id == 1
    log.close()


class _Faulty:
    """A connection whose statements fail when told to."""

    def __init__(self, db: apsw.Connection) -> None:
        self.db = db
        self.fail: Callable[[str], BaseException | None] = lambda sql: None
        self.done: list[str] = []

    def execute(self, sql: str, *args: Any) -> Any:
        first, _, second = sql.partition("; ")
        error = self.fail(first)
        if error is None and second:
            error = self.fail(second)
            if error is not None:
                self.db.execute(first)
        if error is not None:
            raise error
        self.done.append(sql)
        return self.db.execute(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)


def _faulty(door: door_module.Door) -> _Faulty:
    faulty = _Faulty(door._db)
    door._db = faulty  # type: ignore[assignment]
    return faulty


def _at(word: str, error: BaseException) -> Callable[[str], BaseException | None]:
    return lambda sql: error if sql.startswith(word) else None


@pytest.mark.parametrize("failing", ["main", "side"])
@pytest.mark.parametrize("word", ["COMMIT", "BEGIN", "SELECT"])
def test_a_disk_that_fails_stops_the_log_for_good(tmp_path: Path, word: str, failing: str) -> None:
    """After one I/O error nothing is written by this process any more, through neither connection; reads go on; closing leaves the disk."""
    log = fast_log(tmp_path / "mind.db")
    log.append([said("before")])
    main, side = _faulty(log.main), _faulty(log.side)
    faulty = main if failing == "main" else side
    faulty.fail = _at(word, apsw.IOError("disk I/O error"))
    act = (lambda: log.append([said("never")])) if failing == "main" else (lambda: Snapshots(log).save([Snapshot("p", 1, 1, b"")]))
    with pytest.raises(LogStopped):
        act()
    faulty.fail = lambda sql: None
    for _ in range(3):
        with pytest.raises(LogStopped, match="disk"):
            log.append([said("never")])
        with pytest.raises(LogStopped):
            Positions(log).save(Position("p", 1))
    assert [event.content for event in log.since(0)] == ["before"] and log.head[0] == 1
    log.close()
    assert not any("checkpoint" in sql for sql in main.done + side.done)
    again = fast_log(tmp_path / "mind.db")
    assert again.append([said("after")])[0].id == 2
    again.close()
    assert verify_file(tmp_path / "mind.db").ok


def test_a_rollback_that_fails_stops_the_log_for_good(tmp_path: Path) -> None:
    """A transaction that can't be undone might be anything."""
    log = fast_log(tmp_path / "mind.db")
    faulty = _faulty(log.main)
    faulty.fail = lambda sql: apsw.FullError() if sql == "COMMIT" else apsw.SQLError("no") if sql == "ROLLBACK" else None
    with pytest.raises(DiskFull):
        log.append([said()])
    faulty.fail = lambda sql: None
    with pytest.raises(LogStopped):
        log.append([said()])
    log.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [(apsw.FullError(), DiskFull), (apsw.BusyError(), MindBusy), (apsw.LockedError(), MindBusy), (apsw.ConstraintError(), StorageError)],
)
@pytest.mark.parametrize("word", ["BEGIN", "SELECT", "UPDATE", "COMMIT"])
def test_what_passes_stops_nothing(tmp_path: Path, error: BaseException, told: type[Exception], word: str) -> None:
    """No space, somebody else writing: told by type, nothing stored, and the next append works."""
    log = fast_log(tmp_path / "mind.db")
    faulty = _faulty(log.main)
    faulty.fail = _at(word, error)
    with pytest.raises(told) as refusal:
        log.append([said("no", key="k")])
    assert str(tmp_path) in str(refusal.value)
    faulty.fail = lambda sql: None
    assert log.since(0) == [] and log.append([said("yes", key="k")])[0].id == 1
    log.close()
    assert verify_file(tmp_path / "mind.db").ok


def test_an_interrupt_in_the_middle_of_an_append_undoes_it(tmp_path: Path) -> None:
    """Ctrl-C between any two statements: nothing stored, no lock kept."""
    log = fast_log(tmp_path / "mind.db")
    faulty = _faulty(log.main)
    for word in ("BEGIN", "SELECT", "UPDATE", "COMMIT"):
        faulty.fail = _at(word, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            log.append([said("no", key="k")])
        faulty.fail = lambda sql: None
        assert log.since(0) == []
        Positions(log).save(Position("p", 1))
    assert log.append([said("yes", key="k")])[0].id == 1
    log.close()


class _FailingFile(apsw.VFSFile):
    """A file whose syncs fail while the flag file is there."""

    def xSync(self, flags: int) -> None:
        if _Failing.on:
            raise apsw.IOErrorFsyncError() if hasattr(apsw, "IOErrorFsyncError") else apsw.IOError("fsync failed")
        super().xSync(flags)


class _Failing(apsw.VFS):
    on = False

    def __init__(self) -> None:
        super().__init__("failing", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _FailingFile("", name, flags)


def test_a_sync_that_fails_acknowledges_nothing_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a real VFS whose fsync fails: LogStopped, then LogStopped for ever, though the disk is well again."""
    vfs = _Failing()
    monkeypatch.setattr(_Failing, "on", False)

    def connect(path: Path, *, synchronous: str) -> apsw.Connection:
        db = apsw.Connection(str(path), vfs="failing")
        db.pragma("locking_mode", "exclusive")  # this VFS has no shared memory
        db.pragma("journal_mode", "wal")
        db.pragma("synchronous", synchronous)
        return db

    main = door_module.Door(connect(tmp_path / "mind.db", synchronous="FULL"), door_module.Counts(), door_module.WriteLock(), durable=True)
    main.run("CREATE TABLE t (x)")
    with main.writing():
        main.run("INSERT INTO t VALUES (1)")
    _Failing.on = True
    with pytest.raises(LogStopped), main.writing():
        main.run("INSERT INTO t VALUES (2)")
    _Failing.on = False
    with pytest.raises(LogStopped), main.writing():
        main.run("INSERT INTO t VALUES (3)")
    assert main.run("SELECT x FROM t") == [(1,)]
    main.close(checkpoint=True)
    del vfs


def test_opening_tells_engine_errors_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine raises while a connection is being made is one of ours, whichever it is, and no connection is left open."""
    made: list[Any] = []
    real = apsw.Connection

    def connection(*args: Any, **kwargs: Any) -> Any:
        db = _Faulty(real(*args, **kwargs))
        made.append(db)
        if len(made) == failing:
            db.pragma = lambda *a: (_ for _ in ()).throw(apsw.FullError())  # type: ignore[attr-defined]
        return db

    for number in (1, 2):
        failing = number
        made.clear()
        with monkeypatch.context() as patch:
            patch.setattr(door_module.apsw, "Connection", connection)
            with pytest.raises(DiskFull):
                SqliteLog(tmp_path / "mind.db", clock=None, ids=None, synchronous="OFF", max_event_bytes=1)  # type: ignore[arg-type]
        for db in made:
            with pytest.raises(apsw.ConnectionClosedError):
                db.db.execute("SELECT 1")


def test_opening_waits_for_who_is_making_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine says BUSY at once, without its usual patience, while another process switches the journal: we ask again."""
    real, asked = apsw.Connection, 0

    class Busy(apsw.Connection):
        def pragma(self, name: str, *args: Any, **kwargs: Any) -> Any:
            nonlocal asked
            if name == "journal_mode" and (asked := asked + 1) in (1, 2, 4):
                raise apsw.BusyError("database is locked")
            return real.pragma(self, name, *args, **kwargs)

    monkeypatch.setattr(door_module.apsw, "Connection", Busy)
    log = open_log(tmp_path / "mind.db", synchronous="OFF")
    assert asked == 5 and log.append([said()])[0].id == 1
    log.close()
