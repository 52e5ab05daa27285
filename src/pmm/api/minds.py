"""The minds of one server: files NAME.db in a folder. Each is opened when first asked for, and does by itself what is due from then on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pmm.api.errors import Refused, absent
from pmm.api.feed import Feed
from pmm.api.turns import Line
from pmm.runtime.checks import Verdict, verify

if TYPE_CHECKING:
    from pmm.config import Settings
    from pmm.runtime.mind import Mind

DEFAULT = "default"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""lower case alone: on some file systems Echo.db and echo.db are one file"""
DRAIN_S = 10.0

Opening = Callable[[Path, "Mind | None"], "Mind"]
"""opens the mind in a file; the second is the first mind opened here, whose model the others may share"""


class Checked(msgspec.Struct, frozen=True):
    """What a verification found, when it began, and how many seconds it took."""

    verdict: Verdict
    at: datetime
    seconds: float


class Hosted:
    """One open mind. `mind`: to ask (its methods may be called from any thread). `turns`: to speak with it. `feed`: what happens to it.

    checked: what `verify` found last, whoever asked for it; every function in `on_checked` is told when there is something new.
    """

    def __init__(self, name: str, path: Path, mind: Mind) -> None:
        self.name = name
        self.path = path
        self.mind = mind
        self.turns = Line(mind)
        self.feed = Feed(mind)
        self.checked: Checked | None = None
        self.on_checked: list[Callable[[], object]] = []
        self._checking = asyncio.Lock()

    async def verify(self, on_progress: Callable[[int], object] | None = None) -> Checked:
        """Check every event of the log against its seal and the chain; one at a time. Raises StorageError when it can't tell.

        on_progress: told, from another thread, how many were checked.
        """
        async with self._checking:
            began = self.mind.now
            verdict = await asyncio.to_thread(verify, self.path, on_progress)
            checked = self.checked = Checked(verdict, began, (self.mind.now - began).total_seconds())
        for told in self.on_checked:
            told()
        return checked


class Minds:
    """See the module. `open` first, from the event loop; `drain` and `close` at the end.

    create: whether `make` may create others than the default one. opening: how a mind is opened.
    """

    def __init__(self, folder: Path, opening: Opening, *, create: bool = False) -> None:
        self.folder = folder
        self.may_create = create
        self._opening = opening
        self._open: dict[str, Hosted] = {}
        self._lock = asyncio.Lock()
        self._ended = False

    async def open(self) -> None:
        """Make the folder and the default mind, where they are not there yet."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._opened(DEFAULT)

    def names(self) -> list[str]:
        """The minds there are, the default one first."""
        found = {file.stem for file in self.folder.glob("*.db") if NAME.fullmatch(file.stem) and file.is_file()}
        return [DEFAULT, *sorted(found - {DEFAULT})]

    def opened(self) -> list[Hosted]:
        """Those that are open."""
        return list(self._open.values())

    async def get(self, name: str = DEFAULT, *, make: bool = False) -> Hosted:
        """The mind of that name; make: one that is not there is created, where that is allowed. Raises Refused (404)."""
        if name in self._open:
            return self._open[name]
        if not NAME.fullmatch(name) or not (self._file(name).is_file() or (make and self.may_create)):
            raise absent("mind of that name", "GET /api/minds lists them.")
        return await self._opened(name)

    async def make(self, name: str) -> tuple[Hosted, bool]:
        """The mind of that name, and whether it was created just now. Raises Refused (403, 422)."""
        if not NAME.fullmatch(name):
            raise Refused(
                422, f"{name!r} can't name a mind.", hint="Up to 64 lower-case letters, digits, - and _, a letter or digit first."
            )
        new = name not in self._open and not self._file(name).exists()
        if new and not self.may_create:
            raise Refused(403, "this server creates no minds.", hint="Start it with --create to allow that.")
        return await self._opened(name), new

    async def drain(self, seconds: float = DRAIN_S) -> None:
        """Take no more turns, end the streams of events, and let what is spoken end, or stop it after so long."""
        for hosted in self.opened():
            hosted.feed.close()
        await asyncio.gather(*(hosted.turns.drain(seconds) for hosted in self.opened()))

    async def close(self) -> None:
        """Close every mind; turns that are still spoken are stopped and kept as interrupted."""
        self._ended = True
        await self.drain(0.0)
        async with self._lock:
            opened = self.opened()
            self._open.clear()
        for hosted in reversed(opened):  # the first one's model may be everyone's
            await asyncio.to_thread(hosted.mind.close)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.db"

    async def _opened(self, name: str) -> Hosted:
        return await asyncio.shield(asyncio.ensure_future(self._open_one(name)))  # whoever asked first may go away meanwhile

    async def _open_one(self, name: str) -> Hosted:
        async with self._lock:
            if self._ended:
                raise Refused(503, "the server is stopping.", hint="Try again when it is back.")
            if name not in self._open:
                first = next(iter(self._open.values()), None)
                path = self._file(name)
                mind = await asyncio.to_thread(self._opening, path, first.mind if first else None)
                mind.start_loop()
                self._open[name] = Hosted(name, path, mind)
            return self._open[name]


def opening(settings: Settings) -> Opening:
    """Opens minds with these settings; they share one model and its connections."""

    def opened(path: Path, first: Mind | None) -> Mind:
        from pmm.runtime.mind import Mind

        return Mind.open(path, settings=settings, model=first.model if first else None)

    return opened
