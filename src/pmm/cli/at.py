"""`pmm at`: the mind as of then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm at 214", "pmm at 2026-03-05", "pmm at 2026-03-05T12:00 --json | jq .commitments")


def at(
    when: Annotated[str, typer.Argument(metavar="ID|TIME", help="An event, a time, or a day such as 2026-03-05 (its end).")],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Show the mind as it was right after an event, or at a time.

    Its names, commitments, facts, rules, and how much had happened. A time without a zone is meant in the mind's own.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at
    from pmm.runtime.typed import at_of

    then = at_of(when)
    with looked_at(db) as mind:
        facts = as_dict(mind, then)
        if as_json:
            screen.say(screen.to_json(facts))
        else:
            _show(facts)


def as_dict(mind: Mind, then: Any) -> dict[str, Any]:
    """What --json prints. events: how many there were. at: when the last of them was recorded, in the mind's zone."""
    from zoneinfo import ZoneInfo

    view = mind.view(at=then)
    last = mind.log.get(view.head)
    zone = ZoneInfo(view.identity.zone)
    return {
        "events": view.head,
        "at": None if last is None else last.ts.astimezone(zone),
        "name": view.identity.name,
        "user_name": view.identity.user_name,
        "zone": view.identity.zone,
        "commitments": [
            {"cid": c.cid, "text": c.text, "owner": c.owner, "due": None if c.due is None else str(c.due)} for c in view.commitments.open
        ],
        "commitments_more": view.commitments.overflow,
        "facts": [
            {"id": f.id, "subject": f.subject, "relation": f.relation, "value": f.value, "stale": f.stale} for f in view.facts.current
        ],
        "facts_more": view.facts.overflow,
        "directives": [{"did": d.did, "text": d.text} for d in view.directives.active],
        "directives_more": view.directives.dropped,
    }


def _show(facts: dict[str, Any]) -> None:
    from pmm.cli.screen import bold, dim, one_line, say

    if not facts["events"]:
        say("Nothing had happened yet.")
        return
    say(bold(one_line(facts["name"] or "A mind without a name")))
    say(f"  {'events':<12} {facts['events']:,}, the last at {facts['at'].isoformat(' ', 'seconds')}")
    say(f"  {'you':<12} {one_line(facts['user_name'] or 'not introduced yet')}")
    say(f"  {'commitments':<12} {len(facts['commitments']) + facts['commitments_more']:,}")
    for c in facts["commitments"]:
        whose = "yours" if c["owner"] == "user" else "the mind’s"
        aside = f"({whose}, due {c['due']})" if c["due"] else f"({whose})"
        say(f"    {dim('#' + str(c['cid']))} {one_line(c['text'])} {dim(aside)}")
    say(f"  {'facts':<12} {len(facts['facts']) + facts['facts_more']:,}")
    for f in facts["facts"]:
        stale = dim(" (stale)") if f["stale"] else ""
        say(f"    {dim('#' + str(f['id']))} {one_line(' '.join((f['subject'], f['relation'], f['value'])))}{stale}")
    say(f"  {'rules':<12} {len(facts['directives']) + facts['directives_more']:,}")
    for d in facts["directives"]:
        say(f"    {dim('#' + str(d['did']))} {one_line(d['text'])}")
