"""The event catalogue: one frozen struct per kind, and its canonical bytes.

A kind earns its place by changing a prompt, a decision or a screen. `content` is the one piece of text a person would read;
the other fields of a kind are its meta. References are event ids; in an append, a negative reference -n means "the nth event of
this same append", and the log replaces it by the id that event gets.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import msgspec

from pmm.errors import BrokenLog, InvalidInput, Unstorable

FORMAT = 1
"""The format of sealed bytes. It is hashed into every event, so it can't be changed unnoticed."""

NESTING_MAX = 64
INTEGER_MAX = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode = msgspec.json.Encoder(order="sorted").encode
_LONG = re.compile(rb"[0-9]{19}")


# -- values that events hold -----------------------------------------------------------------------------------------------------


class Due(msgspec.Struct, frozen=True, omit_defaults=True):
    """When something is due: a local date, perhaps a local time, and the IANA zone they are meant in.

    A date alone means the end of that day. Prints as 2026-03-06 or 2026-03-05T12:00.
    """

    date: date
    time: time | None = None
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.date.isoformat()}T{self.time.strftime('%H:%M')}" if self.time else self.date.isoformat()

    @property
    def instant(self) -> datetime:
        """The moment it falls due, UTC. Computed when needed, so daylight-saving rules of that day hold:
        a local time that doesn't exist becomes the next one that does, a repeated one the first."""
        if not 2 < self.date.year < 9998:  # at the ends of the calendar a zone or a day more would overflow
            return datetime(2 if self.date.year < 9998 else 9998, 1, 1, tzinfo=UTC)
        if self.time is None:
            return local_instant(datetime.combine(self.date + timedelta(days=1), time()), self.zone)
        return local_instant(datetime.combine(self.date, self.time), self.zone)

    @classmethod
    def parse(cls, text: str, zone: str) -> Due:
        """From what it prints as (seconds are allowed too). Raises InvalidInput."""
        try:
            if "T" in text or " " in text.strip():
                moment = datetime.fromisoformat(text.strip())
                return cls.at(moment, zone)
            return cls(date.fromisoformat(text.strip()), None, zone)
        except ValueError:
            raise InvalidInput(f"{text!r} is not a due date.", hint="Write 2026-03-06 or 2026-03-05T12:00.") from None

    @classmethod
    def at(cls, moment: datetime, zone: str) -> Due:
        """From a datetime: an aware one is told in `zone`, a naive one is taken as local there."""
        local = moment.astimezone(ZoneInfo(zone)) if moment.tzinfo else moment
        return cls(local.date(), local.time().replace(microsecond=0, tzinfo=None), zone)


def local_instant(moment: datetime, zone: str) -> datetime:
    """The UTC instant of a naive local time: the first of a repeated one, the next valid after one that doesn't exist."""
    where = ZoneInfo(zone)
    moment = moment.replace(fold=0)
    first = moment.replace(tzinfo=where).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None) == moment:
        return first
    # In the gap. With fold=1 the offset after the change is used, which lands before it; the change lies in between.
    low, high = moment.replace(tzinfo=where, fold=1).astimezone(UTC), first
    before = low.astimezone(where).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(where).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens as the model counted them; None where it didn't say."""

    prompt: int | None = None
    cached: int | None = None
    completion: int | None = None


class Timing(msgspec.Struct, frozen=True, omit_defaults=True):
    """Milliseconds from the start of the turn."""

    first_token_ms: float | None = None
    total_ms: float = 0.0


class Source(msgspec.Struct, frozen=True, omit_defaults=True, rename={"place": "in"}):
    """One recalled item a reply could use. why: signal -> its part of the score. place: where the model saw it; "cache" if it was not
    asked, for its answer to the same question, on the same basis, was given again."""

    id: int
    score: float
    why: dict[str, float]
    place: Literal["header", "transcript", "cache"]
    ref: str | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=False):
    """One line of a transcript from elsewhere, to be imported.

    at: when it was said (aware, or naive in the mind's zone; None if unknown). session: which conversation. ref: the origin's own
    id of it. caption: what a picture in it shows.
    """

    speaker: str
    text: str
    at: datetime | None = None
    session: str = ""
    ref: str | None = None
    role: Literal["user", "assistant", "other"] | None = None
    caption: str | None = None


# -- events ----------------------------------------------------------------------------------------------------------------------


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. `id` and `ts` are given by the log when it is appended; id 0 means "not yet"."""

    kind: ClassVar[str] = ""
    refs: ClassVar[tuple[str, ...]] = ()
    """names of the fields that hold event ids"""

    id: int = 0
    ts: datetime = _EPOCH
    content: str = ""
    key: str | None = None

    def held(self, field: str) -> tuple[int, ...]:
        """The ids that a field of `refs` holds; none if it has no such field."""
        value = getattr(self, field, None)
        return tuple(value) if isinstance(value, (tuple, list)) else () if value is None else (value,)

    @property
    def refers_to(self) -> tuple[int, ...]:
        """The ids of all events that it refers to, each once."""
        return tuple(dict.fromkeys(id for field in self.refs for id in self.held(field)))

    def as_dict(self) -> dict[str, Any]:
        """What is told of it everywhere: id, ts, kind, content, then its kind's own fields as the log names them, then its key."""
        told: dict[str, Any] = {"id": self.id, "ts": self.ts, "kind": self.kind, "content": self.content}
        for field in msgspec.structs.fields(type(self)):
            if field.name != "key":
                told.setdefault(field.encode_name, getattr(self, field.name))
        return told | {"key": self.key}


class MindCreated(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Event 1, always."""

    kind: ClassVar = "mind_created"
    format: int
    timezone: str
    software: str
    name: str | None = None


class UserMessage(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What the user said. It ends in exactly one Reply or TurnFailedEvent, with the key `end:<id>`."""

    kind: ClassVar = "user_message"
    source: Literal["cli", "api", "mcp", "web", "python"]
    session: str


class ReplyEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Exactly what the user was shown."""

    kind: ClassVar = "reply"
    refs: ClassVar = ("to",)
    to: int
    route: Literal["model", "fast", "cache", "offline"]
    model: str
    finish: Literal["stop", "length", "interrupted"]
    usage: Usage = Usage()
    timing: Timing = Timing()


class TurnFailedEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The turn ended without a whole reply; content is what was shown before. hint: what to do about it, if there is more to say than
    that the message is kept."""

    kind: ClassVar = "turn_failed"
    refs: ClassVar = ("to",)
    to: int
    reason: str
    detail: str = ""
    hint: str = ""


class ContextBuilt(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The recall receipt: what the model was shown and why. content is the turn's header exactly as sent.

    question: a digest of what was asked, if it stands by itself ("" if not); basis: of all that an answer to it rests on. Only with the
    answer cache.
    """

    kind: ClassVar = "context_built"
    refs: ClassVar = ("to",)
    to: int
    session: str
    epoch: int
    digest: str
    budget: int
    tokens: int
    sections: dict[str, int]
    sources: tuple[Source, ...] = ()
    left_out: tuple[str, ...] = ()
    question: str = ""
    basis: str = ""


class EpochOpened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A session's prompt opening (sections 1-3) exactly as sent, until the next one.

    marker: the fence that quoted text stands in. first: the first user message kept verbatim.
    """

    kind: ClassVar = "epoch_opened"
    refs: ClassVar = ("first",)
    session: str
    epoch: int
    marker: str
    first: int


class MessageImported(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a transcript from elsewhere. It is recalled, and has no authority."""

    kind: ClassVar = "message_imported"
    origin: str
    speaker: str
    role: Literal["user", "assistant", "other"]
    session: str
    ref: str | None = None
    at: datetime | None = None
    caption: str | None = None


class ModelSwitched(Event, frozen=True, kw_only=True, omit_defaults=True):
    kind: ClassVar = "model_switched"
    before: str | None = msgspec.field(default=None, name="from")
    after: str = msgspec.field(name="to")


class NameAdopted(Event, frozen=True, kw_only=True, omit_defaults=True):
    kind: ClassVar = "name_adopted"
    refs: ClassVar = ("evidence",)
    whose: Literal["mind", "user"]
    name: str
    evidence: int | None = None


class NameProposed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A name that the mind would like to bear. Only the user's yes adopts it. evidence: the reply or the reflection that proposed it."""

    kind: ClassVar = "name_proposed"
    refs: ClassVar = ("evidence",)
    name: str
    evidence: int | None = None


class TimezoneChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """From here on local days and times are meant in this IANA zone. What is due already keeps the zone it was meant in."""

    kind: ClassVar = "timezone_changed"
    zone: str


class FactAsserted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What the mind knows about its user and their world; content: the sentence that says so.

    source: the message that says it, None for a command of the user's. evidence: other events (facts, messages) it was derived from.
    valid_from: the local day since when it holds, if that isn't when it was said. origin: "user", "model" (read out of a message by a
    model) or the origin of an import. confidence: 0 to 1.
    """

    kind: ClassVar = "fact_asserted"
    refs: ClassVar = ("source", "evidence")
    subject: str
    relation: str
    value: str
    source: int | None = None
    evidence: tuple[int, ...] = ()
    confidence: float = 1.0
    valid_from: date | None = None
    origin: str = "user"


class FactRetracted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A fact holds no longer: taken back, or superseded by a newer one."""

    kind: ClassVar = "fact_retracted"
    refs: ClassVar = ("fact", "superseded_by", "source")
    fact: int
    reason: str = ""
    superseded_by: int | None = None
    source: int | None = None


class CommitmentOpened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """content: what was promised. Its id is the commitment's cid. follows: the occurrence before it, if it repeats."""

    kind: ClassVar = "commitment_opened"
    refs: ClassVar = ("source", "follows")
    owner: Literal["mind", "user"]
    due: Due | None = None
    repeat: str | None = None
    priority: int = 0
    project: str | None = None
    source: int | None = None
    follows: int | None = None


class CommitmentEdited(Event, frozen=True, kw_only=True, omit_defaults=True):
    """content: the new text, if it changed. What is None stays as it was; an empty project is none."""

    kind: ClassVar = "commitment_edited"
    refs: ClassVar = ("cid",)
    cid: int
    due: Due | None = None
    clear_due: bool = False
    priority: int | None = None
    project: str | None = None


class CommitmentSnoozed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Neither reminded of nor expired before `until` (aware). It stays open, and wakes without another event."""

    kind: ClassVar = "commitment_snoozed"
    refs: ClassVar = ("cid",)
    cid: int
    until: datetime


class CommitmentReopened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A closed or expired one is open again, in a new episode."""

    kind: ClassVar = "commitment_reopened"
    refs: ClassVar = ("cid",)
    cid: int
    reason: str = ""


class CommitmentClosed(Event, frozen=True, kw_only=True, omit_defaults=True):
    kind: ClassVar = "commitment_closed"
    refs: ClassVar = ("cid", "evidence")
    cid: int
    outcome: Literal["kept", "broken", "cancelled", "superseded"]
    evidence: int | None = None
    note: str = ""


class CommitmentReminded(Event, frozen=True, kw_only=True, omit_defaults=True):
    kind: ClassVar = "commitment_reminded"
    refs: ClassVar = ("cid",)
    cid: int
    due: Due


class CommitmentExpired(Event, frozen=True, kw_only=True, omit_defaults=True):
    kind: ClassVar = "commitment_expired"
    refs: ClassVar = ("cid",)
    cid: int
    reason: Literal["lapsed", "overdue"]


class DirectiveSet(Event, frozen=True, kw_only=True, omit_defaults=True):
    """content: the rule. Its id is the directive's did."""

    kind: ClassVar = "directive_set"
    refs: ClassVar = ("source",)
    scope: str = "always"
    source: int | None = None


class DirectiveRevoked(Event, frozen=True, kw_only=True, omit_defaults=True):
    kind: ClassVar = "directive_revoked"
    refs: ClassVar = ("did", "source")
    did: int
    reason: str = ""
    source: int | None = None


class TraitAdjusted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A trait moved by `delta`, as asked for; the fold keeps it within the caps. cause: in a word; evidence: the event that caused it."""

    kind: ClassVar = "trait_adjusted"
    refs: ClassVar = ("evidence",)
    trait: Literal["O", "C", "E", "A", "N"]
    delta: float
    cause: str
    evidence: int


class Reflection(Event, frozen=True, kw_only=True, omit_defaults=True):
    """content: what the mind observed about itself. action: what it does about it, in events that cite this one."""

    kind: ClassVar = "reflection"
    refs: ClassVar = ("evidence",)
    trigger: str
    action: Literal["none", "open_commitment", "adjust_trait", "change_policy", "propose_name"]
    evidence: tuple[int, ...] = ()
    model: str | None = None


class PolicyChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One of the bounded settings a mind may change about itself (or its user, at any time). cause: "user", "reflection" or "assessment".

    evidence: the reflection that asked for it; None for the user's command. Values out of bounds are brought within them by the fold.
    """

    kind: ClassVar = "policy_changed"
    refs: ClassVar = ("evidence",)
    policy: str
    old: int | float | str | bool | None
    new: int | float | str | bool | None
    cause: Literal["user", "reflection", "assessment"]
    evidence: int | None = None


class StageChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The mind rose or fell by a stage (0 to 4), at these scores."""

    kind: ClassVar = "stage_changed"
    before: int = msgspec.field(name="from")
    after: int = msgspec.field(name="to")
    ias: float
    gas: float


class FollowedUp(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The mind spoke first; content: exactly what the user was shown. about: the commitment it asks after."""

    kind: ClassVar = "followed_up"
    refs: ClassVar = ("about",)
    session: str
    about: int | None = None


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something a reply says about the log that the log contradicts. said: in the reply's words; about: the event it speaks of."""

    said: str
    truth: str
    about: int | None = None


class ReplyContradicted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A reply claimed ids, states or counts that the log contradicts. The reply stays as it was shown; the next turn's notes correct it."""

    kind: ClassVar = "reply_contradicted"
    refs: ClassVar = ("reply",)
    reply: int
    claims: tuple[Claim, ...]


class SceneCompacted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """content: a summary of the turns from `first` to `last` (ids of user messages). The turns themselves stay."""

    kind: ClassVar = "scene_compacted"
    refs: ClassVar = ("first", "last")
    session: str
    first: int
    last: int
    method: Literal["extract", "model"]
    model: str | None = None


class TurnSuperseded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The user took a turn back in a program of theirs, by editing it or asking again. It stays in the log, and leaves the transcript.

    turn, by: the user's message of that turn, and of the one that stands in its place.
    """

    kind: ClassVar = "turn_superseded"
    refs: ClassVar = ("turn", "by")
    turn: int
    by: int


class ModelCalled(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A model call that left no reply: background work, or a private turn. So that spend is known from the log."""

    kind: ClassVar = "model_called"
    purpose: str
    model: str
    outcome: Literal["ok", "invalid", "failed"]
    usage: Usage = Usage()
    error: str = ""
    attempts: int = 1


KINDS: dict[str, type[Event]] = {cls.kind: cls for cls in Event.__subclasses__()}
_ENVELOPE = frozenset(Event.__struct_fields__)
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(cls) for kind, cls in KINDS.items()}
_META: dict[str, tuple[tuple[str, str, Any], ...]] = {
    kind: tuple((f.name, f.encode_name, f.default) for f in msgspec.structs.fields(cls) if f.name not in _ENVELOPE)
    for kind, cls in KINDS.items()
}
_OWN = {kind: attrgetter(*(name for name, _, _ in fields)) for kind, fields in _META.items()}


def encode_meta(event: Event) -> str:
    """The event's own fields as canonical JSON: sorted keys, UTF-8, defaults left out. Raises Unstorable."""
    fields = _own_fields(event)
    try:
        meta = _encode(fields)
        if b"null" in meta or _LONG.search(meta) or meta.count(b"{") + meta.count(b"[") > NESTING_MAX:  # else there is nothing to refuse
            _check(msgspec.to_builtins(fields), 1)
        return meta.decode()
    except UnicodeEncodeError:
        raise Unstorable(f"{event.kind}: a lone surrogate can't be stored.", hint="Send well-formed Unicode.") from None
    except (OverflowError, RecursionError):
        raise Unstorable(f"{event.kind}: a number or a nesting is beyond what can be stored.") from None
    except (TypeError, msgspec.MsgspecError) as error:
        raise Unstorable(f"{event.kind}: {error}") from None


def respelled_meta(event: Event) -> str:
    """The same for an event that was read back, so needs no check."""
    return _encode(_own_fields(event)).decode()


def changed_fields(event: Event, other: Event) -> list[str]:
    """The names of the own fields (all but the envelope) in which two events of a kind differ."""
    own = _OWN[event.kind]
    if own(event) == own(other):
        return []
    return [name for name, _, _ in _META[event.kind] if getattr(event, name) != getattr(other, name)]


def _own_fields(event: Event) -> dict[str, Any]:
    fields = {}
    for name, label, default in _META[event.kind]:
        value = getattr(event, name)
        if value != default:
            fields[label] = value
    return fields


def _check(value: Any, depth: int) -> None:
    """Refuse what JSON would change: NaN and infinities, integers beyond 64 bits, deep nesting."""
    if depth > NESTING_MAX:
        raise Unstorable(f"nested deeper than {NESTING_MAX}.")
    if isinstance(value, dict):
        for item in value.values():
            _check(item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise Unstorable("NaN and infinities can't be stored.")
    elif isinstance(value, int) and not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
        raise Unstorable("an integer is beyond 64 bits.")


def decode(id: int, ts_us: int, kind: str, content: str, meta: str, key: str | None) -> Event:
    """The event that a stored row holds. Raises BrokenLog."""
    try:
        event: Event = _DECODERS[kind].decode(meta)
    except KeyError:
        raise BrokenLog(f"event {id}: unknown kind {kind!r}.") from None
    except msgspec.MsgspecError as error:
        raise BrokenLog(f"event {id}: {error}") from None
    put = msgspec.structs.force_setattr
    put(event, "id", id)
    put(event, "ts", _EPOCH + _MICROSECOND * ts_us)
    put(event, "content", content)
    put(event, "key", key)
    return event


def microseconds(moment: datetime) -> int:
    """Integer microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(ts_us: int) -> datetime:
    """The aware UTC datetime of integer microseconds since 1970."""
    return _EPOCH + _MICROSECOND * ts_us
