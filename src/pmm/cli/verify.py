"""`pmm verify`: is the log whole?"""

from __future__ import annotations

import typer

from pmm.cli.options import AsJson, Db, examples

EXAMPLES = examples("pmm verify", "pmm verify --db backup.db && echo whole")


def verify(db: Db = None, as_json: AsJson = False) -> None:
    """Check every event of the log against its seal and the chain.

    Read-only: nothing is written and no lock is taken.

    Exit codes: 0 it is whole, 1 it is broken (the first bad event is named), 2 it can't be told (no file, not a mind ...).
    """
    from pmm.cli import screen
    from pmm.cli.minds import mind_path
    from pmm.errors import StorageError
    from pmm.runtime.checks import verify as check

    try:
        with screen.Bar("checking") as bar:
            verdict = check(mind_path(db), bar)
    except StorageError as error:
        screen.error(error.message, error.hint or "Nothing can be said about this file.")
        raise typer.Exit(2) from None
    if as_json:
        screen.say(screen.to_json({"ok": verdict.ok, "events": verdict.events, "bad": verdict.bad, "why": verdict.why}))
    elif verdict.ok:
        screen.say(f"ok: {screen.number(verdict.events, 'event')}")
    else:
        screen.say(f"event {verdict.bad}: {verdict.why}")
    if not verdict.ok:
        raise typer.Exit(1)
