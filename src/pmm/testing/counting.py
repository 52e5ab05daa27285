"""counting: what a piece of work costs at the storage door. Counts, not seconds, so that tests can pin them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind
    from pmm.storage.door import Counts


class Counted:
    """statements: calls through the storage door; rows_read: rows they returned; full_reads: reads of the whole log; appended: events;
    commits: durable ones. Of the thread that asks, since `counting` began (inside `with`: until its end); `.background`: of all others."""

    def __init__(self, counts: Counts, thread: int, *, others: bool = False) -> None:
        self._counts = counts
        self._thread = thread
        self._others = others
        self._start = self._now()
        self._end: list[int] | None = None

    def _now(self) -> list[int]:
        rows = [list(row) for id, row in list(self._counts.by_thread.items()) if (id == self._thread) is not self._others]
        return [sum(column) for column in zip(*rows, strict=True)] or [0] * len(self._counts.NAMES)

    def _since(self, name: str) -> int:
        at = self._counts.NAMES.index(name)
        return (self._end or self._now())[at] - self._start[at]

    @property
    def statements(self) -> int:
        return self._since("statements")

    @property
    def rows_read(self) -> int:
        return self._since("rows_read")

    @property
    def full_reads(self) -> int:
        return self._since("full_reads")

    @property
    def appended(self) -> int:
        return self._since("appended")

    @property
    def commits(self) -> int:
        return self._since("commits")


class counting(Counted):
    """`with counting(mind) as cost: mind.handle_user(...)`, then `cost.statements` and the others of `Counted`."""

    def __init__(self, mind: Mind) -> None:
        counts = mind._log.counts
        super().__init__(counts, threading.get_ident())
        self.background = Counted(counts, threading.get_ident(), others=True)

    def __enter__(self) -> counting:
        for part in (self, self.background):
            part._start = part._now()
        return self

    def __exit__(self, *exc: object) -> None:
        for part in (self, self.background):
            part._end = part._now()
