"""Options that several commands share, and the texts that explain them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

Db = Annotated[
    Path | None, typer.Option("--db", metavar="PATH", show_default=False, help="The mind's file (else PMM_DB, else your own mind).")
]
ModelName = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", show_default=False, help="The model that speaks: offline, openai:NAME, ollama:NAME ..."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Session = Annotated[str, typer.Option("--session", metavar="NAME", help="Which conversation of the mind this is part of.")]


def examples(*lines: str) -> str:
    """The end of a command's help: its examples, not re-wrapped."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


class ListFirst(TyperGroup):
    """A group of commands that lists where none of them is named: `pmm commitments --json` is `pmm commitments list --json`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where it is left out."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)
