"""Turns over HTTP: one at a time for each mind, the others wait in line; streamed to whoever follows, stopped when nobody does."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from pmm.api.errors import RETRY_S, Refused
from pmm.errors import TurnFailed
from pmm.runtime.turn import PLAINLY, Channel, How, Reply

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

T = TypeVar("T")

WAITING_MAX = 64
"""turns that wait for one mind; more are refused, to be tried again"""
STOP_AGAIN_S = 0.1
STOPPING_S = 2.0
"""for which a turn that was stopped may take to end"""


class Spoken:
    """One turn, from its place in line to its end. Followed from the event loop by any number of readers, spoken in a thread.

    `text`: what was said so far. `reply`: the whole, at the end. Nobody following it stops nothing: `stop` does.
    """

    def __init__(self, text: str, session: str, source: Channel, key: str | None, record: bool, how: How = PLAINLY) -> None:
        self.asked = text
        self.session = session
        self.record = record
        self.reply: Reply | None = None
        self.error: Exception | None = None
        self.speaking = False
        self.done = False
        self._asked = {"session": session, "source": source, "key": key, "record": record, "how": how}
        self._pieces: list[str] = []
        self._stopped = False
        self._mind: Mind | None = None
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self._pieces)

    async def follow(self) -> AsyncIterator[str]:
        """What was said so far, then each piece (or several at once) as it comes. Raises what the turn raised."""
        seen = 0
        while True:
            news = self._news
            if seen < len(self._pieces):
                new, seen = self._pieces[seen:], len(self._pieces)
                yield "".join(new)
            elif self.done:
                break
            else:
                await news.wait()
        if self.error is not None:
            raise self.error

    async def whole(self) -> Reply:
        """The reply, when it is there. Raises what the turn raised."""
        while not self.done:
            await self._news.wait()
        if self.error is not None:
            raise self.error
        assert self.reply is not None
        return self.reply

    def stop(self) -> None:
        """Stop it, waiting or speaking; what was said is kept."""
        self._stopped = True
        if self.speaking and not self.done and self._mind is not None:
            self._mind.cancel()
            self._loop.call_later(STOP_AGAIN_S, self.stop)  # it may not have begun to listen yet

    # -- inside ----------------------------------------------------------------------------------------------------------------------

    async def run(self, mind: Mind) -> None:
        """Have it spoken in a thread, now that it is its turn."""
        if self._stopped:
            self._end(TurnFailed("stopped before it began; nothing was kept.", reason="stopped", hint="Send it again."))
            return
        self.speaking, self._mind = True, mind
        threading.Thread(target=self._speak, args=(mind,), name="pmm-turn", daemon=True).start()
        while not self.done:
            await self._news.wait()

    def _speak(self, mind: Mind) -> None:
        error: Exception | None = None
        try:
            with mind.handle_user_streaming(self.asked, **self._asked) as stream:  # type: ignore[arg-type]
                for piece in stream:
                    self._call(self._hear, piece)
            self.reply = stream.reply
        except Exception as failed:  # noqa: BLE001 - whoever follows the turn raises it
            error = failed
        self._call(self._end, error)

    def _call(self, act: Callable[[T], None], what: T) -> None:
        with suppress(RuntimeError):  # the event loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(act, what)

    def _hear(self, piece: str) -> None:
        self._pieces.append(piece)
        self._tell()

    def _end(self, error: Exception | None) -> None:
        self.error, self.done, self.speaking = error, True, False
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class Line:
    """The turns of one mind, in the order they came."""

    def __init__(self, mind: Mind) -> None:
        self._mind = mind
        self._waiting: deque[Spoken] = deque()
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self.now: Spoken | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def all(self) -> list[Spoken]:
        """What is spoken now, then what waits, in order."""
        return [*([self.now] if self.now else []), *self._waiting]

    def ahead(self, spoken: Spoken) -> int:
        """How many turns come before this one."""
        place = next((n for n, waiting in enumerate(self._waiting) if waiting is spoken), None)
        return 0 if place is None else place + (self.now is not None)

    def speak(
        self,
        text: str,
        *,
        session: str = "main",
        source: Channel = "api",
        key: str | None = None,
        record: bool = True,
        how: How = PLAINLY,
    ) -> Spoken:
        """Put a turn in line. From the event loop. Raises Refused (503) when too many wait, or the server stops."""
        if self._ending:
            raise Refused(503, "the server is stopping.", hint="Try again when it is back.", retry_after_s=RETRY_S)
        if len(self._waiting) >= WAITING_MAX:
            raise Refused(503, f"{WAITING_MAX} turns wait for this mind already.", hint="Try again in a moment.", retry_after_s=RETRY_S)
        spoken = Spoken(text, session, source, key, record, how)
        self._waiting.append(spoken)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return spoken

    async def _run(self) -> None:
        while self._waiting:
            self.now = self._waiting.popleft()
            await self.now.run(self._mind)
            self.now = None
        self._task = None

    async def drain(self, seconds: float) -> None:
        """Take no more; let what is in line be spoken for so long, then stop it."""
        self._ending = True
        if self._task is None:
            return
        if not (await asyncio.wait([self._task], timeout=seconds))[0]:
            for spoken in reversed(self.all):
                spoken.stop()
            await asyncio.wait([self._task], timeout=STOPPING_S)
