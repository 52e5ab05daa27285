"""The exported log: one event a line with all that was sealed, then a line that says where the log ended.

Anyone can check it with SHA-256 and a JSON reader (`docs/check_export.py` does); `verify_export` is stricter: it also takes no line that
`event_line` would have written otherwise, so nothing can stand there that no hash covers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pmm.errors import BrokenLog
from pmm.events import FORMAT, moment
from pmm.storage.chain import GENESIS, Row, Verdict, against_head, walk

# JSON escapes C0 alone. These would steer a terminal, or be taken for line ends by some readers of lines.
_ODD = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_HASH = re.compile("[0-9a-f]{64}")


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event: ts in integer microseconds since 1970 and, to be read, as `at`; meta as it is stored; bytes in hex."""

    id: int
    ts: int
    at: str
    kind: str
    content: str | None
    meta: str | None
    key: str | None
    salt: str | None
    seal: str
    prev_hash: str
    hash: str


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line: the format, the head, and the event before the first line with its hash (0 and zeros: the log is whole)."""

    format: int
    head: int
    hash: str
    since: int
    since_hash: str


def event_line(row: Row) -> str:
    """A stored row as a line. Raises BrokenLog for one that no log of ours holds."""
    id, ts, kind, content, meta, key, salt, seal, prev_hash, hash = row
    try:
        at = moment(ts).isoformat()
        line = Line(id, ts, at, kind, content, meta, key, None if salt is None else salt.hex(), seal.hex(), prev_hash.hex(), hash.hex())
    except (OverflowError, TypeError, AttributeError):
        raise BrokenLog(f"event {id}: a column holds what can't be exported.") from None
    return _line(line)


def end_line(head: tuple[int, bytes], since: tuple[int, bytes] = (0, GENESIS)) -> str:
    """The last line."""
    return _line(End(FORMAT, head[0], head[1].hex(), since[0], since[1].hex()))


def _line(value: Any) -> str:
    return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", msgspec.json.encode(value).decode()) + "\n"


def verify_export(lines: Iterable[str], *, since: int = 0) -> Verdict:
    """Check an exported log: every seal, every link, the end. since: the event after which it was asked to begin.

    What it proves is that nothing was changed, left out or put in after the hash in its last line was made; compare that hash with the
    one you know, for whoever rewrites everything can make a new one.
    """
    export = _Export(lines)
    begun = export.first[8] if since and export.first else GENESIS  # held against the last line below
    last, link, why = walk(export.rows(), since, begun)
    why = export.why or why
    if why:
        return Verdict(last, last + 1, why)
    end = export.end
    if end is None:
        return Verdict(last, last + 1, "the last line, which says where the log ended, is missing")
    if end.since != since:
        return Verdict(last, min(since, end.since) + 1, f"the export begins after event {end.since}, not after {since}")
    if export.first is None and since:
        link = bytes.fromhex(end.since_hash)
    elif bytes.fromhex(end.since_hash) != begun:
        return Verdict(last, since + 1, "its prev_hash is not the one that the last line says")
    return against_head(last, link, (end.head, bytes.fromhex(end.hash)))


class _Export:
    """Lines, read one by one. end: the last line, once `rows` came to it. why: what is wrong with the line after the last row."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.end: End | None = None
        self.why = ""
        self.first = self._next()

    def rows(self) -> Iterator[Row]:
        """The rows up to the first line that is none."""
        row = self.first
        while row is not None:
            yield row
            row = self._next()

    def _next(self) -> Row | None:
        for text in self._lines:
            try:
                line = msgspec.json.decode(text, type=dict[str, Any])
                if isinstance(line.get("head"), int):
                    self._ended(text, line)
                    return None
                row = _row(msgspec.convert(line, Line))
                if event_line(row).rstrip("\n") == text.rstrip("\n"):
                    return row
                self.why = "its line is not as an export writes it"
            except (msgspec.MsgspecError, ValueError, BrokenLog):
                self.why = "its line is none of an export"
            return None
        return None

    def _ended(self, text: str, line: dict[str, Any]) -> None:
        end = msgspec.convert(line, End)
        if end.format != FORMAT:
            self.why = f"format {end.format} is unknown"
        elif _line(end).rstrip("\n") != text.rstrip("\n") or not all(_HASH.fullmatch(h) for h in (end.hash, end.since_hash)):
            self.why = "the last line is not as an export writes it"
        elif any(rest.strip() for rest in self._lines):
            self.why = "something follows the last line"
        else:
            self.end = end


def _row(line: Line) -> Row:
    salt = None if line.salt is None else bytes.fromhex(line.salt)
    seal, prev_hash, hash = (bytes.fromhex(text) for text in (line.seal, line.prev_hash, line.hash))
    return (line.id, line.ts, line.kind, line.content, line.meta, line.key, salt, seal, prev_hash, hash)
