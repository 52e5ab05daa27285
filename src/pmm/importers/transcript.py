"""The reading of one file: which format it is, which conversations it holds, its Turns in order."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from pmm.errors import ImportFailed
from pmm.events import Turn
from pmm.importers import chatgpt, claude, jsonl, locomo
from pmm.importers.format import Format
from pmm.importers.json_stream import Item, elements, lines
from pmm.importers.notes import Notes, Tally, mend
from pmm.importers.source import Progress, sources

FORMATS: Mapping[str, Format] = MappingProxyType({module.FORMAT.name: module.FORMAT for module in (jsonl, locomo, chatgpt, claude)})

_SNIFFED = 50
_KNOWN_MAX = 1_000
_REMEMBERED_MAX = 100_000
_TEXTS = ("speaker", "text", "session", "ref", "caption")


def detect(path: str | os.PathLike[str]) -> str:
    """The name of the format, from the content alone. Raises ImportFailed with a hint if it is none of them."""
    path = Path(path)
    with closing(sources(path)) as opened:
        source = next(opened)
        start = source.read().lstrip()[:1]
    found = broken = None
    if start in (b"[", b"{"):
        try:
            found = _first_claim(path, by_line=False)
        except ImportFailed as error:
            broken = error  # said below, unless it is JSON Lines with a broken line
    if not found and start != b"[":
        found = _first_claim(path, by_line=True)
    if found:
        return found
    if broken:
        raise broken
    known = f"Known formats: {', '.join(FORMATS)}."
    if start == b"[":
        known += " A list of messages has to be written as one object per line."
    raise ImportFailed(f"{path.name} is no transcript PMM knows.", hint=known)


def _first_claim(path: Path, *, by_line: bool) -> str | None:
    """The format that claims one of the first items. Raises ImportFailed where the file breaks off among them."""
    formats = [format for format in FORMATS.values() if format.by_line == by_line]
    with closing(_items(path, formats[0])) as items:
        for _, item, problem in islice(items, _SNIFFED):
            for format in formats:
                if problem is None and format.claims(item):
                    return format.name
    return None


def conversations(path: str | os.PathLike[str], format: str | None = None) -> Iterator[tuple[str, str]]:
    """(id, title) of each conversation in the file, in order; `id` is what `read(only=...)` takes. Raises ImportFailed."""
    transcript = read(path, format=format)
    told: set[int] = set()
    for label in transcript.labels():
        if hash(label) not in told:
            if len(told) >= _REMEMBERED_MAX:
                told.clear()  # so one of a great many may be told again
            told.add(hash(label))
            yield label


def read(
    path: str | os.PathLike[str], *, format: str | None = None, only: str | None = None, on_progress: Progress | None = None
) -> Transcript:
    """The transcript in a file. Nothing is read but its beginning, until it is iterated.

    only: one conversation, by id or exact title (LoCoMo: sample_id; JSON Lines: session). on_progress: called with (bytes read, bytes
    in all) about every 256 KiB. Raises ImportFailed when it is no transcript; iterating raises it where the file breaks off, and at
    the end if no conversation is `only`.
    """
    name = format or detect(path)
    if name not in FORMATS:
        raise ImportFailed(f"There is no format {name!r}.", hint=f"Known formats: {', '.join(FORMATS)}.")
    if format:
        with closing(sources(Path(path))) as opened:
            next(opened)
    return Transcript(Path(path), FORMATS[name], only, on_progress)


class Transcript:
    """Iterate it for its Turns in order, each with a text or a caption, and nothing in it that can't be stored.

    A lone half of a character becomes U+FFFD (counted in `repaired`). A ref that has named another text of its session is left out
    (likewise), so that whoever tells turns apart by ref loses none. Iterating again reads the file again, and counts anew.
    """

    def __init__(self, path: Path, format: Format, only: str | None, on_progress: Progress | None) -> None:
        self._path, self._format, self._only, self._on_progress = path, format, only, on_progress
        self._notes = Notes()

    @property
    def format(self) -> str:
        return self._format.name

    @property
    def origin(self) -> str:
        """What message_imported.origin holds. It knows nothing of the file's name or place: a moved copy is the same transcript."""
        return self._format.name

    @property
    def skipped(self) -> Tally:
        """What could not be used, so far: an exact count, and the first 100 as (where, why)."""
        return self._notes.skipped

    @property
    def repaired(self) -> Tally:
        """What was used, but not quite as it stood: a broken character, an unreadable date, an ambiguous ref."""
        return self._notes.repaired

    @property
    def left_out(self) -> Counter[str]:
        """Reason -> how many messages, of what is no part of the dialogue as its user saw it."""
        return self._notes.left_out

    def labels(self) -> Iterator[tuple[str, str]]:
        """(id, title) for each item, without its turns."""
        for _, item in self._conversations(Notes()):
            yield self._label(item)

    def __iter__(self) -> Iterator[Turn]:
        notes = self._notes = Notes()
        format, only = self._format, self._only
        seen: dict[int, int] = {}
        known: dict[str, None] = {}
        found = only is None
        for where, item in self._conversations(notes):
            label = self._label(item)
            if only is not None and only not in label:
                if not found and len(known) < _KNOWN_MAX:
                    known.update(dict.fromkeys(name[:80] for name in label))
                continue
            found = True
            for turn in format.turns(item, where, notes):
                here = where if format.by_line else f"{turn.session} {turn.ref or where}"
                if not turn.text.strip() and not turn.caption:
                    notes.skipped.add(here, "empty")
                    continue
                yield _unambiguous(_storable(turn, here, notes), here, notes, seen)
        if not found:
            raise self._unknown([name for name in known if name])

    def _conversations(self, notes: Notes) -> Iterator[tuple[str, Any]]:
        """(where, item) of each item of this format; the others are counted. Raises ImportFailed if there are others only."""
        recognised = False
        for where, item, problem in _items(self._path, self._format, self._on_progress):
            if problem is None and self._format.claims(item):
                recognised = True
                yield where, item
            else:
                notes.skipped.add(where, problem or self._format.otherwise)
        if notes.skipped and not recognised:
            where, why = notes.skipped.examples[0]
            raise ImportFailed(f"Nothing in {self._path.name} could be read as {self.format}.", hint=f"At {where}: {why}.")

    def _label(self, item: Any) -> tuple[str, str]:
        id, title = self._format.label(item)
        return mend(id), mend(title)

    def _unknown(self, known: list[str]) -> ImportFailed:
        some = difflib.get_close_matches(self._only or "", known, 5, 0.5) or known[:5]
        hint = f"There is {', '.join(some)}." if some else "No conversation in it has a name."
        return ImportFailed(f"{self._path.name} has no conversation {self._only!r}.", hint=hint)


def _items(path: Path, format: Format, on_progress: Progress | None = None) -> Generator[Item, None, None]:
    with closing(sources(path, on_progress)) as opened:
        for source in opened:
            yield from lines(source) if format.by_line else elements(source)


def _storable(turn: Turn, where: str, notes: Notes) -> Turn:
    mended = {name: whole for name in _TEXTS if (text := getattr(turn, name)) and (whole := mend(text)) != text}
    if not mended:
        return turn
    notes.repaired.add(where, "half a character was replaced by U+FFFD")
    return msgspec.structs.replace(turn, **mended)


def _unambiguous(turn: Turn, where: str, notes: Notes, seen: dict[int, int]) -> Turn:
    """Without its ref, if that has named another text in this session. Remembers the last 100,000 at most, as hashes."""
    if turn.ref is None:
        return turn
    if len(seen) >= _REMEMBERED_MAX:
        seen.clear()
    if seen.setdefault(hash((turn.session, turn.ref)), said := hash((turn.speaker, turn.text))) == said:
        return turn
    notes.repaired.add(where, "its id was left out: another text of this conversation has it")
    return msgspec.structs.replace(turn, ref=None)
