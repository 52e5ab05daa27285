"""`pmm trace`: what a turn looked at, and why it answered as it did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from pmm.events import Event
    from pmm.runtime.mind import Mind
    from pmm.runtime.trace import Reasoning, Visit

EXAMPLES = examples("pmm trace", "pmm trace --session main --limit 50", "pmm trace 12", "pmm trace 12 --json")

TEXT_CHARS = 160
BAR_CELLS = 8


def trace(
    id: Annotated[int | None, typer.Argument(metavar="ID", min=1, show_default=False, help="One trace, in full.")] = None,
    db: Db = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many.")] = 20,
    session: Annotated[str | None, typer.Option("--session", metavar="NAME", show_default=False, help="Only this conversation.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what the latest turns looked at; with an ID, show one.

    Of one turn: what was asked, recalled with which signals, shown, left out, decided, and how long it took. Traces are kept for 30 days
    (trace_days), and hold numbers of events, not their texts. Private turns leave none.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        if id is not None:
            found = mind.trace(id)
            if as_json:
                screen.say(screen.to_json(as_dict(found)))
                return
            for line in lines(mind, found):
                screen.say(line)
            return
        listed = mind.traces(limit, session=session)
        if as_json:
            screen.say(screen.to_json([as_dict(one) for one in listed]))
        elif listed:
            _table(mind, listed)
        else:
            screen.say("There are no traces.")


def as_dict(found: Reasoning) -> dict[str, Any]:
    """What --json prints. A list leaves the visits out."""
    import msgspec

    told = {"id": found.id, "at": found.ts.isoformat(), "turn": found.turn, **found.summary}
    return told | ({"visits": msgspec.to_builtins(found.visits)} if found.visits else {})


def _table(mind: Mind, listed: list[Reasoning]) -> None:
    from pmm.cli.screen import stamp, table

    zone = mind.view().identity.zone
    rows = [
        (
            str(one.id),
            stamp(one.ts, zone),
            _outcome(one.summary),
            f"{one.summary['nodes_visited']}",
            f"{one.summary['duration_ms']:,.0f} ms",
            f"#{one.turn} {_said(mind.log.get(one.turn))}",
        )
        for one in listed
    ]
    table(("ID", "WHEN", "ROUTE", "LOOKED AT", "TOOK", "MESSAGE"), rows)


def lines(mind: Mind, found: Reasoning) -> Iterator[str]:
    """One trace as a tree."""
    from pmm.cli.screen import bold, columns, fit

    summary, best = found.summary, max((visit.score for visit in found.visits), default=0.0)
    yield fit(f"{bold(f'#{found.turn}')} {_said(mind.log.get(found.turn))}", columns())
    parts: list[tuple[str, list[str]]] = [
        (f"route: {_outcome(summary)}", []),
        (f"looked at: {_looked(summary)}", [_visit(visit, best, mind.log.get) for visit in found.visits]),
        ("left out: " + (", ".join(summary["left_out"]) or "nothing"), []),
        (f"shown: {_tokens(summary['tokens'])}", []),
        ("decided", [f"#{done['id']} {done['kind']}" for done in summary["decisions"]]),
        (f"took {summary['duration_ms']:,.1f} ms", [f"{step['step']:<8} {step['ms']:>10,.1f} ms" for step in summary["steps"]]),
    ]
    for n, (title, under) in enumerate(parts, 1):
        last = n == len(parts)
        yield from _branch(title, under, last)


def _branch(title: str, under: list[str], last: bool) -> Iterator[str]:
    from pmm.cli.screen import columns, dim, fit, one_line

    yield f"{dim('└─' if last else '├─')} {fit(one_line(title), columns() - 3)}"
    for n, line in enumerate(under, 1):
        edge = f"{' ' if last else '│'}  {'└─' if n == len(under) else '├─'}"
        yield f"{dim(edge)} {fit(line, columns() - 6)}"


def _outcome(summary: dict[str, Any]) -> str:
    if "failed" in summary:
        return f"failed ({summary['failed']})"
    finish = "" if summary["finish"] == "stop" else f", {summary['finish']}"
    return f"{summary['route']}, {summary['model']}{finish}" if summary["route"] == "model" else f"{summary['route']}{finish}"


def _looked(summary: dict[str, Any]) -> str:
    from pmm.cli.screen import number

    kinds = ", ".join(f"{count} {kind}" for kind, count in summary["node_types"].items())
    cut = summary["nodes_visited"] - summary["sampled"]
    return number(summary["nodes_visited"], "node") + (f" ({kinds})" if kinds else "") + (f", {cut} not kept" if cut else "")


def _tokens(sections: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sections.items()) + " tokens" if sections else "nothing: no model was asked"


def _visit(visit: Visit, best: float, get: Any) -> str:
    """ "0.83 ██████▋· #12 shown I live in Lyon. (words 0.60, who 0.15)". The bar of the best one is full."""
    from pmm.cli.screen import bar, dim

    signals = ", ".join(f"{name} {share:.2f}" for name, share in sorted(visit.why.items(), key=lambda item: -abs(item[1])))
    node, text = (f"#{visit.node}", _said(get(visit.node))) if isinstance(visit.node, int) else (visit.node, "")
    place = {"header": "shown", "transcript": "in sight already"}.get(visit.place, visit.place)
    return f"{visit.score:5.2f} {bar(visit.score / best if best > 0 else 0.0, BAR_CELLS)} {node} {dim(place)} {text} {dim(f'({signals})')}"


def _said(event: Event | None) -> str:
    from pmm.cli.screen import one_line

    return one_line(event.content, TEXT_CHARS) if event is not None else ""
