"""PerformanceProfiler: what it adds up, in threads and in turns, and that it stays small."""

from __future__ import annotations

import threading

import pytest

from pmm.runtime.profiler import KEPT, LABELS_MAX, Part, PerformanceProfiler


def test_it_reports_count_mean_median_and_extremes() -> None:
    profiler = PerformanceProfiler()
    for ms in (1.0, 2.0, 3.0, 10.0):
        profiler.add("recall", ms)
    found = profiler.report()["recall"]
    assert (found.n, found.mean, found.p50, found.p95, found.max) == (4, 4.0, 2.5, 10.0, 10.0)


def test_a_measurement_ends_when_what_it_measures_raises() -> None:
    profiler = PerformanceProfiler()
    with pytest.raises(ValueError), profiler.measure("fails"):
        raise ValueError
    assert profiler.report()["fails"].n == 1


def test_a_measurement_that_collects_gets_its_own_thread_alone() -> None:
    profiler = PerformanceProfiler()
    parts: list[Part] = []

    def work() -> None:
        with profiler.measure("elsewhere"):
            pass

    with profiler.measure("outer", parts):
        with profiler.measure("inner"):
            other = threading.Thread(target=work)
            other.start()
            other.join()
        inside: list[Part] = []
        with profiler.measure("apart", inside), profiler.measure("within"):
            pass
    with profiler.measure("after"):
        pass
    assert [label for label, _, _ in parts] == ["inner", "outer"] and [label for label, _, _ in inside] == ["within", "apart"]
    (_, start, end), (_, first, last) = parts
    assert first <= start <= end <= last
    assert set(profiler.report()) == {"outer", "inner", "elsewhere", "apart", "within", "after"}


def test_it_stays_small_whatever_it_is_given() -> None:
    profiler = PerformanceProfiler()
    for n in range(KEPT * 2):
        profiler.add("many", float(n))
    for n in range(LABELS_MAX * 2):
        profiler.add(f"label {n}", 1.0)
    found = profiler.report()
    assert len(found) == LABELS_MAX
    assert (found["many"].n, found["many"].max) == (KEPT * 2, KEPT * 2 - 1.0)
    assert found["many"].p50 > KEPT


def test_threads_lose_nothing() -> None:
    profiler = PerformanceProfiler()

    def work() -> None:
        for _ in range(500):
            with profiler.measure("shared"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert profiler.report()["shared"].n == 2000
