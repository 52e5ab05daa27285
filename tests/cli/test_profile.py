"""`pmm profile`, `pmm alerts` and `pmm doctor --hotspots`."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind
from pmm.testing import ScriptedModel

Run = Callable[..., Any]


@pytest.fixture
def mind(db: str) -> str:
    settings = {"synchronous": "NORMAL", "alert_database_ms": 0.0001}
    with Mind.open(db, model=ScriptedModel(["I see."]), settings=settings) as mind:
        for n in range(5):
            mind.handle_user(f"Ana sold me piano number {n}.")
    return db


def test_a_profile_shows_now_and_before_the_parts_and_the_caches(pmm: Run, mind: str) -> None:
    shown = pmm("profile", "--db", mind, "--last", "3").stdout
    assert shown.startswith("The last 3 turns, beside the 2 before\n")
    for part in ("p50", "p95", "over time", "recall", "database_ops", "in these", "state at hand", "prompt reused"):
        assert f"  {part}" in shown
    assert " ms  (before " in shown and "█" in shown and any(sign in shown for sign in "▁▂▃▄▅▆▇") and "\x1b" not in shown


def test_a_profile_as_json_holds_the_same(pmm: Run, mind: str) -> None:
    told = json.loads(pmm("profile", "--db", mind, "--last", "3", "--json").stdout)
    assert (told["turns"], told["now"]["n"], told["before"]["n"]) == (3, 3, 2)
    assert told["breakdown"]["recall"]["p50"] > 0 and len(told["over_time"]) == 5
    assert 0 < told["caches"]["prefix"] <= 1


def test_a_profile_can_be_drawn(pmm: Run, mind: str, tmp_path: Path) -> None:
    file = tmp_path / "turns.svg"
    assert pmm("profile", "--db", mind, "--svg", str(file)).exit_code == 0
    root = ET.fromstring(file.read_text(encoding="utf-8"))
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert root.tag.endswith("svg") and names.count("polyline") == 2 and names.count("rect") > 10
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert any(text.startswith("5 turns: p50 ") for text in texts) and "recall" in texts
    points = [tuple(map(float, pair.split(","))) for line in root.iter() for pair in line.get("points", "").split()]
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    assert points and all(0 <= x <= width and 0 <= y <= height for x, y in points)


def test_a_profile_of_one_turn_and_of_none(pmm: Run, db: str, tmp_path: Path) -> None:
    with Mind.open(db, model=ScriptedModel(["Fine."])) as mind:
        mind.wait_idle(30)
    assert pmm("profile", "--db", db).stdout == "No turns were measured yet.\n"
    assert pmm("profile", "--db", db, "--svg", str(tmp_path / "none.svg")).exit_code == 0
    assert json.loads(pmm("profile", "--db", db, "--json").stdout)["now"] is None
    with Mind.open(db, model=ScriptedModel(["Fine."])) as mind:
        mind.handle_user("hello")
    assert pmm("profile", "--db", db, "--svg", str(tmp_path / "one.svg")).stdout.startswith("The last 1 turn\n")
    for file in ("none.svg", "one.svg"):
        ET.fromstring((tmp_path / file).read_text(encoding="utf-8"))


def test_a_profile_that_cannot_be_is_refused(pmm: Run, mind: str, tmp_path: Path) -> None:
    assert pmm("profile", "--db", mind, "--last", "0").exit_code == pmm("profile", "--db", mind, "--last", "501").exit_code == 2
    failed = pmm("profile", "--db", mind, "--svg", str(tmp_path / "no" / "where.svg"))
    assert failed.exit_code == 2 and "can't be written" in failed.stderr


def test_alerts_are_listed_and_in_the_status(pmm: Run, mind: str) -> None:
    shown = pmm("alerts", "--db", mind).stdout.splitlines()
    assert shown[0].split() == ["WHEN", "STATE", "TURN", "ALERT"] and len(shown) == 2
    assert " open " in shown[1] and "P2 database_time: " in shown[1] and "#2 " in shown[1]
    (told,) = json.loads(pmm("alerts", "--db", mind, "--open", "--json").stdout)
    assert (told["rule"], told["priority"], told["state"], told["turn"]) == ("database_time", "P2", "open", 2)
    assert "P2 database_time" in pmm("status", "--db", mind).stdout
    assert json.loads(pmm("status", "--db", mind, "--json").stdout)["alerts"][0].startswith("P2 database_time")


def test_where_nothing_is_wrong_there_are_none(pmm: Run, db: str) -> None:
    with Mind.open(db, model=ScriptedModel(["Fine."])) as mind:
        mind.handle_user("hello")
    assert pmm("alerts", "--db", db).stdout == "There are no alerts.\n"
    assert pmm("alerts", "--db", db, "--open").stdout == "There are no open alerts.\n"
    assert "  alerts       none\n" in pmm("status", "--db", db).stdout


def test_hotspots_are_counted_and_none_is_hot(pmm: Run) -> None:
    shown = pmm("doctor", "--hotspots")
    assert shown.exit_code == 0 and "memory/index.py:" in shown.stdout and "HOT" not in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith("0 of them at every turn or tick.")
    told = json.loads(pmm("doctor", "--hotspots", "--json").stdout)
    assert told and not any(one["hot"] for one in told) and {"whole log"} <= {one["kind"] for one in told}
