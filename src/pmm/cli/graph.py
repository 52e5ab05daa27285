"""`pmm graph`: what is linked with a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = examples('pmm graph "the budget"', "pmm graph Ana --limit 30", "pmm graph Lyon --json")

TEXT_CHARS = 200
_SAYS = {"replies_to": "replies to", "reflects_on": "reflects on"}


def graph(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="A name, or anything that was spoken of.")],
    db: Db = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=200, help="At most so many links.")] = 12,
    confidence: Annotated[float, typer.Option("--confidence", metavar="X", min=0, max=1, help="Only links at least so sure.")] = 0.6,
    as_json: AsJson = False,
) -> None:
    """Show the links between events that bear most on a topic.

    And those to the names in them. What replies to what, what opened, closed or caused what, what was cited, who and what was mentioned:
    each with its event's number.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        found = mind.graph_slice(topic, limit, confidence)
        if as_json:
            screen.say(screen.to_json(found))
            return
        for line in lines(found):
            screen.say(line)
        if not found:
            screen.say("Nothing that is linked was found.")


def lines(found: list[Any]) -> Iterator[str]:
    """The Relations as a small tree: each event once, and under it what it is linked to, strongest first."""
    from pmm.cli.screen import bold, columns, dim, fit, one_line

    by_source: dict[int, list[Any]] = {}
    for relation in found:
        by_source.setdefault(relation.source, []).append(relation)
    for source, links in by_source.items():
        yield fit(f"{bold(f'#{source}')} {one_line(links[0].source_text, TEXT_CHARS)}", columns())
        for n, link in enumerate(links, 1):
            fork = "└─" if n == len(links) else "├─"
            says = _SAYS.get(link.relation, link.relation)
            sure = "" if link.confidence == 1 else f" ({link.confidence:.0%} sure)"
            other = (
                one_line(link.target, 60) if isinstance(link.target, str) else f"#{link.target} {one_line(link.target_text, TEXT_CHARS)}"
            )
            yield fit(f"{dim(f'{fork} {says}')} {other}{dim(sure)}", columns())
