"""JSON of any size in bounded memory: the objects of one large array, or of lines, one at a time.

Nothing here understands what it reads: `elements` only finds where each outermost object begins and ends, so a broken one costs
that one and not the file, and its size is known before it is decoded.

Not ijson: with its C backend (3.6.0) an integer of more than 4,300 digits ends the process, a lone surrogate becomes "?" or ends the
stream, and one bad value loses all that follows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pmm.errors import ImportFailed
from pmm.importers.source import Source

ELEMENT_MAX = 64 * 1024 * 1024
LINE_MAX = 16 * 1024 * 1024

Item = tuple[str, Any, str | None]
"""(where, value, problem): problem says why there is no value, or is None."""

_KEPT = "What was read before is kept. Get the file again and import it: nothing is added twice."
_SPACE = b" \t\r\n"
# Possessive, so a long string costs no memory for ways back.
_IN_STRING = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_REST_OF_STRING = re.compile(_IN_STRING + rb'("?)', re.DOTALL)
# On to the next bracket, past whole strings; or to a string that goes on in the next chunk; or to the end of this one.
_NEXT = re.compile(rb'(?:[^"{}\[\]]++|"' + _IN_STRING + rb'")*+([{}\[\]]|"' + _IN_STRING + rb"\Z|\Z)", re.DOTALL)


def lines(source: Source, size_max: int = LINE_MAX) -> Iterator[Item]:
    """One item per line that isn't blank. Lines that are too long, not UTF-8 or not JSON come with a problem."""
    number = 0
    while True:
        line, whole = source.line(size_max)
        if not line:
            return
        number += 1
        if not whole:
            yield f"line {number}", None, f"longer than {size_max} bytes"
            continue
        try:
            blank = not line.decode().strip()
        except UnicodeDecodeError as error:
            yield f"line {number}", None, f"not UTF-8 (its byte {error.start + 1})"
            continue
        if not blank:
            yield f"line {number}", *decode(line)


def elements(source: Source, size_max: int = ELEMENT_MAX) -> Iterator[Item]:
    """One item per object in the outermost array (or, without one, per outermost object).

    Raises ImportFailed where the file ends too early; items before that have been given.
    """
    splitter = _Splitter(source.name, size_max)
    number = 0
    while chunk := source.read():
        for offset, raw, problem in splitter.feed(chunk):
            number += 1
            value = None
            if raw is not None:
                value, problem = decode(raw)
            raw = None  # not held while the caller works with the value
            yield f"item {number} (byte {offset})", value, problem
    splitter.end(number)


def decode(raw: bytes | bytearray) -> tuple[Any, str | None]:
    """(value, None) or (None, why not).

    What JSON shouldn't hold but exports do comes through, for the reader to mend: lone surrogates as such, bytes that aren't UTF-8
    as lone surrogates too, NaN, numbers of any size, raw control characters.
    """
    try:
        return msgspec.json.decode(raw), None
    except (ValueError, RecursionError):
        pass  # the strict, fast decoder said no; the lenient one says why
    try:
        return json.loads(raw.decode("utf-8", "surrogateescape"), strict=False, parse_int=_integer), None
    except json.JSONDecodeError as error:
        return None, f"not valid JSON: {error.msg.rstrip('.')} (character {error.pos + 1} of it)"
    except RecursionError:
        return None, "nested too deeply"


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 30 else float(digits)


class _Splitter:
    """Fed chunks of bytes, gives (offset, bytes of an outermost object, None) or (offset, None, problem)."""

    def __init__(self, name: str, size_max: int) -> None:
        self._name, self._size_max = name, size_max
        self._base: int | None = None  # depth at which objects are given: 1 in an array, 0 without; None before the first character
        self._depth = 0
        self._in_string = self._closed = self._stray = False
        self._held = bytearray()
        self._size = self._start = self._offset = 0
        self._carry = b""

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytearray | None, str | None]]:
        chunk = self._carry + chunk
        # An escape is never cut in two: an odd backslash at the end waits for the next chunk.
        odd = (len(chunk) - len(chunk.rstrip(b"\\"))) % 2
        chunk, self._carry = chunk[: len(chunk) - odd], chunk[len(chunk) - odd :]
        begin = at = self._opening(chunk)
        if self._closed:
            self._nothing_more(chunk)
            return
        if self._in_string and (rest := _REST_OF_STRING.match(chunk)):
            self._in_string, at = not rest[1], rest.end()
        for found in _NEXT.finditer(chunk, at):
            mark, end = found[1], found.end()
            if mark in (b"{", b"["):
                if self._depth == self._base:
                    yield from self._gap(chunk[begin : end - 1], ends=True)
                    begin = end - 1
                    self._start = self._offset + begin
                self._depth += 1
            elif mark in (b"}", b"]"):
                self._depth -= 1
                if self._depth == self._base:
                    self._hold(chunk[begin:end])
                    begin = end
                    yield self._whole()
                elif self._depth < (self._base or 0):
                    yield from self._gap(chunk[begin : end - 1], ends=True)
                    self._nothing_more(chunk[end:])
                    return
            elif mark:
                self._in_string = True
        if self._depth > (self._base or 0):
            self._hold(chunk[begin:])
        else:
            yield from self._gap(chunk[begin:], ends=False)
        self._offset += len(chunk)

    def end(self, number: int) -> None:
        """Raises ImportFailed unless this is where the JSON ends."""
        if self._base is None:
            raise ImportFailed(f"{self._name} is empty.", hint="Export or copy it again.")
        if self._depth or self._in_string or self._carry:
            where = f"at byte {self._offset + len(self._carry)}, after {number} whole items"
            raise ImportFailed(f"{self._name} breaks off in the middle, {where}.", hint=_KEPT)
        self._nothing_more(b"?" if self._stray else b"")

    def _opening(self, chunk: bytes) -> int:
        """Where to begin in this chunk; at the first character, what the file is."""
        if self._base is not None or not (body := chunk.lstrip(_SPACE)):
            return 0
        if body[:1] not in (b"[", b"{"):
            raise ImportFailed(f"{self._name} is not JSON: it begins with {body[:10]!r}.", hint="Is it JSON Lines? Then use format jsonl.")
        self._base = self._depth = int(body[:1] == b"[")
        return len(chunk) - len(body) + self._base

    def _nothing_more(self, rest: bytes) -> None:
        self._closed = True
        if self._depth < 0 or rest.strip(_SPACE):
            raise ImportFailed(f"{self._name} goes on after the end of its JSON, near byte {self._offset}.", hint=_KEPT)

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._size_max:
            self._held += piece
        else:
            self._held = bytearray()

    def _whole(self) -> tuple[int, bytearray | None, str | None]:
        held, size = self._held, self._size
        self._held, self._size = bytearray(), 0
        if size > self._size_max:
            return self._start, None, f"larger than {self._size_max} bytes"
        return self._start, held, None

    def _gap(self, gap: bytes, *, ends: bool) -> Iterator[tuple[int, None, str]]:
        """Between two objects there should be a comma. Anything else counts as one thing that isn't an object."""
        self._stray = self._stray or bool(gap.strip(b" \t\r\n,"))
        if self._stray and ends:
            self._stray = False
            yield self._offset, None, "not an object"
