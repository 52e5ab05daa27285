"""`pmm facts`: what the mind knows about its user and their world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, ListFirst, examples

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

EXAMPLES = examples(
    "pmm facts", "pmm facts list --past", "pmm facts list --at 2026-05-01 --subject user", "pmm facts --json | jq .[].value"
)
ADD_EXAMPLES = examples('pmm facts add user "lives in" Oslo', 'pmm facts add Rex "is allergic to" chicken --since 2026-03-01')
SHOW_EXAMPLES = examples("pmm facts show 12", "pmm facts show 12 --json")
RETRACT_EXAMPLES = examples("pmm facts retract 12", 'pmm facts retract 12 --reason "that was a joke"')

LIMIT = 50

app = typer.Typer(cls=ListFirst, rich_markup_mode=None, epilog=EXAMPLES)

Id = Annotated[str, typer.Argument(metavar="ID", help="Which one; #12 works too.")]


@app.callback()
def facts() -> None:
    """List what the mind knows; add facts and take them back.

    Without a command, what holds now is listed.
    """


@app.command("list", epilog=EXAMPLES)
def list_(
    db: Db = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that held once, too.")] = False,
    past: Annotated[bool, typer.Option("--past", help="Only those that hold no longer.")] = False,
    at: Annotated[
        str | None, typer.Option("--at", metavar="ID|TIME", show_default=False, help="As it was known after an event, or at a time.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="NAME", show_default=False, help='Only facts about it; "user" is you.')
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many at most, the newest.")] = LIMIT,
    before: Annotated[int | None, typer.Option("--before", metavar="ID", show_default=False, help="Only those with a smaller id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List facts, the newest first, and when they hold."""
    from pmm.api.shapes import Fact
    from pmm.cli import screen
    from pmm.cli.minds import looked_at
    from pmm.errors import InvalidInput
    from pmm.runtime.typed import at_of

    if everything and past:
        raise InvalidInput("--all and --past contradict each other.")
    current = None if everything else not past
    with looked_at(db) as mind:
        found = mind.facts(subject, at=at_of(at), current=current, limit=limit + 1, before=before)
        if as_json:
            screen.say(screen.to_json([Fact.of(fact) for fact in found[:limit]]))
        else:
            _list(mind, found, limit)


@app.command("add", epilog=ADD_EXAMPLES)
def add(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help='Who or what it is about; "user" is you.')],
    relation: Annotated[str, typer.Argument(metavar="RELATION", help='Such as "lives in", "is allergic to", "favourite colour".')],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Such as Oslo.")],
    db: Db = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", show_default=False, help="The day since when it holds.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a fact. One that says the same and holds stays the only one; where there can be only one value, the older one is past."""
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        _tell(mind, mind.assert_fact(subject, relation, value, valid_from=since), as_json)


@app.command("show", epilog=SHOW_EXAMPLES)
def show_one(id: Id, db: Db = None, as_json: AsJson = False) -> None:
    """Show all about one, whether it still holds or not."""
    from msgspec.structs import asdict

    from pmm.api.shapes import Fact
    from pmm.cli import screen
    from pmm.cli.commitments import number
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        fact = Fact.of(_known(mind, number(id)))
        if as_json:
            screen.say(screen.to_json(fact))
            return
        screen.say(screen.bold(screen.one_line(f"{fact.subject} {fact.relation} {fact.value}")))
        about = {**asdict(fact), "evidence": ", ".join(map(str, fact.evidence))}
        screen.fields((name.replace("_", " "), about[name]) for name in about if name not in ("subject", "relation", "value"))


@app.command("retract", epilog=RETRACT_EXAMPLES)
def retract(
    id: Id,
    db: Db = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take a fact back. It stays in the log, and holds no more; what was derived from it is stale."""
    from pmm.cli.commitments import number
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        mind.retract_fact(number(id), reason)
        _tell(mind, number(id), as_json)


# -- showing -----------------------------------------------------------------------------------------------------------------------


def show(mind: Mind) -> None:
    """What holds now, a line each."""
    _list(mind, mind.facts(limit=LIMIT + 1), LIMIT)


def _list(mind: Mind, found: list[Any], limit: int) -> None:
    from pmm.cli.screen import say

    zone = mind.view().identity.zone
    for fact in found[:limit]:
        say(_line(fact, zone))
    if len(found) > limit:
        say(f"  and more: --before {found[limit - 1].id} lists them")
    if not found:
        say('  No such facts. Say "I live in Oslo", or `pmm facts add user "lives in" Oslo`.')


def _tell(mind: Mind, id: int, as_json: bool) -> None:
    from pmm.api.shapes import Fact
    from pmm.cli import screen

    fact = _known(mind, id)
    screen.say(screen.to_json(Fact.of(fact)) if as_json else _line(fact, mind.view().identity.zone))


def _known(mind: Mind, id: int) -> Any:
    """The fact, current or past. Raises InvalidInput."""
    from pmm.errors import InvalidInput

    found = mind.fact(id)
    if found is None:
        raise InvalidInput(f"there is no fact {id}.", hint="`pmm facts list --all` lists them.")
    return found


def _line(fact: Any, zone: str) -> str:
    from zoneinfo import ZoneInfo

    from pmm.cli.screen import dim, one_line

    here = ZoneInfo(zone)
    about = [f"since {fact.valid_from or fact.since.astimezone(here).date()}"]
    if fact.until is not None:
        instead = f", now #{fact.superseded_by}" if fact.superseded_by else ""
        about.append(f"until {fact.until.astimezone(here).date()}{instead}")
    if fact.origin != "user":
        about.append(f"from {one_line(fact.origin, 40)}, {fact.confidence:.0%} sure")
    if fact.stale:
        about.append("stale: what it was derived from holds no longer")
    said = one_line(f"{fact.subject} {fact.relation} {fact.value}")
    return f"  {dim(f'#{fact.id}')} {said} {dim('(' + ', '.join(about) + ')')}"
