"""`pmm directives`: the standing rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import AsJson, Db, ListFirst, examples

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm directives", "pmm directives --json")
ADD_EXAMPLES = examples('pmm directives add "Answer briefly."')
REVOKE_EXAMPLES = examples("pmm directives revoke 14", 'pmm directives revoke 14 --reason "no longer needed"')

app = typer.Typer(cls=ListFirst, rich_markup_mode=None, epilog=EXAMPLES)


@app.callback()
def directives() -> None:
    """List the standing rules; set and revoke them.

    Without a command, they are listed.
    """


@app.command("list", epilog=EXAMPLES)
def list_(db: Db = None, as_json: AsJson = False) -> None:
    """List the rules in force."""
    from pmm.cli import screen
    from pmm.cli.minds import looked_at

    with looked_at(db) as mind:
        if as_json:
            screen.say(screen.to_json(mind.view().directives.active))
        else:
            show(mind)


@app.command("add", epilog=ADD_EXAMPLES)
def add(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The rule, as you would say it to the mind.")],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Set a rule. One that says the same and is in force already stays the only one."""
    from pmm.cli import screen
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        did = mind.set_directive(text)
        if as_json:
            screen.say(screen.to_json(next(d for d in mind.view().directives.active if d.did == did)))
        else:
            screen.say(f"  {screen.dim(f'#{did}')} holds from now on.")


@app.command("revoke", epilog=REVOKE_EXAMPLES)
def revoke(
    did: Annotated[str, typer.Argument(metavar="DID", help="Which one; #14 works too.")],
    db: Db = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Revoke a rule. It stays in the log, and holds no more."""
    from pmm.cli import screen
    from pmm.cli.commitments import number
    from pmm.cli.minds import existing_mind

    with existing_mind(db) as mind:
        mind.revoke_directive(number(did), reason)
        if as_json:
            screen.say(screen.to_json({"did": number(did), "active": False}))
        else:
            screen.say(f"  {screen.dim(f'#{number(did)}')} no longer holds.")


def show(mind: Mind) -> None:
    """Every standing rule, a line each."""
    from pmm.cli.screen import dim, one_line, say

    rules = mind.view().directives
    for d in rules.active:
        say(f"  {dim(f'#{d.did}')} {one_line(d.text)}")
    if not rules.active:
        say('  No rules. Say "Always ..." or "From now on, never ...".')
