"""What happens to one mind, for everyone who listens: read once, however many there are, and not at all as long as nobody does.

Whoever is behind reads what it missed from the log, at its own pace.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from pmm.api import shapes
from pmm.errors import StorageError

if TYPE_CHECKING:
    from pmm.events import Event
    from pmm.runtime.mind import Mind

PAGE = 64
KEPT_BYTES = 1024 * 1024
"""of the latest frames, kept for those who listen"""
BEAT_S = 15.0
"""after so long without an event a stream sends a comment, so that no proxy takes it for dead"""


class Frame(msgspec.Struct, frozen=True):
    """One event as it is streamed."""

    id: int
    kind: str
    bytes: bytes


class Feed:
    """What happens to one mind, for everyone who listens. Reads nothing as long as nobody does."""

    def __init__(self, mind: Mind) -> None:
        self._log = mind.log
        self._loop = asyncio.get_running_loop()
        self._kept: deque[Frame] = deque()
        self._bytes = 0
        self._last = 0
        self._news = asyncio.Event()
        self._reading = asyncio.Lock()
        self._wanted = False
        self._task: asyncio.Task[None] | None = None
        self.listeners = 0
        self.closed = False
        mind.log.on_appended(self._appended)

    def close(self) -> None:
        """End every stream."""
        self.closed = True
        self._tell()

    async def frames(self, after: int | None) -> AsyncGenerator[list[Frame]]:
        """Every event after that id (None: from now on), without a gap, in pages; an empty page is a heartbeat. Ends with the server."""
        self.listeners += 1
        try:
            if self.listeners == 1:
                await self._begin()
            head = await asyncio.to_thread(lambda: self._log.head[0])
            after = head if after is None else min(after, head)
            while not self.closed:
                news = self._news  # before looking, so that nothing falls between the look and the wait
                page = self._recent(after)
                if page is None:
                    page = await asyncio.to_thread(self._read, after)
                if page:
                    after = page[-1].id
                    yield page
                elif not self.closed and not await _within(news, BEAT_S):
                    yield []
                    self._look()  # for what other processes appended
        finally:
            self.listeners -= 1

    # -- inside ----------------------------------------------------------------------------------------------------------------------

    def _appended(self, events: Sequence[Event]) -> None:
        """Called in whatever thread appends."""
        if self.listeners and not self.closed:
            with suppress(RuntimeError):  # the event loop has ended before the mind
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._wanted = True
        if self._task is None and not self.closed:
            self._task = self._loop.create_task(self._catch_up())

    async def _begin(self) -> None:
        """Somebody listens again: what is kept from before has a gap behind it."""
        async with self._reading:
            self._kept.clear()
            self._bytes = 0
            self._last = await asyncio.to_thread(lambda: self._log.head[0])

    async def _catch_up(self) -> None:
        """Read what is new, once for all."""
        try:
            while self._wanted and self.listeners:
                self._wanted = False
                async with self._reading:
                    while page := await asyncio.to_thread(self._read, self._last):
                        self._keep(page)
        except StorageError:
            pass  # can't be read now: the next append or heartbeat tries again
        finally:
            self._task = None

    def _keep(self, page: list[Frame]) -> None:
        self._kept.extend(page)
        self._last = page[-1].id
        self._bytes += sum(len(frame.bytes) for frame in page)
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._kept.popleft().bytes)
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _recent(self, after: int) -> list[Frame] | None:
        """What follows that id, of what is kept. None: only the log can tell."""
        if after >= self._last:
            return []
        if not self._kept or after < self._kept[0].id - 1:
            return None
        return list(islice(reversed(self._kept), self._last - after))[::-1]  # ids have no gaps

    def _read(self, after: int) -> list[Frame]:
        return [_frame(event) for event in self._log.since(after, PAGE)]


async def _within(news: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(news.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _frame(event: Event) -> Frame:
    return Frame(event.id, event.kind, b"id: %d\ndata: %s\n\n" % (event.id, shapes.encode(event.as_dict())))
