"""Hotspots: no room that works at every turn or tick reads a whole log or table; and a reader that crept in would be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm.runtime.hotspots import HOT, hotspots, is_hot

SRC = Path(__file__).parents[2] / "src" / "pmm"


def test_nothing_reads_the_whole_log_at_every_turn_or_tick() -> None:
    assert [f"{one.file}:{one.line} {one.code}" for one in hotspots() if one.hot] == []


def test_whole_reads_are_where_they_are_known_to_be() -> None:
    """Verification, export, rebuilds and the measured bounds. Another place is a change of design: say so here, and why."""
    assert {one.file for one in hotspots()} <= {
        *("memory/index.py", "memory/links.py", "runtime/archive.py", "memory/archive.py"),  # rebuilds
        *("runtime/checks.py", "runtime/doctor.py", "storage/proof.py", "storage/sqlite.py"),  # verification
        *("runtime/export.py", "storage/bounds.py"),
        *("api/state.py", "web/verify.py"),  # verification, when somebody asks for it there
        "web/inspector.py",  # one row, by its id: the proof of an event
    }


def test_every_hot_room_exists() -> None:
    assert [place for place in HOT if not (SRC / place).exists()] == []
    assert is_hot("agent/extract/dates.py") and is_hot("runtime/turn.py") and not is_hot("runtime/doctor.py")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("for event in log.scan(): pass", "whole log"),
        ("self._log.rows(1, 5)", "whole log"),
        ("log.verify()", "whole log"),
        ("verify_file(path)", "whole log"),
        ("log.since(0)", "whole log"),
        ("log.by_kind('reply')", "whole log"),
        ("run('SELECT id, content FROM events')", "whole table"),
        ("run('select * from events order by id')", "whole table"),
        ("run(f'SELECT {columns} FROM events ORDER BY id')", "whole table"),
        ("run('''SELECT count(*)\n  FROM docs''')", "whole table"),
        ("import apsw", "past the door"),
        ("from sqlite3 import connect", "past the door"),
        ("door._db.execute('SELECT 1')", "past the door"),
    ],
)
def test_a_reader_that_crept_in_is_found(tmp_path: Path, code: str, kind: str) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "new.py").write_text(f"def work():\n    x = 1\n    {code}\n")
    (found,) = hotspots(tmp_path)
    assert (found.file, found.kind, found.hot) == ("agent/new.py", kind, True) and found.line >= 3


@pytest.mark.parametrize(
    "code",
    [
        "log.since(head)",
        "log.since(0, 10)",
        "log.by_kind('reply', limit=1)",
        "log.by_kind('reply', since=head)",
        "log.tail(5)",
        "run('SELECT id FROM events WHERE id = ?')",
        "run('SELECT id FROM events LIMIT 5')",
        "run('SELECT id, hash FROM head')",
        "run('SELECT max(id) FROM docs')",
        "text = 'select a colour from here'",
    ],
)
def test_bounded_reads_are_none(tmp_path: Path, code: str) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "new.py").write_text(code)
    assert [one for one in hotspots(tmp_path) if "colour" not in one.code] == []
