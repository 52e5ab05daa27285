"""EventLog: the port of the log. `append` is the only way anything enters it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from pmm.events import Event
from pmm.storage.chain import GENESIS, Row, Verdict


class Derived(Protocol):
    """Tables beside the log whose rows are written in the event's own transaction (see `EventLog.attach`)."""

    def on_append(self, events: Sequence[Event]) -> None:
        """Called inside the transaction with what was just appended. Raising undoes the append."""


class EventLog(ABC):
    """An append-only, hash-chained log of one mind. Thread-safe; several processes may have it open.

    Ids are 1, 2, 3 ... without gaps. Reads return events in order of id. Everything raises StorageError when it can't be done.
    """

    @abstractmethod
    def append(self, events: Sequence[Event], *, expect: int | None = None) -> list[Event]:
        """Append all of them durably, or none. Returns them as stored, with id and ts, in the same order.

        An event whose key is known with the same kind, content and meta is not stored again: the first one is returned in its place.
        A negative reference -n becomes the id of the nth event of this append. expect: append only if the head is still this id.
        Raises Unstorable, KeyConflict, HeadMoved, DiskFull, LogStopped.
        """

    @abstractmethod
    def get(self, id: int) -> Event | None:
        """The event, or None if there is none."""

    @abstractmethod
    def by_key(self, key: str) -> Event | None:
        """The event with this idempotency key, or None."""

    @abstractmethod
    def since(self, id: int, limit: int | None = None) -> list[Event]:
        """Events after `id`, at most `limit` of them."""

    @abstractmethod
    def tail(self, n: int) -> list[Event]:
        """The last n events."""

    @abstractmethod
    def by_kind(self, *kinds: str, since: int = 0, until: int | None = None, limit: int | None = None, newest: bool = False) -> list[Event]:
        """Events of these kinds with since < id <= until, the first `limit` of them (the last, if newest)."""

    @abstractmethod
    def find(
        self, text: str, *kinds: str, since: int = 0, until: int | None = None, limit: int = 50, newest: bool = True, seconds: float = 0.15
    ) -> tuple[list[Event], int]:
        """The newest `limit` events (the first ones, if not newest) with since < id <= until, of these kinds (none: of all), whose content
        holds a text; a to z are the same as A to Z. And how far was looked within about so many seconds: the id from which to go on,
        as `until` (as `since`). It is `since` (`until`) when all was looked at."""

    @abstractmethod
    def count(self, *kinds: str, text: str = "", since: int = 0, until: int | None = None, seconds: float = 0.05) -> int | None:
        """How many events there are with since < id <= until, of these kinds, whose content holds a text. None: counting takes longer."""

    @abstractmethod
    def between(self, start: datetime, end: datetime, limit: int | None = None) -> list[Event]:
        """Events recorded at start <= ts < end."""

    @abstractmethod
    def at_time(self, moment: datetime) -> int:
        """The id of the last event recorded at or before `moment` (0: none)."""

    @abstractmethod
    def scan(self, start: int = 1, stop: int | None = None) -> Iterator[Event]:
        """Every event with start <= id <= stop, in bounded memory. For verify, replay, export and rebuilds only."""

    @abstractmethod
    def rows(self, start: int = 1, stop: int | None = None) -> Iterator[Row]:
        """The same as stored, seals and hashes included (see `chain.Row`). For export alone."""

    @property
    @abstractmethod
    def head(self) -> tuple[int, bytes]:
        """(id, hash) of the last event; (0, 32 zero bytes) when empty."""

    @abstractmethod
    def goes_on(self, id: int) -> bool:
        """Whether there is anything after event `id`. What is asked most often, and the cheapest to ask."""

    @property
    def stamp(self) -> object:
        """Something that differs after anything was written, by any process, and costs no statement; None where there is no such thing."""
        return None

    @abstractmethod
    def verify(self, on_progress: Callable[[int], Any] | None = None, *, since: tuple[int, bytes] = (0, GENESIS)) -> Verdict:
        """Check every seal, every link and the head. on_progress is told how many events were checked. since: only after the event with
        this id and hash, which is taken for whole."""

    @abstractmethod
    def attach(self, derived: Derived) -> None:
        """Have `derived` write its rows in the transaction of each append."""

    @abstractmethod
    def on_appended(self, callback: Callable[[Sequence[Event]], None]) -> None:
        """Call back after each append of this process that added something, with what it added. In whatever thread appends; two
        appends at once may be told of in either order."""

    @abstractmethod
    def backup(self, path: str) -> None:
        """A whole, consistent copy, while others go on. Refuses to overwrite."""

    @abstractmethod
    def close(self) -> None:
        """Checkpoint and close. Safe to call twice."""
