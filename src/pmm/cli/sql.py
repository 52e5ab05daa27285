"""`pmm sql`: a question in SQL about a mind's own tables."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, examples

EXAMPLES = examples(
    'pmm sql "select kind, count(*) from events group by kind order by 2 desc"',
    "pmm sql \"select id, content from events where kind = 'user_message' order by id desc\" --limit 5 --json",
    "pmm sql - < question.sql",
)

CELL_CHARS = 60


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One select; - reads it from standard input.")],
    db: Db = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many rows.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Ask the mind's file in SQL, read-only.

    The tables of the log and its indexes alone, for 2 seconds at most. Tables: events, head, docs, words, superseded, links, entities,
    archive. Times are microseconds since 1970.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    asked = sys.stdin.read() if query == "-" else query
    with looked_at(db) as mind:
        found = mind.sql(asked, limit)
    if as_json:
        screen.say(screen.to_json(found))
        return
    _show(found.columns, found.rows)
    if found.more:
        screen.note(f"There are more rows than {limit:,}: --limit shows more of them.")


def _show(names: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> None:
    from pmm.cli.screen import one_line, say, table

    if rows:
        table([one_line(name, CELL_CHARS) for name in names], [[_cell(value) for value in row] for row in rows])
    else:
        say("No rows.")


def _cell(value: Any) -> str:
    from pmm.cli.screen import one_line

    return "-" if value is None else one_line(str(value), CELL_CHARS)
