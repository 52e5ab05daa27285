"""`pmm rebuild`: everything but the log, made anew."""

from __future__ import annotations

from pmm.cli.options import AsJson, Db, examples

EXAMPLES = examples("pmm rebuild", "pmm rebuild --db copy.db --json")


def rebuild(db: Db = None, as_json: AsJson = False) -> None:
    """Throw away what is computed from the log; compute it again.

    That is snapshots, the index, links and the archive. The log is only read. A mind whose index is missing or damaged does this by itself
    when it is opened; this is for when `pmm doctor` finds something that a glance doesn't. Ctrl-C is safe: what is missing is made when it
    is next opened.
    """
    from contextlib import ExitStack

    from pmm.cli import screen
    from pmm.cli.minds import existing_path, settings_for
    from pmm.runtime.rebuild import rebuild as again

    with ExitStack() as bars:
        step = lambda name: bars.enter_context(screen.Bar(f"rebuilding {name}"))
        events = again(existing_path(db), settings_for(), step)
    if as_json:
        screen.say(screen.to_json({"events": events}))
    else:
        screen.say(f"rebuilt from {screen.number(events, 'event')}")
