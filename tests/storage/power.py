"""A disk that loses power.

`Recorder` stands between the engine and the file system: it notes every write, truncation, sync, creation and deletion in one folder, in
order, and among them whatever the test calls acknowledged. `Disk` replays such a record up to any moment and tells what may be found in
the folder when power fails there: all that was synced, and of the rest any part. That is what POSIX promises, and no more:

* a write that wasn't synced is there, or is not, or in part: each 512 bytes of it as they were before, as written, or (rarely) as anything;
* a truncation, creation or deletion that wasn't synced happened or didn't, whatever came after it;
* a new name lasts once its folder was synced. The engine does so at the first sync of a journal or a write-ahead log (seen with strace);
* the -shm file is memory, never written out: it is gone, or holds anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import apsw

SECTOR = 512
_NAMED_BY = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
"""files whose first sync also syncs their folder"""


class Created(NamedTuple):
    """A new file, by number, under a name that was free or had been deleted."""

    name: str
    file: int


class Deleted(NamedTuple):
    """The name is gone; whoever has the file open goes on with it. durable: the folder was synced with it."""

    name: str
    durable: bool


class Written(NamedTuple):
    file: int
    offset: int
    data: bytes


class Truncated(NamedTuple):
    file: int
    size: int


class Synced(NamedTuple):
    """Everything written to the file before lasts. folder: and so does every name."""

    file: int
    folder: bool


class Acknowledged(NamedTuple):
    """Somebody was told of this event and of all before it: they may never be lost."""

    id: int
    hash: bytes


Entry = Created | Deleted | Written | Truncated | Synced | Acknowledged


class Recorder(apsw.VFS):
    """The default file system of every connection opened within `with`. record: what happened. files: what was there before, durably."""

    def __init__(self, folder: Path) -> None:
        self._base = apsw.vfs_names()[0]
        super().__init__("recorder", base=self._base, makedefault=True)
        self._folder = str(folder.resolve())
        self.files = {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.endswith((".lock", "-shm"))}
        self._numbers = {name: n for n, name in enumerate(self.files)}
        self._next = len(self._numbers)
        self.record: list[Entry] = []

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()

    def acknowledged(self, head: tuple[int, bytes]) -> None:
        """From now on this may not be lost."""
        self.record.append(Acknowledged(*head))

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None or os.path.dirname(os.path.realpath(path)) != self._folder:
            return apsw.VFSFile(self._base, name, flags)
        names_too = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _NAMED_BY)
        file = _File(self._base, name, flags)
        file.begin(self.record, self._number(os.path.basename(path)), names_too, bool(flags[0] & apsw.SQLITE_OPEN_READONLY))
        return file

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            self._numbers[name] = self._next
            self._next += 1
            self.record.append(Created(name, self._numbers[name]))
        return self._numbers[name]

    def xDelete(self, path: str, syncdir: bool) -> None:
        if os.path.dirname(os.path.realpath(path)) == self._folder and self._numbers.pop(os.path.basename(path), None) is not None:
            self.record.append(Deleted(os.path.basename(path), syncdir))
        super().xDelete(path, False)


class _File(apsw.VFSFile):
    """What is done is noted first: between the note and the deed, either may be the case. No real sync is made, which saves its time."""

    def begin(self, record: list[Entry], number: int, names_too: bool, only_read: bool) -> None:
        self._record, self._number, self._names_too, self._only_read = record, number, names_too, only_read

    def xLock(self, level: int) -> None:
        if self._only_read and level == apsw.SQLITE_LOCK_EXCLUSIVE:
            raise apsw.BusyError("only read")  # the engine makes nothing of any error here; apsw would raise what the base tells
        super().xLock(level)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._record.append(Written(self._number, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._record.append(Truncated(self._number, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._record.append(Synced(self._number, self._names_too))
        self._names_too = False


class Odds(NamedTuple):
    """Of what wasn't synced: how likely a change is there whole; else it may be torn; and of a torn one's sectors some are garbage."""

    whole: float
    torn: float = 0.5
    garbage: float = 0.05


ALL, NOTHING = Odds(1.0), Odds(0.0, 0.0)


class Disk:
    """A folder of which is known what lasts, and what was changed since without being synced."""

    def __init__(self, recorder: Recorder) -> None:
        self._contents = {n: bytearray(data) for n, data in enumerate(recorder.files.values())}
        self._names = {name: n for n, name in enumerate(recorder.files)}
        self._changes: dict[int, list[Written | Truncated]] = {}
        self._renamed: list[Created | Deleted] = []
        self.acknowledged = Acknowledged(0, bytes(32))

    def take(self, entry: Entry) -> None:
        """The next entry of the record."""
        match entry:
            case Created(_, file):
                self._contents[file] = bytearray()
                self._renamed.append(entry)
            case Deleted(_, durable):
                self._renamed.append(entry)
                if durable:
                    self._rename()
            case Written(file) | Truncated(file):
                self._changes.setdefault(file, []).append(entry)
            case Synced(file, folder):
                for change in self._changes.pop(file, []):
                    _apply(self._contents[file], change)
                if folder:
                    self._rename()
            case Acknowledged():
                self.acknowledged = max(self.acknowledged, entry)

    def _rename(self) -> None:
        for change in self._renamed:
            _apply_name(self._names, change)
        self._renamed = []

    def after_loss(self, rng: Random, odds: Odds) -> dict[str, bytes]:
        """What is in each file when power comes back."""
        names = dict(self._names)
        for renamed in self._renamed:
            if rng.random() < odds.whole:
                _apply_name(names, renamed)
        found = {}
        for name, file in names.items():
            contents = bytearray(self._contents[file])
            for change in self._changes.get(file, ()):
                if rng.random() < odds.whole:
                    _apply(contents, change)
                elif isinstance(change, Written) and rng.random() < odds.torn:
                    for sector in _torn(change, rng, odds):
                        _apply(contents, sector)
            found[name] = bytes(contents)
        return found


def _torn(write: Written, rng: Random, odds: Odds) -> Iterator[Written]:
    """Some of its sectors."""
    start, end = write.offset, write.offset + len(write.data)
    while start < end:
        stop = min(end, start // SECTOR * SECTOR + SECTOR)
        if rng.random() < odds.garbage:
            yield Written(write.file, start, rng.randbytes(stop - start))
        elif rng.random() < 0.5:
            yield Written(write.file, start, write.data[start - write.offset : stop - write.offset])
        start = stop


def _apply(contents: bytearray, change: Written | Truncated) -> None:
    match change:
        case Written(_, offset, data):
            contents.extend(bytes(max(0, offset - len(contents))))
            contents[offset : offset + len(data)] = data
        case Truncated(_, size):
            del contents[size:]
            contents.extend(bytes(size - len(contents)))


def _apply_name(names: dict[str, int], change: Created | Deleted) -> None:
    match change:
        case Created(name, file):
            names[name] = file
        case Deleted(name):
            names.pop(name, None)


class Loss(NamedTuple):
    """Power lost after so many entries of the record. files: what is found then. acknowledged: what must be among it."""

    moment: int
    files: dict[str, bytes]
    acknowledged: Acknowledged

    def restore(self, folder: Path) -> Path:
        """Put the files in a new folder; the mind's path there."""
        folder.mkdir()
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        return folder / "mind.db"


def moments(recorder: Recorder, rng: Random, count: int) -> list[int]:
    """So many, in order: anywhere in the record, and as often right before or after a sync, where most hangs in the balance."""
    record = recorder.record
    syncs = [n + late for n, entry in enumerate(record) if isinstance(entry, Synced) for late in (0, 1)]
    return sorted(rng.choice(syncs) if rng.random() < 0.5 else rng.randint(0, len(record)) for _ in range(count))


def losses(recorder: Recorder, rng: Random, moments: Iterable[int], odds: Odds | None = None) -> Iterator[Loss]:
    """One at each of these moments, which are in order. odds: else others each time."""
    disk, done = Disk(recorder), 0
    for moment in moments:
        for entry in recorder.record[done:moment]:
            disk.take(entry)
        done = moment
        files = disk.after_loss(rng, odds or Odds(rng.choice([0.0, 0.1, 0.5, 0.9, 1.0]), rng.random(), rng.choice([0.0, 0.0, 0.1])))
        shm = rng.choice([None, bytes(32768), rng.randbytes(32768)])
        if shm is not None:
            files |= {name.replace("-wal", "-shm"): shm for name in files if name.endswith("-wal")}
        yield Loss(moment, files, disk.acknowledged)
