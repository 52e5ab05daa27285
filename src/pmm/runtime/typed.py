"""What a person types, read alike wherever they type it: the id of an event, a time, kinds of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from difflib import get_close_matches

from pmm.errors import InvalidInput
from pmm.events import KINDS


def id_of(text: str) -> int | None:
    """The id that 214 and #214 are; None: it is none."""
    bare = text.strip().lstrip("#")
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < 19 else None


def time_of(text: str, *, whole_day: bool = True) -> datetime:
    """A time; of a day alone, its end (its beginning, if not whole_day). Raises InvalidInput."""
    bare = text.strip()
    try:
        if len(bare) == 10:
            moment = datetime.combine(date.fromisoformat(bare), time.max if whole_day else time.min)
        else:
            moment = datetime.fromisoformat(bare.replace(" ", "+") if "T" in bare else bare)  # a + that a query turned into a blank
        if 2 < moment.year < 9998:  # beyond, a zone would overflow
            return moment
    except ValueError:
        pass
    raise InvalidInput(f"{text[:64]!r} is not a time.", hint="Write 2026-03-05 or 2026-03-05T12:00.")


def at_of(text: str | None, *, whole_day: bool = True) -> int | datetime | None:
    """An event's id, or a time as `time_of` reads it. Raises InvalidInput."""
    if text is None:
        return None
    if (id := id_of(text)) is not None:
        return id
    try:
        return time_of(text, whole_day=whole_day)
    except InvalidInput:
        raise InvalidInput(
            f"{text[:64]!r} is neither an event's id nor a time.", hint="Write 214, 2026-03-05 or 2026-03-05T12:00."
        ) from None


def known_kinds(named: Sequence[str]) -> tuple[str, ...]:
    """The kinds, if there are such, each once. Raises InvalidInput."""
    for kind in named:
        if kind not in KINDS:
            close = get_close_matches(kind[:100], KINDS, 1)
            hint = f"Did you mean {close[0]}?" if close else f"Kinds are {', '.join(sorted(KINDS))}."
            raise InvalidInput(f"there is no kind {kind[:100]!r}.", hint=hint)
    return tuple(dict.fromkeys(named))
