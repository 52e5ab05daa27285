"""`pmm zone`: the time zone that a mind lives in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from datetime import datetime

    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm zone", "pmm zone Europe/Lisbon")


def zone(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False, help="An IANA name such as Europe/Lisbon.")] = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Show the time zone in which days are meant, or change it.

    What is due already stays due at the moment it was meant for.
    """
    from pmm.cli.minds import existing_mind, looked_at
    from pmm.cli.screen import say, to_json

    with looked_at(db) if name is None else existing_mind(db) as mind:
        if name is not None:
            mind.set_zone(name)
        if as_json:
            say(to_json({"zone": mind.view().identity.zone, "now": _local(mind)}))
        else:
            show(mind)


def show(mind: Mind) -> None:
    """The zone, and what time it is there."""
    from pmm.cli.screen import dim, say

    say(f"  {mind.view().identity.zone} {dim(f'(it is {_local(mind):%A %Y-%m-%d %H:%M} there)')}")


def _local(mind: Mind) -> datetime:
    from zoneinfo import ZoneInfo

    return mind.now.astimezone(ZoneInfo(mind.view().identity.zone))
