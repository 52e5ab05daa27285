"""`pmm reflections`: what the mind has observed about itself, and what it did about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, ListFirst, examples

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm reflections", "pmm reflections --json | jq .[].text")
SHOW_EXAMPLES = examples("pmm reflections show 45", "pmm why 45")

app = typer.Typer(cls=ListFirst, rich_markup_mode=None, epilog=EXAMPLES)


@app.callback()
def reflections() -> None:
    """List what the mind has observed about itself, newest last.

    Also how it assesses its own work. A reflection is stale when something it cites was taken back since. Without a command, the latest are
    listed.
    """


@app.command("list", epilog=EXAMPLES)
def list_(db: Db = None, as_json: AsJson = False) -> None:
    """List the latest reflections.

    `pmm events --kind reflection` has all there ever were.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        if as_json:
            screen.say(screen.to_json(mind.view().reflections.latest))
        else:
            show(mind)


@app.command("show", epilog=SHOW_EXAMPLES)
def show_one(
    id: Annotated[str, typer.Argument(metavar="ID", help="Which one; #45 works too.")], db: Db = None, as_json: AsJson = False
) -> None:
    """Show one of the latest whole, with the events that it cites."""
    from pmm.cli import screen
    from pmm.cli.commitments import number
    from pmm.cli.events import brief
    from pmm.cli.minds import looked_at
    from pmm.errors import InvalidInput

    with looked_at(db) as mind:
        found = mind.view().reflections.get(number(id))
        if found is None:
            raise InvalidInput(
                f"{number(id)} is none of the latest reflections.", hint="`pmm reflections` lists them; `pmm show ID` shows any."
            )
        if as_json:
            screen.say(screen.to_json(found))
            return
        screen.say(screen.safe(found.text))
        about = {
            "when": _when(mind, found),
            "because of": found.trigger,
            "action": _action(found),
            "by": found.model or "counting, without a model",
            "stale": "something it cites was taken back since" if found.stale else "",
        }
        screen.fields(about.items(), 12)
        for cited in found.evidence:
            event = mind.log.get(cited)
            if event is not None:
                screen.say(screen.dim(f"  cites #{cited} {event.kind}: {screen.one_line(brief(event), 160)}"))


def show(mind: Mind) -> None:
    """The latest reflections, a line each, and the last assessment."""
    from pmm.cli.screen import dim, one_line, say

    found = mind.view().reflections
    for r in found.latest:
        aside = ", ".join([_when(mind, r), *([_action(r)] if r.action != "none" else []), *(["stale"] if r.stale else [])])
        say(f"  {dim(f'#{r.id}')} {one_line(r.text)} {dim(f'({aside})')}")
    if not found.latest:
        say("  No reflections yet. They come with time, when something has happened that is worth a thought.")
    show_assessment(mind)


def show_assessment(mind: Mind) -> None:
    """How the mind did from one tenth reflection to the next, the last time; nothing before the first."""
    from pmm.cli.screen import bold, fields, say

    assessed = mind.view().metrics.work.assessed
    if not assessed:
        return
    last = assessed[-1]
    say()
    say(bold(f"Self-assessment at reflection #{last.event}"))
    told = {
        "kept of promised": _share(last.efficacy),
        "actions that hit": _share(last.hit_rate),
        "time to keep": "nothing to tell it from" if last.lag_hours is None else f"{last.lag_hours:.1f} h",
        "traits moved": f"{last.drift:.2f}",
    }
    fields(told.items(), 18)


def _share(value: float | None) -> str:
    return "nothing to tell it from" if value is None else f"{value:.0%}"


def _action(found: Any) -> str:
    return str(found.action).replace("_", " ")


def _when(mind: Mind, found: Any) -> str:
    from pmm.cli.screen import stamp

    return stamp(found.ts, mind.view().identity.zone)
