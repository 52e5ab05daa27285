"""Hybrid search over what was said, with reasons."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """One recalled item.

    id: the event. ref: the origin's own id of it (imports). at: when it was said, aware. who: "user", "mind" or a speaker's name.
    origin: "conversation", or where it was imported from. score: the sum of `why`, which names each signal and its part.
    excerpt: the whole sentences of `text` that match best. coverage: 0..1, how much of what was asked the excerpt speaks of,
    rare words counting more.
    """

    id: int
    text: str
    at: datetime
    who: str
    origin: str
    score: float
    why: dict[str, float]
    ref: str | None = None
    excerpt: str = ""
    coverage: float = 0.0
