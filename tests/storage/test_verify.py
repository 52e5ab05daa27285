"""verify: any change to any stored column of any event is found and named, and not a byte is written to find it."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.errors import BrokenLog, NotAMind, StorageError, UnknownSchema
from pmm.storage.sqlite import SCHEMA, open_log, verify_file
from tests.storage.files import COLUMNS, columns, fast_log, folder_state, said, small_mind, tampering
from tests.storage.test_chain import hash_by_the_book, seal_by_the_book

EVENTS = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "mind.db"
    small_mind(path, EVENTS)
    return path


@pytest.fixture
def file(tmp_path: Path, whole: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "mind.db"))


def changed(value: Any, rng: random.Random) -> Any:
    """Another value of the same type."""
    if value is None:
        return "forged"
    if isinstance(value, int):
        return value + rng.choice((-1000, -1, 1, 1000))
    if isinstance(value, bytes):
        at = rng.randrange(len(value))
        return rng.choice((value[:at] + bytes([value[at] ^ (1 << rng.randrange(8))]) + value[at + 1 :], value[:-1], value + b"\0", b""))
    at = rng.randrange(len(value) + 1)
    return rng.choice((value[:at] + rng.choice("x \x00é") + value[at:], value[1:] if value else "x", value.upper() + "x"))


@given(id=st.sampled_from([1, 2, 5, 6, 7, EVENTS - 1, EVENTS]), column=st.sampled_from(COLUMNS[1:]), seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_a_change_to_any_column_of_any_event_is_found_and_named(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, id: int, column: str, seed: int
) -> None:
    """First, middle and last event; every column; any other value of its type: verify names that very event."""
    path = Path(shutil.copy(whole, tmp_path_factory.getbasetemp() / "changed.db"))
    with tampering(path) as db:
        ((value,),) = db.execute(f"SELECT {column} FROM events WHERE id = ?", (id,)).fetchall()
        db.execute(f"UPDATE events SET {column} = ? WHERE id = ?", (changed(value, random.Random(seed)), id))
    verdict = verify_file(path)
    assert not verdict.ok and verdict.bad == id, (column, verdict)
    assert verdict.events == id - 1 and verdict.why


@pytest.mark.parametrize("column", COLUMNS[1:])
@pytest.mark.parametrize("id", [1, 6, EVENTS])
def test_a_column_set_to_null_or_to_another_events_value_is_found(file: Path, id: int, column: str) -> None:
    """Blanking one column alone, or borrowing it from the neighbour, is a change like any other."""
    for sql in ("NULL", f"(SELECT {column} FROM events WHERE id = {id % EVENTS + 1})"):
        path = Path(shutil.copy(file, file.with_name("copy.db")))
        before = columns(path)
        with tampering(path) as db:
            try:
                db.execute(f"UPDATE OR IGNORE events SET {column} = {sql} WHERE id = ?", (id,))
            except sqlite3.IntegrityError:
                continue  # NOT NULL
        if columns(path) != before:
            assert verify_file(path).bad == id


def test_a_text_that_is_no_utf8_is_found_and_named(file: Path) -> None:
    """Bytes that can't be read as text are a change; verify names the event, reading raises BrokenLog."""
    for column in ("content", "meta", "key", "kind"):
        path = Path(shutil.copy(file, file.with_name(f"{column}.db")))
        with tampering(path) as db:
            db.execute(f"UPDATE events SET {column} = CAST(x'61ff62' AS TEXT) WHERE id = 7")
        assert verify_file(path).bad == 7
        log = fast_log(path)
        with pytest.raises(BrokenLog):
            log.get(7)
        assert log.get(6) is not None
        log.close()


def test_a_time_that_is_no_time_is_found_and_read_as_broken(file: Path) -> None:
    """A ts beyond the calendar is named by verify, and reading it raises BrokenLog instead of something else."""
    with tampering(file) as db:
        db.execute("UPDATE events SET ts = ? WHERE id = 3", (2**62,))
    assert verify_file(file).bad == 3
    log = fast_log(file)
    with pytest.raises(BrokenLog):
        log.get(3)
    log.close()


@pytest.mark.parametrize("ids", [[1], [2], [6], [6, 7, 8], [11], [1, 6]])
def test_a_removal_is_named_by_the_first_missing_id(file: Path, ids: list[int]) -> None:
    """Removing one or several events anywhere before the end names the first that is gone."""
    with tampering(file) as db:
        db.execute(f"DELETE FROM events WHERE id IN ({','.join(map(str, ids))})")
    assert verify_file(file).bad == ids[0]


@pytest.mark.parametrize("keep", [0, 1, 6, EVENTS - 1])
def test_a_cut_tail_is_named_by_its_first_missing_id(file: Path, keep: int) -> None:
    """The head row remembers how many there were."""
    with tampering(file) as db:
        db.execute("DELETE FROM events WHERE id > ?", (keep,))
    verdict = verify_file(file)
    assert verdict.bad == keep + 1 and verdict.events == keep


def test_a_removal_with_renumbering_is_found(file: Path) -> None:
    """Closing the gap by renumbering what follows breaks the link there."""
    with tampering(file) as db:
        db.execute("DELETE FROM events WHERE id = 6")
        for id in range(7, EVENTS + 1):
            db.execute("UPDATE events SET id = ? WHERE id = ?", (id - 1, id))
        db.execute("UPDATE head SET id = id - 1")
    assert verify_file(file).bad == 6


@pytest.mark.parametrize(("a", "b"), [(1, 2), (5, 6), (3, 11), (EVENTS - 1, EVENTS)])
def test_swapped_events_are_found_at_the_first(file: Path, a: int, b: int) -> None:
    """Two whole rows that change places."""
    with tampering(file) as db:
        for old, new in ((a, 1000), (b, a), (1000, b)):
            db.execute("UPDATE events SET id = ? WHERE id = ?", (new, old))
    assert verify_file(file).bad == a


@pytest.mark.parametrize("column", ["content", "meta", "ts", "kind", "key"])
@pytest.mark.parametrize("id", [1, 6, EVENTS - 1])
def test_a_forged_event_resealed_by_its_forger_is_found_at_the_next(file: Path, column: str, id: int) -> None:
    """Recomputing seal and hash of the forged row makes it whole by itself; the next one no longer links to it."""
    row = columns(file)[id - 1]
    row[column] = {"ts": row["ts"] + 1, "kind": "name_adopted"}.get(column, '{"forged":1}')
    seal = seal_by_the_book(row["salt"], row["key"], row["content"], row["meta"])
    hash = hash_by_the_book(row["prev_hash"], id, row["ts"], row["kind"], seal)
    with tampering(file) as db:
        db.execute(f"UPDATE events SET {column} = ?, seal = ?, hash = ? WHERE id = ?", (row[column], seal, hash, id))
    assert verify_file(file).bad == id + 1


def test_a_forged_last_event_resealed_by_its_forger_is_found_by_the_head(file: Path) -> None:
    """The last event has no next one; the head row holds its hash."""
    row = columns(file)[-1]
    seal = seal_by_the_book(row["salt"], row["key"], "forged", row["meta"])
    hash = hash_by_the_book(row["prev_hash"], EVENTS, row["ts"], row["kind"], seal)
    with tampering(file) as db:
        db.execute("UPDATE events SET content = 'forged', seal = ?, hash = ? WHERE id = ?", (seal, hash, EVENTS))
    assert verify_file(file).bad == EVENTS


@pytest.mark.parametrize(
    ("sql", "bad"),
    [
        ("UPDATE head SET hash = zeroblob(32)", EVENTS),
        ("UPDATE head SET id = id + 1", EVENTS + 1),
        ("UPDATE head SET id = id - 1", EVENTS),
        ("UPDATE head SET id = 0, hash = zeroblob(32)", 1),
        ("UPDATE head SET id = -9", 1),
        ("DELETE FROM head", EVENTS + 1),
        ("DROP TABLE head", EVENTS + 1),
        ("DROP TABLE head; CREATE TABLE head (one, id, hash); INSERT INTO head SELECT 1, id, hash FROM events WHERE id >= 11", EVENTS + 1),
        ("DROP TABLE events", 1),
        ("INSERT INTO events SELECT 13, ts, kind, content, meta, 'k13', salt, seal, prev_hash, hash FROM events WHERE id = 12", EVENTS + 1),
        ("INSERT INTO events SELECT 0, ts, kind, content, meta, 'k0', salt, seal, prev_hash, hash FROM events WHERE id = 12", 1),
        (f"INSERT INTO events SELECT {-(2**63)}, ts, kind, content, meta, 'k0', salt, seal, prev_hash, hash FROM events WHERE id = 12", 1),
        (f"UPDATE events SET id = {2**63 - 1} WHERE id = 12", EVENTS),
        ("UPDATE events SET id = -3 WHERE id = 3", 1),
    ],
)
def test_a_tampered_head_or_a_smuggled_event_is_found(file: Path, sql: str, bad: int) -> None:
    """A changed, removed, doubled head row; missing tables; events before the first, after the last, or out of range."""
    with tampering(file) as db:
        db.executescript(sql)
    assert verify_file(file).bad == bad


def test_a_log_without_its_head_row_refuses_to_be_read_on(file: Path) -> None:
    """Appending to it would hide what was cut: BrokenLog, and nothing is added."""
    with tampering(file) as db:
        db.execute("DELETE FROM head")
    log = fast_log(file)
    with pytest.raises(BrokenLog):
        log.append([said()])
    with pytest.raises(BrokenLog):
        _ = log.head
    log.close()
    assert len(columns(file)) == EVENTS


# -- files that can't be told about ------------------------------------------------------------------------------------------------


def _sqlite(path: Path, *statements: str) -> Path:
    db = sqlite3.connect(path, isolation_level=None)
    for sql in statements:
        db.execute(sql)
    db.close()
    return path


STRANGERS: dict[str, Any] = {
    "empty": lambda path: path.touch(),
    "one byte": lambda path: path.write_bytes(b"x"),
    "a short text": lambda path: path.write_text("Dear diary, today I ..."),
    "a long text": lambda path: path.write_text("Dear diary, today I ...\n" * 1000),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "half a header": lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(30)),
    "a header and garbage": lambda path: path.write_bytes(b"SQLite format 3\0" + random.Random(1).randbytes(9000)),
    "another database": lambda path: _sqlite(path, "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)"),
    "another database in WAL mode": lambda path: _sqlite(path, "PRAGMA journal_mode = wal", "CREATE TABLE t (x)"),
    "another application's": lambda path: _sqlite(path, "PRAGMA application_id = 7", "PRAGMA user_version = 1"),
    "somebody's with our table names": lambda path: _sqlite(path, "CREATE TABLE events (id)", "CREATE TABLE head (id)"),
}


@pytest.mark.parametrize("what", STRANGERS)
def test_what_is_no_mind_can_not_be_told_about_and_is_left_alone(tmp_path: Path, what: str) -> None:
    """verify raises a StorageError for it, open_log refuses what isn't empty, and both leave every byte and no file beside it."""
    path = tmp_path / "file.db"
    STRANGERS[what](path)
    before = folder_state(tmp_path)
    with pytest.raises(StorageError):
        verify_file(path)
    assert folder_state(tmp_path) == before
    if what != "empty":
        with pytest.raises(NotAMind):
            open_log(path)
        assert folder_state(tmp_path) == before


def test_what_does_not_exist_can_not_be_told_about(tmp_path: Path) -> None:
    """A missing file, a missing folder and a folder raise NotAMind, and nothing is created."""
    for path in (tmp_path / "missing.db", tmp_path / "no" / "folder.db", tmp_path):
        with pytest.raises(NotAMind):
            verify_file(path)
    assert list(tmp_path.iterdir()) == []


def test_a_newer_schema_can_not_be_told_about(file: Path) -> None:
    """What a newer PMM wrote is neither whole nor broken to this one."""
    _sqlite(file, f"PRAGMA user_version = {SCHEMA + 1}", "PRAGMA wal_checkpoint(TRUNCATE)")
    before = folder_state(file.parent)
    with pytest.raises(UnknownSchema):
        verify_file(file)
    with pytest.raises(UnknownSchema):
        open_log(file)
    assert folder_state(file.parent) == before


@pytest.mark.parametrize("cut", [4096, 5 * 4096 + 7])
def test_a_truncated_file_of_ours_is_broken(file: Path, cut: int) -> None:
    """The header says how long it was: a shorter file is a broken mind, not a stranger."""
    with file.open("rb+") as f:
        f.truncate(file.stat().st_size - cut)
    try:
        assert not verify_file(file).ok
    except NotAMind:
        pytest.fail("it is ours, and broken")


def test_a_damaged_page_is_named_by_the_first_event_that_can_not_be_read(tmp_path: Path) -> None:
    """Garbage over one page of a larger log: all before it are vouched for, one by one, and an event is named."""
    path = tmp_path / "mind.db"
    log = fast_log(path)
    log.append([said(f"{n} " + "x" * 200) for n in range(5000)])
    log.close()
    data = path.read_bytes()
    at = data.index(b"3210 xxxxxxxx") // 4096
    with path.open("rb+") as f:
        f.seek(at * 4096)
        f.write(b"\xa5" * 4096)
    verdict = verify_file(path)
    assert verdict.bad is not None and 3180 <= verdict.bad <= 3211 and verdict.events == verdict.bad - 1


@given(at=st.integers(100, 40_000), seed=st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_flipped_bytes_anywhere_in_the_file_never_crash_verify(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, at: int, seed: int
) -> None:
    """Bit rot anywhere gives a verdict or a StorageError, never another exception; and rot within an event is never called whole."""
    path = Path(shutil.copy(whole, tmp_path_factory.getbasetemp() / "rotten.db"))
    data = bytearray(path.read_bytes())
    for byte in random.Random(seed).sample(range(min(at, len(data) - 8)), 8):
        data[byte] ^= 0x55
    path.write_bytes(bytes(data))
    expected = columns(whole)
    try:
        verdict = verify_file(path)
    except StorageError:
        return
    if verdict.ok:
        assert columns(path) == expected


# -- writing nothing ---------------------------------------------------------------------------------------------------------------

HOLD = """
import os, sys
from pmm.events import UserMessage
from pmm.storage.sqlite import open_log
log = open_log(sys.argv[1], synchronous="OFF")
log.append([UserMessage(content="in the write-ahead log", source="cli", session="main")])
print("ready", flush=True)
sys.stdin.readline()
"""


def _held(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def _dead(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def _without_index(state: dict[str, Any]) -> dict[str, Any]:
    """Without the -shm file: it is the live readers' shared memory, and no part of the mind."""
    return {name: value for name, value in state.items() if not name.endswith("-shm")}


def test_verifying_a_closed_mind_changes_nothing(file: Path) -> None:
    """Not a byte, not a time, not a file beside it."""
    before = folder_state(file.parent)
    assert verify_file(file).ok
    assert folder_state(file.parent) == before and list(before) == ["mind.db"]


def test_verifying_a_live_mind_changes_nothing_and_sees_its_latest(file: Path) -> None:
    """While another process has it open, with events in the write-ahead log alone."""
    process = _held(file)
    before = folder_state(file.parent)
    verdict = verify_file(file)
    after = folder_state(file.parent)
    _dead(process)
    assert verdict.ok and verdict.events == EVENTS + 1
    assert _without_index(after) == _without_index(before) and set(after) == set(before) == {"mind.db", "mind.db-wal", "mind.db-shm"}


def test_verifying_a_crashed_mind_changes_nothing_and_sees_its_latest(file: Path) -> None:
    """After kill -9, with what the write-ahead log alone holds; with and without the -shm file (a copy of both files has none)."""
    _dead(_held(file))
    before = folder_state(file.parent)
    assert set(before) == {"mind.db", "mind.db-wal", "mind.db-shm"}
    assert verify_file(file).events == EVENTS + 1
    after = folder_state(file.parent)
    assert _without_index(after) == _without_index(before) and set(after) == set(before)
    file.with_name("mind.db-shm").unlink()
    before = folder_state(file.parent)
    assert verify_file(file).events == EVENTS + 1
    assert folder_state(file.parent) == before


def test_verifying_what_was_never_checkpointed_sees_it_all(tmp_path: Path) -> None:
    """A mind killed before its first checkpoint lives in its write-ahead log alone."""
    path = tmp_path / "new.db"
    _dead(_held(path))
    assert verify_file(path).events == 1
    (tmp_path / "new.db-shm").unlink()
    assert verify_file(path).events == 1
    log = open_log(path)
    assert log.head[0] == 1
    log.close()


APPEND = """
import sys, time
from pmm.events import UserMessage
from pmm.storage.sqlite import open_log
print("ready", flush=True)
n = 0
while True:
    log = open_log(sys.argv[1], synchronous="OFF")
    for _ in range(int(sys.argv[2])):
        n += 1
        log.append([UserMessage(content=f"{n} " * 50, source="cli", session="main")] * 3)
        time.sleep(0.0005)
    log.close()
    time.sleep(0.001)
"""


@pytest.mark.parametrize("each", [1, 5, 100_000])
def test_verifying_while_another_process_appends_says_whole(file: Path, each: int) -> None:
    """However often the other one opens, checkpoints and closes: never a false alarm, never an exception, and it sees more and more."""
    process = subprocess.Popen([sys.executable, "-c", APPEND, str(file), str(each)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    try:
        seen = []
        began = time.monotonic()
        while time.monotonic() - began < 1 or ((len(seen) < 5 or seen[-1] == seen[0]) and time.monotonic() - began < 30):
            verdict = verify_file(file)
            assert verdict.ok, verdict
            seen.append(verdict.events)
            assert process.poll() is None
    finally:
        _dead(process)
    assert seen == sorted(seen) and seen[-1] > seen[0]


def test_a_link_to_a_mind_is_verified_as_the_mind(file: Path) -> None:
    """Names with spaces, percent signs and question marks are names like any other."""
    for name in ("a b.db", "50%25?x=1#y.db", "ü'\".db"):
        path = file.with_name(name)
        os.rename(file, path)
        assert verify_file(path).ok
        log = open_log(path, synchronous="OFF")
        log.append([said()])
        assert log.verify().ok
        log.close()
        os.rename(path, file)
