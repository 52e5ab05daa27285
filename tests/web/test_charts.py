"""Charts: pure functions from figures to small drawings, and figures as people read them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("nicegui", reason="the web extra is not installed")

from pmm.web.charts import HEIGHT, WIDTH, Line, ceiling, lines_svg, places, span, stamp
from pmm.web.performance import changed
from pmm.web.reasoning import Bar, answered, waterfall, waterfall_svg


@given(st.floats(0, 1e12))
def test_the_top_of_a_scale_is_round_and_not_below(value: float) -> None:
    top = ceiling(value)
    assert top >= value * (1 - 1e-6) and (top == 4 if value < 1e-9 else top <= value * 2.5)


def test_tops() -> None:
    assert [ceiling(value) for value in (0, 1, 3.9, 41, 1600, 1601)] == [4, 1, 4, 80, 2000, 2000]


def test_times_as_people_read_them() -> None:
    told = [span(ms) for ms in (0, 0.42, 0.999, 8.06, 9.96, 412, 999.4, 999.6, 1430, 12_340, 59_960, 125_000)]
    assert told == [
        "0.00 ms",
        "0.42 ms",
        "1.0 ms",
        "8.1 ms",
        "10 ms",
        "412 ms",
        "999 ms",
        "1.00 s",
        "1.43 s",
        "12.3 s",
        "1 min 0 s",
        "2 min 5 s",
    ]
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert [stamp(datetime(year, 11, 8, 9, 5, tzinfo=UTC), now) for year in (2026, 2025)] == ["8 Nov 09:05", "8 Nov 2025 09:05"]


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=40))
def test_lines_stay_in_the_drawing_and_say_what_they_show(values: list[float]) -> None:
    drawn = ET.fromstring(lines_svg([Line("p50", tuple(values), "accent")], ceiling(max(values)), 'less than "5" & <more>'))
    assert drawn.get("role") == "img" and drawn.get("aria-label") == 'less than "5" & <more>'
    (line,) = [part for part in drawn if part.tag.endswith("polyline")]
    points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
    assert len(points) == max(2, len(values)) and line.get("stroke") == "var(--accent)"
    assert all(-0.1 <= x <= WIDTH + 0.1 and -0.1 <= y <= HEIGHT + 0.1 for x, y in points)
    assert places(2) == [0.25, 0.75]


def turn(*steps: float, total: float | None = None, **more: Any) -> dict[str, Any]:
    named = [{"step": name, "ms": ms} for name, ms in zip(("hear", "recall", "prompt", "speak", "keep"), steps, strict=False)]
    return {"steps": named, "duration_ms": round(sum(steps), 3) if total is None else total, "route": "model", **more}


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=5), st.integers(0, 10**4), st.none() | st.integers(0, 5 * 10**7))
def test_a_waterfall_sums_to_its_turn(micros: list[int], more: int, first: int | None) -> None:
    steps = [ms / 1000 for ms in micros]
    summary = turn(*steps, total=round(sum(steps) + more / 1000, 3), first_token_ms=None if first is None else first / 1000)
    bars = waterfall(summary)
    assert sum(bar.ms for bar in bars) == pytest.approx(summary["duration_ms"], abs=0.002)
    at = 0.0
    for bar in bars:
        assert bar.start == pytest.approx(at, abs=0.002) and bar.ms >= 0
        at += bar.ms
        drawn = ET.fromstring(waterfall_svg(bar, summary["duration_ms"] or 1.0))
        left, width = (float(drawn[1].get(name, "nan")) for name in ("x", "width"))
        assert left >= 0 and width > 0 and left + width <= 100.01


def test_a_waterfall_tells_when_the_first_word_came() -> None:
    assert waterfall(turn(1, 2, 3, 100, 4, first_token_ms=56)) == [
        Bar("hear", 0, 1),
        Bar("recall", 1, 2),
        Bar("prompt", 3, 3),
        Bar("first", 6, 50),
        Bar("speak", 56, 50),
        Bar("keep", 106, 4),
    ]
    assert [bar.step for bar in waterfall(turn(1, 2, 3, 100, 4, first_token_ms=56, route="fast"))] == [
        "hear",
        "recall",
        "prompt",
        "speak",
        "keep",
    ]
    assert waterfall(turn(1, total=1.5, failed="timeout"))[-1] == Bar("rest", 1, 0.5)
    assert waterfall({"steps": [], "duration_ms": 0.0}) == []


def test_who_answered() -> None:
    assert answered({"route": "model", "model": "m", "finish": "stop"}) == "m"
    assert answered({"route": "model", "model": "m", "finish": "interrupted"}) == "m, stopped"
    assert answered({"route": "fast", "model": "none", "finish": "stop"}) == "from the log"
    assert answered({"failed": "timeout"}) == "failed"


def test_faster_and_slower_in_words() -> None:
    assert changed(10, None)[0] == changed(10, 0)[0] == "nothing before"
    assert changed(10.2, 10) == ("as before (10 ms)", "", "")
    assert changed(12, 10) == ("20% slower (10 ms before)", "arrow_upward", "warn-text")
    assert changed(30, 10)[0] == "3.0 times as long (10 ms before)"
    assert changed(5, 10) == ("50% faster (10 ms before)", "arrow_downward", "ok")
