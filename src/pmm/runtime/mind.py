"""Mind: the front door. It puts the parts together and says, for each thing a person can ask of a mind, who does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from time import sleep
from types import EllipsisType
from typing import Any, Literal
from weakref import ref

from pmm.agent import asked
from pmm.agent.context import epoch_due, open_epoch
from pmm.agent.stage import stage_due
from pmm.agent.tick import due_now, next_due
from pmm.agent.traits import moves_due
from pmm.clock import Clock, Ids, stopwatch
from pmm.config import Settings, check_zone, load_settings, system_zone
from pmm.errors import ConfigError, HeadMoved, InvalidInput, MindClosed, StorageError
from pmm.events import FORMAT, Due, Event, MindCreated, Turn
from pmm.llm.model import ChatModel
from pmm.memory.index import TextIndex
from pmm.memory.recall import Memory, recall
from pmm.runtime.background import BackgroundProcessor, Chore, Consumer, Lag
from pmm.runtime.doctor import Finding, doctor
from pmm.runtime.export import Form, export
from pmm.runtime.imports import Imported, import_turns
from pmm.runtime.turn import Channel, Pipeline, Reply, ReplyStream, Request, budget, opened
from pmm.runtime.why import Why, explain
from pmm.storage.eventlog import EventLog
from pmm.storage.locks import turn_lock, worker_lock
from pmm.storage.positions import Positions
from pmm.storage.snapshots import Snapshots
from pmm.storage.sqlite import SqliteLog, open_log
from pmm.version import VERSION
from pmm.views import SNAPSHOT_EVERY, View, Views

INDEX_EVERY = 64
CLOSE_WAIT_S = 2.0


class Mind:
    """A persistent mind in one file. Thread-safe, one turn at a time; several processes may open the same file.

    Use it as a context manager, or `close()` it.
    """

    def __init__(
        self, log: SqliteLog, settings: Settings, model: ChatModel | str, clock: Clock, on_progress: Any, *, owns_model: bool
    ) -> None:
        """Use `Mind.open`."""
        self.settings = settings
        self._log = log
        self._clock = clock
        self._ids = Ids()
        self._named = model
        self._model: ChatModel | None = model if isinstance(model, ChatModel) else None
        self._owns_model = owns_model
        self._closed = False
        self._quiet: tuple[int, datetime | None] = (0, None)  # as of this event nothing is due before that moment: an idle tick is cheap
        self._stream: Callable[[], ReplyStream | None] = lambda: None
        if log.head[0] == 0:
            self._create()
        self._index = TextIndex(log, on_progress)
        self._views = Views(log, Snapshots(log))
        self._turns = turn_lock(log.path)
        self._pipeline = Pipeline(
            log=log,
            views=self._views,
            index=self._index,
            model=lambda: self.model,
            settings=settings,
            clock=clock,
            ids=self._ids,
            lock=self._turns,
        )
        self._background = BackgroundProcessor(
            log,
            Positions(log),
            worker_lock(log.path),
            clock,
            consumers=[Consumer("epochs", ("reply",), self._renew_epoch)],
            chores=[
                Chore("index", INDEX_EVERY, self._index.settle),
                Chore("snapshots", SNAPSHOT_EVERY, self._views.save),
            ],
        )
        self._background.start()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        model: ChatModel | str | None = None,
        embedder: Any = None,
        settings: Settings | Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        on_progress: Callable[[int, int], Any] | None = None,
    ) -> Mind:
        """Open the mind in a file; create it if there is none.

        model: a ChatModel, a name such as "offline" or "openai:gpt-x", or None for PMM_MODEL, else the best one that answers.
        settings: a Settings, or single ones by name. on_progress(done, of): told while an index is being rebuilt.
        Raises StorageError (NotAMind, UnknownSchema, ...), ConfigError, UnknownModel.
        """
        if embedder is not None:
            raise ConfigError(f"there is no embedder {embedder!r} yet.", hint="This version recalls by words; leave it out.")
        known = settings if isinstance(settings, Settings) else load_settings(settings)
        named = model if model is not None else known.model
        if isinstance(named, str) and named != "auto":
            from pmm.llm.selection import open_model

            named = open_model(named, known)
        log = open_log(path, clock=clock, synchronous=known.synchronous, max_event_bytes=known.max_event_bytes)
        try:
            return cls(log, known, named, clock or Clock(), on_progress, owns_model=not isinstance(model, ChatModel))
        except BaseException:
            log.close()
            raise

    def _create(self) -> None:
        zone = self.settings.zone or system_zone()
        try:
            self._log.append([MindCreated(format=FORMAT, timezone=check_zone(zone), software=f"pmm {VERSION}")], expect=0)
        except HeadMoved:
            pass  # another process created it in this very moment

    # -- speaking --------------------------------------------------------------------------------------------------------------------

    def handle_user(
        self, text: str, *, session: str = "main", source: Channel = "python", key: str | None = None, record: bool = True
    ) -> Reply:
        """One turn. Raises InvalidInput, MindBusy, TurnFailed.

        key: with the same key and text, the recorded outcome is returned and no model is called. record=False: answered, not recorded.
        """
        stream = self.handle_user_streaming(text, session=session, source=source, key=key, record=record)
        with stream:
            for _ in stream:
                pass
        assert stream.reply is not None
        return stream.reply

    def handle_user_streaming(
        self, text: str, *, session: str = "main", source: Channel = "python", key: str | None = None, record: bool = True
    ) -> ReplyStream:
        """The same, piece by piece; `.reply` is set at the end."""
        self._check_open()
        request = Request(text=text, session=session, source=source, key=key, record=record)
        stream = ReplyStream(self._turn(request))
        self._stream = ref(stream)
        return stream

    def _turn(self, request: Request) -> Any:
        try:
            return (yield from self._pipeline.run(request))
        finally:
            self._background.wake()

    def cancel(self) -> None:
        """Stop the turn in progress, from any thread. What was shown is kept."""
        self._pipeline.cancel()

    @property
    def speaking(self) -> bool:
        """Whether this Mind is in a turn, so that `cancel` would stop something. Waiting for another process's turn is not."""
        return self._pipeline.speaking

    # -- looking ---------------------------------------------------------------------------------------------------------------------

    @property
    def log(self) -> EventLog:
        """The log, to read from."""
        return self._log

    @property
    def now(self) -> datetime:
        """What the mind's clock says."""
        return self._clock.now()

    def view(self, at: int | datetime | None = None) -> View:
        """The mind as it is now; with `at`, as it was right after that event, or at that time (naive: in the mind's zone)."""
        self._check_open()
        view = self._views.at_head()
        head = self._head_at(at, view)
        return view if head >= view.head else self._views.at(head)

    def recall(self, query: str, k: int = 8, at: int | datetime | None = None) -> list[Memory]:
        """The `k` messages that say most about `query`, best first. at: as of an event or a time."""
        view = self.view()
        if not isinstance(query, str) or k < 1:
            raise InvalidInput("recall takes a text and a k of at least 1.")
        return recall(self._index, query, k=k, head=self._head_at(at, view), zone=view.identity.zone, now=self._clock.now())

    def why(self, what: int | str) -> Why:
        """What made it so, as a tree of events. what: an event's id, "name", "user", "stage", "trait:E" and so on,
        "commitment:ID" or "directive:ID".

        Raises InvalidInput.
        """
        return explain(self._log, self.view(), what)

    def export(self, form: Form = "jsonl", *, since: int = 0, on_progress: Callable[[int, int], Any] | None = None) -> Iterator[str]:
        """The log, line by line: as JSON lines that prove themselves (`runtime.export.verify_export`), or as a Markdown transcript.

        since: only what came after that event. on_progress(done, of) in events. Raises InvalidInput.
        """
        self._check_open()
        return export(self._log, self._views, form, since=since, on_progress=on_progress)

    def doctor(self, on_progress: Callable[[int, int], Any] | None = None) -> list[Finding]:
        """Check every invariant, reading the whole log; nothing is repaired. on_progress(done, of)."""
        self._check_open()
        return doctor(self._log, self._views, on_progress)

    @property
    def model(self) -> ChatModel:
        """The model that speaks. With "auto", chosen when first needed."""
        if self._model is None:
            from pmm.llm.selection import open_model

            self._model = open_model(str(self._named), self.settings)
        return self._model

    def background(self) -> list[Lag]:
        """How far the background work is."""
        return self._background.lags()

    def size_bytes(self) -> int:
        """Bytes on disk."""
        return self._log.size_bytes()

    # -- what a person can ask of it ---------------------------------------------------------------------------------------------------

    def commit(
        self,
        text: str,
        *,
        owner: Literal["mind", "user"] = "mind",
        due: str | date | datetime | Due | None = None,
        priority: int = 0,
        project: str | None = None,
        repeat: str | None = None,
    ) -> int:
        """Open a commitment and return its cid; one with the same text and owner that is open already is returned instead.

        repeat: an RFC 5545 rule such as "FREQ=WEEKLY;BYDAY=MO". Closing one occurrence as kept or broken opens the next; cancelling
        ends them all. Without a due date it is first due on the first day that the rule names, today included.
        """
        return self._decide(
            lambda view: asked.commit(
                view, text, owner=owner, due=due, priority=priority, project=project, repeat=repeat, now=self._clock.now()
            )
        )

    def close_commitment(self, cid: int, outcome: Literal["kept", "broken", "cancelled", "superseded"] = "kept", note: str = "") -> None:
        """Close an open commitment. The user's word is the evidence. Raises InvalidInput if it isn't open.

        If it repeats, kept and broken open its next occurrence; cancelled and superseded end the series.
        """
        self._decide(lambda view: asked.close(view, cid, outcome, note, now=self._clock.now()))

    def edit_commitment(
        self,
        cid: int,
        *,
        text: str | None = None,
        due: str | date | datetime | Due | EllipsisType | None = ...,
        priority: int | None = None,
        project: str | None = None,
    ) -> None:
        """Change an open commitment; what is left out stays. due=None: it has none any more; project="": likewise.

        Raises InvalidInput if it isn't open, or says what another open one of the same owner says.
        """
        self._decide(lambda view: asked.edit(view, cid, text=text, due=due, priority=priority, project=project))

    def snooze_commitment(self, cid: int, until: datetime) -> None:
        """Put an open commitment off: no reminder and no expiry before `until` (aware, or local in the mind's zone).

        Raises InvalidInput if it isn't open, or `until` has passed.
        """
        self._decide(lambda view: asked.snooze(view, cid, until, now=self._clock.now()))

    def reopen_commitment(self, cid: int, reason: str = "") -> None:
        """Open a closed or expired commitment again, in a new episode.

        Raises InvalidInput if it is open, or not among those that ended lately.
        """
        self._decide(lambda view: asked.reopen(view, cid, reason))

    def set_directive(self, text: str) -> int:
        """Set a standing rule and return its did; the same one, if active already, is returned instead."""
        return self._decide(lambda view: asked.set_rule(view, text))

    def revoke_directive(self, did: int, reason: str = "") -> None:
        """Revoke a rule. Raises InvalidInput if it isn't active."""
        self._decide(lambda view: asked.revoke_rule(view, did, reason))

    def name_mind(self, name: str) -> None:
        """Give the mind a name of 1 to 40 letters, marks, digits, spaces, hyphens, apostrophes and full stops."""
        self._decide(lambda view: asked.name(view, name))

    def import_turns(self, turns: Iterable[Turn], *, origin: str = "python", on_progress: Callable[[int], Any] | None = None) -> Imported:
        """Import lines of a transcript. Importing them again adds nothing. Raises Unstorable, InvalidInput; what came before stays."""
        view = self.view()
        done = import_turns(self._log, turns, origin=origin, zone=view.identity.zone, on_progress=on_progress)
        self._background.wake()
        return done

    def tick(self) -> list[Event]:
        """Do what is due now: remind, expire, move traits and the stage. Returns what it did; nothing, when nothing is due."""
        expiry = timedelta(hours=self.settings.commitment_expiry_hours)
        while True:
            view, now = self.view(), self._clock.now()
            head, until = self._quiet
            if head == view.head and (until is None or now < until):
                return []
            due = [*due_now(view, now, expiry), *moves_due(view)]
            if (step := stage_due(view)) is not None:
                due.append(step)
            if not due:
                self._quiet = view.head, next_due(view, expiry)
                return []
            try:
                return self._log.append(due, expect=view.head)
            except HeadMoved:
                continue

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait until the background has nothing to do now (timeout: real seconds). False: timed out."""
        self._check_open()
        return self._background.wait_idle(timeout)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Write a whole copy to a new file, while the mind goes on."""
        self._check_open()
        self._log.backup(os.fspath(path))

    def close(self) -> None:
        """Stop the turn in progress and the background, save what can be recomputed, close the file. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._end_turn()
        self._background.close()
        with suppress(StorageError):  # a snapshot that can't be saved costs the next opening some time, nothing else
            self._views.at_head()
            self._views.save(every=1)
        self._log.close()
        if self._model is not None and self._owns_model:
            self._model.close()

    def _end_turn(self) -> None:
        """Stop a turn in progress: one left unfinished here, or one that another thread is drawing from (wait for that a while)."""
        self.cancel()
        limit = stopwatch() + CLOSE_WAIT_S
        while (stream := self._stream()) is not None and stopwatch() < limit:
            try:
                stream.close()
                return
            except ValueError:  # being drawn from in another thread, which the cancel will end
                sleep(0.005)

    def __enter__(self) -> Mind:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- inside ----------------------------------------------------------------------------------------------------------------------

    def _decide(self, decide: Callable[[View], int | Event | list[Event]]) -> int:
        """Decide on the mind as it is, and append only if it still is; else look again. Returns the id that stands for the outcome:
        one that was there, or the first event's."""
        while True:
            view = self.view()
            outcome = decide(view)
            if isinstance(outcome, int):
                return outcome
            try:
                id = self._log.append(outcome if isinstance(outcome, list) else [outcome], expect=view.head)[0].id
            except HeadMoved:
                continue
            self._background.wake()
            return id

    def _renew_epoch(self, event: Event) -> None:
        """After a reply: open the session's next epoch if this one is nearly full. Raises MindBusy while a turn is being spoken."""
        if self._model is None:
            return
        limits = budget(self.settings, self._model)
        full = [name for name, s in self._views.at_head().conversation.sessions.items() if epoch_due(s, limits)]
        if not full:
            return
        self._turns.acquire()
        try:
            for name in full:
                view = self._views.at_head()
                if epoch_due(view.conversation.session(name), limits):
                    count, now, marker = self._model.count_tokens, self._clock.now(), self._ids.marker()
                    opening = open_epoch(view, name, budget=limits, count=count, marker=marker, now=now)
                    self._log.append(opened(opening, name))
        finally:
            self._turns.release()

    def _head_at(self, at: int | datetime | None, view: View) -> int:
        """The id of the last event at that time; the id itself, within the log. Raises InvalidInput."""
        match at:
            case None:
                return view.head
            case datetime():
                return min(view.head, self._log.at_time(self._aware(at, view)))
            case int() if not isinstance(at, bool):
                return min(view.head, max(0, at))
        raise InvalidInput(f"{at!r} is neither an event's id nor a time.", hint="Give an int or a datetime.")

    def _aware(self, moment: datetime, view: View) -> datetime:
        from zoneinfo import ZoneInfo

        return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(view.identity.zone))

    def _check_open(self) -> None:
        if self._closed:
            raise MindClosed("this mind is closed.")
