"""`pmm work`: what waits to be done behind the user's back, done now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import AsJson, Db, ModelName, examples

if TYPE_CHECKING:
    from datetime import datetime

    from pmm.runtime.background import Lag

EXAMPLES = examples("pmm work", "pmm work --timeout 60 --db echo.db", "pmm work --json")


def work(
    db: Db = None,
    model: ModelName = None,
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", show_default=False, help="Then leave the rest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Do now what a mind does when it is quiet.

    Have a model read what was said, make scenes, tidy up. A chat does this by itself. After single `pmm ask` calls, which end before it is
    quiet, this catches up.

    Exit codes: 0 done, 1 something waits or failed.
    """
    from pmm.cli import screen
    from pmm.cli.minds import existing_path, open_mind, settings_for

    existing_path(db)
    with open_mind(db, settings_for(model)) as mind:
        did = mind.work(timeout)
        lags, spent = mind.background(), mind.spent_today()
    left = [told for lag in lags if (told := _left(lag, spent.until))]
    if as_json:
        events = [{"id": event.id, "kind": event.kind, "content": event.content} for event in did]
        screen.say(screen.to_json({"did": events, "left": left, "tokens_today": spent.background}))
    else:
        for event in did:
            screen.say(f"#{event.id} {event.kind}  {screen.one_line(event.content)}".rstrip())
        if not did:
            screen.say("nothing was to be done")
        for told in left:
            screen.note(screen.one_line(told))
    if left:
        raise typer.Exit(1)


def _left(lag: Lag, midnight: datetime) -> str:
    """What a consumer could not do."""
    if lag.failures:
        return f"{lag.name} failed {lag.failures} times: {lag.error}"
    if lag.parked:
        return f"{lag.name} gave up on {len(lag.parked)} events"
    if lag.until == midnight:
        return f"{lag.name} waits until midnight: the day's tokens are spent"
    if lag.until is not None:
        return f"{lag.name} waits until {lag.until.astimezone():%H:%M}: somebody is speaking"
    return f"{lag.name} has work waiting" if lag.pending else ""
