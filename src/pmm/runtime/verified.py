"""How far the last check of a mind came, and what it needs to go on from there.

It is a snapshot like any other: bound to the hash of its event, and only believed where it is whole and of this very log. Whoever changes
the file with intent can change it as well: only a check from event 1 rules that out.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from pmm.errors import BrokenLog, MindBusy, StorageError
from pmm.projections import all_projections
from pmm.storage.chain import GENESIS
from pmm.storage.snapshots import Snapshot, Snapshots
from pmm.storage.sqlite import SqliteLog

NAME, VERSION = "verified", 1
"""VERSION: raise it when the checks find more than they did, or need more to go on"""


class Verified(msgspec.Struct, frozen=True):
    """Events 1 to `position` were found whole; the last one's hash is `hash`.

    turns: messages in them; waiting: the one without an end. opened: how many there are of each that later events speak of. states: of
    every projection, replayed from event 1.
    """

    position: int = 0
    hash: bytes = GENESIS
    turns: int = 0
    waiting: int | None = None
    opened: dict[str, int] = {}
    states: dict[str, Any] = {}


class _Kept(msgspec.Struct, frozen=True):
    """verified: without its states, which stand here with the version of their projection, encoded."""

    verified: Verified
    states: dict[str, tuple[int, bytes]]


def last_verified(log: SqliteLog, head: int) -> Verified:
    """What an earlier check came to. Nothing, if there was none, or if it was by other rules."""
    projections = {p.name: p for p in all_projections()}
    try:
        snapshot = Snapshots(log).load(NAME, VERSION, head)
        if snapshot is None:
            return Verified()
        kept = msgspec.msgpack.decode(snapshot.state, type=_Kept)
        if {name: version for name, (version, _) in kept.states.items()} != {p.name: p.version for p in projections.values()}:
            return Verified()
        states = {name: msgspec.msgpack.decode(state, type=projections[name].State) for name, (_, state) in kept.states.items()}
    except (BrokenLog, msgspec.MsgspecError, ValueError):
        return Verified()
    return msgspec.structs.replace(kept.verified, states=states)


def keep(log: SqliteLog, verified: Verified) -> None:
    """The next check may go on from here. One that can't be kept costs the next one time, nothing else."""
    encode = msgspec.msgpack.encode
    states = {p.name: (p.version, encode(verified.states[p.name])) for p in all_projections()}
    kept = _Kept(msgspec.structs.replace(verified, states={}), states)
    with suppress(StorageError, MindBusy):
        snapshots = Snapshots(log)
        snapshots.drop(NAME)
        snapshots.save([Snapshot(NAME, VERSION, verified.position, encode(kept))])


def forget(log: SqliteLog) -> None:
    """The next check begins at event 1."""
    with suppress(StorageError, MindBusy):
        Snapshots(log).drop(NAME)
