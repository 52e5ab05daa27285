"""`pmm bench`: the whole of it on tiny minds, and what makes it fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pmm.bench.report import regressions
from pmm.cli.main import app

NAMES = {"cold_start", "warm_cache", "large_history", "complex", "idle", "append", "replay", "verify", "recall"}


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    result = CliRunner().invoke(app, ["bench", "--sizes", "100,400", "--turns", "5", "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert "large history" in result.output
    return file


def test_it_writes_the_figures_of_every_scenario(figures: Path) -> None:
    found = json.loads(figures.read_text())
    assert set(found) == {"machine", "bounds", "scenarios"} and set(found["scenarios"]) == NAMES
    history = found["scenarios"]["large_history"]
    assert [row["events"] for row in history["sizes"]] == [100, 400]
    assert all(row["commits"] == 2 and row["full_reads"] == 0 for row in history["sizes"])
    assert history["growth"]["calls"] == 1
    assert found["scenarios"]["idle"]["rows"] == found["scenarios"]["idle"]["events_appended"] == 0


def test_an_earlier_run_stands_beside_it(figures: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "--sizes", "100", "--turns", "5", "--only", "idle,verify", "--compare", str(figures)])
    assert result.exit_code == 0, result.output
    assert " x)" in result.output


def test_counts_that_rose_fail_and_times_do_not(figures: Path) -> None:
    found: dict[str, Any] = json.loads(figures.read_text())
    assert regressions(found, found) == []
    worse = json.loads(figures.read_text())
    worse["scenarios"]["large_history"]["sizes"][0]["calls"] += 1
    worse["scenarios"]["warm_cache"]["turn"]["p50_ms"] *= 50
    assert len(regressions(worse, found)) == 1
    worse["scenarios"]["large_history"]["growth"]["calls"] = 1.2
    worse["scenarios"]["idle"]["rows"] = 3
    assert len(regressions(worse)) == 2


@pytest.mark.parametrize(
    "args", [["--only", "speed"], ["--sizes", "many"], ["--sizes", "3"], ["--compare", "no-such-file.json"], ["--compare", __file__]]
)
def test_what_it_can_not_do_is_said(args: list[str]) -> None:
    result = CliRunner().invoke(app, ["bench", *args])
    assert result.exit_code == 2
    assert "error:" in result.output and "hint:" in result.output
