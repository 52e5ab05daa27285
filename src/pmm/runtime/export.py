"""The log for others: as lines that prove themselves, or as a transcript to read. Both are made event by event, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from pmm.errors import InvalidInput
from pmm.events import Event, MessageImported, NameAdopted, ReplyEvent, TurnFailedEvent, UserMessage
from pmm.runtime.plain import safe
from pmm.storage.chain import GENESIS, Verdict
from pmm.storage.eventlog import EventLog
from pmm.storage.proof import end_line, event_line, verify_export
from pmm.views import View, Views

__all__ = ["Form", "Verdict", "export", "verify_export"]

Form = Literal["jsonl", "markdown"]
REPORT_EVERY = 1000

_MARKS = re.compile(r"([\\`*_\[\]<>#|~])")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def export(
    log: EventLog, views: Views, form: Form = "jsonl", *, since: int = 0, on_progress: Callable[[int, int], Any] | None = None
) -> Iterator[str]:
    """The log as it is now, from after event `since`, line by line. on_progress(done, of) in events. Raises InvalidInput, StorageError."""
    if form not in get_args(Form):
        raise InvalidInput(f"there is no form {form!r}.", hint=f"Use one of {', '.join(get_args(Form))}.")
    view = views.at_head()
    if isinstance(since, bool) or not isinstance(since, int) or not 0 <= since <= view.head:
        raise InvalidInput(f"an export can't begin after event {since!r}.", hint=f"The last event is {view.head}.")
    report = on_progress or (lambda done, of: None)
    return _jsonl(log, since, report) if form == "jsonl" else _markdown(log, views.at(since), view, report)


def _jsonl(log: EventLog, since: int, report: Callable[[int, int], Any]) -> Iterator[str]:
    head = log.head
    begun = GENESIS
    for row in log.rows(max(1, since), head[0]):
        if row[0] == since:
            begun = row[9]
            continue
        yield event_line(row)
        if row[0] % REPORT_EVERY == 0:
            report(row[0] - since, head[0] - since)
    yield end_line(head, (since, begun))


# -- to read -----------------------------------------------------------------------------------------------------------------------


def _markdown(log: EventLog, begun: View, view: View, report: Callable[[int, int], Any]) -> Iterator[str]:
    """The transcript from after `begun` to `view`. Everybody bears the name they had then."""
    since, zone = begun.head, ZoneInfo(view.identity.zone)
    names = {"user": begun.identity.user_name or "You", "mind": begun.identity.name or "The mind"}
    yield f"# A transcript of {_inline(view.identity.name or 'a mind without a name')}\n"
    yield f"\nEvents {since + 1} to {view.head}; times in {view.identity.zone}.\n"
    sessions = _Sessions(log)
    day: date | None = None
    session: str | None = None
    for event in log.scan(since + 1, view.head):
        if event.id % REPORT_EVERY == 0:
            report(event.id - since, view.head - since)
        said = _said(event, names)
        if said is None:
            continue
        at, who, text = said[0].astimezone(zone), *said[1:]
        place = sessions.of(event)
        if at.date() != day:
            day, session = at.date(), None
            yield f"\n## {day.isoformat()}\n"
        if place != session:
            session = place
            yield f"\n### {_inline(place)}\n"
        yield f"\n**{_inline(who)}** {at.strftime('%H:%M')} (#{event.id})\n\n{_quoted(text)}"


class _Sessions:
    """Which conversation an event belongs to: a reply says only which message it answers."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._asked: tuple[int, str] = (0, "")

    def of(self, event: Event) -> str:
        """Its session."""
        match event:
            case UserMessage():
                self._asked = (event.id, event.session)
                return event.session
            case MessageImported():
                return f"{event.origin} {event.session}".strip()
            case ReplyEvent() | TurnFailedEvent():
                if self._asked[0] != event.to:
                    asked = self._log.get(event.to)
                    self._asked = (event.to, asked.session if isinstance(asked, UserMessage) else "")
                return self._asked[1]
        return ""


def _said(event: Event, names: dict[str, str]) -> tuple[datetime, str, str] | None:
    """When it was said, by whom, and what; None for what nobody said."""
    match event:
        case NameAdopted():
            names[event.whose] = event.name
        case UserMessage():
            return event.ts, names["user"], event.content
        case ReplyEvent():
            cut = "" if event.finish == "stop" else "\n[cut off]" if event.finish == "length" else "\n[interrupted]"
            return event.ts, names["mind"], event.content + cut
        case TurnFailedEvent():
            return event.ts, names["mind"], f"{event.content}\n[no whole reply: {event.reason}]".lstrip("\n")
        case MessageImported():
            picture = f"\n[picture: {event.caption}]" if event.caption else ""
            return event.at or event.ts, event.speaker, event.content + picture
    return None


def _inline(text: str) -> str:
    """A name or a title on one line, in which nothing is Markdown."""
    return _MARKS.sub(r"\\\1", " ".join(safe(text).split())[:200])


def _quoted(text: str) -> str:
    """What was said, as a block quote: no line of it can pass for a heading or a speaker of the transcript."""
    return "".join(f"> {line}".rstrip() + "\n" for line in _TAG.sub(r"\\<", safe(text)).split("\n"))
