"""The vector index: exact while it is small, by bits beyond; the same however it grew; nothing past the head; damage costs time only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pmm.memory import embedding_cache, vectors
from pmm.memory.embedding_cache import FileCache, clear_index, encoded_by, forget
from pmm.memory.embeddings import digest
from pmm.memory.vectors import BLOCK, VectorIndex
from pmm.storage.sqlite import SqliteLog, open_log

SIZE = 72
"""no multiple of 64"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = open_log(tmp_path / "a.db")
    yield log
    log.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bits from the ninth message on, so that a test reaches them."""
    monkeypatch.setattr(vectors, "BLOCK", 4)
    monkeypatch.setattr(vectors, "EXACT_MAX", 8)
    monkeypatch.setattr(vectors, "READ", 3)


def drawn(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows of length 1 in clusters, as texts lie."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(1, count // 20), SIZE))
    rows = centres[rng.integers(0, len(centres), count)] + 0.6 * rng.standard_normal((count, SIZE))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    return np.asarray(rows)


def add(log: SqliteLog, index: VectorIndex, rows: NDArray[np.float32], ids: Sequence[int]) -> None:
    """Put rows into the cache and the index, as encoding does."""
    keys = [digest(f"{index.name} {id}") for id in ids]
    FileCache(log).put(index.name, {key: row.astype("<f2").tobytes() for key, row in zip(keys, rows, strict=True)})
    assert index.add(list(zip(ids, keys, strict=True)), after=index.state.position, upto=ids[-1])


def exactly(rows: NDArray[np.float32], ids: Sequence[int], query: NDArray[np.float32], head: int, k: int) -> list[int]:
    cosines = [(float(row @ query), id) for row, id in zip(rows, ids, strict=True) if id <= head]
    return [id for _, id in sorted(cosines, reverse=True)[:k]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=12), head=st.integers(0, 200), k=st.integers(1, 20), data=st.data())
def test_however_it_grew_it_finds_what_comparing_all_finds(
    small: None, tmp_path_factory: pytest.TempPathFactory, sizes: list[int], head: int, k: int, data: st.DataObject
) -> None:
    """With more rescored than there are, bits lose nothing; searched in between or not, read anew or not."""
    log = open_log(tmp_path_factory.mktemp("vectors") / "a.db")
    try:
        index = VectorIndex(log, "m", SIZE)
        rows, ids, at = drawn(sum(sizes)), list(range(2, 2 + 2 * sum(sizes), 2)), 0
        query = drawn(1, seed=5)[0]
        for size in sizes:
            add(log, index, rows[at : at + size], ids[at : at + size])
            at += size
            if data.draw(st.booleans()):
                assert [id for id, _ in index.search(query, 10**6, k)] == exactly(rows[:at], ids[:at], query, 10**6, k)
        for one in (index, VectorIndex(log, "m", SIZE)):
            found = one.search(query, head, k)
            assert [id for id, _ in found] == exactly(rows, ids, query, head, k)
            assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)
            assert all(abs(one.of([id])[id] @ query - cosine) < 1e-5 for id, cosine in found)
    finally:
        log.close()


def test_by_bits_hardly_anything_near_is_missed(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "EXACT_MAX", 1000)
    rows, ids = drawn(2 * BLOCK + 100), list(range(1, 2 * BLOCK + 101))
    index = VectorIndex(log, "m", SIZE)
    for start in range(0, len(ids), 1000):
        add(log, index, rows[start : start + 1000], ids[start : start + 1000])
    again = VectorIndex(log, "m", SIZE)
    assert len(log.side.run("SELECT 1 FROM vector_blocks")) == 2
    found = wanted = 0
    for query in drawn(30, seed=0) + 0.05 * drawn(30, seed=9):
        best = exactly(rows, ids, query, 10**6, 10)
        for one in (index, again):
            found += len(set(best) & {id for id, _ in one.search(query, 10**6, 10)})
            wanted += 10
    assert found / wanted > 0.95


def test_embedders_never_mix(log: SqliteLog) -> None:
    one, other = VectorIndex(log, "one", SIZE, "minilm"), VectorIndex(log, "other", 8)
    rows = drawn(5)
    add(log, one, rows, [1, 2, 3, 4, 5])
    narrow = np.eye(8, dtype=np.float32)[:2]
    add(log, other, narrow, [1, 2])
    assert one.of([1, 2, 9])[2] == pytest.approx(rows[1], abs=1e-3)
    assert [id for id, _ in other.search(narrow[1], 99, 5)] == [2, 1]
    assert len(one.search(rows[0], 99, 9)) == 5
    assert [(e.name, e.spec, e.dimensions, e.position, e.count, e.whole) for e in encoded_by(log)] == [
        ("one", "minilm", SIZE, 5, 5, False),
        ("other", "", 8, 2, 2, False),
    ]


def test_vectors_of_another_size_under_the_same_name_are_forgotten(log: SqliteLog) -> None:
    add(log, VectorIndex(log, "m", SIZE), drawn(3), [1, 2, 3])
    index = VectorIndex(log, "m", 8)
    assert index.state.position == 0 and index.search(np.eye(8, dtype=np.float32)[0], 99, 5) == []
    assert FileCache(log).get("m", [digest("m 1")]) == {}


def test_of_two_who_encoded_the_same_one_is_kept(log: SqliteLog) -> None:
    index, rival = VectorIndex(log, "m", SIZE), VectorIndex(log, "m", SIZE)
    rows = drawn(4)
    add(log, index, rows, [1, 2, 3, 4])
    assert rival.search(rows[2], 99, 1)[0][0] == 3  # it sees what the other added
    assert rival.add([(1, digest("m 1"))], after=0, upto=1) is False
    assert index.state.position == 4 and index.state.count == 4


def test_equal_texts_share_a_vector(log: SqliteLog) -> None:
    index, rows = VectorIndex(log, "m", SIZE), drawn(2)
    FileCache(log).put("m", {digest("a"): rows[0].astype("<f2").tobytes()})
    assert index.add([(3, digest("a")), (7, digest("a"))], after=0, upto=9, hits=1, misses=1, trouble="x" * 9000)
    assert log.side.run("SELECT count(*) FROM embeddings") == [(1,)]
    assert [id for id, _ in index.search(rows[0], 99, 5)] == [7, 3]  # equally near: the newer first
    assert (index.state.position, index.state.hits, index.state.misses, len(index.state.trouble)) == (9, 1, 1, 500)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE vector_blocks SET bits = substr(bits, 9)",
        "UPDATE vector_blocks SET ids = substr(ids, 2)",
        "DELETE FROM vector_blocks",
        "UPDATE vector_blocks SET ids = x'', bits = x''",
    ],
)
def test_blocks_that_are_damaged_or_gone_are_read_from_the_rows(small: None, log: SqliteLog, harm: str) -> None:
    rows, ids = drawn(30), list(range(1, 31))
    add(log, VectorIndex(log, "m", SIZE), rows, ids)
    assert len(log.side.run("SELECT 1 FROM vector_blocks")) == 7
    log.side.run(harm)
    index = VectorIndex(log, "m", SIZE)
    for query in drawn(5, seed=3):
        assert [id for id, _ in index.search(query, 99, 4)] == exactly(rows, ids, query, 99, 4)


def test_a_row_of_the_wrong_size_counts_as_missing(small: None, log: SqliteLog) -> None:
    rows, ids = drawn(30), list(range(1, 31))
    index = VectorIndex(log, "m", SIZE)
    add(log, index, rows[:6], ids[:6])
    log.side.run("UPDATE embeddings SET vector = x'00' WHERE key IN (SELECT key FROM vectors WHERE id IN (2, 5))")
    add(log, index, rows[6:], ids[6:])
    kept = [n for n in range(30) if n not in (1, 4)]
    for one in (index, VectorIndex(log, "m", SIZE)):
        assert [id for id, _ in one.search(rows[9], 99, 28)] == exactly(rows[kept], [ids[n] for n in kept], rows[9], 99, 28)
        assert set(one.of(ids)) == {ids[n] for n in kept}


def test_a_cleared_index_is_filled_again_from_the_cache(log: SqliteLog) -> None:
    index, rows = VectorIndex(log, "m", SIZE), drawn(3)
    add(log, index, rows, [1, 2, 3])
    index.completed()
    assert index.state.whole
    clear_index(log)
    assert not index.state.whole and index.state.position == 0 and index.of([1, 2, 3]) == {}
    index = VectorIndex(log, "m", SIZE)
    assert index.search(rows[0], 99, 5) == []
    assert index.add([(n, digest(f"m {n}")) for n in (1, 2, 3)], after=0, upto=3)
    assert [id for id, _ in index.search(rows[0], 99, 1)] == [1]


def test_an_embedder_is_forgotten_bit_by_bit_and_the_others_keep_theirs(
    small: None, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_cache, "FORGOTTEN_AT_ONCE", 10)
    gone, kept = VectorIndex(log, "gone", SIZE), VectorIndex(log, "kept", SIZE)
    for index in (gone, kept):
        add(log, index, drawn(30), range(1, 31))
    assert [forget(log, gone.state.number) for _ in range(2)] == [True, True]
    assert not forget(log, gone.state.number) and [one.name for one in encoded_by(log)] == ["kept"]
    for table in ("vectors", "embeddings"):
        assert log.side.run(f"SELECT count(*) FROM {table}") == [(30,)]
    assert len(kept.search(drawn(1)[0], 99, 30)) == 30
    clear_index(log)


def test_an_empty_index_and_a_head_before_everything_find_nothing(log: SqliteLog) -> None:
    index = VectorIndex(log, "m", SIZE)
    assert index.search(drawn(1)[0], 99, 5) == [] and index.of([]) == {} and index.of([1, -5, 2**60]) == {}
    add(log, index, drawn(3), [5, 6, 7])
    assert index.search(drawn(1)[0], 4, 5) == []
    assert len(index.search(np.zeros(SIZE, np.float32), 99, 50)) == 3


def test_a_search_makes_the_same_calls_whatever_the_size(log: SqliteLog) -> None:
    index, rows = VectorIndex(log, "m", SIZE), drawn(1500)
    calls = []
    for start in (0, 500, 1000):
        add(log, index, rows[start : start + 500], range(start + 1, start + 501))
        index.search(rows[0], 10**6, 8)
        before = _statements(log)
        index.search(rows[1], 10**6, 8)
        calls.append(_statements(log) - before)
    assert calls == [2, 2, 2]


def _statements(log: SqliteLog) -> int:
    return sum(row[0] for row in log.counts.by_thread.values())


def test_without_numpys_own_count_of_bits_the_distances_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**63, (6, 500)).astype(np.uint64)
    query = rng.integers(0, 2**63, (6, 1)).astype(np.uint64)
    expected = [sum(int(a ^ b).bit_count() for a, b in zip(column, query[:, 0].tolist(), strict=True)) for column in bits.T.tolist()]
    assert vectors._distances(bits, query).tolist() == expected
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert vectors._distances(bits, query).tolist() == expected
