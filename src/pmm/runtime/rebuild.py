"""Throwing away everything that is computed from the log, and computing it again. The log itself is only read."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec

from pmm.config import Settings
from pmm.memory.embedding_cache import clear_index
from pmm.memory.index import TextIndex
from pmm.memory.links import Links
from pmm.runtime.archive import open_archive
from pmm.runtime.encoding import CHORE
from pmm.storage.positions import Positions
from pmm.storage.snapshots import Snapshots
from pmm.storage.sqlite import open_log
from pmm.views import Views

Step = Callable[[str], Callable[[int, int], Any]]
"""given the name of what is being made anew, gives what is told (done, of) in events"""


def rebuild(path: str | os.PathLike[str], settings: Settings, step: Step) -> int:
    """Drop and recompute the snapshots, the full-text index, the links and the archive of the mind in a file; how many events it has.

    Vectors are kept: they belong to the texts and are made by an embedder, not by the log. Which message has which is found again when
    the mind is next open with one. Raises StorageError; what was made anew until then stays.
    """
    log = open_log(path, synchronous=settings.synchronous, max_event_bytes=settings.max_event_bytes)
    try:
        snapshots = Snapshots(log)
        snapshots.drop()
        for name, open_index in (("index", TextIndex), ("links", Links), ("archive", open_archive)):
            made: list[int] = []
            told = step(name)
            progress = lambda done, of, made=made, told=told: made.append(done) or told(done, of)
            part = open_index(log, progress)
            if not made:  # it was whole, and opening it did nothing
                part.rebuild(progress)
        clear_index(log)
        positions = Positions(log)
        for one in positions.all():
            if one.name.startswith(CHORE):  # else it would begin with the next message
                positions.save(msgspec.structs.replace(one, position=0))
        step("state")
        Views(log, snapshots).save(every=1)
        return log.head[0]
    finally:
        log.close()
