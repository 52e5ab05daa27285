"""One turn, from the user's message to its terminal. Every way of speaking with a mind goes through `Pipeline.run`.

lock -> hear (1st commit) -> view -> route -> recall -> prompt -> speak -> keep (2nd commit) -> unlock
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from pmm.agent import context
from pmm.agent.answer import draft
from pmm.agent.claims import contradictions, ids_in
from pmm.agent.commitments import followups
from pmm.agent.extract import Known, extract_message, extract_reply
from pmm.agent.facts import is_known, supersessions
from pmm.agent.route import fast_answer
from pmm.clock import Clock, Ids
from pmm.config import Settings
from pmm.errors import (
    ConfigError,
    HeadMoved,
    InvalidInput,
    KeyConflict,
    ModelCancelled,
    ModelCutOff,
    ModelError,
    ModelMalformed,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    TurnFailed,
)
from pmm.events import (
    Claim,
    CommitmentClosed,
    CommitmentOpened,
    ContextBuilt,
    EpochOpened,
    Event,
    FactAsserted,
    ModelCalled,
    ModelSwitched,
    ReplyContradicted,
    ReplyEvent,
    SceneCompacted,
    Source,
    Timing,
    TurnFailedEvent,
    TurnSuperseded,
    Usage,
    UserMessage,
)
from pmm.llm.model import Cancel, ChatModel, Options, TokenUsage
from pmm.memory.archive import Archive
from pmm.memory.index import TextIndex
from pmm.memory.recall import Memory, recall
from pmm.projections.answers import Answer
from pmm.runtime.answers import AnswerCache, Asked, receipt
from pmm.runtime.archive import with_changed, with_facts
from pmm.runtime.continuation import Speech, speak
from pmm.runtime.trace import Tracer, TurnTrace
from pmm.storage.eventlog import EventLog
from pmm.storage.locks import ProcessLock
from pmm.views import View, Views

if TYPE_CHECKING:
    from pmm.runtime.encoding import Encoding

Channel = Literal["cli", "api", "mcp", "web", "python"]
SESSION_BYTES_MAX = 200


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a turn. sources: the recalled items it could use. contradicted: what it says that the log contradicts. The two event
    ids are None for a turn that wasn't recorded."""

    text: str
    route: Literal["model", "fast", "cache", "offline"]
    model: str
    finish: Literal["stop", "length", "interrupted"]
    sources: tuple[Source, ...] = ()
    contradicted: tuple[Claim, ...] = ()
    usage: Usage = Usage()
    timing: Timing = Timing()
    user_event: int | None = None
    reply_event: int | None = None


class ReplyStream(Iterator[str]):
    """Pieces of a reply as they come. Afterwards `.reply` holds the whole; a failed turn raises TurnFailed after its last piece.

    Nothing happens before the first piece is asked for. Closing it early (`close`, leaving a `with` block) stops the turn.
    """

    def __init__(self, pieces: Generator[str, None, Reply]) -> None:
        self._pieces = pieces
        self.reply: Reply | None = None

    def __next__(self) -> str:
        try:
            return next(self._pieces)
        except StopIteration as end:
            if end.value is not None:
                self.reply = end.value
            raise StopIteration from None

    def close(self) -> None:
        """Stop. What was shown is kept as an interrupted reply."""
        self._pieces.close()

    def __enter__(self) -> ReplyStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class How(msgspec.Struct, frozen=True, kw_only=True):
    """What a program that speaks for the user asks of one turn, beside the text.

    instruction: its own, which weighs less than the user's rules. earlier: (who, text) of turns it keeps and the log doesn't. supersedes:
    user messages of this session whose turns the user took back, or tries again. max_tokens, temperature: instead of the settings', but
    never more tokens than these allow. stop: texts before the first of which the reply ends; a fast answer is given whole.
    """

    instruction: str = ""
    earlier: tuple[tuple[str, str], ...] = ()
    supersedes: tuple[int, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()


PLAINLY = How()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One turn as asked for."""

    text: str
    session: str = "main"
    source: Channel = "python"
    key: str | None = None
    record: bool = True
    how: How = PLAINLY


class Heard(msgspec.Struct, frozen=True):
    """The user's message, in the log or (a private one) not. view: the mind right after it."""

    request: Request
    view: View
    event: Event
    trace: TurnTrace
    found: tuple[Event, ...] = ()


class Pipeline:
    """See the module. Thread-safe; one turn at a time over all processes."""

    def __init__(
        self,
        *,
        log: EventLog,
        views: Views,
        index: TextIndex,
        archive: Archive,
        model: Callable[[], ChatModel],
        settings: Settings,
        clock: Clock,
        ids: Ids,
        lock: ProcessLock,
        tracer: Tracer,
        encoding: Encoding | None = None,
    ) -> None:
        self._log = log
        self._views = views
        self._index = index
        self._archive = archive
        self._model = model
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._lock = lock
        self._tracer = tracer
        self._encoding = encoding
        self._answers = AnswerCache(log, settings)
        self._cancel: Cancel | None = None

    def cancel(self) -> None:
        """Stop the turn in progress, if there is one. From any thread."""
        if self._cancel is not None:
            self._cancel.set()

    @property
    def speaking(self) -> bool:
        """Whether a turn is in progress in this process: one that `cancel` would stop."""
        return self._cancel is not None

    def run(self, request: Request) -> Generator[str, None, Reply]:
        """Yield the pieces of the reply, return the whole. Raises InvalidInput, MindBusy, TurnFailed, KeyConflict, StorageError."""
        _check(request)
        trace = self._tracer.begin()
        with trace.measure("waiting"):
            self._lock.acquire(self._settings.turn_wait_s)
        self._cancel = cancel = Cancel()
        try:
            heard = self._hear(request, trace)
            if isinstance(heard, Reply):
                yield heard.text
                return heard
            return (yield from self._answer(heard, cancel))
        finally:
            self._cancel = None
            self._lock.release()

    # -- hear ------------------------------------------------------------------------------------------------------------------------

    def _hear(self, request: Request, trace: TurnTrace) -> Heard | Reply:
        """Make the message durable before anything else; or find what became of it, if its key is known."""
        view = self._views.at_least(1)  # of any age, but read: the first turn of a process has none at hand
        ready = True
        if not request.record:
            said: Event = UserMessage(content=request.text, source=request.source, session=request.session, ts=self._clock.now())
            ready = view is (view := self._views.at_head())
            trace.heard(ready=ready)
            return Heard(request, view, said, trace)
        if request.key is not None and (known := self._log.by_key(f"u:{request.key}")) is not None:
            self._log.append(_healed(self._views.at_head()))
            return self._recorded(known, request)
        while True:
            try:
                with trace.measure("append"):
                    event = self._heard(request, view)
                break
            except HeadMoved:  # somebody else, or the background, wrote since that view was taken
                view, ready = self._views.at_head(), False
        view = self._views.at_least(event.id)
        with trace.measure("extraction"):
            found = extract_message(request.text, _known(view, event))
        trace.heard(ready=ready)
        return Heard(request, view, event, trace, tuple(found))

    def _heard(self, request: Request, view: View) -> Event:
        """The message, appended to what the view shows. Raises HeadMoved if there is more by now."""
        healed = _healed(view)
        message = UserMessage(
            content=request.text, source=request.source, session=request.session, key=None if request.key is None else f"u:{request.key}"
        )
        gone = [id for id in request.how.supersedes if view.threads.holds(request.session, id) or self._failed(request.session, id)]
        back = [TurnSuperseded(turn=id, by=-len(healed) - 1) for id in gone]
        return self._log.append([*healed, message, *back], expect=view.head)[len(healed)]

    def _failed(self, session: str, id: int) -> bool:
        """Whether the session has a turn of that message, which failed."""
        asked, end = self._log.get(id), self._log.by_key(f"end:{id}")
        return isinstance(asked, UserMessage) and asked.session == session and isinstance(end, TurnFailedEvent)

    def _recorded(self, known: Event, request: Request) -> Reply:
        """The outcome of a message that was sent before with the same key."""
        if known.content != request.text:
            raise KeyConflict(f"the key {request.key!r} belongs to event {known.id}, which says something else.")
        end = self._log.by_key(f"end:{known.id}")
        if isinstance(end, ReplyEvent):
            built = [e for e in self._log.since(known.id, end.id - known.id) if isinstance(e, ContextBuilt) and e.to == known.id]
            return Reply(
                text=end.content,
                route=end.route,
                model=end.model,
                finish=end.finish,
                sources=built[-1].sources if built else (),
                contradicted=self._told_wrong(end.id),
                usage=end.usage,
                timing=end.timing,
                user_event=known.id,
                reply_event=end.id,
            )
        failed = end if isinstance(end, TurnFailedEvent) else TurnFailedEvent(to=known.id, reason="stopped")
        told = f"this turn failed before: {failed.detail or failed.reason}."
        raise TurnFailed(told, partial=failed.content, user_event=known.id, reason=failed.reason, hint=failed.hint)

    def _told_wrong(self, reply: int) -> tuple[Claim, ...]:
        """What was recorded as contradicted in a reply."""
        after = self._log.by_kind("reply_contradicted", since=reply, limit=1)
        return next((e.claims for e in after if isinstance(e, ReplyContradicted) and e.reply == reply), ())

    # -- answer ----------------------------------------------------------------------------------------------------------------------

    def _answer(self, heard: Heard, cancel: Cancel) -> Generator[str, None, Reply]:
        speech = Speech(started=heard.trace.started)
        view, text = heard.view, heard.request.text
        now, zone = heard.event.ts, view.identity.zone
        fast = fast_answer(view, text, now=now, zone=zone)
        if fast is not None:
            speech.add(fast)
            reply = self._keep(heard, speech, "fast", "none", None)  # first, so that closing the stream at its one piece loses nothing
            yield fast
            return reply
        model = self._speaker(heard, speech)
        memories, asked = self._recall(heard, model)
        if asked.known is not None and (said := self._answers.text(asked.known)):
            return (yield from self._again(heard, said, asked, asked.known, memories))
        prompt: context.Prompt | None = None
        try:
            prompt = msgspec.structs.replace(self._prompt(heard, memories, model), question=asked.question, basis=asked.basis)
            heard.trace.built(prompt, model.name)
            say = lambda: draft(view, memories, text, heard.found, now=now, zone=zone, recorded=heard.request.record)
            options = self._options(cancel, say, model, heard.request.how)
            yield from speak(model, prompt.messages, options, speech, self._settings.max_event_bytes, heard.request.how.stop)
        except (ModelError, InvalidInput) as error:
            if not (isinstance(error, ModelCancelled) and speech.text):
                raise self._fail(heard, speech, model, error) from error
            speech.finish = "interrupted"
        except (GeneratorExit, KeyboardInterrupt):
            cancel.set()
            speech.finish = "interrupted"
            if speech.text and prompt is not None:
                self._keep(heard, speech, model.route, model.name, prompt)
            else:
                self._fail(heard, speech, model, ModelCancelled("stopped before the first word."))
            raise
        return self._keep(heard, speech, model.route, model.name, prompt)

    def _speaker(self, heard: Heard, speech: Speech) -> ChatModel:
        """The model that speaks. With "auto" it may be opened only now, and that may fail."""
        try:
            return self._model()
        except (ModelError, ConfigError) as error:
            raise self._fail(heard, speech, None, error) from error

    def _recall(self, heard: Heard, model: ChatModel) -> tuple[list[Memory], Asked]:
        """What the message brings to mind, and the question as the answer cache knows it."""
        view, text, now, zone = heard.view, heard.request.text, heard.event.ts, heard.view.identity.zone
        k = view.policy.recall_k or self._settings.recall_k
        head = heard.event.id - 1 if heard.event.id else view.head
        plain = heard.request.record and heard.request.how == PLAINLY and not heard.found
        with heard.trace.measure("recall"):
            near = self._encoding.near(head) if self._encoding is not None else None
            question = self._answers.question(view, text, near) if plain else ""
            find = lambda most: recall(self._index, text, k=most, head=head, zone=zone, now=now, near=near)
            found = self._answers.recalled(view, question, find, k)
            memories = [memory for memory in found if "superseded" not in memory.why]  # what the user took back leads no answer
            asked = self._answers.asked(view, heard.request.session, question, memories, k=k, model=model.name, now=now)
        memories = memories[:k]
        heard.trace.recalled(memories)
        return memories, asked

    def _again(self, heard: Heard, said: str, asked: Asked, answer: Answer, memories: Sequence[Memory]) -> Generator[str, None, Reply]:
        """Give an answer again, word for word."""
        prompt = receipt(heard.view, heard.request.session, asked, answer, memories)
        heard.trace.built(prompt, answer.model)
        speech = Speech(started=heard.trace.started)
        speech.add(said)
        reply = self._keep(heard, speech, "cache", answer.model, prompt)
        yield said
        return reply

    def _prompt(self, heard: Heard, memories: Sequence[Memory], model: ChatModel) -> context.Prompt:
        return context.build(
            with_changed(heard.view, self._archive),
            heard.request.session,
            heard.request.text,
            memories,
            heard.found,
            budget=budget(self._settings, model),
            count=model.count_tokens,
            now=heard.event.ts,
            marker=self._ids.marker,
            user_event=heard.event.id,
            instruction=heard.request.how.instruction,
            earlier=heard.request.how.earlier,
        )

    def _options(self, cancel: Cancel, say: Callable[[], str], model: ChatModel, how: How) -> Options:
        s, most = self._settings, budget(self._settings, model).reply
        return Options(
            purpose="reply",
            max_tokens=most if how.max_tokens is None else min(most, how.max_tokens),
            temperature=s.temperature if how.temperature is None else how.temperature,
            timeout_s=s.model_timeout_s,
            first_piece_timeout_s=s.first_piece_timeout_s,
            retries=s.model_retries,
            cancel=cancel,
            draft=say,
        )

    # -- keep ------------------------------------------------------------------------------------------------------------------------

    def _keep(self, heard: Heard, speech: Speech, route: Any, model: str, prompt: context.Prompt | None) -> Reply:
        """Receipt, reply and findings in one transaction. What is stored is exactly what was shown."""
        heard.trace.spoken(speech.waited)
        finish = speech.finish or "stop"
        reply = Reply(
            text=speech.text,
            route=route,
            model=model,
            finish=finish,
            sources=prompt.sources if prompt else (),
            usage=_usage(speech.usage),
            timing=speech.timing(),
        )
        if not heard.request.record:
            if route == "model":
                self._log.append([ModelCalled(purpose="reply", model=model, outcome="ok", usage=reply.usage, attempts=speech.calls)])
            return reply
        to = heard.event.id
        events = self._switched(heard.view, model) if prompt else []
        if prompt:
            events += _receipt(heard, prompt, self._settings.max_context_tokens)
        end = ReplyEvent(
            content=reply.text, to=to, route=route, model=model, finish=finish, usage=reply.usage, timing=reply.timing, key=f"end:{to}"
        )
        events.append(end)
        reply_at = len(events)
        found = [_cited(event, to) for event in heard.found]
        if route == "model" and finish == "stop":
            with heard.trace.measure("extraction"):
                found += [_cited(event, -reply_at) for event in extract_reply(reply.text, _known(heard.view, heard.event, heard.found))]
                wrong = _contradicted(reply.text, heard, prompt, found) if prompt else ()
            if wrong:
                events.append(ReplyContradicted(content=" ".join(claim.truth for claim in wrong), reply=-reply_at, claims=wrong))
                reply = msgspec.structs.replace(reply, contradicted=wrong)
        with heard.trace.measure("append"):
            stored = self._append(events, found)
        self._views.at_least(stored[-1].id)  # here rather than at the start of the next turn, which has somebody waiting
        self._trace(heard, stored)
        return msgspec.structs.replace(reply, user_event=to, reply_event=stored[reply_at - 1].id)

    def _trace(self, heard: Heard, stored: Sequence[Event]) -> None:
        self._tracer.ended(heard.trace, heard.request.session, heard.event.id, heard.event.ts, stored)

    def _append(self, events: list[Event], found: list[Event]) -> list[Event]:
        """Append the turn's end and the findings, with the next occurrences of what these close and the ends of the facts they supersede.

        While the model spoke somebody else may have ended a series, or opened its next occurrence: then that holds.
        """
        following: list[Event] = []
        if any(isinstance(event, (CommitmentClosed, FactAsserted)) for event in found):
            view = with_facts(self._views.at_head(), self._archive, found)
            found = [event for event in found if not is_known(view, event)]
            found += supersessions(view, found, len(events))
            following += followups(view, found, self._clock.now())
        try:
            return self._log.append(events + found + following)
        except KeyConflict:
            if not following:
                raise
        return self._log.append(events + found)

    def _switched(self, view: View, model: str) -> list[Event]:
        before = view.usage.model
        return [ModelSwitched(before=before, after=model)] if before != model else []

    def _fail(self, heard: Heard, speech: Speech, model: ChatModel | None, error: ModelError | InvalidInput | ConfigError) -> TurnFailed:
        """Record that the turn failed, with what was shown before, and what the message itself changed. Returns what to raise."""
        heard.trace.spoken(speech.waited)
        reason = _REASONS.get(type(error), "model")
        if heard.request.record:
            to = heard.event.id
            said, hint = error.message[:1000], error.hint[:1000]
            end = TurnFailedEvent(content=speech.text, to=to, reason=reason, detail=said, hint=hint, key=f"end:{to}")
            found = [_cited(event, to) for event in heard.found]
            with heard.trace.measure("append"):
                stored = self._append([end], found)
            self._trace(heard, stored)
        elif model is not None and model.route == "model":
            self._log.append(
                [
                    ModelCalled(
                        purpose="reply",
                        model=model.name,
                        outcome="failed",
                        error=reason,
                        usage=_usage(speech.usage),
                        attempts=max(1, speech.calls),
                    )
                ]
            )
        event = heard.event.id if heard.request.record else None
        return TurnFailed(error.message, partial=speech.text, user_event=event, reason=reason, hint=error.hint)


_REASONS: dict[type[Exception], str] = {
    ModelTimeout: "timeout",
    ModelCutOff: "cut",
    ModelUnavailable: "unavailable",
    ModelRefused: "refused",
    ModelMalformed: "malformed",
    ModelCancelled: "cancelled",
    InvalidInput: "too_long",
}


def budget(settings: Settings, model: ChatModel) -> context.Budget:
    """What a prompt for this model may hold."""
    window = settings.model_window or model.window
    return context.Budget(
        context=settings.max_context_tokens,
        memory=min(settings.max_memory_tokens, settings.max_context_tokens),
        transcript=settings.max_transcript_tokens,
        window=window,
        reply=min(settings.max_reply_tokens, window // 2),
    )


def opened(opening: context.Opening, session: str) -> list[Event]:
    """The events that record a new epoch."""
    events: list[Event] = []
    if opening.scene:
        first, last = opening.gone[0].user, opening.gone[-1].user
        method: Literal["model", "extract"] = "model" if opening.model else "extract"
        events.append(SceneCompacted(content=opening.scene, session=session, first=first, last=last, method=method, model=opening.model))
    assert opening.first is not None
    events.append(
        EpochOpened(
            content=opening.text,
            session=session,
            epoch=opening.epoch,
            marker=opening.marker,
            first=opening.first,
            key=f"epoch:{session}:{opening.epoch}",
        )
    )
    return events


def _receipt(heard: Heard, prompt: context.Prompt, limit: int) -> list[Event]:
    session = heard.request.session
    events = opened(prompt.opening, session) if prompt.opening else []
    events.append(
        ContextBuilt(
            content=prompt.header,
            to=heard.event.id,
            session=session,
            epoch=prompt.epoch,
            digest=prompt.digest,
            budget=limit,
            tokens=prompt.tokens,
            sections=prompt.sections,
            sources=prompt.sources,
            left_out=prompt.left_out,
            question=prompt.question,
            basis=prompt.basis,
        )
    )
    return events


def _healed(view: View) -> list[Event]:
    """The ends of messages that a dead process left without one."""
    detail = "the process ended in mid-turn"
    return [TurnFailedEvent(to=p.id, reason="stopped", detail=detail, key=f"end:{p.id}") for p in view.conversation.pending]


def _known(view: View, event: Event, found: Sequence[Event] = ()) -> Known:
    """What the extractor may look at. found: what was read in this turn already and isn't in the view yet."""
    open_ones = [(c.cid, str(c.owner), c.text) for c in view.commitments.open]
    open_ones += [(0, e.owner, e.content) for e in found if isinstance(e, CommitmentOpened)]
    return Known(
        now=event.ts,
        zone=view.identity.zone,
        name=view.identity.name,
        user_name=view.identity.user_name,
        commitments=tuple(open_ones),
        directives=tuple((d.did, d.text) for d in view.directives.active),
        facts=view.facts.current,
        proposed=_asked_name(view, event),
    )


def _asked_name(view: View, event: Event) -> str | None:
    """The name that the reply right before this message asked for. What was asked elsewhere, or in silence, this can't answer."""
    asked = view.identity.proposed
    turns = view.conversation.session(event.session).turns if isinstance(event, UserMessage) else ()
    return asked.name if asked and turns and turns[-1].reply == asked.evidence else None


def _contradicted(text: str, heard: Heard, prompt: context.Prompt, changing: Sequence[Event]) -> tuple[Claim, ...]:
    """What a reply says that the log contradicts. What this turn itself changes is no contradiction."""
    shown: set[int] = set()
    if "#" in text:
        turns = heard.view.conversation.session(heard.request.session).turns
        shown = ids_in(prompt.messages).union((s.id for s in prompt.sources), *((t.user, t.reply) for t in turns), (heard.event.id,))
    return contradictions(text, heard.view, shown=shown, head=heard.view.head, changing=changing)


def _cited(event: Event, source: int) -> Event:
    """The finding with the message it was found in."""
    fields = type(event).__struct_fields__
    field = "source" if "source" in fields else "evidence"
    return msgspec.structs.replace(event, **{field: source})


def _usage(usage: TokenUsage) -> Usage:
    return Usage(prompt=usage.prompt, cached=usage.cached, completion=usage.completion)


def _check(request: Request) -> None:
    """Refuse what can't be a turn, before anything is written."""
    if not isinstance(request.text, str) or not request.text.strip():
        raise InvalidInput("the message is empty.", hint="Say something.")
    if not isinstance(request.session, str) or not request.session or len(request.session.encode("utf-8", "replace")) > SESSION_BYTES_MAX:
        raise InvalidInput(f"a session's name has 1 to {SESSION_BYTES_MAX} bytes.")
    if request.source not in get_args(Channel):
        raise InvalidInput(f"{request.source!r} is not a source.", hint=f"Use one of {', '.join(get_args(Channel))}.")
    if request.key is not None and not request.key:
        raise InvalidInput("a key is never empty.", hint="Leave it out, or give each message its own.")
    for text in (request.text, request.session, request.key or ""):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput("the message holds a lone surrogate, which no text can store.", hint="Send well-formed Unicode.") from None
