"""`pmm verify`: 0 whole, 1 broken, 2 can't be told; and it writes nothing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "minds" / "echo.db"
    path.parent.mkdir()
    with Mind.open(path, model="offline") as mind:
        for n in range(5):
            mind.set_directive(f"Rule number {n}.")
    for lock in path.parent.glob("*.lock"):
        lock.unlink()
    return path


def tampered(path: Path, statement: str) -> Path:
    """A copy in which somebody changed something behind the log's back."""
    copy = path.with_name("tampered.db")
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy)) as raw, raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute(statement)
    return copy


def test_a_whole_log_is_0_and_nothing_is_written(pmm: Any, whole: Path) -> None:
    before = whole.read_bytes()
    whole.chmod(0o400)
    done = pmm("verify", "--db", str(whole))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "ok: 6 events\n", "")
    assert whole.read_bytes() == before and [p.name for p in whole.parent.iterdir()] == ["echo.db"]
    assert json.loads(pmm("verify", "--db", str(whole), "--json").stdout) == {"ok": True, "events": 6, "bad": None, "why": ""}


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("UPDATE events SET content = 'Rule number 9.' WHERE id = 3", 3),
        ("DELETE FROM events WHERE id = 4", 4),
        ("DELETE FROM events WHERE id >= 5", 5),
        ("UPDATE events SET ts = ts + 1 WHERE id = 2", 2),
    ],
)
def test_a_broken_log_is_1_and_names_the_first_bad_event(pmm: Any, whole: Path, statement: str, bad: int) -> None:
    copy = tampered(whole, statement)
    done = pmm("verify", "--db", str(copy))
    assert done.exit_code == 1
    assert done.stdout.startswith(f"event {bad}: ")
    told = json.loads(pmm("verify", "--db", str(copy), "--json").stdout)
    assert (told["ok"], told["bad"]) == (False, bad)


def test_what_can_not_be_told_is_2(pmm: Any, tmp_path: Path) -> None:
    other, empty = tmp_path / "other.txt", tmp_path / "empty.db"
    other.write_text("hello " * 1000)
    empty.touch()
    for path in (tmp_path / "missing.db", other, empty, tmp_path):
        done = pmm("verify", "--db", str(path))
        assert (done.exit_code, done.stdout) == (2, ""), path
        assert done.stderr.startswith("error: ") and "\nhint: " in done.stderr
    assert not (tmp_path / "missing.db").exists()
