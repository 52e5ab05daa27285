"""Options that several commands share, and the texts that explain them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
