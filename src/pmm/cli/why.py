"""`pmm why`: the events that made it so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from pmm.runtime.why import Why

EXAMPLES = examples("pmm why 214", "pmm why name", "pmm why trait:E", "pmm why commitment:37", "pmm why fact:12 --json")

TEXT_CHARS, TEXT_CELLS_MIN = 160, 20


def why(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help="An event's id, name, user, stage, trait:LETTER, policy:NAME, commitment:ID, directive:ID or fact:ID."
        ),
    ],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Show the events that made something so, as a tree.

    A reply: the message it answers and what was recalled for it, with scores. A name: the message that gave it. A commitment or a rule:
    where it came from and what became of it. A message: what it led to.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        tree = mind.why(what)
        if as_json:
            screen.say(screen.to_json(tree.as_dict()))
            return
        for line in lines(tree, mind.view().identity.zone):
            screen.say(line)


def lines(tree: Why, zone: str, first: str = "", rest: str = "") -> Iterator[str]:
    """The tree for people, a line an event. first, rest: what stands before its own line and before those under it."""
    from pmm.cli.screen import bold, cells, columns, dim, fit, number, one_line, stamp

    score = "" if tree.score is None else f" {tree.score:.2f}"
    relation = f"{tree.relation}{score}: " if tree.relation else ""
    id = f"#{tree.event.id}"
    about = f"{tree.event.kind}, {stamp(tree.event.ts, zone)}"
    room = max(TEXT_CELLS_MIN, columns() - cells(f"{first}{relation}{id} {about}  "))
    yield f"{dim(first)}{relation}{bold(id)} {dim(about)}  {fit(one_line(_brief(tree.event), TEXT_CHARS), room)}"
    asides = [number(tree.left_out, "more event") + " not shown"] if tree.left_out else []
    under: list[Why | str] = [*tree.children, *asides, *([tree.note] if tree.note else [])]
    for n, one in enumerate(under, 1):
        fork, line = ("└─ ", "   ") if n == len(under) else ("├─ ", "│  ")
        if isinstance(one, str):
            yield dim(f"{rest}{fork}{one_line(one)}")
        else:
            yield from lines(one, zone, rest + fork, rest + line)


def _brief(event: Any) -> str:
    from pmm.cli.events import brief

    if event.kind == "context_built":  # its content is the whole header
        return f"{len(event.sources)} memories, {event.tokens:,} tokens"
    return brief(event)
