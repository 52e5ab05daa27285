"""Alerts: told when they begin, change and are over; never in a turn's way; a command that fails is seen."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind, Settings
from pmm.config import load_settings
from pmm.errors import ConfigError
from pmm.runtime import alerts
from pmm.runtime.alerts import LOOKUPS, UNITS, Alert, Judged, Window, changes, judge
from pmm.testing import ScriptedModel

Open = Callable[..., Mind]


def body(ms: float = 10.0, database: float = 1.0) -> dict[str, Any]:
    return {"query_duration_ms": ms, "breakdown": {"database_ops": database}}


def told(judged: list[Judged]) -> dict[str, Any]:
    return {one.rule: one.priority for one in judged}


# -- the rules -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ms", "priority"), [(10, None), (5_000, None), (5_000.1, "P2"), (10_000, "P2"), (10_000.1, "P1"), (1e9, "P1")])
def test_a_slow_turn_is_p2_and_a_very_slow_one_p1(ms: float, priority: str | None) -> None:
    (turn, database) = judge(body(ms), (0, 0), Settings())
    assert (turn.rule, turn.priority, turn.value) == ("turn_time", priority, ms)
    assert turn.threshold == (10_000 if priority == "P1" else 5_000)
    assert database.priority is None


def test_much_time_in_the_database_is_p2() -> None:
    assert told(judge(body(database=500), (0, 0), Settings()))["database_time"] is None
    assert told(judge(body(database=500.5), (0, 0), Settings()))["database_time"] == "P2"


@pytest.mark.parametrize(("hits", "lookups", "priority"), [(69, 100, "P3"), (70, 100, None), (699, 1000, "P3"), (1000, 1000, None)])
def test_few_hits_among_enough_lookups_are_p3(hits: int, lookups: int, priority: str | None) -> None:
    assert told(judge(body(), (hits, lookups), Settings()))["embedding_hit_rate"] == priority


def test_too_few_lookups_are_not_judged() -> None:
    assert "embedding_hit_rate" not in told(judge(body(), (0, LOOKUPS - 1), Settings()))


def test_limits_are_settings_and_0_is_none() -> None:
    quiet = Settings(alert_turn_ms=0, alert_turn_severe_ms=0, alert_database_ms=0, alert_embedding_hit_rate=0)
    assert set(told(judge(body(1e9, 1e9), (0, 1000), quiet)).values()) == {None}
    assert told(judge(body(30), (0, 0), Settings(alert_turn_ms=20)))["turn_time"] == "P2"
    assert told(judge(body(30), (0, 0), Settings(alert_turn_ms=0, alert_turn_severe_ms=20)))["turn_time"] == "P1"


def test_only_what_changes_is_news() -> None:
    slow, worse, fine = Judged("turn_time", "P2", 6000, 5000), Judged("turn_time", "P1", 11000, 10000), Judged("turn_time", None, 1, 5000)
    assert changes([slow], {}) == [slow] and changes([slow], {"turn_time": "P2"}) == []
    assert changes([worse], {"turn_time": "P2"}) == [worse] and changes([fine], {"turn_time": "P1"}) == [fine]
    assert changes([fine], {}) == []


def test_the_window_holds_the_newest_turns_that_looked_something_up() -> None:
    window = Window()
    assert window.add(0, 0) == (0, 0)
    for _ in range(LOOKUPS):
        window.add(0, 1)
    assert window.add(0, 0) == (0, LOOKUPS)
    for _ in range(LOOKUPS - 1):
        window.add(2, 2)
    assert window.add(2, 2) == (2 * LOOKUPS, 2 * LOOKUPS)


# -- told ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A reply that takes 350 ms. Time passes in it alone, so that every other one takes none, however slow this machine is."""
    now = [0.0]
    for where in ("trace", "continuation", "profiler"):
        monkeypatch.setattr(f"pmm.runtime.{where}.stopwatch", lambda: now[0])

    def reply(messages: Any) -> str:
        now[0] += 0.35
        return "Slow."

    return reply


@pytest.fixture
def slow_then_fast(open_mind: Open, slow: Callable[..., str]) -> Open:
    """Turns above a limit of 300 ms that the third one keeps."""

    def spoken(**settings: Any) -> Mind:
        mind = open_mind(ScriptedModel([slow, slow, "Fast."]), alert_turn_ms=300, alert_turn_severe_ms=0, **settings)
        for n in range(3):
            mind.handle_user(f"hello {n}")
        return mind

    return spoken


def test_an_alert_is_told_once_and_resolved_when_it_is_over(slow_then_fast: Open, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pmm.alerts"):
        mind = slow_then_fast()
        over, begun = mind.alerts()
    assert [(one.rule, one.priority, one.state, one.threshold) for one in (begun, over)] == [
        ("turn_time", "P2", "open", 300),
        ("turn_time", "P2", "resolved", 300),
    ]
    assert begun.turn == 2 and begun.value > 300 > over.value and mind.alerts(open=True) == []
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.records[0].getMessage().startswith("P2 turn_time: ") and "limit 300 ms" in caplog.text


def test_one_that_is_open_stays_so_over_a_restart_and_is_not_told_again(open_mind: Open) -> None:
    with open_mind(alert_database_ms=0.0001) as mind:
        mind.handle_user("hello")
        (first,) = mind.alerts(open=True)
    with open_mind(alert_database_ms=0.0001) as mind:
        mind.handle_user("hello")
        assert mind.alerts(open=True) == mind.alerts() == [first]
    with open_mind() as mind:
        mind.handle_user("hello")
        assert mind.alerts(open=True) == [] and [one.state for one in mind.alerts()] == ["resolved", "open"]


def test_a_mind_in_which_nothing_is_wrong_has_none(open_mind: Open) -> None:
    mind = open_mind(alert_turn_ms=60_000, alert_turn_severe_ms=0, alert_database_ms=60_000)
    mind.handle_user("hello")
    assert mind.alerts() == mind.alerts(open=True) == []


def test_without_traces_an_alert_is_still_told_once(slow_then_fast: Open, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pmm.alerts"):
        mind = slow_then_fast(trace_days=0)
        assert mind.alerts() == []
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_every_rule_reads_as_a_sentence() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    said = [str(Alert(id=1, ts=at, rule=rule, priority="P2", value=0.5, threshold=0.7, state="open", detail="why")) for rule in UNITS]
    assert said == [
        "P2 turn_time: 0 ms (limit 1 ms)",
        "P2 database_time: 0 ms (limit 1 ms)",
        "P2 embedding_hit_rate: 50% (limit 70%)",
        "P2 alert_command: why",
    ]


# -- the command ---------------------------------------------------------------------------------------------------------------------


def command(tmp_path: Path, code: str) -> str:
    """A Python program as an alert_command."""
    script = tmp_path / "hook me.py"
    script.write_text(code)
    return f"{sys.executable} '{script}' first 'second one'"


def eventually(check: Callable[[], Any]) -> Any:
    until = time.monotonic() + 20
    while not (found := check()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def test_the_command_gets_each_alert_as_json_without_a_shell(slow_then_fast: Open, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    code = f"import sys\nopen({str(out)!r}, 'a').write(sys.stdin.read() + '\\n' + repr(sys.argv[1:]) + '\\n')"
    slow_then_fast(alert_command=command(tmp_path, code) + " '$HOME; touch x'").alerts()
    assert eventually(lambda: out.exists() and len(out.read_text().splitlines()) == 4)
    first, arguments, second, _ = out.read_text().splitlines()
    begun, over = json.loads(first), json.loads(second)
    assert (begun["rule"], begun["priority"], begun["state"], over["state"]) == ("turn_time", "P2", "open", "resolved")
    assert begun["turn"] == 2 and begun["at"].startswith("2026-03-02T09:00")
    assert arguments == repr(["first", "second one", "$HOME; touch x"]) and not (tmp_path / "x").exists()


def test_a_command_that_fails_is_an_alert_until_it_succeeds(
    slow_then_fast: Open, slow: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flag = tmp_path / "well"
    code = f"import os, sys\nos.path.exists({str(flag)!r}) or sys.exit('no such \\x1b[31mpager')"
    mind = slow_then_fast(alert_command=command(tmp_path, code))
    mind.alerts()
    failed = eventually(lambda: [one for one in mind.alerts(open=True) if one.rule == "alert_command"])
    assert failed[0].priority == "P3" and "ended with 1: no such" in failed[0].detail
    assert "alert_command" in caplog.text
    mind._performance.alarms.close()
    flag.touch()
    mind._pipeline._model().replies.append(slow)  # type: ignore[attr-defined]
    mind.handle_user("once more")
    mind.handle_user("once more")
    assert eventually(lambda: not [one for one in mind.alerts(open=True) if one.rule == "alert_command"])


@pytest.mark.parametrize("wrong", ["/no/such/program", ".", "'\0'"])
def test_a_command_that_cannot_be_run_says_so(slow_then_fast: Open, wrong: str) -> None:
    mind = slow_then_fast(alert_command=wrong)
    mind.alerts()
    failed = eventually(lambda: [one for one in mind.alerts() if one.rule == "alert_command"])
    assert "can't be run" in failed[0].detail


def test_a_command_that_hangs_delays_nothing_and_is_given_up(slow_then_fast: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "COMMAND_S", 3.0)
    mind = slow_then_fast(alert_command=command(tmp_path, "import time; time.sleep(60)"))
    mind.alerts()
    mind.handle_user("hello again")
    assert not [one for one in mind.alerts() if one.rule == "alert_command"], "the turn is over, the command is not"
    failed = eventually(lambda: [one for one in mind.alerts() if one.rule == "alert_command"])
    assert "did not end within" in failed[0].detail


def test_closing_waits_a_moment_for_the_command(open_mind: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "CLOSE_S", 60.0)
    out = tmp_path / "out"
    code = f"import time; time.sleep(0.2); open({str(out)!r}, 'w').close()"
    with open_mind(alert_database_ms=0.0001, alert_command=command(tmp_path, code)) as mind:
        mind.handle_user("hello")
    assert out.exists()


def test_settings_that_make_no_sense_are_refused() -> None:
    for name, value in (
        ("alert_command", "notify 'unclosed"),
        ("alert_turn_ms", -1),
        ("alert_embedding_hit_rate", 1.5),
        ("profile", "maybe"),
    ):
        with pytest.raises(ConfigError, match=name if name != "alert_command" else "is no command"):
            load_settings({name: value})
