"""What searching vectors costs: at several sizes, one BLAS thread, next to comparing everything exactly.

    OMP_NUM_THREADS=1 python benchmarks/vectors.py [--sizes 10000 100000 1000000] [--searches 200] [--folder DIR] [--json FILE]

The vectors are made up, in clusters of about twenty, 384 dimensions. "First" is the first search of a process, which reads the blocks;
"missed" is how many of the ten that are truly nearest (compared exactly, where that fits) the search didn't give. Milliseconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pmm.memory.embedding_cache import FileCache
from pmm.memory.embeddings import digest
from pmm.memory.vectors import VectorIndex
from pmm.storage.sqlite import open_log

SIZE, BATCH = 384, 4096
EXACT_FITS = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--folder", help="where the files are written")
    parser.add_argument("--json", help="write the figures here as well")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(Path(options.measure[0]), int(options.measure[1]), options.searches)))
        return
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for size in options.sizes:
            path = Path(folder) / f"{size}.db"
            seconds = filled(path, size)
            command = [sys.executable, __file__, "--measure", str(path), str(size), "--searches", str(options.searches)]
            row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # a process of its own: its memory
            rows.append(row | {"filled_per_s": size / seconds, "file_mb": path.stat().st_size / 1e6})
            print(
                "  ".join(f"{name} {value:,.1f}" if isinstance(value, float) else f"{name} {value:,}" for name, value in rows[-1].items())
            )
            path.unlink()
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1))


def drawn(size: int) -> Iterator[NDArray[np.float32]]:
    """Batches of vectors, the same each time."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((max(1, size // 20), SIZE), dtype=np.float32)
    for start in range(0, size, BATCH):
        count = min(BATCH, size - start)
        rows = centres[rng.integers(0, len(centres), count)] + 0.8 * rng.standard_normal((count, SIZE), dtype=np.float32)
        yield (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def filled(path: Path, size: int) -> float:
    """Write a log's worth of vectors, as encoding does; in how many seconds."""
    log = open_log(path)
    cache, index = FileCache(log), VectorIndex(log, "made up", SIZE)
    last, spent = 0, 0.0
    for rows in drawn(size):
        started = time.perf_counter()
        ids = range(last + 1, last + 1 + len(rows))
        keys = [digest(str(id)) for id in ids]
        cache.put("made up", {key: row.astype("<f2").tobytes() for key, row in zip(keys, rows, strict=True)})
        index.add(list(zip(ids, keys, strict=True)), after=last, upto=ids[-1])
        last, spent = ids[-1], spent + time.perf_counter() - started
    log.close()
    return spent


def measured(path: Path, size: int, searches: int) -> dict[str, Any]:
    """All figures of one size."""
    log = open_log(path)
    started = time.perf_counter()
    index = VectorIndex(log, "made up", SIZE)
    opened_ms = (time.perf_counter() - started) * 1e3
    queries = [row + 0.02 * np.sin(np.arange(SIZE, dtype=np.float32) * n) for n, row in enumerate(next(drawn(size))[:searches])]
    times, found = [], []
    for query in queries:
        started = time.perf_counter()
        found.append([id for id, _ in index.search(query, size, 10)])
        times.append((time.perf_counter() - started) * 1e3)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    told = {"vectors": size, "open_ms": opened_ms, "first_ms": times[0], **spread(times[1:]), "rss_mb": memory}
    if size <= EXACT_FITS:
        everything = np.concatenate(list(drawn(size)))
        best, exact = [], []
        for query in queries:
            started = time.perf_counter()
            cosines = everything @ query
            best.append(np.argpartition(cosines, size - 10)[size - 10 :] + 1)
            exact.append((time.perf_counter() - started) * 1e3)
        told |= {f"exact_{name}": value for name, value in spread(exact).items()}
        told["missed"] = sum(len(set(b.tolist()) - set(f)) for b, f in zip(best, found, strict=True)) / (10 * len(queries)) * 100
    log.close()
    return told


def spread(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    return {"p50_ms": ordered[len(ordered) // 2], "p95_ms": ordered[int(len(ordered) * 0.95)]}


if __name__ == "__main__":
    main()
