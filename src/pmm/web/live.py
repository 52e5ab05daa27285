"""What happens to a mind, told to every page that shows it: one subscription for each mind, and none as long as no page is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from pmm.errors import StorageError

if TYPE_CHECKING:
    from pmm.api.minds import Hosted

PAUSE_S = 0.1
"""between two rounds of news, so that a turn's handful of events is one round"""

AGAIN_S = 2.0

Listener = Callable[[frozenset[str]], None]
"""told the kinds of the events that came"""


class Live:
    """The news of one mind: its events, and what a verification found."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        hosted.on_checked.append(self.tell)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell it from now on; what is returned ends that."""
        self._listeners.append(listener)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

        def stop() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None
                self._ready = asyncio.Event()

        return stop

    async def ready(self) -> None:
        """Wait until nothing that happens from now on is missed: what is read after this is kept current."""
        await self._ready.wait()

    def tell(self, kinds: frozenset[str] = frozenset()) -> None:
        """Tell everyone."""
        for listener in list(self._listeners):
            listener(kinds)

    async def _run(self) -> None:
        ready = self._ready
        after = await asyncio.to_thread(lambda: self._hosted.mind.log.head[0])
        ready.set()
        while not self._hosted.feed.closed:
            try:
                async with aclosing(self._hosted.feed.frames(after)) as pages:
                    async for page in pages:
                        if page:
                            after = page[-1].id
                            self.tell(frozenset(frame.kind for frame in page))
                            await asyncio.sleep(PAUSE_S)
            except StorageError:
                await asyncio.sleep(AGAIN_S)  # can't be read now: nothing is skipped


class Lives:
    """The news of every mind of a server."""

    def __init__(self) -> None:
        self._lives: dict[str, Live] = {}

    def of(self, hosted: Hosted) -> Live:
        """That of one mind."""
        return self._lives.setdefault(hosted.name, Live(hosted))
