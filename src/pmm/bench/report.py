"""A whole benchmark: run it, judge its counts, hold it beside an earlier one, print it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pmm.bench.clocked import clocked, machine, spread
from pmm.bench.scenarios import SCENARIOS, Bench
from pmm.storage.bounds import bare_commits

QUICK, WHOLE = (1_000, 5_000, 20_000), (10_000, 100_000)


def measured(
    folder: Path, sizes: Sequence[int], turns: int, only: Sequence[str] = (), on_step: Callable[[str], None] = lambda step: None
) -> dict[str, Any]:
    """{machine, bounds, scenarios}: every scenario's figures (of those named in `only`, if any are)."""
    bench = Bench(folder, tuple(sorted(sizes)), turns, on_step)
    commit = bare_commits(folder / "bare.db")
    found: dict[str, Any] = {
        "machine": machine(),
        "bounds": {"durable_commit": spread([clocked(commit) for _ in range(50)])},
        "scenarios": {},
    }
    for name, scenario in SCENARIOS.items():
        if not only or name in only:
            on_step(name.replace("_", " "))
            found["scenarios"][name] = scenario(bench)
    return found


def regressions(found: dict[str, Any], earlier: dict[str, Any] | None = None) -> list[str]:
    """What is worse than it may be, by counts alone: those that grow with the log, and those above an earlier run's. Times never fail."""
    told = []
    for name in ("large_history", "recall"):
        for what, ratio in found["scenarios"].get(name, {}).get("growth", {}).items():
            if what == "full_reads" and ratio:
                told.append(f"{name}: a turn reads the whole log")
            elif what in ("calls", "commits") and ratio > 1:
                told.append(f"{name}: {what} grow with the log, by {ratio}")
    idle = found["scenarios"].get("idle", {})
    if idle.get("rows") or idle.get("events_appended"):
        told.append("idle: an idle tick reads or writes")
    if earlier is not None:
        before = dict(_numbers(earlier["scenarios"]))
        for path, value in _numbers(found["scenarios"]):
            if path[-1] in ("calls", "commits", "full_reads") and value > before.get(path, value):
                told.append(f"{' '.join(map(str, path))}: {value}, was {before[path]}")
    return told


def lines(found: dict[str, Any], earlier: dict[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """(scenario, figure, value) for a table; with an earlier run, how the value relates to that one's."""
    before = dict(_numbers(earlier["scenarios"])) if earlier is not None else {}
    rows = []
    for path, value in _numbers(found["scenarios"]):
        if path[-1] == "n":
            continue
        was = before.get(path)
        ratio = f"  ({value / was:.2f} x)" if was else ""
        rows.append((str(path[0]).replace("_", " "), " ".join(str(part) for part in path[1:]).replace("_", " "), f"{value:,}{ratio}"))
    return rows


def _numbers(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], float]]:
    """Every number in the tree with its path; of a list of sizes, by its `events`."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _numbers(value, (*path, name))
    elif isinstance(tree, list):
        for item in tree:
            yield from _numbers({k: v for k, v in item.items() if k != "events"}, (*path[:-1], f"at {item['events']:,}"))
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield path, tree
