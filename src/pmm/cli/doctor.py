"""`pmm doctor`: does everything hold that should?"""

from __future__ import annotations

from typing import Annotated

import typer

from pmm.cli.options import AsJson, Db, examples

EXAMPLES = examples("pmm doctor", "pmm doctor --full", "pmm doctor --db copy.db --json", "pmm doctor --hotspots")

Full = Annotated[bool, typer.Option("--full", help="Check every event again, not only those that came since the last check.")]

Hotspots = Annotated[bool, typer.Option("--hotspots", help="Check the program instead: where its source reads a whole log or table.")]


def doctor(db: Db = None, full: Full = False, hotspots: Hotspots = False, as_json: AsJson = False) -> None:
    """Check the mind's every invariant.

    The chain, its turns and references, that what is computed equals a replay, the index, the background work. Nothing is repaired.

    Only what came since the last check that found everything whole is read, and the first line says so. That an older event was
    changed since then is found with --full, or by `pmm verify`.

    Exit codes: 0 everything holds, 1 something doesn't (and is named), 2 it can't be told (no file, not a mind ...).
    """
    from pmm.cli import screen
    from pmm.cli.minds import readable
    from pmm.errors import StorageError
    from pmm.runtime.doctor import examine

    if hotspots:
        _hotspots(as_json)
        return
    try:
        with readable(db) as path, screen.Bar("checking") as bar:
            findings = examine(path, bar, full=full)
    except StorageError as error:
        screen.error(error.message, error.hint or "Nothing can be said about this file.")
        raise typer.Exit(2) from None
    if as_json:
        screen.say(screen.to_json([{"check": f.check, "ok": f.ok, "detail": f.detail} for f in findings]))
    else:
        for f in findings:
            screen.say(f"{'ok ' if f.ok else screen.bold('BAD')}  {f.check:<12} {screen.one_line(f.detail, 1000)}")
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


def _hotspots(as_json: bool) -> None:
    """Whole-log and whole-table reads by file. Exits with 1 if one is where every turn or tick comes by."""
    from pmm.cli import screen
    from pmm.runtime.hotspots import hotspots

    found = hotspots()
    hot = [one for one in found if one.hot]
    if as_json:
        screen.say(screen.to_json(found))
    else:
        screen.table(
            ("WHERE", "READS", "CODE"), [(f"{one.file}:{one.line}{' HOT' if one.hot else ''}", one.kind, one.code) for one in found]
        )
        screen.say(f"{screen.number(len(found), 'read')} of a whole log or table, {len(hot)} of them at every turn or tick.")
    if hot:
        raise typer.Exit(1)
