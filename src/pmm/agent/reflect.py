"""Reflection: when the mind should look at itself, how a model is asked to, and what of its answer is taken.

An answer passes one gate, `judge`, and leaves through one dispatcher, `_acts`. Without a model, `without_model` counts up what happened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from pmm.agent import asked, policy
from pmm.agent.context import fenced
from pmm.agent.stage import permitted
from pmm.errors import InvalidInput
from pmm.events import CommitmentOpened, Event, NameAdopted, NameProposed, Reflection, TraitAdjusted
from pmm.projections.policy import KNOBS
from pmm.projections.traits import MOVE_MAX, TRAITS

if TYPE_CHECKING:
    from pmm.projections.reflections import Piece
    from pmm.views import View

Action = Literal["none", "open_commitment", "adjust_trait", "change_policy", "propose_name"]

OBSERVATION_CHARS, TEXT_CHARS = 600, 200
ANSWER_BYTES = 16 * 1024
CITED_MAX = 24
COMPARED = 10
"""the latest reflections, which a new one must not repeat"""
OVERLAP = 0.6
OWN_OPEN_MAX = 5
"""commitments that nobody asked for, at a time"""
SHOWN_BEFORE = 3
DUE_WITHIN = timedelta(days=366)


# -- when ------------------------------------------------------------------------------------------------------------------------------


def reflection_due(view: View, now: datetime) -> str | None:
    """What it should reflect on, in a word (the newest piece of evidence), or None if it isn't time.

    Needs the stage's turns and seconds since the last attempt (policy may shift them by a row), new evidence since then, and permission.
    """
    state, cadence = view.reflections, view.stage.cadence(view.policy.cadence)
    if not state.new or state.turns < cadence.turns or not _may(view):
        return None
    since = state.attempted_at
    if since is not None and since <= now < since + timedelta(
        seconds=cadence.seconds
    ):  # one that lies ahead, by a wrong clock, says nothing
        return None
    return state.evidence[-1].what


def _may(view: View) -> bool:
    """To reflect is to observe, and to put it into words."""
    return permitted(view, "observe") and permitted(view, "reflect")


def reflection_at(view: View) -> datetime | None:
    """Until when `reflection_due` must be waited for at most, if nothing else happens; None if no attempt was made yet."""
    since = view.reflections.attempted_at
    return None if since is None else since + timedelta(seconds=view.stage.cadence(view.policy.cadence).seconds)


# -- asking ----------------------------------------------------------------------------------------------------------------------------


def ask(view: View, mark: str = "") -> str:
    """The instruction for a model, to be sent as the last message of a conversation. mark: of the conversation's fence (by default that of
    the session spoken in last)."""
    mark = mark or next(reversed([s.marker for s in view.conversation.sessions.values()]), "") or f"{view.head:08x}"
    lines = "\n".join(fenced(line, mark) for line in _lines(view))
    return f"""\
Nobody has said this; it is time to look at yourself. What has happened since you last did, from the log (each line begins with the \
number of its event):
[memory {mark}]
{lines}
[/memory {mark}]
Say one thing about yourself that these events show and that you haven't observed before: what you do well or badly, or what your user \
needs of you. Cite the numbers of the events that show it. Then choose one action, or none:
{_choices(view)}
Put it as one JSON object: {{"observation": one or two sentences, "action": ..., "rationale": why that action, \
"evidence": [numbers of events], "text": ..., "due": ..., "trait": ..., "delta": ..., "policy": ..., "value": ...}}. What the action \
doesn't need is null."""


def shown(view: View) -> frozenset[int]:
    """The ids that `ask` shows: all that an answer may cite."""
    pieces = view.reflections.evidence
    before = view.reflections.latest[-SHOWN_BEFORE:]
    return frozenset([*(p.event for p in pieces), *(p.about for p in pieces if p.about), *(r.id for r in before)])


def _lines(view: View) -> list[str]:
    lines = [f"#{r.id} \u00b7 you observed{' (stale)' if r.stale else ''}: {r.text}" for r in view.reflections.latest[-SHOWN_BEFORE:]]
    for p in view.reflections.evidence:
        about = f" #{p.about}" if p.about else ""
        lines.append(f"#{p.event} \u00b7 {TOLD[p.what][0]}{about}{f': {p.text}' if p.text else ''}")
    return lines


def _choices(view: View) -> str:
    """The actions that are permitted now, and what they take."""
    choices = ['- "none"']
    if permitted(view, "propose_name"):
        choices.append('- "propose_name": text = a name you would like to bear; your user decides')
    if permitted(view, "adjust_trait"):
        traits = ", ".join(f"{trait} {getattr(view.traits, trait):.2f}" for trait in TRAITS)
        choices.append(f'- "adjust_trait": trait = one of your traits ({traits}), delta = at most {MOVE_MAX} up or down')
    if permitted(view, "open_commitment"):
        choices.append('- "open_commitment": text = what you will do, due = a date such as 2026-03-06, or null')
    if permitted(view, "change_policy"):
        own = "; ".join(f"{name} ({knob.says}), {knob.takes}, now {view.policy.get(name)}" for name, knob in KNOBS.items() if knob.own)
        choices.append(f'- "change_policy": policy and value: {own}')
    return "\n".join(choices)


class Answer(msgspec.Struct, frozen=True):
    """What a model may answer."""

    observation: Annotated[str, Meta(min_length=1, max_length=OBSERVATION_CHARS)]
    action: Action
    evidence: Annotated[tuple[int, ...], Meta(min_length=1, max_length=CITED_MAX)]
    rationale: Annotated[str, Meta(max_length=OBSERVATION_CHARS)] | None = None
    text: Annotated[str, Meta(max_length=TEXT_CHARS)] | None = None
    due: Annotated[str, Meta(max_length=40)] | None = None
    trait: Literal["O", "C", "E", "A", "N"] | None = None
    delta: float | None = None
    policy: Annotated[str, Meta(max_length=40)] | None = None
    value: int | float | None = None


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "observation": {"type": "string"},
        "action": {"type": "string", "enum": list(get_args(Action))},
        "rationale": {"type": ["string", "null"]},
        "evidence": {"type": "array", "items": {"type": "integer"}},
        "text": {"type": ["string", "null"]},
        "due": {"type": ["string", "null"]},
        "trait": {"type": ["string", "null"], "enum": [*TRAITS, None]},
        "delta": {"type": ["number", "null"]},
        "policy": {"type": ["string", "null"], "enum": [*(name for name, knob in KNOBS.items() if knob.own), None]},
        "value": {"type": ["integer", "null"]},
    },
    "required": list(Answer.__struct_fields__),
    "additionalProperties": False,
}
"""of an answer, for models that can be held to one; the lengths are left to `judge`, for not all engines know them"""


# -- judging ---------------------------------------------------------------------------------------------------------------------------


def judge(view: View, answer: object, shown: frozenset[int], *, trigger: str, model: str, now: datetime, at: int = 1) -> list[Event] | str:
    """The events that a model's answer comes to: a reflection, and what it does about it; or why it was refused, in a sentence.

    answer: JSON (text or bytes), or what was decoded from it. shown: the ids that it may cite. at: which place the reflection takes among
    the events that are appended together, for its action cites it.
    """
    try:
        read = _read(answer)
        said = _observed(view, read, shown)
        event = _action(view, read, at, now)
    except InvalidInput as error:
        return error.message
    evidence = tuple(dict.fromkeys(read.evidence))
    reflection = Reflection(content=said, trigger=trigger, action=read.action, evidence=evidence, model=model)
    return [reflection] if event is None else [reflection, event]


def _read(answer: object) -> Answer:
    """By the schema alone. Raises InvalidInput."""
    try:
        if isinstance(answer, (str, bytes, msgspec.Raw)):
            if len(bytes(answer) if isinstance(answer, msgspec.Raw) else answer) > ANSWER_BYTES:
                raise InvalidInput(f"an answer has at most {ANSWER_BYTES:,} bytes.")
            return msgspec.json.decode(answer, type=Answer)
        return msgspec.convert(answer, Answer)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"not an answer by the schema: {str(error)[:200]}") from None


def _observed(view: View, answer: Answer, shown: frozenset[int]) -> str:
    """What the reflection will say, if it may be said: by cited evidence, and not said lately. Raises InvalidInput."""
    unseen = [id for id in answer.evidence if id not in shown or not 0 < id <= view.head]
    if unseen:
        raise InvalidInput(f"it cites #{unseen[0]}, which it was not shown.")
    if not _may(view):
        raise InvalidInput("reflecting is switched off.")
    if answer.action != "none" and not permitted(view, answer.action):
        raise InvalidInput(f"{answer.action} is not permitted at this stage.")
    said = " ".join(f"{answer.observation} {answer.rationale or ''}".split())
    if not any(map(str.isalnum, said)):
        raise InvalidInput("it observes nothing.")
    try:
        said.encode()
    except UnicodeEncodeError:
        raise InvalidInput("its text can't be stored.") from None
    if (known := _repeated(view, said)) is not None:
        raise InvalidInput(f"it says what reflection #{known} said.")
    return said


def _repeated(view: View, said: str) -> int | None:
    """The reflection among the latest ten that says nearly the same, if one does."""
    new = _trigrams(said)
    for past in view.reflections.latest[-COMPARED:]:
        old = _trigrams(past.text)
        if len(new & old) >= OVERLAP * min(len(new), len(old)):
            return past.id
    return None


_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""scripts that leave no blanks between words: each character is one"""


def _trigrams(text: str) -> set[tuple[str, ...]]:
    """Each three words in a row; of a shorter text, all there are."""
    words = _WORD.findall(text.casefold()) or [text]
    return {tuple(words[n : n + 3]) for n in range(max(1, len(words) - 2))}


# -- acting ----------------------------------------------------------------------------------------------------------------------------


def _action(view: View, answer: Answer, at: int, now: datetime) -> Event | None:
    """The event that carries the action out, citing the reflection. Raises InvalidInput."""
    match answer:
        case Answer(action="open_commitment"):
            return _commitment(view, answer, at, now)
        case Answer(action="adjust_trait"):
            if answer.trait is None or answer.delta is None or not 0 < abs(answer.delta) <= MOVE_MAX:
                raise InvalidInput(f"a trait moves by at most {MOVE_MAX}, and not by nothing.")
            return TraitAdjusted(trait=answer.trait, delta=answer.delta, cause="reflection", evidence=-at)
        case Answer(action="change_policy"):
            if answer.value is None:
                raise InvalidInput("a policy needs a value.")
            changed = policy.change(view, answer.policy or "", answer.value, cause="reflection", evidence=-at)
            if isinstance(changed, int):
                raise InvalidInput(f"{answer.policy} is {answer.value} already.")
            return changed
        case Answer(action="propose_name"):
            return _proposal(view, answer.text or "", at)
    return None


def _commitment(view: View, answer: Answer, at: int, now: datetime) -> Event:
    if sum(p.own for p in view.metrics.promises.open) >= OWN_OPEN_MAX:
        raise InvalidInput(f"{OWN_OPEN_MAX} commitments of its own are open already.")
    new = asked.commit(view, answer.text or "", owner="mind", due=answer.due, priority=0, project=None, repeat=None, now=now)
    if not isinstance(new, CommitmentOpened):
        raise InvalidInput(f"commitment {new} says that already.")
    if new.due is not None and not now < new.due.instant <= now + DUE_WITHIN:
        raise InvalidInput("what it commits to is due within a year, and not in the past.")
    return msgspec.structs.replace(new, source=-at)


def _proposal(view: View, name: str, at: int) -> Event:
    if view.identity.proposed is not None or any(r.action == "propose_name" for r in view.reflections.latest[-COMPARED:]):
        raise InvalidInput("it has proposed a name lately.")
    adopted = asked.name(view, name)
    if not isinstance(adopted, NameAdopted):
        raise InvalidInput("that is its name already.")
    return NameProposed(name=adopted.name, evidence=-at)


# -- without a model -------------------------------------------------------------------------------------------------------------------

TOLD: dict[str, tuple[str, str]] = {
    "kept": ("commitment kept", "commitments kept"),
    "broken": ("commitment broken", "commitments broken"),
    "expired": ("commitment expired", "commitments expired"),
    "cancelled": ("commitment cancelled", "commitments cancelled"),
    "superseded": ("commitment superseded", "commitments superseded"),
    "reopened": ("commitment reopened", "commitments reopened"),
    "opened": ("commitment opened", "commitments opened"),
    "failed turn": ("turn failed", "turns failed"),
    "contradicted": ("reply contradicted by the log", "replies contradicted by the log"),
    "stage": ("change of stage", "changes of stage"),
    "name": ("name adopted", "names adopted"),
    "rule": ("rule set", "rules set"),
    "rule revoked": ("rule revoked", "rules revoked"),
    "fact": ("fact learned", "facts learned"),
    "fact taken back": ("fact taken back", "facts taken back"),
}
"""a piece of evidence, one and several"""
IDLE = frozenset({"fact", "fact taken back", "name"})
"""a list of these alone says nothing about how the mind does"""
IDS_TOLD = 3


def without_model(view: View, now: datetime) -> list[Event]:
    """The reflection of a mind that no model helps to reflect: what happened since the last one, counted. [] if none is due, or there is
    nothing worth saying. Its key follows from the attempt before it, so that two processes deciding the same do it once."""
    trigger, pieces = reflection_due(view, now), view.reflections.evidence
    if trigger is None or all(p.what in IDLE for p in pieces):
        return []
    said = _summary(view.reflections.latest[-1].id if view.reflections.latest else None, pieces)
    if _repeated(view, said) is not None:
        return []
    evidence = tuple(p.event for p in pieces)
    return [Reflection(content=said, trigger=trigger, action="none", evidence=evidence, key=f"reflect:{view.reflections.attempted}")]


def _summary(last: int | None, pieces: Sequence[Piece]) -> str:
    """Such as: Since reflection #45: 2 commitments kept (#61, #70), 1 rule set (#64). Of 2 that ended, 2 were kept."""
    by_what: dict[str, list[int]] = {}
    for piece in pieces:
        by_what.setdefault(piece.what, []).append(piece.event)
    parts = []
    for what, (one, several) in TOLD.items():
        if ids := by_what.get(what):
            more = ", ..." if len(ids) > IDS_TOLD else ""
            parts.append(f"{len(ids)} {one if len(ids) == 1 else several} ({', '.join(f'#{id}' for id in ids[:IDS_TOLD])}{more})")
    ended = sum(len(by_what.get(what, ())) for what in ("kept", "broken", "expired"))
    kept = f" Of {ended} that ended, {len(by_what.get('kept', ()))} kept." if ended else ""
    return f"Since {f'reflection #{last}' if last else 'the beginning'}: {', '.join(parts)}.{kept}"
