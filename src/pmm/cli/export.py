"""`pmm export`: the log for others, with its proof; or a transcript to read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import Db, examples

if TYPE_CHECKING:
    from pmm.runtime.export import Form

EXAMPLES = examples(
    "pmm export --output echo.jsonl",
    "pmm export --markdown --output echo.md",
    "pmm export --since 214 | jq -r 'select(.kind == \"reply\").content'",
)


def export(
    db: Db = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="An event a line with its seals, then the head (the default).")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="What was said, by day and conversation.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", show_default=False, help="A new file; one that exists is never overwritten."),
    ] = None,
    since: Annotated[int, typer.Option("--since", metavar="ID", min=0, show_default=False, help="Only what came after this event.")] = 0,
) -> None:
    """Write the whole log as JSON lines, or as Markdown.

    Anyone can verify the lines; the Markdown is a transcript. Each JSON line holds id, ts (microseconds since 1970) and at (the same to
    read), kind, content, meta as stored, key, and in hex salt, seal, prev_hash and hash. The last line says where the log ended; a line
    changed, moved or left out breaks the chain.
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at
    from pmm.errors import InvalidInput

    if jsonl and markdown:
        raise InvalidInput("--jsonl and --markdown are two exports.", hint="Ask for one of them.")
    form: Form = "markdown" if markdown else "jsonl"
    with looked_at(db) as mind, screen.Bar("exporting") as bar:
        if output is None:
            lines = mind.export(form, since=since)  # no bar between the lines
            sys.stdout.writelines(lines)
            sys.stdout.flush()
            return
        target = output.expanduser()
        _write(target, mind.export(form, since=since, on_progress=bar))
    screen.note(f"{target}: {screen.size(target.stat().st_size)}")


def _write(target: Path, lines: Iterator[str]) -> None:
    """All of it, or no file. Raises InvalidInput if it is there already, StorageError if it can't be written."""
    from pmm.errors import InvalidInput, StorageError

    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        if target.exists():
            raise FileExistsError
        with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        os.link(part, target)  # unlike a rename, refuses to overwrite
    except FileExistsError:
        raise InvalidInput(f"{target} exists already.", hint="Choose another name; an export never overwrites.") from None
    except OSError as error:
        raise StorageError(f"{target} can't be written ({error.strerror}).") from None
    finally:
        part.unlink(missing_ok=True)
