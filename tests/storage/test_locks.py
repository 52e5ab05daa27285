"""The advisory locks: one holder among threads and processes, let go when a process dies; and the order of one process's two writers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pmm.errors import LocksUnsupported, MindBusy
from pmm.storage import locks
from pmm.storage.locks import ProcessLock, WriteLock, turn_lock, worker_lock

HOLDER = """
import sys
from pathlib import Path
from pmm.storage.locks import ProcessLock
lock = ProcessLock(Path(sys.argv[1]), "busy")
lock.acquire(10)
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


def _holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mind.db.turn.lock"


def test_only_one_process_holds_a_lock(path: Path) -> None:
    """While another process holds it: MindBusy with the lock's own words; once it lets go, it is ours."""
    process = _holder(path)
    lock = ProcessLock(path, "another chat is speaking.")
    for wait in (0, 0.0, -1, 0.05):
        with pytest.raises(MindBusy, match="another chat is speaking"):
            lock.acquire(wait)
        assert not lock.held
    process.communicate("\n\n")
    lock.acquire()
    assert lock.held
    lock.release()


def test_a_lock_is_waited_for_as_long_as_was_said(path: Path) -> None:
    """Not less, not much more; and somebody who lets go in time ends the wait."""
    process = _holder(path)
    lock = ProcessLock(path, "busy")
    start = time.monotonic()
    with pytest.raises(MindBusy):
        lock.acquire(0.3)
    assert 0.3 <= time.monotonic() - start < 20
    assert process.stdin is not None
    threading.Timer(0.15, lambda: (process.stdin.write("\n"), process.stdin.flush())).start()  # type: ignore[union-attr]
    start = time.monotonic()
    lock.acquire(60)
    assert time.monotonic() - start < 20
    lock.release()
    process.communicate("\n")


def test_a_holder_that_is_killed_lets_go(path: Path) -> None:
    """kill -9: the kernel releases the lock, and whoever waits gets it at once."""
    for _ in range(5):
        process = _holder(path)
        lock = ProcessLock(path, "busy")
        with pytest.raises(MindBusy):
            lock.acquire()
        threading.Timer(0.05, process.kill).start()
        start = time.monotonic()
        lock.acquire(60)
        assert time.monotonic() - start < 20
        lock.release()
        process.communicate()


def test_only_one_thread_holds_a_lock(path: Path) -> None:
    """Two handles of one process exclude each other, and so do two threads with one handle; it isn't reentrant."""
    lock, other = ProcessLock(path, "busy"), ProcessLock(path, "busy")
    lock.acquire()
    for again in (lock, other):
        with pytest.raises(MindBusy):
            again.acquire()
        with pytest.raises(MindBusy):
            again.acquire(0.05)
    assert lock.held and not other.held
    lock.release()
    other.acquire()
    with pytest.raises(MindBusy):
        lock.acquire()
    assert not lock.held
    other.release()
    lock.acquire()
    lock.release()


def test_any_thread_may_let_go(path: Path) -> None:
    """A stream started in one thread may end in another."""
    lock, other = ProcessLock(path, "busy"), ProcessLock(path, "busy")
    lock.acquire()
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    other.acquire(0.1)
    other.release()


def test_threads_and_processes_never_hold_it_together(path: Path) -> None:
    """Many threads with handles of their own or a shared one: at most one is inside, and everybody gets in."""
    shared = ProcessLock(path, "busy")
    inside = 0
    entered = 0
    failures: list[int] = []

    def enter(lock: ProcessLock) -> None:
        nonlocal inside, entered
        for _ in range(5):
            lock.acquire(60)
            inside += 1
            if inside != 1:
                failures.append(inside)
            time.sleep(0.001)
            inside -= 1
            entered += 1
            lock.release()

    threads = [threading.Thread(target=enter, args=(shared if n % 2 else ProcessLock(path, "busy"),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and entered == 30


def test_the_turn_and_the_worker_do_not_exclude_each_other(tmp_path: Path) -> None:
    """They are two locks, beside the file; the lock files stay."""
    turn, worker = turn_lock(tmp_path / "mind.db"), worker_lock(tmp_path / "mind.db")
    turn.acquire()
    worker.acquire()
    turn.release()
    worker.release()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mind.db.turn.lock", "mind.db.worker.lock"]


def test_a_file_system_without_locks_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LocksUnsupported with the reason, and nothing stays held or open."""
    lock = ProcessLock(path, "busy")
    with monkeypatch.context() as patch:

        def refuse(file: int) -> None:
            opened.append(file)
            raise OSError(38, "Function not implemented")

        opened: list[int] = []
        patch.setattr(locks, "_try", refuse)
        with pytest.raises(LocksUnsupported, match=r"can't be locked .*not implemented"):
            lock.acquire()
        assert not lock.held
        with pytest.raises(OSError):
            os.fstat(opened[0])
    lock.acquire()
    lock.release()
    with pytest.raises(LocksUnsupported):
        ProcessLock(path / "no" / "lock", "busy").acquire()


def test_a_deleted_lock_file_is_made_again(path: Path) -> None:
    """Somebody cleans up beside the mind: the next one to lock makes the file anew, readable by its user alone."""
    lock = ProcessLock(path, "busy")
    for _ in range(2):
        lock.acquire()
        assert path.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
        lock.release()
        path.unlink()
    lock.acquire()
    with pytest.raises(MindBusy):
        ProcessLock(path, "busy").acquire()
    lock.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_lock_that_a_forked_child_inherited_is_let_go_by_its_holder(path: Path) -> None:
    """The child has the file open too, and holds nothing once the parent lets go."""
    lock = ProcessLock(path, "busy")
    lock.acquire()
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reads, 1)
        os._exit(0)
    try:
        lock.release()
        other = ProcessLock(path, "busy")
        other.acquire()
        other.release()
    finally:
        os.write(writes, b".")
        os.waitpid(child, 0)
        os.close(reads)
        os.close(writes)


def test_any_wait_may_be_asked_for(path: Path) -> None:
    """For ever is a wait too."""
    lock = ProcessLock(path, "busy")
    lock.acquire(float("inf"))
    lock.release()


# -- the two writers of one process --------------------------------------------------------------------------------------------------


def _waiting(lock: WriteLock, urgent: bool, order: list[str], name: str) -> threading.Thread:
    def act() -> None:
        lock.acquire(urgent)
        order.append(name)
        time.sleep(0.005)
        lock.release()

    thread, before = threading.Thread(target=act), _waiters(lock)
    thread.start()
    limit = time.monotonic() + 30
    while thread.is_alive() and _waiters(lock) == before and time.monotonic() < limit:
        time.sleep(0.001)
    return thread


def _waiters(lock: WriteLock) -> int:
    return len(lock._changed._waiters)  # type: ignore[attr-defined]


def test_the_turn_goes_before_what_can_wait() -> None:
    """Of those who wait, every turn goes before any background write, whoever came first."""
    lock, order = WriteLock(), list[str]()
    lock.acquire(False)
    threads = [_waiting(lock, urgent, order, name) for urgent, name in ((False, "side"), (True, "turn"), (False, "side"), (True, "turn"))]
    assert order == []
    lock.release()
    for thread in threads:
        thread.join(30)
    assert order == ["turn", "turn", "side", "side"]


@pytest.mark.parametrize("urgent", [True, False])
def test_a_wait_that_is_interrupted_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, urgent: bool) -> None:
    """Ctrl-C while waiting: the lock is still the holder's, and afterwards free for both."""
    lock = WriteLock()
    lock.acquire(True)

    def wait(timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lock._changed, "wait", wait)
        with pytest.raises(KeyboardInterrupt):
            lock.acquire(urgent)
    lock.release()
    for again in (False, True, False):
        thread = _waiting(lock, again, [], "x")
        thread.join(30)
        assert not thread.is_alive()
