"""Opening: what is refused stays as it was, what is new is private, and a migration is whole or has not happened."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from pmm.clock import Clock
from pmm.errors import BrokenLog, InvalidInput, MindClosed, NotAMind, StorageError, UnsafeEngine
from pmm.storage import sqlite as engine
from pmm.storage.door import refuse_unsafe_engine
from pmm.storage.sqlite import APPLICATION_ID, SCHEMA, open_log, verify_file
from tests.storage.files import fast_log, folder_state, said, small_mind


@pytest.mark.parametrize("version", [3_051_003, 3_051_004, 3_052_000, 3_054_001, 4_000_000, 3_050_007, 3_050_099, 3_044_006, 3_044_099])
def test_a_safe_sqlite_is_accepted(version: int) -> None:
    """3.51.3 and newer, and the two older lines that got the repair."""
    refuse_unsafe_engine(version)


@pytest.mark.parametrize("version", [3_051_002, 3_051_000, 3_050_006, 3_050_000, 3_049_002, 3_045_000, 3_044_005, 3_040_001, 3_007_000])
def test_an_unsafe_sqlite_is_refused_with_the_reason(version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older ones can lose commits; the refusal names the version and what to do, and no file is made."""
    with pytest.raises(UnsafeEngine, match=r"3\.\d+\.\d+") as refusal:
        refuse_unsafe_engine(version)
    assert "apsw" in refusal.value.hint
    monkeypatch.setattr(apsw, "SQLITE_VERSION_NUMBER", version)
    with pytest.raises(UnsafeEngine):
        open_log(tmp_path / "mind.db")
    assert list(tmp_path.iterdir()) == []


def test_the_bundled_sqlite_is_safe() -> None:
    """What apsw brings is new enough."""
    refuse_unsafe_engine(apsw.SQLITE_VERSION_NUMBER)


def test_a_new_file_is_private_and_ours(tmp_path: Path) -> None:
    """Mode 0600 from its first byte, also its write-ahead log and index, whatever the umask."""
    old = os.umask(0)
    try:
        log = open_log(tmp_path / "mind.db", synchronous="OFF")
        log.append([said()])
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        log.close()
    finally:
        os.umask(old)
    with closing(sqlite3.connect(tmp_path / "mind.db")) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_default_is_durable(tmp_path: Path) -> None:
    """synchronous=FULL unless asked otherwise; the second connection is at NORMAL."""
    log = open_log(tmp_path / "mind.db")
    assert log.main.run("PRAGMA synchronous") == [(2,)] and log.side.run("PRAGMA synchronous") == [(1,)]
    log.close()


def test_a_closed_mind_is_one_file(tmp_path: Path) -> None:
    """Closing folds the write-ahead log in; the file alone holds everything."""
    stored = small_mind(tmp_path / "mind.db")
    assert [p.name for p in tmp_path.iterdir()] == ["mind.db"]
    (tmp_path / "copy.db").write_bytes((tmp_path / "mind.db").read_bytes())
    log = fast_log(tmp_path / "copy.db")
    assert log.since(0) == stored
    log.close()


def test_what_can_not_be_a_mind_is_refused(tmp_path: Path) -> None:
    """A missing folder, a folder, and a database in memory: a typed error with a hint, and nothing is made."""
    with pytest.raises(StorageError, match="does not exist"):
        open_log(tmp_path / "no" / "mind.db")
    with pytest.raises(NotAMind):
        open_log(tmp_path)
    with pytest.raises(InvalidInput):
        open_log(":memory:")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_becomes_a_mind(tmp_path: Path) -> None:
    """Somebody's `touch`, or a process killed right after it made the file."""
    (tmp_path / "mind.db").touch()
    log = fast_log(tmp_path / "mind.db")
    assert log.append([said()])[0].id == 1
    log.close()


def test_a_closed_log_says_so(tmp_path: Path) -> None:
    """Reads and appends after close raise MindClosed, and closing again is fine."""
    log = fast_log(tmp_path / "mind.db")
    log.append([said()])
    log.close()
    log.close()
    for act in (lambda: log.get(1), lambda: log.append([said()]), lambda: log.head, lambda: list(log.scan())):
        with pytest.raises(MindClosed):
            act()


def test_closing_does_not_wait_for_a_reader_elsewhere(tmp_path: Path) -> None:
    """Another process in the middle of a read keeps the write-ahead log; closing leaves it and returns at once."""
    path = tmp_path / "mind.db"
    log, other = fast_log(path), fast_log(path)
    log.append([said()])
    other.main.run("BEGIN")
    assert other.get(1) is not None
    log.append([said()])
    start = time.perf_counter()
    log.close()
    assert time.perf_counter() - start < 20
    other.main.run("COMMIT")
    assert other.head[0] == 2
    other.close()
    assert verify_file(path).events == 2


# -- several at once -----------------------------------------------------------------------------------------------------------------

CREATE = """
import sys, time
from pmm.events import UserMessage
from pmm.storage.sqlite import open_log
print("ready", flush=True)
for path in sys.stdin:
    log = open_log(path.strip(), synchronous="OFF")
    log.append([UserMessage(content="x", source="cli", session="main")])
    log.close()
    print("done", flush=True)
"""


def _creators(count: int) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CREATE]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return processes


def test_processes_that_create_one_file_at_once_make_one_mind(tmp_path: Path) -> None:
    """Five processes open the same new file in the same moment, sixty times: one schema, five events, no error."""
    processes = _creators(5)
    try:
        for n in range(60):
            path = tmp_path / f"{n}.db"
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{path}\n")
                process.stdin.flush()
            for process in processes:
                assert process.stdout is not None and process.stdout.readline() == "done\n"
            verdict = verify_file(path)
            assert verdict.ok and verdict.events == 5
    finally:
        for process in processes:
            process.communicate()


# -- migrations ----------------------------------------------------------------------------------------------------------------------


def _interrupted(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The nth statement that the migration runs raises instead."""
    original, seen = engine.Door.run, 0

    def run(self: engine.Door, sql: str, args: object = ()) -> object:
        nonlocal seen
        seen += 1
        if seen == at:
            raise KeyboardInterrupt
        return original(self, sql, args)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.Door, "run", run)


@pytest.mark.parametrize("at", range(1, 9))
def test_a_first_migration_that_is_interrupted_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Whichever statement is the last one, the file opens afterwards as if nothing had been, and works."""
    with monkeypatch.context() as patch:
        _interrupted(patch, at)
        try:
            open_log(tmp_path / "mind.db", synchronous="OFF").close()
        except KeyboardInterrupt:
            pass
    log = fast_log(tmp_path / "mind.db")
    assert log.append([said()])[0].id == 1
    log.close()
    assert verify_file(tmp_path / "mind.db").ok


@pytest.mark.parametrize("at", range(1, 10))
def test_a_later_migration_that_is_interrupted_opens_as_the_old_or_the_new_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """A migration of many statements, stopped at each: all of it is there, or none; the events are the same; an older program refuses."""
    path = tmp_path / "mind.db"
    stored = small_mind(path)
    more = "CREATE TABLE one (x INTEGER) STRICT; CREATE TABLE two (x INTEGER) STRICT; INSERT INTO two VALUES (1);"
    with monkeypatch.context() as patch:
        patch.setattr(engine, "MIGRATIONS", (*engine.MIGRATIONS, more))
        patch.setattr(engine, "SCHEMA", SCHEMA + 1)
        with patch.context() as fault:
            _interrupted(fault, at)
            try:
                open_log(path, synchronous="OFF").close()
            except KeyboardInterrupt:
                pass
        with closing(sqlite3.connect(path)) as db:
            ((schema,),) = db.execute("PRAGMA user_version")
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert ({"one", "two"} & tables) == ({"one", "two"} if schema == SCHEMA + 1 else set())
        log = fast_log(path)
        assert log.since(0) == stored and log.main.run("SELECT x FROM two") == [(1,)]
        log.close()
    before = folder_state(tmp_path)
    with pytest.raises(StorageError, match=f"schema {SCHEMA + 1}"):
        open_log(path)
    assert folder_state(tmp_path) == before


KILLED = """
import os, signal, sys
from pmm.storage import sqlite as engine
original, seen = engine.Door.run, 0
def run(self, sql, args=()):
    global seen
    seen += 1
    if seen == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, sql, args)
engine.Door.run = run
engine.open_log(sys.argv[1])
"""


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6, 7])
def test_a_process_killed_while_it_creates_a_mind_leaves_what_opens(tmp_path: Path, at: int) -> None:
    """kill -9 before each statement of the first migration."""
    path = tmp_path / "mind.db"
    subprocess.run([sys.executable, "-c", KILLED, str(path), str(at)], check=False)
    log = open_log(path, synchronous="OFF", clock=Clock())
    assert log.append([said()])[0].id == 1
    log.close()
    assert verify_file(path).ok


# -- backup --------------------------------------------------------------------------------------------------------------------------


def test_a_backup_is_whole_private_and_never_overwrites(tmp_path: Path) -> None:
    """It verifies, holds the same events, is closed to others, and an existing file is refused and left alone."""
    log = fast_log(tmp_path / "mind.db")
    log.append([said(str(n)) for n in range(50)])
    log.backup(str(tmp_path / "copy.db"))
    with pytest.raises(InvalidInput):
        log.backup(str(tmp_path / "copy.db"))
    with pytest.raises(StorageError):
        log.backup(str(tmp_path / "no" / "copy.db"))
    stored, head = log.since(0), log.head
    log.append([said("later")])
    log.close()
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "mind.db"]
    assert verify_file(tmp_path / "copy.db").events == 50
    copy = fast_log(tmp_path / "copy.db")
    assert copy.since(0) == stored and copy.head == head
    copy.append([said("on its own")])
    copy.close()


def test_a_file_damaged_before_it_is_opened_says_so(tmp_path: Path) -> None:
    """Half of it is gone: a typed error, and what is left is left."""
    path = tmp_path / "mind.db"
    small_mind(path)
    with path.open("rb+") as f:
        f.truncate(path.stat().st_size // 2 // 4096 * 4096)
    before = folder_state(tmp_path)
    with pytest.raises(BrokenLog):
        open_log(path)
    assert folder_state(tmp_path) == before
