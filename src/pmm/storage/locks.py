"""The turn lock and the worker lock: advisory, beside the file, let go by the kernel when a process dies."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from filelock import FileLock, Timeout

from pmm.errors import LocksUnsupported, MindBusy


class ProcessLock:
    """One holder among all threads of all processes. Not reentrant; any thread may release it."""

    def __init__(self, path: Path, busy: str) -> None:
        self._busy = busy
        self._threads = threading.Lock()
        self._file = FileLock(path, thread_local=False, fallback_to_soft=False, preserve_lock_file=True, poll_interval=0.01)

    def acquire(self, wait_s: float = 0.0) -> None:
        """Wait up to `wait_s` seconds. Raises MindBusy, LocksUnsupported."""
        wait_s = min(max(0.0, wait_s), threading.TIMEOUT_MAX)
        limit = time.monotonic() + wait_s
        if not self._threads.acquire(timeout=wait_s):
            raise MindBusy(self._busy)
        try:
            self._file.acquire(timeout=max(0.0, limit - time.monotonic()))
        except Timeout:
            self._threads.release()
            raise MindBusy(self._busy) from None
        except (NotImplementedError, OSError) as error:
            self._threads.release()
            raise LocksUnsupported(f"{self._file.lock_file}: can't be locked ({error}).") from None
        except BaseException:
            self._threads.release()
            raise

    def release(self) -> None:
        """Let go. Only the holder may call it."""
        try:
            self._file.release()
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
