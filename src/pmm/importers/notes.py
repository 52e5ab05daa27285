"""What happened to the lines that did not become Turns as they were: nothing is dropped without a word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

EXAMPLES_MAX = 100

_HALF = re.compile("[\ud800-\udfff]")


def mend(text: str) -> str:
    """With U+FFFD for lone halves of characters, which can neither be stored nor printed."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


class Tally:
    """How many, exactly (`count`, also `len()`), and the first 100 of them as (where, why) when iterated."""

    def __init__(self) -> None:
        self.count = 0
        self.examples: list[tuple[str, str]] = []

    def add(self, where: str, why: str) -> None:
        """Count one more. where: "line 12", "conv-26/session_1 D1:3" ... why: a few words."""
        self.count += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append((mend(where[:200]), why))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.examples)

    def __repr__(self) -> str:
        return f"Tally({self.count}, {self.examples[:3]})"


class Notes:
    """The tallies of one reading.

    skipped: could not be used. repaired: used, but not quite as it stood (a broken character, an unreadable date).
    left_out: reason -> how many, of what is no part of the conversation as its user sees it (other branches, tool calls).
    """

    def __init__(self) -> None:
        self.skipped = Tally()
        self.repaired = Tally()
        self.left_out: Counter[str] = Counter()
