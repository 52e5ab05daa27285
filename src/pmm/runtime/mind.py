"""Mind: the front door. It puts the parts together and says, for each thing a person can ask of a mind, who does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from time import sleep
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal
from weakref import ref

from pmm.agent import asked, facts, policy
from pmm.agent.recalled import facts_about
from pmm.agent.spend import Today
from pmm.agent.stage import permissions
from pmm.clock import Clock, Ids, stopwatch
from pmm.config import Settings, check_zone, load_settings, system_zone
from pmm.errors import HeadMoved, InvalidInput, MindBusy, MindClosed, StorageError
from pmm.events import FORMAT, Due, Event, MindCreated, Turn, microseconds
from pmm.llm.model import ChatModel
from pmm.memory.graph import Relation, Visitor, graph_slice
from pmm.memory.index import TextIndex, Where
from pmm.memory.links import Links
from pmm.memory.recall import Memory, recall
from pmm.projections.commitments import Commitment, Ended
from pmm.projections.facts import Fact
from pmm.projections.traits import Move
from pmm.runtime import archive
from pmm.runtime.alerts import Alert
from pmm.runtime.autonomy import AutonomyLoop
from pmm.runtime.background import BackgroundProcessor, Chore, Consumer, Lag
from pmm.runtime.calls import Calls
from pmm.runtime.doctor import Finding, doctor
from pmm.runtime.epochs import Epochs
from pmm.runtime.export import Form, export
from pmm.runtime.history import moves as trait_moves
from pmm.runtime.imports import Imported, import_turns
from pmm.runtime.parts import Parts
from pmm.runtime.performance import Performance, Profile
from pmm.runtime.reading import Reading
from pmm.runtime.thinking import Thinking
from pmm.runtime.trace import Reasoning
from pmm.runtime.turn import PLAINLY, Channel, How, Pipeline, Reply, ReplyStream, Request
from pmm.runtime.undo import undoing
from pmm.runtime.warming import Warming
from pmm.runtime.why import Why, explain
from pmm.storage.eventlog import EventLog
from pmm.storage.locks import turn_lock, worker_lock
from pmm.storage.positions import Positions
from pmm.storage.query import Table
from pmm.storage.query import read as ask_sql
from pmm.storage.snapshots import Snapshots
from pmm.storage.sqlite import SqliteLog, open_log
from pmm.version import VERSION
from pmm.views import SNAPSHOT_EVERY, View, Views

if TYPE_CHECKING:
    from pmm.memory.embeddings import Embedder
    from pmm.runtime.encoding import Encoded, Encoding

INDEX_EVERY = 64
CLOSE_WAIT_S = 2.0
SAID_MAX = 10_000


class Mind:
    """A persistent mind in one file. Thread-safe, one turn at a time; several processes may open the same file.

    Use it as a context manager, or `close()` it.
    """

    def __init__(
        self,
        log: SqliteLog,
        settings: Settings,
        model: ChatModel | str,
        clock: Clock,
        on_progress: Any,
        *,
        owns_model: bool,
        thinker: ChatModel | None,
        embedder: Any,
    ) -> None:
        """Use `Mind.open`."""
        self.settings = settings
        self._log = log
        self._clock = clock
        self._ids = Ids()
        self._named = model
        self._model: ChatModel | None = model if isinstance(model, ChatModel) else None
        self._owns_model = owns_model
        self._former: list[ChatModel] = []
        self._thinker = thinker
        self._closed = False
        self._stream: Callable[[], ReplyStream | None] = lambda: None
        if log.head[0] == 0:
            self._create()
        self._index = TextIndex(log, on_progress)
        self._links = Links(log, on_progress)
        self._archive = archive.open_archive(log, on_progress)
        self._performance = Performance(log, settings, clock, lambda: self._encoding.lookups if self._encoding is not None else (0, 0))
        self._tracer = self._performance.tracer
        self._encoding = self._open_encoding(embedder)
        self._views = Views(log, Snapshots(log))
        self._turns = turn_lock(log.path)
        self._pipeline = Pipeline(
            log=log,
            views=self._views,
            index=self._index,
            archive=self._archive,
            model=lambda: self.model,
            settings=settings,
            clock=clock,
            ids=self._ids,
            lock=self._turns,
            tracer=self._tracer,
            encoding=self._encoding,
        )
        self._calls = Calls(log, settings, clock, self._turns)
        self._parts = Parts(log, self._views, settings, clock, self._ids, self._calls, self._archive)
        self._background = BackgroundProcessor(
            log,
            Positions(log),
            worker_lock(log.path),
            clock,
            consumers=self._consumers(),
            chores=self._chores(),
        )
        self._background.start()
        self._loop = AutonomyLoop(self._parts, self._turns, works=lambda: self._background.works, alone=self._reflects_alone)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        model: ChatModel | str | None = None,
        embedder: Embedder | str | None = None,
        settings: Settings | Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        on_progress: Callable[[int, int], Any] | None = None,
    ) -> Mind:
        """Open the mind in a file; create it if there is none.

        model: a ChatModel, a name such as "offline" or "openai:gpt-x", or None for PMM_MODEL, else the best one that answers.
        embedder: recall by meaning as well: an Embedder, or "hashed", "minilm", "minilm:/FOLDER", "openai:MODEL"; None for PMM_EMBEDDER,
        which is none ("") by default. It works behind the turn: what isn't encoded yet is found by its words.
        settings: a Settings, or single ones by name. on_progress(done, of): told while an index is being rebuilt.
        Raises StorageError (NotAMind, UnknownSchema, ...), ConfigError, UnknownModel, ModelUnavailable (weights are missing).
        """
        known = settings if isinstance(settings, Settings) else load_settings(settings)
        named = model if model is not None else known.model
        thinker = None
        if isinstance(named, str) and named != "auto":
            from pmm.llm.selection import open_speaker

            named = open_speaker(named, known)
        if known.background_model:
            from pmm.llm.selection import open_model

            thinker = open_model(known.background_model, known)
            if isinstance(named, ChatModel) and thinker.name == named.name:
                thinker = None  # one engine, with what it has read
        encoder = known.embedder if embedder is None else embedder
        if encoder:
            from pmm.runtime.encoding import check_embedder

            check_embedder(encoder)  # before a file is made
        log = open_log(path, clock=clock, synchronous=known.synchronous, max_event_bytes=known.max_event_bytes)
        try:
            owns_model = not isinstance(model, ChatModel)
            return cls(log, known, named, clock or Clock(), on_progress, owns_model=owns_model, thinker=thinker, embedder=encoder)
        except BaseException:
            log.close()
            raise

    def _open_encoding(self, embedder: Embedder | str) -> Encoding | None:
        if not embedder:
            return None
        from pmm.runtime.encoding import Encoding

        return Encoding(self._log, self._index, embedder, self.settings, lambda: self.speaking, self._performance.profiler)

    def _create(self) -> None:
        zone = self.settings.zone or system_zone()
        try:
            self._log.append([MindCreated(format=FORMAT, timezone=check_zone(zone), software=f"pmm {VERSION}")], expect=0)
        except HeadMoved:
            pass  # another process created it in this very moment

    # -- speaking --------------------------------------------------------------------------------------------------------------------

    def handle_user(
        self,
        text: str,
        *,
        session: str = "main",
        source: Channel = "python",
        key: str | None = None,
        record: bool = True,
        how: How = PLAINLY,
    ) -> Reply:
        """One turn. Raises InvalidInput, MindBusy, TurnFailed.

        key: with the same key and text, the recorded outcome is returned and no model is called. record=False: answered, not recorded.
        how: what a program that speaks for the user asks of it.
        """
        stream = self.handle_user_streaming(text, session=session, source=source, key=key, record=record, how=how)
        with stream:
            for _ in stream:
                pass
        assert stream.reply is not None
        return stream.reply

    def handle_user_streaming(
        self,
        text: str,
        *,
        session: str = "main",
        source: Channel = "python",
        key: str | None = None,
        record: bool = True,
        how: How = PLAINLY,
    ) -> ReplyStream:
        """The same, piece by piece; `.reply` is set at the end."""
        self._check_open()
        request = Request(text=text, session=session, source=source, key=key, record=record, how=how)
        stream = ReplyStream(self._turn(request))
        self._stream = ref(stream)
        return stream

    def _turn(self, request: Request) -> Any:
        try:
            with self._calls.turn():
                return (yield from self._pipeline.run(request))
        finally:
            self._wake()

    def new_session(self) -> str:
        """A name for a conversation that nobody named."""
        return f"chat-{self._ids.token()[:16]}"

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

    def recall(
        self,
        query: str,
        k: int = 8,
        at: int | datetime | None = None,
        *,
        kind: str | None = None,
        who: str | None = None,
        session: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        facts: bool = False,
        without: Collection[str] = (),
    ) -> list[Memory]:
        """The `k` messages that say most about `query`, best first. at: as of an event or a time. facts: among the `k`, and before the
        messages, the facts that bear on it (origin "fact", whatever else is asked for).

        Only among messages of that kind ("user_message", "reply", "message_imported"), by that speaker ("user", "mind", a name), of that
        session, said from `since` until before `until` (naive: in the mind's zone). without: signals that are not heeded. Raises
        InvalidInput.
        """
        view = self.view()
        if not isinstance(query, str) or k < 1:
            raise InvalidInput("recall takes a text and a k of at least 1.")
        start, end = (None if moment is None else microseconds(self._aware(moment, view)) for moment in (since, until))
        where = Where(kind=kind, who=who, session=session, since=start, until=end)
        head, now = self._head_at(at, view), self._clock.now()
        near = self._encoding.near(head, wait=True) if self._encoding is not None else None
        zone, left_out = view.identity.zone, frozenset(without)
        known = facts_about(view if head >= view.head else self._views.at(head), query)[:k] if facts else []
        found = recall(self._index, query, k=k, head=head, zone=zone, now=now, where=where, near=near, without=left_out)
        return [*known, *found[: k - len(known)]]

    def graph_slice(
        self, topic: str, limit: int = 3, min_confidence: float = 0.6, trace: Visitor | None = None, *, at: int | datetime | None = None
    ) -> list[Relation]:
        """The `limit` links between events, and to the names in them, that bear most on a topic, each with the event that proves it.

        Found from what recall finds about the topic, at most two links away. trace: told of everything that was looked at.
        at: as of an event or a time. Raises InvalidInput.
        """
        view = self.view()
        if not isinstance(topic, str) or limit < 1 or not 0 <= min_confidence <= 1:
            raise InvalidInput("a slice takes a text, a limit of at least 1 and a confidence from 0 to 1.")
        return graph_slice(
            self._index,
            self._links,
            topic,
            limit=limit,
            min_confidence=min_confidence,
            head=self._head_at(at, view),
            zone=view.identity.zone,
            now=self._clock.now(),
            trace=trace,
        )

    def traces(
        self, limit: int = 20, *, before: int | None = None, session: str | None = None, until: int | None = None
    ) -> list[Reasoning]:
        """What the latest turns looked at, newest first, in brief: with an id below `before`, of one session, of turns up to event `until`.
        Private turns have none."""
        self._check_open()
        return self._tracer.latest(limit=limit, before=before, session=session, until=until)

    def trace(self, id: int) -> Reasoning:
        """What one turn looked at, with every memory it considered. Raises InvalidInput if there is no such trace (any more)."""
        self._check_open()
        return self._tracer.get(id)

    def trace_of(self, turn: int) -> Reasoning:
        """The same, of the turn of a user's message. Raises InvalidInput if there is no such trace (any more)."""
        self._check_open()
        return self._tracer.of_turn(turn)

    def profile(self, last: int = 100, *, until: int | None = None) -> Profile:
        """What the last turns took (1 to 500), beside as many before them; until: of those up to that event. Private turns are not
        measured. Raises InvalidInput."""
        self._check_open()
        return self._performance.profile(last, until)

    def alerts(self, limit: int = 20, *, open: bool = False) -> list[Alert]:
        """The newest alerts first; open: only those that aren't over."""
        self._check_open()
        return self._performance.alerts(limit, open=open)

    def prometheus(self) -> str:
        """Figures for Prometheus, in its text form (version 0.0.4)."""
        view, lags = self.view(), self.background()
        return self._performance.prometheus(view, lags, self.encoded(), self.size_bytes())

    def facts(
        self,
        subject: str | None = None,
        *,
        at: int | datetime | None = None,
        current: bool | None = True,
        limit: int = 50,
        before: int | None = None,
    ) -> list[Fact]:
        """The newest facts, with an id below `before` if that is given; as they were after an event or at a time with `at`.

        subject: only those about it ("user" is the user). current: those that hold (held), False: those that held before; None: both.
        """
        return archive.list_facts(self.view(at), self._archive, subject=subject, current=current, before=before, limit=limit)

    def commitments(
        self, *, at: int | datetime | None = None, open: bool | None = True, limit: int = 50, before: int | None = None
    ) -> list[Commitment | Ended]:
        """The newest commitments, with a cid below `before` if that is given; as they were after an event or at a time with `at`.

        open: those that are; False: those that ended; None: both. The view holds the 128 most pressing ones; here are all of them.
        """
        return archive.list_commitments(self.view(at), self._archive, open=open, before=before, limit=limit)

    def fact(self, id: int) -> Fact | None:
        """The fact with this id, current or past; None: there is none."""
        return next((fact for fact in self.facts(current=None, before=id + 1, limit=1) if fact.id == id), None)

    def commitment(self, cid: int) -> Commitment | Ended | None:
        """The commitment with this cid, open or ended; None: there is none."""
        return next((item for item in self.commitments(open=None, before=cid + 1, limit=1) if item.cid == cid), None)

    def moves(self, limit: int = 500, *, at: int | datetime | None = None) -> list[Move]:
        """The last moves of the traits, oldest first; up to an event or a time with `at`. The view has the latest 32 at hand."""
        return trait_moves(self._log, self._head_at(at, self.view()), limit)

    def why(self, what: int | str) -> Why:
        """What made it so, as a tree of events. what: an event's id, "name", "user", "stage", "trait:E" and so on,
        "policy:NAME", "commitment:ID" or "directive:ID".

        Raises InvalidInput.
        """
        return explain(self._log, self.view(), what)

    def said_in(self, session: str, *, after: int = 0, limit: int = SAID_MAX) -> list[Event]:
        """What was said in a conversation after that event, oldest first, at most 10,000 messages. Of an import: "origin/session"."""
        self._check_open()
        events = (self._log.get(id) for id in self._index.session(session, after, min(limit, SAID_MAX)))
        return [event for event in events if event is not None]

    def sql(self, query: str, limit: int = 1000) -> Table:
        """One question in SQL about the mind's own tables, read-only, at most `limit` rows, within 2 s. Raises InvalidInput with the
        reason if it can't be asked, is not allowed, takes too long or gives too much."""
        self._check_open()
        return ask_sql(self._log.path, query, limit=limit)

    def export(self, form: Form = "jsonl", *, since: int = 0, on_progress: Callable[[int, int], Any] | None = None) -> Iterator[str]:
        """The log, line by line: as JSON lines that prove themselves (`runtime.export.verify_export`), or as a Markdown transcript.

        since: only what came after that event. on_progress(done, of) in events. Raises InvalidInput.
        """
        self._check_open()
        return export(self._log, self._views, form, since=since, on_progress=on_progress)

    def doctor(self, on_progress: Callable[[int, int], Any] | None = None, *, full: bool = False) -> list[Finding]:
        """Check every invariant of what is new since the last check that found the log whole, or (full) from event 1; nothing is repaired.
        on_progress(done, of)."""
        self._check_open()
        return doctor(self._log, self._views, on_progress, full=full)

    @property
    def model(self) -> ChatModel:
        """The model that speaks. With "auto", chosen when first needed."""
        if self._model is None:
            from pmm.llm.selection import open_speaker

            self._model = open_speaker(str(self._named), self.settings)
        return self._model

    def speak_with(self, name: str) -> None:
        """The model of that name speaks from now on. Raises UnknownModel, ModelUnavailable, ConfigError; MindBusy in a turn."""
        from pmm.llm.selection import open_speaker

        self._check_open()
        if self.speaking:
            raise MindBusy("a reply is being spoken.", hint="Switch when it has ended, or stop it.")
        if self._model is not None and self._owns_model:
            self._former.append(self._model)  # other minds may share it: it is closed with this one
        self._model, self._owns_model = open_speaker(name, self.settings), True

    def background(self) -> list[Lag]:
        """How far the background work is."""
        return self._background.lags()

    def encoded(self) -> Encoded | None:
        """How far the vectors of what was said are; None without an embedder."""
        return self._encoding.status() if self._encoding is not None else None

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
                archive.with_same_commitment(view, self._archive, owner, text),
                text,
                owner=owner,
                due=due,
                priority=priority,
                project=project,
                repeat=repeat,
                now=self._clock.now(),
            )
        )

    def close_commitment(self, cid: int, outcome: Literal["kept", "broken", "cancelled", "superseded"] = "kept", note: str = "") -> None:
        """Close an open commitment. The user's word is the evidence. Raises InvalidInput if it isn't open.

        If it repeats, kept and broken open its next occurrence; cancelled and superseded end the series.
        """
        self._decide(lambda view: asked.close(archive.with_commitment(view, self._archive, cid), cid, outcome, note, now=self._clock.now()))

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
        wide: Callable[[View], View] = lambda view: archive.with_commitment(view, self._archive, cid)
        self._decide(lambda view: asked.edit(wide(view), cid, text=text, due=due, priority=priority, project=project))

    def snooze_commitment(self, cid: int, until: datetime) -> None:
        """Put an open commitment off: no reminder and no expiry before `until` (aware, or local in the mind's zone).

        Raises InvalidInput if it isn't open, or `until` has passed.
        """
        self._decide(lambda view: asked.snooze(archive.with_commitment(view, self._archive, cid), cid, until, now=self._clock.now()))

    def reopen_commitment(self, cid: int, reason: str = "") -> None:
        """Open a closed or expired commitment again, in a new episode.

        Raises InvalidInput if it is open, or not among those that ended lately.
        """
        self._decide(lambda view: asked.reopen(view, cid, reason))

    def assert_fact(self, subject: str, relation: str, value: str, *, valid_from: date | str | None = None, confidence: float = 1.0) -> int:
        """Assert a fact and return its id; one that says the same and holds already is returned instead.

        valid_from: the local day since when it holds. A newer value of a relation that has one value at a time ("lives in") supersedes
        the older one, which stays listed as past. Raises InvalidInput.
        """
        return self._decide(
            lambda view: facts.assert_fact(
                archive.with_facts(view, self._archive, [(subject, relation, value)]),
                subject,
                relation,
                value,
                confidence=confidence,
                valid_from=valid_from,
            )
        )

    def retract_fact(self, id: int, reason: str = "") -> None:
        """Take a fact back. What was derived from it is stale from then on. Raises InvalidInput if it doesn't hold."""
        self._decide(lambda view: facts.retract_fact(archive.with_facts(view, self._archive, fid=id), id, reason))

    def correct_fact(self, id: int, value: str, *, valid_from: date | str | None = None) -> int:
        """Put another value in the place of a current fact's, and return the id of the fact that holds now.

        Unlike with `assert_fact`, the old one ends whatever its relation; it stays listed as past. Raises InvalidInput if it doesn't hold,
        or another fact says that already.
        """

        def wide(view: View) -> View:
            view = archive.with_facts(view, self._archive, fid=id)
            known = view.facts.get(id)
            return view if known is None else archive.with_facts(view, self._archive, [(known.subject, known.relation, value)])

        return self._decide(lambda view: facts.correct_fact(wide(view), id, value, valid_from=valid_from))

    def set_directive(self, text: str) -> int:
        """Set a standing rule and return its did; the same one, if active already, is returned instead."""
        return self._decide(lambda view: asked.set_rule(view, text))

    def revoke_directive(self, did: int, reason: str = "") -> None:
        """Revoke a rule. Raises InvalidInput if it isn't active."""
        self._decide(lambda view: asked.revoke_rule(view, did, reason))

    def set_policy(self, name: str, value: int | bool | None) -> None:
        """Set one of the policies of `mind.view().policy`, at any stage; None gives it back to the settings. Raises InvalidInput."""
        self._decide(lambda view: policy.change(view, name, value))

    @property
    def permissions(self) -> tuple[str, ...]:
        """What the mind may do unasked now: what its stage permits, as far as its user lets it."""
        return permissions(self.view())

    def name_mind(self, name: str) -> None:
        """Give the mind a name of 1 to 40 letters, marks, digits, spaces, hyphens, apostrophes and full stops."""
        self._decide(lambda view: asked.name(view, name))

    def import_turns(self, turns: Iterable[Turn], *, origin: str = "python", on_progress: Callable[[int], Any] | None = None) -> Imported:
        """Import lines of a transcript. Importing them again adds nothing. Raises Unstorable, InvalidInput; what came before stays."""
        view = self.view()
        done = import_turns(self._log, turns, origin=origin, zone=view.identity.zone, on_progress=on_progress)
        self._wake()
        return done

    def set_zone(self, name: str) -> None:
        """From now on, local days and times are those of this IANA zone; what is due already keeps its own. Raises InvalidInput."""
        self._decide(lambda view: asked.zone(view, name))

    def undo(self, session: str = "main") -> list[Event]:
        """Take back what the session's last turn asserted: facts, commitments, rules and names, also what was found in it later.

        Returns what that took; [] if there was nothing. The messages stay in the log, as everything does; small moves of traits stay too.
        """
        self._check_open()
        done = self._parts.append(lambda view: undoing(self._log, self._archive, view, session))
        if done:
            self._wake()
        return done

    # -- by itself ---------------------------------------------------------------------------------------------------------------------

    def tick(self) -> list[Event]:
        """Do what is due now, in one commit: remind, expire, move traits and the stage, speak first. Returns what it did."""
        self._check_open()
        return self._loop.tick()

    def start_loop(self, on_event: Callable[[Event], object] | None = None) -> None:
        """Do what is due from now on by itself, in a thread, until `stop_loop` or `close`.

        on_event: told, in that thread, of each reminder, expiry, question and change of stage, whichever process it came from.
        """
        self._check_open()
        self._loop.start(on_event)

    def stop_loop(self) -> None:
        """Do nothing by itself any more; what is being done is finished first."""
        self._loop.stop()

    def _wake(self) -> None:
        """Whoever works behind the user's back has something to look at."""
        self._background.wake()
        self._loop.wake()

    def work(self, timeout: float | None = None) -> list[Event]:
        """Do now what waits to be done behind the user's back, also what a model does once it is quiet. What it came to, in events.

        timeout: real seconds, after which the rest goes on waiting. Raises MindBusy if another process does this mind's work.
        """
        self._check_open()
        head, _ = self._log.head
        self.model  # noqa: B018 - with "auto" it is chosen now: what waits may need one
        self._background.work(timeout)
        return self._log.since(head)

    def reading(self, origin: str) -> Reading:
        """What a model would read of an import, for facts: `.estimate()` says what that takes, `.run()` does it. Raises InvalidInput."""
        self._check_open()
        return Reading(self._parts, model=self._thinker or self.model, origin=origin)

    def spent_today(self) -> Today:
        """Tokens that models took today, and the caps."""
        return self._calls.today(self.view())

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
        if self._encoding is not None:
            self._encoding.stop()
        self._calls.close()
        self._loop.stop()
        self._background.close()
        with suppress(StorageError):  # traces that can't be written are lost, nothing else
            self._tracer.drain()
        self._performance.alarms.close()
        with suppress(StorageError):  # a snapshot that can't be saved costs the next opening some time, nothing else
            self._views.at_head()
            self._views.save(every=1)
        if self._encoding is not None:
            self._encoding.close()
        self._log.close()
        for model in (*self._former, *([self._model] if self._model is not None and self._owns_model else [])):
            model.close()
        if self._thinker is not None:
            self._thinker.close()

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

    def _consumers(self) -> list[Consumer]:
        """What is done after a reply, in this order."""
        model, speaker = lambda: self._thinker or self._model, lambda: self._model
        thinking = Thinking(self._parts, model=model, hurried=lambda: self._background.hurried)
        return [
            Consumer("epochs", ("reply",), Epochs(self._parts, model=model, speaker=speaker, turns=self._turns).renew),
            Consumer("warming", ("epoch_opened",), Warming(self._parts, speaker).warm, local=False),
            Consumer("thinking", ("reply",), thinking.think, local=False),
        ]

    def _chores(self) -> list[Chore]:
        return [
            Chore("index", INDEX_EVERY, self._index.settle),
            Chore("snapshots", SNAPSHOT_EVERY, self._views.save),
            Chore("traces", 1, self._tracer.drain, due=lambda: self._tracer.waits),
            *(self._encoding.chores() if self._encoding else ()),
        ]

    def _reflects_alone(self) -> bool:
        """Whether the model that speaks is no help with reflecting; False as long as none has spoken here."""
        model = self._thinker or self._model
        return model is not None and not (self.settings.background_tokens_per_day and model.serves >= {"extract", "reflect"})

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
            self._wake()
            return id

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
