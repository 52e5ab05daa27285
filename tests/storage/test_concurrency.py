"""Several processes and threads on one file: one order, no gaps, one winner per key, nobody blocked for ever."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pmm.storage.positions import Position, Positions
from pmm.storage.sqlite import open_log, verify_file
from tests.storage.files import fast_log, said

APPENDER = """
import sys
from pmm.errors import HeadMoved
from pmm.events import UserMessage
from pmm.storage.sqlite import open_log
path, who, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
log = open_log(path, synchronous="OFF")
print("ready", flush=True)
sys.stdin.readline()
for n in range(rounds):
    def said(text, key=None):
        return UserMessage(content=text, source="cli", session=str(who), key=key)
    own = log.append([said(f"{who} {n} a"), said(f"{who} {n} b", f"own {who} {n}")])
    assert own[1].id == own[0].id + 1
    shared = log.append([UserMessage(content=f"shared {n}", source="cli", session="all", key=f"shared {n}")])[0]
    again = log.append([said(f"{who} {n} b", f"own {who} {n}")])[0]
    assert again == own[1]
    while True:
        head = log.head[0]
        try:
            expected = log.append([said(f"{who} {n} expected {head}")], expect=head)[0]
            assert expected.id == head + 1
            break
        except HeadMoved:
            pass
    print(own[0].id, own[1].id, shared.id, expected.id, flush=True)
log.close()
"""


def _run(path: Path, processes: int, rounds: int) -> list[list[list[int]]]:
    started = [
        subprocess.Popen([sys.executable, "-c", APPENDER, str(path), str(n), str(rounds)], stdin=-1, stdout=-1, text=True)
        for n in range(processes)
    ]
    for process in started:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in started]
    assert all(process.returncode == 0 for process in started)
    return [[[int(id) for id in line.split()] for line in output.splitlines()] for output in outputs]


@pytest.mark.parametrize(("processes", "rounds"), [(4, 40), pytest.param(8, 500, marks=pytest.mark.slow)])
def test_processes_that_append_at_once_make_one_gapless_log(tmp_path: Path, processes: int, rounds: int) -> None:
    """Own events, shared keys and expected heads from several processes: every acknowledged id is unique, shared keys have one winner."""
    path = tmp_path / "mind.db"
    told = _run(path, processes, rounds)
    log = fast_log(path)
    events = {event.id: event for event in log.since(0)}
    assert sorted(events) == list(range(1, processes * rounds * 3 + rounds + 1))
    own = [id for process in told for row in process for id in (row[0], row[1], row[3])]
    assert len(own) == len(set(own))
    for n in range(rounds):
        (winner,) = {process[n][2] for process in told}
        assert events[winner].content == f"shared {n}"
    for who, process in enumerate(told):
        for n, (a, b, _, expected) in enumerate(process):
            assert (events[a].content, events[b].content) == (f"{who} {n} a", f"{who} {n} b")
            assert events[expected].content == f"{who} {n} expected {expected - 1}"
    log.close()
    assert verify_file(path).ok


def test_threads_of_one_process_read_whole_groups_while_others_append(tmp_path: Path) -> None:
    """No reader ever sees half a group, a gap, or an event that is then gone; derived rows are written in between."""
    log = fast_log(tmp_path / "mind.db")
    done = threading.Event()
    failures: list[str] = []

    def read() -> None:
        seen = 0
        while not done.is_set():
            head = log.head[0]
            if head % 3 or head < seen:
                failures.append(f"head {head} after {seen}")
            ids = [event.id for event in log.since(seen)]
            if ids != list(range(seen + 1, seen + 1 + len(ids))) or len(ids) % 3:
                failures.append(f"{ids} after {seen}")
            seen += len(ids)

    def derive() -> None:
        n = 0
        while not done.is_set():
            n += 1
            Positions(log).save(Position("p", n))

    threads = [threading.Thread(target=act) for act in (read, read, derive)]
    for thread in threads:
        thread.start()
    for n in range(300):
        log.append([said(f"{n} {m}") for m in range(3)])
    done.set()
    for thread in threads:
        thread.join(30)
    assert not failures and log.head[0] == 900
    log.close()


def test_a_reader_in_another_process_is_not_blocked_by_a_writer(tmp_path: Path) -> None:
    """While one connection is in the middle of a transaction, another one reads what was committed, at once."""
    path = tmp_path / "mind.db"
    log, other = fast_log(path), fast_log(path)
    log.append([said()])
    with log.main.writing():
        log.main.run("UPDATE head SET id = 99")
        start = time.perf_counter()
        assert other.head[0] == 1 and other.get(1) is not None and verify_file(path).ok
        assert time.perf_counter() - start < 20
        log.main.run("UPDATE head SET id = 1")
    log.close()
    other.close()


def test_what_one_process_appended_is_read_by_another_at_once(tmp_path: Path) -> None:
    """No handle keeps an old view of the file between its reads."""
    log, other = fast_log(tmp_path / "mind.db"), open_log(tmp_path / "mind.db", synchronous="OFF")
    for n in range(1, 20):
        (log if n % 2 else other).append([said(str(n))])
        for handle in (log, other):
            assert handle.head[0] == n and handle.tail(1)[0].content == str(n)
    log.close()
    other.close()
