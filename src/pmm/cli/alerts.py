"""`pmm alerts`: limits that turns passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from pmm.runtime.alerts import Alert

EXAMPLES = examples(
    "pmm alerts", "pmm alerts --open --json", "PMM_ALERT_COMMAND='notify-send PMM' pmm chat", "PMM_ALERT_TURN_MS=2000 pmm chat"
)


def alerts(
    db: Db = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many.")] = 20,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that aren't over.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the newest alerts: limits that turns passed.

    Such as a turn too slow, too much time in the database, an embedding cache that rarely helps, a command that failed. Each is told when
    it begins, when its priority changes and when it is over. The limits are settings (alert_...), 0 means none; alert_command is run with
    each as JSON on its standard input.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        found, zone = mind.alerts(limit, open=only_open), mind.view().identity.zone
    if as_json:
        screen.say(screen.to_json([as_dict(alert) for alert in found]))
    elif found:
        _table(found, zone)
    else:
        screen.say("There are no open alerts." if only_open else "There are no alerts.")


def as_dict(alert: Alert) -> dict[str, Any]:
    """What --json prints. at: when it was told."""
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(alert)
    return {"id": told.pop("id"), "at": told.pop("ts"), **told}


def _table(found: list[Alert], zone: str) -> None:
    from pmm.cli.screen import stamp, table

    rows = [(stamp(one.ts, zone), one.state, f"#{one.turn}" if one.turn else "-", str(one)) for one in found]
    table(("WHEN", "STATE", "TURN", "ALERT"), rows)
