"""LoCoMo: long conversations between two people, in dated sessions. Its questions and summaries are never read.

All turns of a session carry the session's date and time: that is all the source says. Order is the order they are given in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pmm.events import Turn
from pmm.importers.format import Format
from pmm.importers.notes import Notes
from pmm.importers.values import get, instant, word

_SESSION = re.compile(r"session_(\d{1,9})")
_DATE = re.compile(r"(\d{1,2}):(\d{2}) ?([ap])m on (\d{1,2}) ([a-z]+),? (\d{4})", re.IGNORECASE)
# Spelled out: strptime reads month names in the language of the machine.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _sessions(item: Any) -> list[tuple[int, str]]:
    conversation = get(item, "conversation")
    names = conversation if isinstance(conversation, dict) else {}
    return sorted((int(match[1]), name) for name in names if (match := _SESSION.fullmatch(name)))


def _label(item: dict[str, Any]) -> tuple[str, str]:
    speakers = [word(get(item, "conversation", name)) for name in ("speaker_a", "speaker_b")]
    title = " and ".join(name for name in speakers if name) or "unknown"
    return word(item.get("sample_id")) or title, title


def _turns(item: dict[str, Any], where: str, notes: Notes) -> Iterator[Turn]:
    sample, conversation = _label(item)[0], item["conversation"]
    for number, name in _sessions(item):
        session, said = f"{sample}/session_{number}", conversation[name]
        if not isinstance(said, list):
            notes.skipped.add(session, "not a list of turns")
            continue
        when = conversation.get(f"{name}_date_time")
        at = _moment(when)
        if when is not None and at is None:
            notes.repaired.add(session, "a date that can't be read was left out")
        for position, line in enumerate(said, 1):
            text, caption = get(line, "text"), get(line, "blip_caption")
            if not isinstance(line, dict) or not isinstance(text, (str, type(None))):
                notes.skipped.add(f"{session} turn {position}", "no text in it")
                continue
            yield Turn(
                speaker=word(line.get("speaker")) or "unknown",
                text=text or "",
                at=at,
                session=session,
                ref=word(line.get("dia_id")) or None,
                role="other",
                caption=caption if isinstance(caption, str) and caption.strip() else None,
            )


def _moment(text: Any) -> datetime | None:
    """ "1:56 pm on 8 May, 2023", naive: nobody knows where it was said. None if it is no date."""
    match = _DATE.fullmatch(text.strip()) if isinstance(text, str) else None
    if not match:
        return instant(text)
    hour, minute, half, day, month, year = match.groups()
    if not 1 <= int(hour) <= 12:
        return None
    try:
        return datetime(
            int(year), _MONTHS.index(month[:3].lower()) + 1, int(day), int(hour) % 12 + (12 if half.lower() == "p" else 0), int(minute)
        )
    except ValueError:
        return None


FORMAT = Format("locomo", lambda item: bool(_sessions(item)), _label, _turns, "not a LoCoMo sample")
