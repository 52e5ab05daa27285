"""`pmm commitments`: what is owed, and everything that can be done about it."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, ListFirst, examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm commitments", "pmm commitments list --closed", "pmm commitments --json | jq .[].text")
ADD_EXAMPLES = examples(
    'pmm commitments add "call Ana" --due 2026-03-06',
    'pmm commitments add "file the report" --due 2026-03-02T09:00 --repeat "FREQ=WEEKLY;BYDAY=MO"',
)
SHOW_EXAMPLES = examples("pmm commitments show 12", "pmm commitments show 12 --json")
EDIT_EXAMPLES = examples('pmm commitments edit 12 --text "call Ana and Ben"', "pmm commitments edit 12 --no-due --priority 2")
CLOSE_EXAMPLES = examples("pmm commitments close 12", 'pmm commitments close 12 --as cancelled --note "no longer needed"')
SNOOZE_EXAMPLES = examples("pmm commitments snooze 12 2h", "pmm commitments snooze 12 2026-03-06T09:00")
REOPEN_EXAMPLES = examples('pmm commitments reopen 12 --reason "it leaks again"')

PAGE = 200

_NAMED = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

app = typer.Typer(cls=ListFirst, rich_markup_mode=None, epilog=EXAMPLES)

Cid = Annotated[str, typer.Argument(metavar="CID", help="Which one; #12 works too.")]
Due = Annotated[str | None, typer.Option("--due", metavar="DATE", show_default=False, help="2026-03-06 or 2026-03-05T12:00.")]
Priority = Annotated[int | None, typer.Option("--priority", metavar="N", show_default=False, help="Higher is more pressing.")]
Project = Annotated[str | None, typer.Option("--project", metavar="NAME", show_default=False, help="What it belongs to.")]


@app.callback()
def commitments() -> None:
    """List what is owed, by whom and until when; change it.

    Without a command, the open ones are listed.
    """


@app.command("list", epilog=EXAMPLES)
def list_(
    db: Db = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those that ended lately instead: kept, broken, cancelled, expired.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All of them, not only the most pressing or the latest ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the open commitments, overdue and snoozed ones included."""
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        state = mind.view().commitments
        if everything:
            items = list(_every(mind, not closed))
        else:
            items = list(state.closed[::-1] if closed else state.open)
        if as_json:
            screen.say(screen.to_json([as_dict(mind, c) for c in items]))
        elif everything:
            for item in items:
                screen.say(_line(mind, item))
        elif closed:
            show_closed(mind)
        else:
            show_open(mind)


@app.command("add", epilog=ADD_EXAMPLES)
def add(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be done.")],
    db: Db = None,
    due: Due = None,
    owner: Annotated[str, typer.Option("--owner", metavar="mind|user", help="Whose it is.")] = "mind",
    repeat: Annotated[
        str | None,
        typer.Option("--repeat", metavar="RULE", show_default=False, help='An RFC 5545 rule such as "FREQ=WEEKLY;BYDAY=MO".'),
    ] = None,
    priority: Priority = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Open a commitment. One that says the same and is open already stays the only one."""
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        cid = mind.commit(text, owner=owner, due=due, repeat=repeat, priority=priority or 0, project=project or None)  # type: ignore[arg-type]
        _tell(mind, cid, as_json)


@app.command("show", epilog=SHOW_EXAMPLES)
def show(cid: Cid, db: Db = None, as_json: AsJson = False) -> None:
    """Show all about one that is open or ended lately."""
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        told = as_dict(mind, _known(mind, number(cid)))
        if as_json:
            screen.say(screen.to_json(told))
            return
        screen.say(screen.bold(screen.one_line(told.pop("text"))))
        screen.fields((name.replace("_", " "), value) for name, value in told.items())


@app.command("edit", epilog=EDIT_EXAMPLES)
def edit(
    cid: Cid,
    db: Db = None,
    text: Annotated[str | None, typer.Option("--text", metavar="TEXT", show_default=False, help="The new text.")] = None,
    due: Due = None,
    no_due: Annotated[bool, typer.Option("--no-due", help="Take its due date away.")] = False,
    priority: Priority = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Change an open one. What isn't named stays; --project "" takes the project away."""
    from pmm.cli.minds import existing_mind
    from pmm.errors import InvalidInput

    if no_due and due is not None:
        raise InvalidInput("--due and --no-due contradict each other.")
    if no_due or any(given is not None for given in (text, due, priority, project)):
        with existing_mind(db) as mind:
            when = None if no_due else ... if due is None else due
            mind.edit_commitment(number(cid), text=text, due=when, priority=priority, project=project)
            _tell(mind, number(cid), as_json)
    else:
        raise InvalidInput("there is nothing to change.", hint="Give --text, --due, --no-due, --priority or --project.")


@app.command("close", epilog=CLOSE_EXAMPLES)
def close(
    cid: Cid,
    db: Db = None,
    outcome: Annotated[str, typer.Option("--as", metavar="OUTCOME", help="kept, broken, cancelled or superseded.")] = "kept",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", show_default=False, help="A word about it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Close an open one. If it repeats, kept and broken open the next; the other two end the series."""
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        mind.close_commitment(number(cid), outcome, note)  # type: ignore[arg-type]
        _tell(mind, number(cid), as_json)


@app.command("snooze", epilog=SNOOZE_EXAMPLES)
def snooze(
    cid: Cid,
    until: Annotated[str, typer.Argument(metavar="UNTIL", help="30m, 2h, 3d, 1w, tomorrow, 2026-03-06 or 2026-03-06T09:00.")],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Put an open one off. Until then nothing reminds of it and it doesn't expire."""
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        mind.snooze_commitment(number(cid), moment(mind, until))
        _tell(mind, number(cid), as_json)


@app.command("reopen", epilog=REOPEN_EXAMPLES)
def reopen(
    cid: Cid,
    db: Db = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Open one again that ended lately."""
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        mind.reopen_commitment(number(cid), reason)
        _tell(mind, number(cid), as_json)


# -- reading what was typed --------------------------------------------------------------------------------------------------------


def number(text: str) -> int:
    """An id as typed: 12 or #12. Raises InvalidInput."""
    from pmm.errors import InvalidInput
    from pmm.runtime.typed import id_of

    id = id_of(text)
    if id is None:
        raise InvalidInput(f"{text!r} is not an id.", hint="Ids are whole numbers such as 12.")
    return id


def moment(mind: Mind, text: str) -> datetime:
    """When a snooze ends: so long from now, the beginning of a day, or a local time. Raises InvalidInput."""
    from zoneinfo import ZoneInfo

    from pmm.errors import InvalidInput
    from pmm.runtime.typed import time_of

    bare = text.strip()
    try:
        if lasting := re.fullmatch(r"(\d{1,5}) ?([mhdw])", bare, re.ASCII):
            return mind.now + timedelta(**{_NAMED[lasting[2]]: int(lasting[1])})
        if bare == "tomorrow":
            today = mind.now.astimezone(ZoneInfo(mind.view().identity.zone)).date()
            return datetime.combine(today + timedelta(days=1), time())
        return time_of(bare, whole_day=False)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not a moment.", hint="Write 30m, 2h, 3d, 1w, tomorrow, 2026-03-06 or 2026-03-06T09:00.") from None


# -- showing -----------------------------------------------------------------------------------------------------------------------


def as_dict(mind: Mind, item: Any) -> dict[str, Any]:
    """What --json prints of one, open or ended: what HTTP answers, but for the name of `followed_by`."""
    from msgspec.structs import asdict

    from pmm.api.shapes import Commitment

    told = asdict(Commitment.at(item, mind.now))
    told["followed_by"] = told.pop("followed")
    return {name: told[name] for name in told if told["ended"] or name not in ("ended", "evidence", "note")}


def show_open(mind: Mind) -> None:
    """Every open commitment, a line each."""
    from pmm.cli.screen import number, say

    state = mind.view().commitments
    for c in state.open:
        say(_line(mind, c))
    if state.overflow:
        say(f"  and {state.overflow:,} more (`pmm commitments list --all`)")
    if not state.open:
        say(f'  {number(0, "open commitment")}. Say "I will ..." or "Remind me to ...".')


def show_closed(mind: Mind) -> None:
    """Those that ended lately, the last one first."""
    from pmm.cli.screen import say

    closed = mind.view().commitments.closed
    for item in reversed(closed):
        say(_line(mind, item))
    if not closed:
        say("  Nothing has ended yet.")


def _every(mind: Mind, open: bool) -> Iterator[Any]:
    """All that are open, or all that ended, the newest first, a page at a time."""
    before = None
    while page := mind.commitments(open=open, limit=PAGE, before=before):
        yield from page
        before = page[-1].cid


def _known(mind: Mind, cid: int) -> Any:
    """The commitment, open or ended. Raises InvalidInput."""
    from pmm.errors import InvalidInput

    found = mind.commitment(cid)
    if found is None:
        raise InvalidInput(f"there is no commitment {cid}.", hint=f"`pmm show {cid}` shows the event, if there is one.")
    return found


def _tell(mind: Mind, cid: int, as_json: bool) -> None:
    """How it is now, and its next occurrence where one was opened."""
    from pmm.cli import screen

    known = _known(mind, cid)
    if as_json:
        screen.say(screen.to_json(as_dict(mind, known)))
    else:
        tell(mind, cid)


def tell(mind: Mind, cid: int) -> None:
    """A line about how it is now, and one about its next occurrence where one was opened."""
    from pmm.cli.screen import say

    known = _known(mind, cid)
    say(_line(mind, known))
    following = getattr(known, "commitment", known).followed
    if following is not None and (following_one := mind.view().commitments.get(following)) is not None:
        say(_line(mind, following_one))


def _line(mind: Mind, item: Any) -> str:
    from pmm.cli.screen import dim, one_line, stamp
    from pmm.runtime.plain import spoken_rule

    c = getattr(item, "commitment", item)
    about = ["yours" if c.owner == "user" else "the mind’s"]
    if c is not item:
        about.append(item.outcome)
    if c.due:
        about.append(f"due {c.due}")
    if c.snoozed(mind.now) and c.snoozed_until is not None:
        about.append(f"snoozed until {stamp(c.snoozed_until, mind.view().identity.zone)}")
    if c.repeat:
        about.append(one_line(spoken_rule(c.repeat), 80))
    return f"  {dim(f'#{c.cid}')} {one_line(c.text)} {dim('(' + ', '.join(about) + ')')}"
