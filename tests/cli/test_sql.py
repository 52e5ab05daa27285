"""`pmm sql`: rows on a terminal or as JSON, and refusals in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pmm import Mind
from pmm.testing import ScriptedModel

Run = Callable[..., Any]


@pytest.fixture
def mind(db: str) -> str:
    with Mind.open(db, model=ScriptedModel(["I see."]), settings={"synchronous": "NORMAL"}) as mind:
        mind.handle_user("I bought a piano.\x1b[31m\nIn Lyon. " + "Really. " * 30)
    return db


def test_rows_are_shown_as_a_table(pmm: Run, mind: str) -> None:
    shown = pmm("sql", "select id, kind, content from events where kind in ('user_message', 'mind_created')", "--db", mind).stdout
    lines = shown.splitlines()
    assert lines[0].split() == ["id", "kind", "content"] and "mind_created" in shown and "I bought a piano." in shown
    assert "\x1b" not in shown and all(len(line) < 120 for line in lines), "on one line each, and nothing a terminal obeys"


def test_json_holds_every_value_whole(pmm: Run, mind: str) -> None:
    found = json.loads(pmm("sql", "select content, null as n from events where kind = 'user_message'", "--db", mind, "--json").stdout)
    assert found["columns"] == ["content", "n"] and found["rows"][0][0].endswith("Really. ") and found["rows"][0][1] is None
    assert found["more"] is False


def test_no_rows_and_more_rows_are_said_so(pmm: Run, mind: str) -> None:
    assert pmm("sql", "select 1 where 0", "--db", mind).stdout == "No rows.\n"
    result = pmm("sql", "select id from events", "--db", mind, "--limit", "2")
    assert "--limit" in result.stderr and len(result.stdout.splitlines()) == 3


def test_a_question_may_come_by_a_pipe(pmm: Run, mind: str) -> None:
    assert "mind_created" in pmm("sql", "-", "--db", mind, input="select kind\nfrom events where id = 1;\n").stdout


@pytest.mark.parametrize(
    "query", ["drop table events", "pragma user_version", "select 1; select 2", "", "select load_extension('x')", "hm?"]
)
def test_what_cannot_be_asked_is_refused_in_a_line(pmm: Run, mind: str, query: str) -> None:
    result = pmm("sql", query, "--db", mind)
    assert result.exit_code == 2 and result.stderr.startswith("error: ") and "hint: " in result.stderr


def test_where_there_is_no_mind_none_is_made(pmm: Run, db: str) -> None:
    from pathlib import Path

    assert pmm("sql", "select 1", "--db", db).exit_code == 1 and not Path(db).exists()
