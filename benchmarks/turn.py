"""What a turn costs beside the model: overhead at several sizes, next to two bare durable commits in the same run.

    python benchmarks/turn.py [--sizes 10000 100000] [--turns 200] [--folder DIR] [--json FILE]

The model is instant and scripted; everything else is what users run: two durable commits, recall, the prompt, the receipt. "Start" is a
whole new process, from its start to the first offline reply. Milliseconds; median and 95th percentile. Ratios hold on any machine; on a
busy one the processor time of the asking thread says more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from pmm import Mind
from pmm.testing import ScriptedModel, counting, generate_log

QUESTIONS = (
    "What did Ana say about taxes when we met in Lyon?",
    "I want to repair the bicycle before Ben comes over.",
    "How old is the violin by now?",
    "Carla told me about sourdough and chess yesterday.",
    "Which code is for the telescope in the cellar?",
)
STARTS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--folder", help="where the minds are written; its disk decides what a durable commit costs")
    parser.add_argument("--json", help="write the figures here as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "sqlite": apsw.sqlite_lib_version()}
        rows = [measured(Path(folder), size, options.turns) for size in options.sizes]
    for row in rows:
        print(
            f"{row['events']:>9,} events: turn {row['turn']['p50']:.2f} (p95 {row['turn']['p95']:.2f}), "
            f"of its thread's processor time {row['processor']['p50']:.2f}, "
            f"two bare commits {row['bare']['p50']:.2f} (p95 {row['bare']['p95']:.2f}), ours beside them {row['ours']:.2f}; "
            f"{row['calls']} calls, {row['rows']} rows, {row['commits']} commits; start to first reply {row['start']['p50']:.0f}; "
            f"generated in {row['generated_s']:.1f} s"
        )
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": machine, "sizes": rows}, indent=1))


def measured(folder: Path, size: int, turns: int) -> dict[str, Any]:
    """All figures of one size."""
    path = folder / f"{size}.db"
    started = time.perf_counter()
    generate_log(path, size)
    generated_s = time.perf_counter() - started
    bare = bare_commits(folder / f"bare-{size}.db")
    with Mind.open(path, model=ScriptedModel(["That is good to know; let us see what comes of it."])) as mind:
        for n in range(20):
            mind.handle_user(f"warming up, number {n}")
        mind.wait_idle(60)
        times: list[float] = []
        busy: list[float] = []
        floor: list[float] = []
        for n in range(turns):  # in turn, so that a slow spell of the machine hits both
            floor.append(clocked(bare))
            with counting(mind) as cost:
                began = time.thread_time()
                times.append(clocked(lambda n=n: mind.handle_user(f"{QUESTIONS[n % len(QUESTIONS)]} ({n})")))
                busy.append((time.thread_time() - began) * 1e3)
    turn, two = spread(times), spread(floor)
    return {
        "events": size,
        "turn": turn,
        "processor": spread(busy),
        "bare": two,
        "ours": turn["p50"] - two["p50"],
        "calls": cost.statements,
        "rows": cost.rows_read,
        "commits": cost.commits,
        "start": spread([clocked(lambda: first_reply(path)) for _ in range(STARTS)]),
        "generated_s": generated_s,
    }


def bare_commits(path: Path) -> Callable[[], None]:
    """Two durable commits of about the bytes of a turn, with nothing around them."""
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "FULL")
    db.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, content TEXT, meta TEXT, hash BLOB)")

    def twice() -> None:
        for size in (200, 1200):
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO bare (content, meta, hash) VALUES (?, ?, ?)", ("x" * size, "{}", bytes(32)))
            db.execute("COMMIT")

    return twice


def first_reply(path: Path) -> None:
    """A new process answers one message offline."""
    subprocess.run(
        [sys.executable, "-m", "pmm", "ask", "What did Ana say about taxes?", "--db", str(path), "--model", "offline"],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def clocked(work: Callable[[], Any]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def spread(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    return {"p50": statistics.median(ordered), "p95": ordered[int(len(ordered) * 0.95)], "n": len(ordered)}


if __name__ == "__main__":
    main()
