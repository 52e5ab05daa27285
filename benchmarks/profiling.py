"""What measuring costs a turn: two minds of the same log, one that measures and one that doesn't, asked the same in turn.

    python benchmarks/profiling.py [--size 10000] [--turns 500] [--folder DIR]

The model is instant. Processor time of the turn's thread, in milliseconds: other work on the machine doesn't count. The difference is the
median over pairs of the same turn.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from pmm import Mind
from pmm.testing import ScriptedModel, generate_log

QUESTIONS = (
    "What did Ana say about taxes when we met in Lyon?",
    "I want to repair the bicycle before Ben comes over.",
    "How old is the violin by now?",
)
WARM = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=500)
    parser.add_argument("--folder", help="where the minds are written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        on, off = measured(Path(folder), options.size, options.turns)
    more = statistics.median(a - b for a, b in zip(on, off, strict=True))
    print(f"measuring {statistics.median(on):.3f} ms, not measuring {statistics.median(off):.3f} ms (p50 of {len(on)} turns)")
    print(f"the same turn, measured: {more:+.3f} ms, {more / statistics.median(off):+.2%}")


def measured(folder: Path, size: int, turns: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each turn, with and without."""
    paths = {True: folder / "on.db", False: folder / "off.db"}
    generate_log(paths[True], size)
    shutil.copy(paths[True], paths[False])
    model = lambda: ScriptedModel(["That is good to know."])
    minds = {on: Mind.open(path, model=model(), settings={"profile": on}) for on, path in paths.items()}
    times: dict[bool, list[float]] = {True: [], False: []}
    for n in range(turns + WARM):
        for on in (True, False) if n % 2 else (False, True):
            started = time.thread_time()
            minds[on].handle_user(f"{QUESTIONS[n % len(QUESTIONS)]} ({n})")
            times[on].append((time.thread_time() - started) * 1e3)
    for mind in minds.values():
        mind.close()
    return times[True][WARM:], times[False][WARM:]


if __name__ == "__main__":
    main()
