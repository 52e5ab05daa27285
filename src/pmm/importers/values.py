"""Values as exports write them, made sound: dates, texts in parts, ids."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from pmm.importers.notes import Notes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(1900, 2201)
_DIGITS = re.compile(r"\d{9,19}(?:\.\d+)?")
_UNSPOKEN = ("thinking", "redacted_thinking", "tool_use", "tool_result", "token_budget")
_CAPTIONS_MAX = 20


def get(item: Any, *names: str) -> Any:
    """item[name][name]..., None where there is no such thing."""
    for name in names:
        if not isinstance(item, dict):
            return None
        item = item.get(name)
    return item


def first(item: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The value under the first of these names that has one (None and "" are none)."""
    return next((value for name in names if (value := item.get(name)) is not None and value != ""), None)


def word(value: Any) -> str:
    """A text or a whole number as stripped text, anything else as ""."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def instant(value: Any) -> datetime | None:
    """When: ISO text (naive where it has no offset), or a number since 1970 in s, ms or us by its size (aware).

    None for anything else: outside the years 1900 to 2200, NaN, and numbers under 1e8 (1973), which are "unknown" or count from
    the start of a recording.
    """
    if isinstance(value, str):
        value = value.strip()
        if _DIGITS.fullmatch(value):
            value = float(value)
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value[:64])
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 1e8 and math.isfinite(value):
            moment = _EPOCH + timedelta(microseconds=round(value * _microseconds_in(value)))
        else:
            return None
        offset = moment.utcoffset()
        if offset is not None and offset % timedelta(minutes=1):
            moment = moment.astimezone(UTC)  # an offset with seconds has no place in ISO 8601
    except (ValueError, OverflowError):
        return None
    return moment if moment.year in _YEARS else None


def dated(value: Any, where: str, notes: Notes) -> datetime | None:
    """`instant(value)`; one that was given but can't be read is counted as a repair."""
    at = instant(value)
    if at is None and value not in (None, "", 0):
        notes.repaired.add(where, "a date that can't be read was left out")
    return at


def _microseconds_in(number: float) -> float:
    """1e11 s is the year 5138, 1e11 ms was in 1973: no date that matters is both."""
    return 1e6 if number < 1e11 else 1e3 if number < 1e14 else 1


def spoken(value: Any) -> tuple[str, list[str]]:
    """(text, captions) of a text, or of a list of texts and typed parts: [image] stands for a picture."""
    texts, captions = [], []
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = word(get(part, "type")) or word(get(part, "content_type"))
        text = get(part, "text")
        if kind in _UNSPOKEN or not isinstance(part, dict):
            continue
        if isinstance(text, str):
            texts.append(text)
        else:
            captions.append(next((f"[{known}]" for known in ("image", "audio", "video") if known in kind), "[attachment]"))
    return "\n".join(text for text in texts if text), captions


def files(*lists: Any) -> list[str]:
    """Captions for lists of attached files: their names, not what is in them."""
    names = [
        word(get(entry, "file_name")) or word(get(entry, "name")) for entries in lists if isinstance(entries, list) for entry in entries
    ]
    return [f"[file: {name[:200]}]" for name in dict.fromkeys(names) if name]


def caption(captions: list[str]) -> str | None:
    """All of them on one line, or None."""
    more = ["..."] if len(captions) > _CAPTIONS_MAX else []
    return " ".join(captions[:_CAPTIONS_MAX] + more) or None
