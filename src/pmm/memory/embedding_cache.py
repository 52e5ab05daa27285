"""Where vectors are kept between runs, under the embedder's name and the digest of the text: in the mind's file, and perhaps in a Redis
that several minds share. Bytes only (float16, little-endian): nothing here needs numpy.

The tables are disposable like every index: dropping them costs encoding again.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pmm.errors import ConfigError
from pmm.memory.index import INDEXED
from pmm.storage.sqlite import SqliteLog

VERSION = 1
TABLES = ("embedders", "embeddings", "vectors", "vector_blocks", "embeddings_version")
ASKED_AT_ONCE, FORGOTTEN_AT_ONCE = 500, 2000
REDIS_S, REDIS_MUTE_S = 0.5, 30.0
"""how long a Redis may take to answer; how long one that doesn't is left alone"""

T = TypeVar("T")

_DROP = " ".join(f"DROP TABLE IF EXISTS {table};" for table in TABLES)
_CREATE = """
CREATE TABLE embedders (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, spec TEXT NOT NULL DEFAULT '',
  dimensions INTEGER NOT NULL DEFAULT 0, position INTEGER NOT NULL DEFAULT 0, count INTEGER NOT NULL DEFAULT 0,
  whole INTEGER NOT NULL DEFAULT 0, hits INTEGER NOT NULL DEFAULT 0, misses INTEGER NOT NULL DEFAULT 0,
  trouble TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE embeddings (key INTEGER PRIMARY KEY, embedder INTEGER NOT NULL, digest BLOB NOT NULL, vector BLOB NOT NULL,
  UNIQUE (embedder, digest)) STRICT;
CREATE TABLE vectors (embedder INTEGER NOT NULL, id INTEGER NOT NULL, key INTEGER NOT NULL,
  PRIMARY KEY (embedder, id)) STRICT, WITHOUT ROWID;
CREATE TABLE vector_blocks (embedder INTEGER NOT NULL, last INTEGER NOT NULL, ids BLOB NOT NULL, bits BLOB NOT NULL,
  PRIMARY KEY (embedder, last)) STRICT;
CREATE TABLE embeddings_version (version INTEGER NOT NULL) STRICT;
INSERT INTO embeddings_version VALUES (%d);
"""


class EncodedBy(msgspec.Struct, frozen=True):
    """How far one embedder has come. position: the last event it encoded. count: messages. whole: whether it once had them all.

    spec: the setting that opens it ("": none does). hits, misses: of texts looked up in the caches. trouble: what was wrong lately.
    """

    number: int
    name: str
    spec: str
    dimensions: int
    position: int
    count: int
    whole: bool
    hits: int
    misses: int
    trouble: str


def prepare(log: SqliteLog) -> None:
    """Make the tables if they are not there, whole and of this version."""
    if not _ready(log):
        with log.side.writing():
            if not _ready(log):  # another thread or process may have been first
                log.side.run(_DROP + _CREATE % VERSION)


def clear_index(log: SqliteLog) -> None:
    """Forget which message has which vector, but not the vectors: the index is soon back, as encoding finds them in the cache."""
    if _ready(log):
        with log.side.writing():
            log.side.run("DELETE FROM vectors; DELETE FROM vector_blocks; UPDATE embedders SET position = 0, count = 0, whole = 0")


def drop(log: SqliteLog) -> None:
    """Forget every vector. They are encoded anew when a mind is next open with an embedder."""
    with log.side.writing():
        log.side.run(_DROP)


def forget(log: SqliteLog, number: int) -> bool:
    """Forget an embedder that will not come back, FORGOTTEN_AT_ONCE of its rows. True: there is more."""
    side, more = log.side, False
    with side.writing():
        for table, row in (("vector_blocks", "rowid"), ("vectors", "(embedder, id)"), ("embeddings", "key")):
            some = f"SELECT {row.strip('()')} FROM {table} WHERE embedder = ? LIMIT ?"
            side.run(f"DELETE FROM {table} WHERE {row} IN ({some})", (number, FORGOTTEN_AT_ONCE))
            more = more or bool(side.run(f"SELECT 1 FROM {table} WHERE embedder = ? LIMIT 1", (number,)))
        if not more:
            side.run("DELETE FROM embedders WHERE number = ?", (number,))
    return more


def _ready(log: SqliteLog) -> bool:
    marks = ",".join("?" * len(TABLES))
    if log.side.run(f"SELECT count(*) FROM sqlite_schema WHERE name IN ({marks})", TABLES) != [(len(TABLES),)]:
        return False
    return log.side.run("SELECT version FROM embeddings_version") == [(VERSION,)]


def encoded_by(log: SqliteLog) -> list[EncodedBy]:
    """Every embedder that has vectors here; none where the tables are missing. The one that has come farthest first."""
    if not _ready(log):
        return []
    fields = ", ".join(EncodedBy.__struct_fields__)
    rows = log.side.run(f"SELECT {fields} FROM embedders ORDER BY position DESC, number")
    return [msgspec.convert(row, EncodedBy, strict=False) for row in (dict(zip(EncodedBy.__struct_fields__, r, strict=True)) for r in rows)]


def faults(log: SqliteLog) -> list[str]:
    """What is wrong with the vectors of a log, without repairing it; nothing where there are none."""
    told = []
    for one in encoded_by(log):
        marks = ", ".join("?" * len(INDEXED))
        (found,) = log.side.run(
            "SELECT count(*), coalesce(sum(length(e.vector) = ?2), 0), "
            f"(SELECT count(*) FROM events WHERE id <= ?3 AND kind IN ({marks})) "
            "FROM vectors v LEFT JOIN embeddings e ON e.key = v.key AND e.embedder = v.embedder WHERE v.embedder = ?1",
            (one.number, 2 * one.dimensions, one.position, *INDEXED),
        )
        held, sound, said = found
        if not held == said == one.count:
            told.append(
                f"{one.name} has vectors for {held:,} messages and counts {one.count:,}; up to event {one.position} there are {said:,}"
            )
        if sound != held:
            told.append(f"{held - sound:,} vectors of {one.name} are damaged or gone")
    return told


class EmbeddingCache(ABC):
    """Vectors by embedder and digest. trouble: what is wrong with it, in words; it then knows nothing and keeps nothing, and never raises
    for it: a cache that is away costs encoding again."""

    trouble: str = ""

    @abstractmethod
    def get(self, name: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those it knows."""

    @abstractmethod
    def put(self, name: str, vectors: Mapping[bytes, bytes]) -> None:
        """Keep them."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Free what it holds. Safe to call twice."""


class FileCache(EmbeddingCache):
    """In the mind's own file, written through the log's second connection. The vector index reads its rows too."""

    def __init__(self, log: SqliteLog) -> None:
        prepare(log)
        self._door = log.side

    def get(self, name: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start in range(0, len(digests), ASKED_AT_ONCE):
            asked = digests[start : start + ASKED_AT_ONCE]
            marks = ",".join("?" * len(asked))
            whose = "embedder = (SELECT number FROM embedders WHERE name = ?)"
            sql = f"SELECT digest, vector FROM embeddings WHERE {whose} AND digest IN ({marks})"
            found |= dict(self._door.run(sql, (name, *asked)))
        return found

    def put(self, name: str, vectors: Mapping[bytes, bytes]) -> None:
        with self._door.writing():
            self._door.run("INSERT INTO embedders (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            self._door.many(
                "INSERT INTO embeddings (embedder, digest, vector) VALUES ((SELECT number FROM embedders WHERE name = ?), ?, ?) "
                "ON CONFLICT (embedder, digest) DO UPDATE SET vector = excluded.vector WHERE vector != excluded.vector",
                [(name, key, vector) for key, vector in vectors.items()],
            )


class RedisCache(EmbeddingCache):
    """In a Redis, for several minds that hear the same things. url: redis://, rediss:// or unix://.

    One that can't be reached is left alone for a while, and told of in `trouble`. Raises ConfigError for an address that is none, or
    where the `redis` package is missing.
    """

    def __init__(self, url: str) -> None:
        try:
            import redis
        except ImportError:
            raise ConfigError("embed_cache names a Redis, but the package for it is missing.", hint="pip install 'pmm[redis]'") from None
        try:
            self._redis: Any = redis.Redis.from_url(url, socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S, protocol=2)
        except ValueError:  # its words may hold the password
            raise ConfigError("embed_cache is not the address of a Redis.", hint="It looks like redis://127.0.0.1:6379/0.") from None
        self._failure: type[Exception] = redis.RedisError
        self._mute_until = 0.0

    def get(self, name: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        found = self._tried(lambda: self._redis.mget([_redis_key(name, key) for key in digests])) if digests else None
        return {key: raw for key, raw in zip(digests, found or (), strict=False) if isinstance(raw, bytes)}

    def put(self, name: str, vectors: Mapping[bytes, bytes]) -> None:
        if vectors:
            self._tried(lambda: self._redis.mset({_redis_key(name, key): raw for key, raw in vectors.items()}))

    def _tried(self, act: Callable[[], T]) -> T | None:
        if time.monotonic() < self._mute_until:
            return None
        try:
            done = act()
        except (self._failure, OSError) as error:
            self.trouble = f"the Redis of embed_cache doesn't answer ({type(error).__name__})"
            self._mute_until = time.monotonic() + REDIS_MUTE_S
            return None
        self.trouble = ""
        return done

    def close(self) -> None:
        self._redis.close()


def _redis_key(name: str, key: bytes) -> str:
    return f"pmm:embedding:{name}:{key.hex()}"
