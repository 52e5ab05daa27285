"""What is sealed and what is hashed.

seal = SHA-256(0x01 ‖ salt ‖ K ‖ u64 len(content) ‖ content ‖ meta), K = 0x00 without a key, else 0x01 ‖ u64 len(key) ‖ key
hash = SHA-256(prev_hash ‖ C ‖ seal), C = compact UTF-8 JSON [format, id, ts, kind], ts in integer microseconds since 1970

Lengths are of UTF-8 bytes, big-endian. Event 1's prev_hash is 32 zero bytes. The salt keeps short contents from being guessed from
their seal, so a content can be erased later while the chain still verifies. `tests/storage/test_chain.py` fixes these bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct
from typing import Any

import msgspec

from pmm.events import FORMAT

GENESIS = bytes(32)
SALT_BYTES = 16

_u64 = Struct(">Q").pack


def seal_of(salt: bytes, key: str | None, content: str, meta: str) -> bytes:
    """The 32-byte seal of an event's texts."""
    body = content.encode()
    if key is None:
        prefix = b"\x01" + salt + b"\x00"
    else:
        name = key.encode()
        prefix = b"\x01" + salt + b"\x01" + _u64(len(name)) + name
    return sha256(b"".join((prefix, _u64(len(body)), body, meta.encode()))).digest()


def hash_of(prev_hash: bytes, id: int, ts_us: int, kind: str, seal: bytes) -> bytes:
    """The 32-byte hash that links an event to the one before it. kind: lower-case ASCII letters and underscores."""
    return sha256(b'%s[%d,%d,%d,"%s"]%s' % (prev_hash, FORMAT, id, ts_us, kind.encode(), seal)).digest()


class Verdict(msgspec.Struct, frozen=True):
    """What verification found. bad: the first id that is missing, changed or blanked (None: the chain is whole)."""

    events: int
    bad: int | None = None
    why: str = ""

    @property
    def ok(self) -> bool:
        return self.bad is None


Row = tuple[Any, ...]
"""(id, ts, kind, content, meta, key, salt, seal, prev_hash, hash) as stored"""

_TYPES = tuple((int, int, str, str, str, key, bytes, bytes, bytes, bytes) for key in (str, type(None)))


def check_chain(rows: Iterable[Row], head: tuple[int, bytes] | None, since: tuple[int, bytes] = (0, GENESIS)) -> Verdict:
    """Walk all rows after an event with this id and hash, and hold the end against the head row (None: there is no head row)."""
    last, link, why = walk(rows, *since)
    return Verdict(last, last + 1, why) if why else against_head(last, link, head)


def walk(rows: Iterable[Row], last: int, link: bytes) -> tuple[int, bytes, str]:
    """Check rows that should follow event `last`, whose hash is `link`. The last good event, its hash, and why the next is bad ("")."""
    for row in rows:
        id, ts, kind, content, meta, key, salt, seal, prev_hash, hash = row
        if (
            id != last + 1
            or tuple(map(type, row)) not in _TYPES
            or prev_hash != link
            or len(salt) != SALT_BYTES
            or seal_of(salt, key, content, meta) != seal
            or hash_of(prev_hash, id, ts, kind, seal) != hash
        ):
            return last, link, _why(row, last + 1, link)
        last, link = id, hash
    return last, link, ""


def against_head(last: int, link: bytes, head: tuple[int, bytes] | None) -> Verdict:
    """Whether the log may end with event `last`, whose hash is `link`."""
    if head is None or not isinstance(head[0], int):
        return Verdict(last, last + 1, "the head row is missing, so a cut tail can't be ruled out")
    if head[0] > last:
        return Verdict(last, last + 1, f"missing: the head says there are {head[0]} events")
    if head[0] < last:
        return Verdict(last, max(head[0], 0) + 1, "not accounted for by the head row")
    if head[1] != link:
        return Verdict(last, max(last, 1), "its hash is not the one in the head row")
    return Verdict(last)


def _why(row: Row, expected: int, link: bytes) -> str:
    """Why this row can't be event `expected` after `link`."""
    id, _, _, content, meta, key, salt, seal, prev_hash, _ = row
    if id != expected:
        return "missing"
    if content is None or meta is None or salt is None:
        return "blank, and no later event accounts for it"
    if tuple(map(type, row)) not in _TYPES:
        return "a column holds a value of another type"
    if prev_hash != link:
        return "its prev_hash is not the hash of the event before"
    if len(salt) != SALT_BYTES:  # else bytes could move between salt, content and meta under the same seal
        return "its salt was changed"
    if seal_of(salt, key, content, meta) != seal:
        return "its content, meta, key, salt or seal was changed"
    return "its ts, kind or hash was changed"
