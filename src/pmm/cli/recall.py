"""`pmm recall`: what the mind would remember, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from datetime import datetime

    from pmm.runtime.mind import Mind

EXAMPLES = examples(
    'pmm recall "where does Ana live"',
    'pmm recall "the budget" --k 3 --at 2026-03-05 --json',
    'pmm recall "the boat" --who Ana --since 2025-01-01 --until 2026-01-01',
)


def recall(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for.")],
    db: Db = None,
    k: Annotated[int, typer.Option("--k", metavar="N", min=1, max=1000, help="At most so many.")] = 8,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="ID|TIME", show_default=False, help="As of an event, a time, or the end of a day such as 2026-03-05."),
    ] = None,
    who: Annotated[str | None, typer.Option("--who", metavar="NAME", show_default=False, help="Said by: user, mind, or a name.")] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="NAME", show_default=False, help="Of this conversation.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", show_default=False, help="user_message, reply or message_imported.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", show_default=False, help="Said from then on.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", show_default=False, help="Said before then.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find what was said about something, best first, and why.

    A score is the sum of its signals: the words in common, those of the messages around it, who said it, when ...
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at
    from pmm.runtime.typed import at_of, time_of

    then = at_of(at)
    start, end = (None if text is None else time_of(text, whole_day=False) for text in (since, until))
    only: dict[str, Any] = {"who": who, "session": session, "kind": kind, "since": start, "until": end}
    with looked_at(db) as mind:
        if not as_json:
            show(mind, query, k, then, **only)
            return
        names = ("id", "ref", "text", "at", "who", "origin", "score", "why")
        found = [{name: getattr(memory, name) for name in names} for memory in mind.recall(query, k=k, at=then, **only)]
        screen.say(screen.to_json(found))


def show(mind: Mind, query: str, k: int, at: int | datetime | None = None, **only: Any) -> None:
    """What was found, for people."""
    from pmm.cli.screen import bold, dim, one_line, say, stamp

    found = mind.recall(query, k=k, at=at, **only)
    zone = mind.view().identity.zone
    for memory in found:
        place = one_line(memory.origin if memory.ref is None else f"{memory.origin} {memory.ref}", 60)
        say(f"{bold(f'#{memory.id}')} {dim(f'{stamp(memory.at, zone)}, {one_line(memory.who, 40)}, {place}')}")
        say(f"  {one_line(memory.excerpt or memory.text, 400)}")
        say(f"  {dim(reasons(memory.score, memory.why))}")
    if not found:
        say("Nothing was found.")


def reasons(score: float, why: Mapping[str, float]) -> str:
    """ "0.83 = words 0.60 + who 0.15 + user 0.08"."""
    parts: Sequence[str] = [f"{name} {share:.2f}" for name, share in sorted(why.items(), key=lambda item: -abs(item[1]))]
    return f"{score:.2f} = {' + '.join(parts)}".replace("+ -", "- ").replace(" -0.00", " 0.00")
