"""`pmm config`: every setting, its value, and where it came from."""

from __future__ import annotations

from typing import Any

import typer

from pmm.cli.options import AsJson, examples

EXAMPLES = examples("pmm config", "pmm config --json", "PMM_MODEL=offline pmm config")
PATH_EXAMPLES = examples('$EDITOR "$(pmm config path)"')

MASK = "********"

app = typer.Typer(rich_markup_mode=None, epilog=EXAMPLES)


@app.callback(invoke_without_command=True)
def config(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show every setting, its value and where it came from.

    A setting is an environment variable (PMM_MODEL=offline) or a line of the settings file (model = "offline"); the variable wins.
    """
    if ctx.invoked_subcommand is not None:
        return
    from pmm.cli import screen
    from pmm.config import load_with_origins, settings_file

    settings, origins = load_with_origins()
    rows = [(name, _shown(name, getattr(settings, name)), origin) for name, origin in origins.items()]
    if as_json:
        screen.say(screen.to_json([{"name": name, "value": value, "origin": origin} for name, value, origin in rows]))
        return
    screen.table(("setting", "value", "from"), [(name, "" if value is None else str(value), origin) for name, value, origin in rows])
    there = "" if settings_file().exists() else ", which does not exist yet"
    screen.say()
    screen.say(f"The settings file is {settings_file()}{there}.")


@app.command("path", epilog=PATH_EXAMPLES)
def path() -> None:
    """Print where the settings file is looked for."""
    from pmm.cli import screen
    from pmm.config import settings_file

    screen.say(str(settings_file()))


def _shown(name: str, value: Any) -> Any:
    """The value without its secrets: keys, and passwords that stand in an address."""
    import re

    from pmm.config import SECRETS

    if name in SECRETS:
        return MASK if value else value
    return re.sub(r"(?<=://)[^/@]*:[^/@]*@", f"{MASK}@", value) if isinstance(value, str) else value
