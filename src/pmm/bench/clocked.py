"""Timing: a piece of work many times, and how its times spread."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from pmm.clock import stopwatch
from pmm.storage.bounds import engine


def clocked(work: Callable[[], object]) -> float:
    """Milliseconds that the work takes."""
    started = stopwatch()
    work()
    return (stopwatch() - started) * 1e3


def spread(times: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and how many."""
    ordered = sorted(times)
    return {
        "p50_ms": round(statistics.median(ordered), 4),
        "p95_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 4),
        "n": len(ordered),
    }


def machine() -> dict[str, Any]:
    """What this is measured on, and how steady it is: the slowest of ten equal loops beside the fastest."""
    loops = [clocked(lambda: sum(range(300_000))) for _ in range(10)]
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "sqlite": engine(),
        "noise": round(max(loops) / min(loops), 2),
    }


def peak_mb() -> float | None:
    """The most memory this process has had, in MB; None where the system doesn't say."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 if platform.system() != "Darwin" else 1024 * 1024), 1)
