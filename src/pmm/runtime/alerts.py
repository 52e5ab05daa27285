"""Alerts: limits that what was measured passed. Pure rules, and who writes them down, logs them and runs the user's command.

An alert is told when it begins, when its priority changes and when it is over; not with every turn in between. Nothing here delays a
turn: it is judged behind it, and the command runs in a thread of its own.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from pmm.clock import Clock, stopwatch
from pmm.config import Settings, check_command
from pmm.errors import MindClosed, StorageError
from pmm.storage.traces import Trace, Traces

ALERT = "alert"
LOOKUPS = 100
"""of so many turns the share of vectors that were there is judged, if they needed as many"""
COMMAND_S = 30.0
"""the user's command may take so long"""
CLOSE_S = 2.0
OUTPUT_CHARS = 300

Priority = Literal["P1", "P2", "P3"]

_log = logging.getLogger("pmm.alerts")
_log.addHandler(logging.NullHandler())  # nothing is printed into a chat unless somebody asks for it


class Judged(msgspec.Struct, frozen=True):
    """How a rule stands. priority: None within the limit. value, threshold: in the unit of `UNITS`."""

    rule: str
    priority: Priority | None
    value: float
    threshold: float


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as it was told. state: "open" or "resolved". turn: the message whose turn brought it about, if any."""

    id: int
    ts: datetime
    rule: str
    priority: str
    value: float
    threshold: float
    state: str
    turn: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        unit = UNITS.get(self.rule, "")
        if unit == "%":
            return f"{self.priority} {self.rule}: {self.value:.0%} (limit {self.threshold:.0%})"
        if unit:
            return f"{self.priority} {self.rule}: {self.value:,.0f} {unit} (limit {self.threshold:,.0f} {unit})"
        return f"{self.priority} {self.rule}: {self.detail}"


UNITS = {"turn_time": "ms", "database_time": "ms", "embedding_hit_rate": "%", "alert_command": ""}
"""every rule"""


# -- the rules: pure ---------------------------------------------------------------------------------------------------------------------


def judge(body: Mapping[str, Any], window: tuple[int, int], settings: Settings) -> list[Judged]:
    """What a performance trace says to each rule. window: hits and lookups of the newest turns; below `LOOKUPS` they aren't judged."""
    turn, database = body["query_duration_ms"], body["breakdown"]["database_ops"]
    found = [
        _above("turn_time", turn, ("P1", settings.alert_turn_severe_ms), ("P2", settings.alert_turn_ms)),
        _above("database_time", database, ("P2", settings.alert_database_ms)),
    ]
    hits, lookups = window
    if lookups >= LOOKUPS:
        rate, least = hits / lookups, settings.alert_embedding_hit_rate
        found.append(Judged("embedding_hit_rate", "P3" if rate < least else None, round(rate, 4), least))
    return found


def _above(rule: str, value: float, *limits: tuple[Priority, float]) -> Judged:
    """The first limit that it passes; a limit of 0 is none."""
    for priority, limit in limits:
        if limit and value > limit:
            return Judged(rule, priority, value, limit)
    return Judged(rule, None, value, limits[-1][1])


def changes(judged: Iterable[Judged], opened: Mapping[str, str]) -> list[Judged]:
    """Those that are news. opened: the priority of each alert that is open."""
    return [one for one in judged if one.priority != opened.get(one.rule)]


class Window:
    """Hits and lookups of the newest `LOOKUPS` turns that looked anything up."""

    def __init__(self) -> None:
        self._turns: deque[tuple[int, int]] = deque(maxlen=LOOKUPS)

    def add(self, hits: int, lookups: int) -> tuple[int, int]:
        """With those of one more turn, in all."""
        if lookups:
            self._turns.append((hits, lookups))
        return sum(turn[0] for turn in self._turns), sum(turn[1] for turn in self._turns)


# -- the performer -----------------------------------------------------------------------------------------------------------------------


class Alarms:
    """Judges what turns took, and tells of it. Thread-safe."""

    def __init__(self, traces: Traces, clock: Clock, settings: Settings) -> None:
        self._traces = traces
        self._clock = clock
        self._settings = settings
        self._command = check_command(settings.alert_command)
        self._window = Window()
        self._opened: dict[str, str] = {}
        self._running: list[threading.Thread] = []
        self._one_by_one = threading.Lock()

    def watch(self, rows: Sequence[Trace]) -> list[Trace]:
        """Told of performance traces in order; returns the alerts that come of them, to be written. Logs them and runs the command."""
        if self._settings.trace_days:  # else they are in memory alone
            self._opened = {alert.rule: alert.priority for alert in self.open()}
        told = []
        for row in rows:
            stats = row.body["cache_stats"]
            window = self._window.add(stats["embedding_hits"], stats["embedding_lookups"])
            for one in changes(judge(row.body, window, self._settings), self._opened):
                told.append(self._trace(one, self._opened, row.turn))
        self._tell(told)
        return told

    def open(self) -> list[Alert]:
        """Those that aren't over."""
        return [alert for alert in map(_alert, self._traces.newest_by(ALERT, "rule")) if alert.state == "open"]

    def latest(self, limit: int) -> list[Alert]:
        """The newest first, also those that are over."""
        return [_alert(trace) for trace in self._traces.latest(ALERT, limit=limit)]

    def close(self) -> None:
        """Wait a moment for commands under way."""
        until = stopwatch() + CLOSE_S
        for thread in self._running:
            thread.join(max(0.0, until - stopwatch()))

    def _trace(self, one: Judged, opened: dict[str, str], turn: int | None, detail: str = "") -> Trace:
        """As it is written, and noted in `opened`. One that is over keeps the priority it had."""
        priority = one.priority or opened.pop(one.rule)
        if one.priority:
            opened[one.rule] = one.priority
        body = {
            "rule": one.rule,
            "priority": priority,
            "value": one.value,
            "threshold": one.threshold,
            "state": "open" if one.priority else "resolved",
            **({"detail": detail} if detail else {}),
        }
        return Trace(ts=self._clock.now(), kind=ALERT, turn=turn, body=body)

    def _tell(self, told: Sequence[Trace]) -> None:
        for trace in told:
            alert = _alert(trace)
            if alert.state == "open":
                _log.warning("%s", alert)
            else:
                _log.info("over: %s", alert)
        if told and self._command:
            thread = threading.Thread(target=self._run, args=(told,), name="pmm-alerts", daemon=True)
            self._running = [*(one for one in self._running if one.is_alive()), thread]
            thread.start()

    # -- the user's command --------------------------------------------------------------------------------------------------------------

    def _run(self, told: Sequence[Trace]) -> None:
        with self._one_by_one:
            for trace in told:
                trouble = ran(self._command, msgspec.json.encode({"at": trace.ts, "turn": trace.turn, **trace.body}))
                if trouble:
                    _log.error("alert_command: %s", trouble)
                with suppress(StorageError, MindClosed):  # the mind was closed meanwhile: it is in the logger's hands
                    self._note(trouble)

    def _note(self, trouble: str) -> None:
        """A command that fails is an alert itself, until it succeeds. It isn't told by the command."""
        opened = {alert.rule: alert.priority for alert in self.open()}
        judged = Judged("alert_command", "P3" if trouble else None, 1.0 if trouble else 0.0, 0.0)
        if changes([judged], opened):
            keep_since = self._clock.now() - timedelta(days=max(1, self._settings.trace_days))
            self._traces.save([self._trace(judged, opened, None, trouble)], before=keep_since)


def ran(command: Sequence[str], told: bytes) -> str:
    """Run the user's command with that on its standard input. What went wrong, in words ("": nothing)."""
    import subprocess  # 2 ms that most processes never need

    try:
        done = subprocess.run(command, input=told, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=COMMAND_S)
    except subprocess.TimeoutExpired:
        return f"{command[0]} did not end within {COMMAND_S:.0f} s."
    except (OSError, ValueError) as error:
        return f"{command[0]} can't be run: {error}."
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[:OUTPUT_CHARS]
        return f"{command[0]} ended with {done.returncode}{f': {said}' if said else ''}."
    return ""


def _alert(trace: Trace) -> Alert:
    return Alert(id=trace.id, ts=trace.ts, turn=trace.turn, **trace.body)
