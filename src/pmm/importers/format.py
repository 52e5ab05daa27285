"""What a format is: how to know it, how to name its conversations, how to turn one into Turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pmm.events import Turn
from pmm.importers.notes import Notes


@dataclass(frozen=True)
class Format:
    """One format. An item is a decoded JSON value: a line of it (`by_line`) or one conversation.

    name: also the origin of its turns. claims(item): whether it looks like one of this format; the functions below get only such.
    label(item): (id, title) of its conversation. turns(item, where, notes): its Turns in order; they may still hold empty texts or
    broken characters, which the Transcript sees to. otherwise: what is said of an item that isn't one.
    """

    name: str
    claims: Callable[[Any], bool]
    label: Callable[[Any], tuple[str, str]]
    turns: Callable[[Any, str, Notes], Iterator[Turn]]
    otherwise: str
    by_line: bool = False
