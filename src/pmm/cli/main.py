"""`pmm`: the commands, and what every one of them does with an error.

Nothing heavy is imported here or at the top of a command's file: `pmm --help` loads no database, no model and no settings.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pmm.cli import (
    alerts,
    ask,
    at,
    backup,
    bench,
    chat,
    commitments,
    config,
    directives,
    doctor,
    eval,
    events,
    export,
    facts,
    graph,
    imports,
    mcp,
    mind,
    models,
    policy,
    profile,
    rebuild,
    recall,
    reflections,
    screen,
    serve,
    sql,
    status,
    trace,
    undo,
    verify,
    why,
    work,
    zone,
)
from pmm.errors import ConfigError, InvalidInput, PMMError, UnknownModel
from pmm.version import VERSION

FAILED, UNUSABLE, STOPPED = 1, 2, 130


class Commands(TyperGroup):
    """All commands. A PMMError becomes one line and a hint on stderr, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (InvalidInput, ConfigError, UnknownModel) as error:
            screen.error(error.message, error.hint)
            raise typer.Exit(UNUSABLE) from None
        except PMMError as error:
            screen.error(error.message, error.hint)
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            screen.note("stopped.")
            raise typer.Exit(STOPPED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it loads in half the time, and reads the same in a pipe
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 it failed, 2 it was asked wrongly or can't tell, 130 stopped with Ctrl-C.",
)


def _version(wanted: bool) -> None:
    if wanted:
        screen.say(f"pmm {VERSION}")
        raise typer.Exit


@app.callback()
def pmm(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    """A persistent mind for any language model: it keeps what you tell it, and shows why it says what it says.

    Begin with `pmm chat`. Errors go to stderr, one line and a hint. NO_COLOR is honoured.
    """


for _name, _module in (("chat", chat), ("ask", ask), ("status", status), ("mind", mind)):
    app.command(_name, epilog=_module.EXAMPLES)(getattr(_module, _name))
app.command("events", epilog=events.EXAMPLES)(events.events)
app.command("show", epilog=events.SHOW_EXAMPLES)(events.show)
for _name, _module in (
    ("why", why),
    ("at", at),
    ("recall", recall),
    ("graph", graph),
    ("trace", trace),
    ("profile", profile),
    ("alerts", alerts),
    ("undo", undo),
    ("zone", zone),
    ("import", imports),
    ("export", export),
    ("verify", verify),
    ("doctor", doctor),
    ("rebuild", rebuild),
    ("eval", eval),
    ("backup", backup),
    ("work", work),
    ("mcp", mcp),
    ("sql", sql),
    ("bench", bench),
    ("serve", serve),
):
    app.command(_name, epilog=_module.EXAMPLES)(getattr(_module, f"{_name}_" if _name in ("import", "eval") else _name))
app.add_typer(models.app, name="models")
app.add_typer(commitments.app, name="commitments")
app.add_typer(directives.app, name="directives")
app.add_typer(facts.app, name="facts")
app.add_typer(reflections.app, name="reflections")
app.add_typer(policy.app, name="policy")
app.add_typer(config.app, name="config")


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character is no reason to fail
    try:
        app(prog_name="pmm")
    except KeyboardInterrupt:
        raise SystemExit(STOPPED) from None


if __name__ == "__main__":
    main()
