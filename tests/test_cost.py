"""Net 3: cost. What a turn asks of the storage door is the same at a hundred events and at a hundred thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm import Mind
from pmm.memory.recall import CANDIDATES, TOP
from pmm.testing import ScriptedModel, SimulatedClock, counting, generate_log

SIZES = (100, 10_000, 100_000)
NOW = "2031-01-06T09:00:00+00:00"
RECALL_ROWS_MAX = 1500
CALLS_MAX = 20
"""through the storage door, of a turn that finds nothing to write down: four of them recall's"""


@pytest.fixture(scope="module")
def minds(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("sizes")
    paths = {}
    for size in SIZES:
        paths[size] = folder / f"{size}.db"
        generate_log(paths[size], size, seed=1)
    return paths


def costs(path: Path, text: str) -> tuple[int, int, int, int, int]:
    """(calls, rows, whole-log reads, durable commits, events) of a turn, in the middle of a conversation."""
    with Mind.open(path, model=ScriptedModel(["As you say."]), clock=SimulatedClock(NOW)) as mind:
        mind.handle_user("good afternoon to you", session="cost")
        mind.wait_idle(30)
        with counting(mind) as cost:
            mind.handle_user(text, session="cost")
        return cost.statements, cost.rows_read, cost.full_reads, cost.commits, cost.appended


def test_a_turn_costs_the_same_at_every_size(minds: dict[int, Path]) -> None:
    """Asked about what was never spoken of, so that recall's own rows are none."""
    found = {size: costs(path, "qwertzuiop asdfghjkl?") for size, path in minds.items()}
    assert len(set(found.values())) == 1, found
    calls, rows, full_reads, commits, events = found[100]
    assert calls <= CALLS_MAX
    assert rows <= 25
    assert (full_reads, commits, events) == (0, 2, 3)


@pytest.mark.parametrize("text", ["What did Ana say about taxes in Lyon?", "the garden, the bicycle and the piano", "repair " * 50])
def test_a_turn_makes_the_same_calls_whatever_it_recalls_and_reads_a_bounded_number_of_rows(minds: dict[int, Path], text: str) -> None:
    plain, every = costs(minds[100], "qwertzuiop asdfghjkl?"), set()
    for path in minds.values():
        calls, rows, full_reads, commits, _ = costs(path, text)
        every.add(calls)
        assert (full_reads, commits) == (0, 2)
        assert rows - plain[1] <= CANDIDATES + 5 * TOP + 2 * 50 + 2 <= RECALL_ROWS_MAX
    assert len(every) == 1 and every.pop() <= CALLS_MAX


def test_an_idle_tick_and_a_view_at_head_read_no_rows(minds: dict[int, Path]) -> None:
    with Mind.open(minds[100_000], model=ScriptedModel(["."]), clock=SimulatedClock("2024-01-08T08:00:00+00:00")) as mind:
        while mind.tick():  # what the generated promises and turns leave to be done
            pass
        mind.wait_idle(30)
        with counting(mind) as cost:
            for _ in range(100):
                assert mind.tick() == []
        assert (cost.rows_read, cost.full_reads, cost.commits, cost.appended) == (0, 0, 0, 0)
        assert cost.background.appended == 0


def test_a_tick_with_something_to_do_costs_the_same_at_every_size(minds: dict[int, Path]) -> None:
    found = {}
    for size, path in minds.items():
        clock = SimulatedClock("2032-01-05T09:00:00+00:00")
        with Mind.open(path, model=ScriptedModel(["."], background=["{}"]), clock=clock) as mind:
            while mind.tick():  # what the generated promises and turns leave to be done
                pass
            mind.commit("call Ana", due="2032-01-05T12:00")
            assert mind.tick() == []
            clock.advance(4 * 3600)
            with counting(mind) as cost:
                assert [event.kind for event in mind.tick()] == ["commitment_reminded"]
        found[size] = (cost.statements, cost.rows_read, cost.full_reads, cost.commits, cost.appended)
    assert len(set(found.values())) == 1, found
    statements, rows, full_reads, commits, events = found[100]
    assert statements <= 16 and rows <= 8 and (full_reads, commits, events) == (0, 1, 1), found


def test_opening_reads_the_snapshots_and_the_tail_only(minds: dict[int, Path]) -> None:
    with Mind.open(minds[100_000], model=ScriptedModel(["."]), clock=SimulatedClock(NOW)) as mind:
        mind.view()
        rows = sum(row[1] for row in mind._log.counts.by_thread.values())
        assert rows < 200


def test_a_generated_mind_is_whole_and_what_it_says_it_is(tmp_path: Path) -> None:
    generate_log(tmp_path / "a.db", 5000)
    with Mind.open(tmp_path / "a.db", model=ScriptedModel(["."]), clock=SimulatedClock(NOW)) as mind:
        assert mind.log.head[0] == 5000
        assert mind.log.verify().ok
        view = mind.view()
        assert (view.identity.name, view.identity.user_name) == ("Echo", "Scott")
        assert view.commitments.open
        assert view.directives.active
        assert not any(lag.pending for lag in mind.background())
        assert len(mind.recall("garden")) == 8
