"""`pmm events` and `pmm show`: the log itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from pmm.events import Event
    from pmm.runtime.mind import Mind

EXAMPLES = examples(
    "pmm events",
    "pmm events --kind user_message --kind reply --limit 50",
    "pmm events --since 214 --json | jq .content",
    "pmm events --follow",
)
SHOW_EXAMPLES = examples("pmm show 214", "pmm show 214 --json")

DEFAULT_LIMIT = 20
PAGE = 1000
FOLLOW_S = 0.5


def events(
    db: Db = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", show_default=False, help="Only events of this kind; may be repeated.")
    ] = None,
    since: Annotated[
        int | None, typer.Option("--since", metavar="ID", min=0, show_default=False, help="Those after this event, the first ones first.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, show_default=False, help="At most so many.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what happens, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what happened: the last 20 events.

    With --json all of them, one a line. Without --since, --limit counts from the end; with it, from there.
    """
    from pmm.cli.minds import looked_at
    from pmm.runtime.typed import known_kinds

    kinds = known_kinds(kind or [])
    with looked_at(db) as mind:
        show = _Lines(mind.view().identity.zone, as_json)
        if since is None and limit is None and not as_json:
            limit = DEFAULT_LIMIT
        seen = mind.log.head[0]  # before looking, so that nothing falls between the list and what follows
        last = show(_wanted(mind, kinds, since, limit), since or 0)
        if not follow:
            return
        if since is None:
            last = max(last, seen)
        try:
            while True:
                last = show(_pages(mind, kinds, last), last)
                time.sleep(FOLLOW_S)
        except KeyboardInterrupt:
            return  # the way it is meant to end


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The event's id; #214 works too.")],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Show one event whole, and the events it refers to."""
    from pmm.cli import screen
    from pmm.cli.commitments import number
    from pmm.cli.minds import looked_at
    from pmm.errors import PMMError

    with looked_at(db) as mind:
        event = mind.log.get(number(id))
        if event is None:
            raise PMMError(f"there is no event {number(id)}.", hint=f"The last one is {mind.log.head[0]}.")
        around = [found for ref in event.refers_to if (found := mind.log.get(ref)) is not None]
        if as_json:
            screen.say(screen.to_json(event.as_dict() | {"refers_to": [found.as_dict() for found in around]}))
            return
        _show_whole(event, around, mind.view().identity.zone)


def show_latest(mind: Mind, count: int) -> None:
    """The last `count` events, a line each."""
    _Lines(mind.view().identity.zone, False)(mind.log.tail(count), 0)


# -- reading -----------------------------------------------------------------------------------------------------------------------


def _wanted(mind: Mind, kinds: tuple[str, ...], since: int | None, limit: int | None) -> Iterable[Event]:
    if since is None and limit is not None:
        return mind.log.by_kind(*kinds, limit=limit, newest=True) if kinds else mind.log.tail(limit)
    return _pages(mind, kinds, since or 0, limit)


def _pages(mind: Mind, kinds: tuple[str, ...], since: int, limit: int | None = None) -> Iterator[Event]:
    """Events after `since`, at most `limit`, in bounded memory."""
    while limit is None or limit > 0:
        size = PAGE if limit is None else min(PAGE, limit)
        page = mind.log.by_kind(*kinds, since=since, limit=size) if kinds else mind.log.since(since, size)
        yield from page
        if len(page) < size:
            return
        since = page[-1].id
        limit = None if limit is None else limit - len(page)


# -- showing -----------------------------------------------------------------------------------------------------------------------


def brief(event: Event) -> str:
    """What a person would read of it on one line."""
    if event.content:
        speaker = getattr(event, "speaker", "")
        return f"{speaker}: {event.content}" if speaker else event.content
    said = [
        f"{name} {len(value) if isinstance(value, (tuple, list)) else value}"
        for name, value in list(event.as_dict().items())[4:-1]
        if isinstance(value, (str, int, float, tuple, list)) and value not in ("", ())
    ]
    return ", ".join(part for part in said if len(part) <= 80)


class _Lines:
    """Prints events, a line each, the columns under a heading."""

    def __init__(self, zone: str, as_json: bool) -> None:
        self._zone = zone
        self._json = as_json
        self._headed = as_json

    def __call__(self, found: Iterable[Event], last: int) -> int:
        """Print them; the id of the last one (`last` if there was none)."""
        from pmm.cli import screen

        for event in found:
            last = event.id
            if self._json:
                screen.say(screen.to_json(event.as_dict(), indent=None))
                continue
            if not self._headed:
                self._headed = True
                screen.say(screen.bold(f"{'id':>8}  {'when':<19}  {'kind':<19}  what"))
            when = screen.stamp(event.ts, self._zone, "%Y-%m-%d %H:%M:%S")
            screen.say(screen.fit(f"{event.id:>8}  {when}  {event.kind:<19}  {screen.one_line(brief(event))}", screen.columns()))
        return last


def _show_whole(event: Event, around: list[Event], zone: str) -> None:
    from zoneinfo import ZoneInfo

    from pmm.cli.screen import bold, dim, one_line, safe, say, to_json

    say(bold(f"#{event.id} {event.kind}") + "  " + dim(event.ts.astimezone(ZoneInfo(zone)).isoformat(" ", "seconds")))
    for name, value in list(event.as_dict().items())[4:]:
        if value is not None and value != "":
            said = value if isinstance(value, str) else to_json(value, indent=None)
            say(f"  {name + ':':<10} {safe(said).strip()}")
    if event.content:
        say()
        say(safe(event.content))
    if around:
        say()
        for found in around:
            say(dim("refers to ") + f"#{found.id} {found.kind}: {one_line(brief(found), 160)}")
