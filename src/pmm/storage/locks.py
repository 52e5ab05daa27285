"""The turn lock and the worker lock: advisory, beside the file, let go by the kernel when a process dies."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from pmm.errors import LocksUnsupported, MindBusy

if sys.platform == "win32":
    import msvcrt

    def _try(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _let_go(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _let_go(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)  # said, not left to the closing: a forked child may hold the file open too


POLL_S = 0.01


class ProcessLock:
    """One holder among all threads of all processes. Not reentrant; any thread may release it. Its file stays where it is."""

    def __init__(self, path: Path, busy: str) -> None:
        self._busy = busy
        self._path = path
        self._threads = threading.Lock()
        self._file = -1

    def acquire(self, wait_s: float = 0.0) -> None:
        """Wait up to `wait_s` seconds. Raises MindBusy, LocksUnsupported."""
        wait_s = min(max(0.0, wait_s), threading.TIMEOUT_MAX)
        limit = time.monotonic() + wait_s
        if not self._threads.acquire(timeout=wait_s):
            raise MindBusy(self._busy)
        try:
            self._file = self._locked(limit)
        except OSError as error:
            self._threads.release()
            raise LocksUnsupported(f"{self._path}: can't be locked ({error}).") from None
        except BaseException:
            self._threads.release()
            raise

    def _locked(self, limit: float) -> int:
        """The file, opened and locked. Opened each time, so that a lock file somebody deleted parts no two processes for long."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            while True:
                try:
                    _try(file)
                    return file
                except (BlockingIOError, PermissionError):  # what POSIX and Windows say of a lock that another holds
                    left = limit - time.monotonic()
                    if left <= 0:
                        raise MindBusy(self._busy) from None
                    time.sleep(min(POLL_S, left))
        except BaseException:
            os.close(file)
            raise

    def release(self) -> None:
        """Let go. Only the holder may call it."""
        file, self._file = self._file, -1
        try:
            try:
                _let_go(file)
            finally:
                os.close(file)
        finally:
            self._threads.release()

    @property
    def held(self) -> bool:
        """Whether this process holds it."""
        return self._threads.locked()


def turn_lock(db: Path) -> ProcessLock:
    """Held from a user's message to its terminal; only its holder heals a dangling message."""
    return ProcessLock(db.with_name(db.name + ".turn.lock"), "another chat is speaking with this mind.")


def worker_lock(db: Path) -> ProcessLock:
    """Whoever holds it runs the consumers and the loop."""
    return ProcessLock(db.with_name(db.name + ".worker.lock"), "another process does this mind's background work.")


class WriteLock:
    """Orders the two connections of one process: the turn's goes first when both wait.

    stopped: why neither may write any more, once the disk failed under one of them.
    """

    def __init__(self) -> None:
        self.stopped = ""
        self._changed = threading.Condition(threading.Lock())
        self._held = False
        self._urgent = 0

    def acquire(self, urgent: bool) -> None:
        with self._changed:
            if urgent:
                self._urgent += 1
                try:
                    while self._held:
                        self._changed.wait()
                finally:
                    self._urgent -= 1  # also when Ctrl-C ends the wait, else the other would wait for ever
            else:
                while self._held or self._urgent:
                    self._changed.wait()
            self._held = True

    def release(self) -> None:
        with self._changed:
            self._held = False
            self._changed.notify_all()
