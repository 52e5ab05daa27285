"""`pmm import`: transcripts from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import AsJson, Db, ModelName, examples

if TYPE_CHECKING:
    from pmm.cli.screen import Bar
    from pmm.cli.speaking import Interrupt
    from pmm.errors import ImportFailed
    from pmm.events import Turn
    from pmm.importers import Transcript
    from pmm.runtime.imports import Imported
    from pmm.runtime.reading import Read

EXAMPLES = examples(
    "pmm import chatgpt-export.zip",
    "pmm import conversations.json --list",
    "pmm import locomo.json --only conv-26 --db caroline.db",
    "pmm import chatgpt-export.zip --extract --model ollama:llama3.1",
)

REASONS_SHOWN = 5


class _Stopped(Exception):
    """Ctrl-C was pressed while the file was being read."""


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .json, .jsonl, or the .zip of an export.")],
    db: Db = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="CONVERSATION", show_default=False, help="One conversation, by its id or exact title.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", show_default=False, help="jsonl, locomo, chatgpt or claude; else told from the file."),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="List the conversations in the file, and import nothing.")] = False,
    extract: Annotated[bool, typer.Option("--extract", help="Have a model read them for facts. What that takes is told first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before the model reads.")] = False,
    model: ModelName = None,
    as_json: AsJson = False,
) -> None:
    """Import the messages of a transcript.

    Their own dates and speakers are kept; they are recalled, and nothing in them is obeyed. Importing again adds only
    what is new. Ctrl-C keeps what was done; running it again goes on from there.
    """
    if list_only:
        _list(file.expanduser(), format, as_json)
        return
    from pmm.cli import screen
    from pmm.cli.minds import open_mind, settings_for
    from pmm.cli.speaking import on_interrupt
    from pmm.errors import InvalidInput
    from pmm.importers import read

    if extract and as_json and not yes:
        raise InvalidInput("--json can't ask whether a model may read.", hint="Add --yes.")
    with screen.Bar("importing", bytes=True) as bar, on_interrupt(lambda: True) as interrupt:
        reading = _Reading(bar, interrupt)
        transcript = read(file.expanduser(), format=format, only=only, on_progress=reading.progress)
        # Opened only now: a file that is no transcript leaves no empty mind behind.
        with open_mind(db, settings_for("auto")) as mind:
            done = mind.import_turns(reading.turns(transcript), origin=transcript.origin)
    ready = extract and reading.failure is None and not interrupt.pressed
    found = _extract(db, model, transcript.origin, yes=yes, quiet=True) if ready and as_json else None
    _summary(transcript, done, as_json, stopped=interrupt.pressed, read=found)
    if reading.failure is not None:
        raise reading.failure
    if interrupt.pressed:
        screen.note("stopped; what was imported is kept. Run it again to go on.")
        raise typer.Exit(130)
    if ready and not as_json and (found := _extract(db, model, transcript.origin, yes=yes)) is not None:
        screen.say(f"{screen.number(found.facts, 'fact')} found in {screen.number(found.calls, 'call')}")
        if found.unreadable:
            screen.say(f"  {screen.number(found.unreadable, 'answer')} could not be read")


def _extract(db: Path | None, model: str | None, origin: str, *, yes: bool, quiet: bool = False) -> Read | None:
    """Have a model read what was imported, once the user knows what that takes. None: they'd rather not."""
    from pmm.cli import screen
    from pmm.cli.minds import open_mind, settings_for

    with open_mind(db, settings_for(model)) as mind:
        reading = mind.reading(origin)
        takes = reading.estimate()
        if not quiet:
            calls, tokens = screen.number(takes.calls, "call"), f"at most {takes.tokens:,} tokens"
            screen.say(f"to read: {screen.number(takes.messages, 'message')}, {calls} of {screen.one_line(mind.model.name)}, {tokens}")
        if takes.calls and not yes and not typer.confirm("read them?"):
            return None
        with screen.Bar("reading") as bar:
            return reading.run(lambda calls: bar(calls, takes.calls))


class _Reading:
    """The turns of a transcript until it ends, breaks off or is stopped. An end of any kind lets the turns read so far be stored."""

    def __init__(self, bar: Bar, interrupt: Interrupt) -> None:
        self.failure: ImportFailed | None = None
        self._bar = bar
        self._interrupt = interrupt

    def progress(self, done: int, of: int) -> None:
        self._bar(done, of)
        if self._interrupt.pressed:
            raise _Stopped  # where no turn comes for long, as with --only, this is where it is noticed

    def turns(self, transcript: Transcript) -> Iterator[Turn]:
        from pmm.errors import ImportFailed

        try:
            for turn in transcript:
                yield turn
                if self._interrupt.pressed:
                    return
        except _Stopped:
            return
        except ImportFailed as error:
            self.failure = error


def _summary(transcript: Transcript, done: Imported, as_json: bool, *, stopped: bool, read: Read | None) -> None:
    from pmm.cli import screen

    reasons = [f"{where}: {why}" for where, why in transcript.skipped] + list(done.reasons)
    skipped = len(transcript.skipped) + done.skipped
    if as_json:
        told = {
            "format": transcript.format,
            "added": done.added,
            "known": done.known,
            "skipped": skipped,
            "reasons": reasons,
            "repaired": len(transcript.repaired),
            "left_out": dict(transcript.left_out),
            "stopped": stopped,
            **({"read": read} if read is not None else {}),
        }
        screen.say(screen.to_json(told))
        return
    added, known = f"{done.added:,} added", f"{done.known:,} known already"
    screen.say(f"{screen.number(done.added + done.known, 'message')} ({transcript.format}): {added}, {known}, {skipped:,} skipped")
    for reason in reasons[:REASONS_SHOWN]:
        screen.say(f"  skipped {screen.one_line(reason)}")
    if skipped > REASONS_SHOWN:
        screen.say(f"  and {skipped - REASONS_SHOWN:,} more")
    for where, why in islice(transcript.repaired, REASONS_SHOWN):
        screen.say(f"  mended {screen.one_line(f'{where}: {why}')}")
    for reason, count in transcript.left_out.most_common():
        screen.say(f"  left out {count:,}: {screen.one_line(reason)}")


def _list(file: Path, format: str | None, as_json: bool) -> None:
    from pmm.cli import screen
    from pmm.importers import conversations

    found = [{"id": id, "title": title} for id, title in conversations(file, format)]
    if as_json:
        screen.say(screen.to_json(found))
        return
    screen.table(("id", "title"), [(one["id"], one["title"]) for one in found])
