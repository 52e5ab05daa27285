"""`pmm status`: the mind at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pmm.cli.options import AsJson, Db, ModelName, examples

if TYPE_CHECKING:
    from pathlib import Path

    from pmm.config import Settings
    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm status", "pmm status --db echo.db --json")


def status(db: Db = None, model: ModelName = None, as_json: AsJson = False) -> None:
    """Show who the mind is, what it owes and how big it is.

    No server is asked. Where the model would be looked for when needed, it is the one that spoke last, or "auto".
    """
    from pmm.cli import screen
    from pmm.cli.minds import existing_mind, mind_path, settings_for

    settings = settings_for(model)
    with existing_mind(db, settings) as mind:
        if as_json:
            screen.say(screen.to_json(as_dict(mind, settings)))
        else:
            show(mind, settings, mind_path(db))


def as_dict(mind: Mind, settings: Settings) -> dict[str, Any]:
    """What --json prints. events: how many there are. head: the id of the last one. size_bytes: on disk."""
    from pmm.runtime.models import expected

    view = mind.view()
    return {
        "events": mind.log.head[0],
        "head": view.head,
        "name": view.identity.name,
        "user_name": view.identity.user_name,
        "commitments_open": len(view.commitments.open) + view.commitments.overflow,
        "directives": len(view.directives.active) + view.directives.dropped,
        "model": expected(settings, view.usage.model),
        "zone": view.identity.zone,
        "size_bytes": mind.size_bytes(),
        "background": [
            {
                "name": lag.name,
                "position": lag.position,
                "pending": lag.pending,
                "failures": lag.failures,
                "error": lag.error,
                "parked": list(lag.parked),
            }
            for lag in mind.background()
        ],
    }


def show(mind: Mind, settings: Settings, path: Path) -> None:
    """The same for people."""
    from pmm.cli.screen import bold, number, one_line, say, size

    facts = as_dict(mind, settings)
    say(bold(one_line(facts["name"] or "A mind without a name")))
    rows = [
        ("file", f"{path} ({size(facts['size_bytes'])})"),
        ("events", f"{facts['events']:,}"),
        ("you", facts["user_name"] or "not introduced yet"),
        ("model", facts["model"] if facts["model"] != "auto" else "auto (chosen when it first speaks; `pmm models` lists what is here)"),
        ("zone", facts["zone"]),
        ("commitments", number(facts["commitments_open"], "open commitment")),
        ("rules", number(facts["directives"], "rule")),
        ("background", _background(facts["background"])),
    ]
    for label, text in rows:
        say(f"  {label:<12} {one_line(text)}")


def _background(lags: list[dict[str, Any]]) -> str:
    behind = [f"{lag['name']} has work waiting" for lag in lags if lag["pending"]]
    failing = [f"{lag['name']} failed {lag['failures']} times: {lag['error']}" for lag in lags if lag["failures"]]
    parked = [f"{lag['name']} gave up on {len(lag['parked'])} events" for lag in lags if lag["parked"]]
    return "; ".join([*behind, *failing, *parked]) or "up to date"
