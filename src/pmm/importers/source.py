"""Files as counted streams of bytes: plain ones, and the conversations inside a zipped export."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO, Any

from pmm.errors import ImportFailed

CHUNK = 256 * 1024
ZIP_RATIO_MAX = 200
ZIP_SIZE_MAX = 64 * 1024**3

Progress = Callable[[int, int], None]
"""(bytes read, bytes in all), called about every 256 KiB. Of a zip, both count what it unpacks to."""

_CONVERSATIONS = re.compile(r"(?:.*/)?conversations(?:[-_]\d+)?\.json")
_OTHER_KINDS = {
    b"\xff\xfe": ("UTF-16 text", "Save it as UTF-8."),
    b"\xfe\xff": ("UTF-16 text", "Save it as UTF-8."),
    b"\x1f\x8b": ("compressed with gzip", "Unpack it first: gunzip -k FILE"),
}


class Source:
    """One stream of bytes, without its UTF-8 byte order mark. Reading it raises ImportFailed where the file is damaged."""

    def __init__(self, stream: Any, name: str, before: int, total: int, on_progress: Progress | None) -> None:
        self.name = name
        self._stream = stream  # read, readline and peek
        self._position = self._told = before
        self._total = total
        self._on_progress = on_progress
        head = self._guarded(self._stream.peek, 512)
        for magic, (kind, hint) in _OTHER_KINDS.items():
            if head.startswith(magic):
                raise ImportFailed(f"{name} is {kind}.", hint=hint)
        if b"\0" in head[:512]:
            raise ImportFailed(f"{name} is binary, not a transcript.", hint="Expected JSON, JSON Lines, or the .zip of an export.")
        if head.startswith(b"\xef\xbb\xbf"):
            self._take(self._stream.read, 3)

    def read(self) -> bytes:
        """Up to 256 KiB more; b"" at the end."""
        return self._take(self._stream.read, CHUNK)

    def line(self, size_max: int) -> tuple[bytes, bool]:
        """The next line and whether that is all of it; one over `size_max` bytes is passed over without holding it. b"" at the end."""
        line = self._take(self._stream.readline, size_max + 1)
        if len(line) <= size_max or line.endswith(b"\n"):
            return line, True
        while (rest := self._take(self._stream.readline, CHUNK)) and not rest.endswith(b"\n"):
            pass
        return line[:80], False

    def _take(self, call: Callable[[int], bytes], size: int) -> bytes:
        data = self._guarded(call, size)
        self._position += len(data)
        if self._on_progress and (self._position - self._told >= CHUNK or (not data and self._position != self._told)):
            self._told = self._position
            self._on_progress(self._position, self._total)
        return data

    def _guarded(self, call: Callable[[int], bytes], size: int) -> bytes:
        try:
            return call(size)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ImportFailed(
                f"{self.name} can't be read after byte {self._position}: {error}",
                hint="What was read before is kept. Copy or export the file again.",
            ) from None


def sources(path: Path, on_progress: Progress | None = None) -> Generator[Source, None, None]:
    """The streams in a file: itself, or the conversations*.json of a zip. Raises ImportFailed."""
    try:
        if path.is_dir():
            raise ImportFailed(f"{path} is a folder.", hint="Name one file: a .json, .jsonl, or the .zip of an export.")
        if not path.is_file():
            raise ImportFailed(f"There is no file {path}.", hint="Check the path.")
        stream = path.open("rb")
    except (OSError, ValueError) as error:
        raise ImportFailed(f"{path} can't be opened: {error}", hint="Check that you may read it.") from None
    with stream:
        total = path.stat().st_size
        if not total:
            raise ImportFailed(f"{path.name} is empty.", hint="Export or copy it again.")
        if stream.peek(4)[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            yield from _unzipped(stream, path.name, on_progress)
        else:
            yield Source(stream, path.name, 0, total, on_progress)


def _unzipped(stream: IO[bytes], name: str, on_progress: Progress | None) -> Generator[Source, None, None]:
    try:
        archive = zipfile.ZipFile(stream)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ImportFailed(f"{name} is a damaged zip: {error}", hint="Download the export again.") from None
    with archive:
        members = _members(archive, name)
        total, before = sum(member.file_size for member in members), 0
        for member in members:
            try:
                inner = archive.open(member)
            except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
                raise ImportFailed(f"{member.filename} in {name} can't be opened: {error}", hint="Unpack it yourself first.") from None
            with inner:
                yield Source(inner, f"{member.filename} in {name}", before, total, on_progress)
            before += member.file_size


def _members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """conversations.json, or else its numbered parts in order; refused if they are no sane text."""
    found = sorted((m for m in archive.infolist() if _CONVERSATIONS.fullmatch(m.filename)), key=lambda m: (len(m.filename), m.filename))
    whole = [member for member in found if member.filename.endswith("conversations.json")]
    members = whole[:1] or found
    if not members:
        some = ", ".join(member.filename for member in archive.infolist()[:5]) or "nothing"
        raise ImportFailed(f"{name} holds no conversations.json.", hint=f"It holds {some}. Is it the export itself?")
    for member in members:
        ratio = member.file_size / max(member.compress_size, 1)
        if member.file_size > ZIP_SIZE_MAX or (ratio > ZIP_RATIO_MAX and member.file_size > 2**28):
            raise ImportFailed(f"{member.filename} in {name} would unpack to {member.file_size} bytes.", hint="Is it really an export?")
    return members
