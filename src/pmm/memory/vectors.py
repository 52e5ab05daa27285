"""The vector index: which messages lie nearest to a question.

In the file: a row per message (float16, shared by equal texts), and one bit per dimension in blocks of BLOCK messages, written as they
fill. They are read at the first search, or by `warm`. Up to EXACT_MAX messages are compared exactly; beyond, the blocks are compared by
their bits, and the best RESCORED of them by their rows. What came after the last full block is always compared exactly.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pmm.memory.embedding_cache import EncodedBy, encoded_by, prepare
from pmm.storage.sqlite import SqliteLog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pmm.memory.embeddings import Vectors

BLOCK = 4096
EXACT_MAX = 20_000
RESCORED = 200
READ = 2048
"""rows read at once"""
FAR = 2**15
"""a distance in bits that no vector has"""

_ROWS = "FROM vectors v JOIN embeddings e ON e.key = v.key WHERE v.embedder = ?"


class Nearest(msgspec.Struct, frozen=True):
    """What a question came near to. vector: the question's, to be compared with those of `index.of`. hits: (id, cosine), best first."""

    vector: Any
    hits: list[tuple[int, float]]
    index: VectorIndex


class VectorIndex:
    """The vectors of one embedder. Thread-safe. Searches read through the log's first connection, the rest goes through its second.

    A row or a block of the wrong size (a damaged file) counts as missing.
    """

    def __init__(self, log: SqliteLog, name: str, dimensions: int, spec: str = "") -> None:
        prepare(log)
        self.name = name
        self.dimensions = dimensions
        self._log = log
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._number = self._entered(spec)

    def _entered(self, spec: str) -> int:
        """This embedder's number. One whose vectors have another size by now is a new one."""
        side = self._log.side
        with side.writing():
            side.run("INSERT INTO embedders (name) VALUES (?) ON CONFLICT DO NOTHING", (self.name,))
            ((number, size),) = side.run("SELECT number, dimensions FROM embedders WHERE name = ?", (self.name,))
            if size not in (0, self.dimensions):
                for table in ("vectors", "vector_blocks", "embeddings"):
                    side.run(f"DELETE FROM {table} WHERE embedder = ?", (number,))
                side.run("UPDATE embedders SET position = 0, count = 0, whole = 0 WHERE number = ?", (number,))
            side.run("UPDATE embedders SET spec = ?, dimensions = ? WHERE number = ?", (spec, self.dimensions, number))
        return int(number)

    @property
    def state(self) -> EncodedBy:
        """How far it is."""
        return next(one for one in encoded_by(self._log) if one.number == self._number)

    # -- writing -----------------------------------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[tuple[int, bytes]], *, after: int, upto: int, hits: int = 0, misses: int = 0, trouble: str = "") -> bool:
        """Messages (id, digest of the text), in order, whose vectors are in the cache; with them every message in after < id <= upto is
        dealt with. False, and nothing is done, if another process was faster. hits, misses: to be added to the counts."""
        side, number = self._log.side, self._number
        with side.writing():
            if side.run("SELECT position FROM embedders WHERE number = ?", (number,)) != [(after,)]:
                return False
            side.many(
                "INSERT INTO vectors SELECT ?1, ?2, key FROM embeddings WHERE embedder = ?1 AND digest = ?3",
                [(number, id, key) for id, key in rows],
            )
            side.run(
                "UPDATE embedders SET position = ?2, count = count + ?3, hits = hits + ?4, misses = misses + ?5, trouble = ?6 "
                "WHERE number = ?1",
                (number, upto, len(rows), hits, misses, trouble[:500]),
            )
            self._fill_blocks()
        return True

    def completed(self) -> None:
        """It has every message now: from here on it serves."""
        if not self.state.whole:
            with self._log.side.writing():
                self._log.side.run("UPDATE embedders SET whole = 1 WHERE number = ?", (self._number,))

    def _fill_blocks(self) -> None:
        """Write the blocks that are full, inside the transaction."""
        side, number = self._log.side, self._number
        while True:
            ((filled, last),) = side.run("SELECT count(*), coalesce(max(last), 0) FROM vector_blocks WHERE embedder = ?", (number,))
            if side.run("SELECT count FROM embedders WHERE number = ?", (number,))[0][0] < (filled + 1) * BLOCK:
                return
            rows = side.run(f"SELECT v.id, e.vector {_ROWS} AND v.id > ? ORDER BY v.id LIMIT ?", (number, last, BLOCK))
            ids, floats = self._arrays(rows)
            if len(rows) < BLOCK or len(ids) == 0:
                return
            bits = np.packbits(floats > 0, axis=1).tobytes()
            side.run("INSERT INTO vector_blocks VALUES (?, ?, ?, ?)", (number, rows[-1][0], ids.astype("<i8").tobytes(), bits))

    # -- reading -----------------------------------------------------------------------------------------------------------------------

    def of(self, ids: Sequence[int]) -> dict[int, Vectors]:
        """The vectors of these messages; those not encoded yet are left out. One call to the log."""
        wanted = msgspec.json.encode(list(ids)).decode()
        found, rows = self._arrays(
            self._log.main.run(f"SELECT v.id, e.vector {_ROWS} AND v.id IN (SELECT value FROM json_each(?))", (self._number, wanted))
        )
        return dict(zip(found.tolist(), rows, strict=True))

    def search(self, vector: Vectors, head: int, k: int) -> list[tuple[int, float]]:
        """The `k` messages up to event `head` that lie nearest, best first, with their cosines. Two calls to the log, and one more for
        every READ messages that are new to this process."""
        with self._lock:
            loaded = self._caught_up()
            found = loaded.exact(vector, head, k)
            candidates = loaded.by_bits(vector, head, max(RESCORED, 4 * k))
        rows = self.of(candidates)
        found += [(id, float(row @ vector)) for id, row in rows.items()]
        return sorted(found, key=lambda one: (one[1], one[0]), reverse=True)[:k]

    def warm(self) -> None:
        """Read now what the first search would read."""
        with self._lock:
            self._caught_up()

    def _caught_up(self) -> _Loaded:
        loaded = self._loaded = self._loaded or self._read()
        for ids, floats in self._batches(loaded.last):
            loaded.extend(ids, floats)
        return loaded

    def _read(self) -> _Loaded:
        """What is stored, as far as searches need it: the rows, or if there are too many the blocks."""
        loaded = _Loaded(self.dimensions)
        ((count,),) = self._log.main.run("SELECT count FROM embedders WHERE number = ?", (self._number,))
        if count <= EXACT_MAX:
            return loaded
        after, width = 0, (self.dimensions + 7) // 8
        while row := self._log.main.run(
            "SELECT last, ids, bits FROM vector_blocks WHERE embedder = ? AND last > ? ORDER BY last LIMIT 1", (self._number, after)
        ):
            ((after, ids, bits),) = row
            if len(ids) % 8 or not ids or len(bits) != len(ids) // 8 * width:
                break  # from here on by rows
            loaded.take(np.frombuffer(ids, "<i8"), np.frombuffer(bits, np.uint8).reshape(-1, width))
        return loaded

    def _batches(self, after: int) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
        while True:
            sql = f"SELECT v.id, e.vector {_ROWS} AND v.id > ? ORDER BY v.id LIMIT ?"
            rows = self._log.main.run(sql, (self._number, after, READ))
            if rows:
                yield self._arrays(rows)
                after = rows[-1][0]
            if len(rows) < READ:
                return

    def _arrays(self, rows: Sequence[tuple[Any, ...]]) -> tuple[NDArray[np.int64], Vectors]:
        sound = [(id, raw) for id, raw in rows if len(raw) == 2 * self.dimensions]
        ids = np.array([id for id, _ in sound], np.int64)
        floats = np.frombuffer(b"".join(raw for _, raw in sound), "<f2").reshape(-1, self.dimensions)
        return ids, floats.astype(np.float32)


class _Loaded:
    """What one process holds of an index: blocks by their bits, oldest first, then the rest by numbers, which fill one block after another.
    last: the newest message in it."""

    def __init__(self, dimensions: int) -> None:
        self.last = 0
        self._blocks: list[NDArray[np.uint64]] = []
        self._block_ids: list[NDArray[np.int64]] = []
        self._size = dimensions
        self._held: list[Vectors] = []
        self._held_ids = np.zeros(0, np.int64)

    def take(self, ids: NDArray[np.int64], bits: NDArray[np.uint8]) -> None:
        """A block. Kept in words of 64 bits, the first of all messages, then the second of all: so they are summed fastest."""
        self._blocks.append(np.ascontiguousarray(_words(bits).T))
        self._block_ids.append(ids)
        self.last = max(self.last, int(ids[-1]))

    def extend(self, ids: NDArray[np.int64], floats: Vectors) -> None:
        """Newer messages."""
        count = len(self._held_ids)
        self._held_ids = np.concatenate([self._held_ids, ids])
        self.last = int(self._held_ids[-1]) if len(self._held_ids) else self.last
        while len(floats):
            at = count % BLOCK
            if at == 0:
                self._held.append(np.empty((BLOCK, self._size), np.float32))
            part = floats[: BLOCK - at]
            self._held[-1][at : at + len(part)] = part
            count, floats = count + len(part), floats[len(part) :]
        while len(self._held_ids) >= BLOCK and (self._blocks or len(self._held_ids) > EXACT_MAX):
            self.take(self._held_ids[:BLOCK].copy(), np.packbits(self._held.pop(0) > 0, axis=1))
            self._held_ids = self._held_ids[BLOCK:].copy()

    def exact(self, vector: Vectors, head: int, k: int) -> list[tuple[int, float]]:
        """The best `k` of what is held by numbers, in any order."""
        count = int(np.searchsorted(self._held_ids, head, side="right"))
        if not count:
            return []
        parts = [rows[: count - n * BLOCK] @ vector for n, rows in enumerate(self._held) if count > n * BLOCK]
        cosines = np.concatenate(parts)
        best = np.argpartition(cosines, count - k)[count - k :] if k < count else np.arange(count)
        return list(zip(self._held_ids[best].tolist(), cosines[best].tolist(), strict=True))

    def by_bits(self, vector: Vectors, head: int, most: int) -> list[int]:
        """Those of the blocks that differ in the fewest bits: `most` of them, the newest where some are equally far."""
        if not self._blocks:
            return []
        if len(self._block_ids) > 1:
            self._block_ids = [np.concatenate(self._block_ids)]
        (ids,) = self._block_ids
        query = _words(np.packbits(vector > 0)[None, :])[0][:, None]
        distances = np.concatenate([_distances(bits, query) for bits in self._blocks])
        distances[np.searchsorted(ids, head, side="right") :] = FAR
        near = np.cumsum(np.bincount(distances, minlength=1))
        limit = int(np.searchsorted(near, min(most, near[min(FAR, len(near)) - 1])))
        within = np.flatnonzero(distances < limit)
        edge = np.flatnonzero(distances == limit)[::-1][: max(0, most - len(within))] if limit < FAR else within[:0]
        return [*ids[within].tolist(), *ids[edge].tolist()]


def _words(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Rows of packed bits as rows of 64-bit words, filled up with zeros."""
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))
    return np.ascontiguousarray(padded).view(np.uint64)


def _distances(bits: NDArray[np.uint64], query: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """In how many bits each differs. bits: (words, messages); query: (words, 1)."""
    differ = bits ^ query
    counts = np.bitwise_count(differ) if hasattr(np, "bitwise_count") else _bits_set(differ)
    return np.asarray(counts.sum(axis=0, dtype=np.uint16))


def _bits_set(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """How many bits each word has, for numpy 1: pairs are summed, then fours, then bytes."""
    ones, twos, fours, bytes = (np.uint64(int(part * 8, 16)) for part in ("55", "33", "0f", "01"))
    words = words - ((words >> np.uint64(1)) & ones)
    words = (words & twos) + ((words >> np.uint64(2)) & twos)
    words = (words + (words >> np.uint64(4))) & fours
    return np.asarray((words * bytes) >> np.uint64(56))
