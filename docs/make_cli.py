"""Write docs/cli.md from the help texts of `pmm`. A test fails when the page is stale: run this again then.

python docs/make_cli.py
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import typer

PAGE = Path(__file__).with_name("cli.md")

_INTRO = """\
# The command line

This page is written by `python docs/make_cli.py` from the help texts of `pmm`; change those, not this.

{about}

## What holds for every command

* **The mind** is the file that `--db` names, else `PMM_DB`, else `mind.db` in your data folder (`~/.local/share/pmm` on Linux; made for
  you, readable by you alone). `chat`, `ask` and `import` begin a new mind where there is none; the others only look, and say so.
* **Output** goes to stdout, errors to stderr: one line `error: ...` and, where something can be done, `hint: ...`. Listings have
  `--json`. Without a terminal the output is plain; `NO_COLOR` is honoured. Control characters in what was said or imported are shown
  as pictures (␛), never obeyed.
* **Exit codes:** 0 done · 1 it failed (a turn, an import, something that isn't there) · 2 it was asked wrongly, or `verify` can't
  tell · 130 stopped with Ctrl-C.
* **Ctrl-C** never loses a message: it is in the log before the model is called, and what was shown of a reply is kept.
* **The chat's input history** is a file `chat_history` in your data folder, readable by you alone. It holds what you typed, whichever
  mind you typed it to, except after `/private`.
"""


def page() -> str:
    """The page's text."""
    from pmm.cli.main import app

    root: Any = typer.main.get_command(app)
    parts = [_INTRO.format(about=inspect.cleandoc(root.help or ""))]
    for name, command in root.commands.items():
        parts.append(_command(f"pmm {name}", command, "##"))
        for inner, sub in getattr(command, "commands", {}).items():
            parts.append(_command(f"pmm {name} {inner}", sub, "###"))
        if name == "chat":
            parts.append(_slash_commands())
    return "\n".join(parts)


def _slash_commands() -> str:
    """What can be typed in a chat."""
    from pmm.cli.chat import COMMANDS

    rows = [(name, told.partition(": ")) for name, (told, _) in COMMANDS.items()]
    return "\n".join(["In the chat:", "", *(f"* `{f'/{name} {what}'.strip()}`: {why}" for name, (what, _, why) in rows), ""])


def _command(name: str, command: Any, level: str) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join([name, *(a.metavar if a.required else f"[{a.metavar}]" for a in arguments), *(["[OPTIONS]"] if options else [])])
    text = inspect.cleandoc(command.help or "")
    lines = [f"{level} {name}", "", f"`{usage}`", "", text, ""]
    for argument in arguments:
        lines.append(f"* `{argument.metavar}`: {argument.help}")
    for option in options:
        shown = " ".join([option.opts[0], *([] if option.is_flag else [option.metavar or "VALUE"])])
        default = option.default if option.show_default and isinstance(option.default, (str, int)) and not option.is_flag else None
        lines.append(f"* `{shown}`: {option.help}" + (f" (default: {default})" if default is not None else ""))
    if arguments or options:
        lines.append("")
    return "\n".join(lines + _examples(command.epilog or ""))


def _examples(epilog: str) -> list[str]:
    found = re.search(r"Examples:\n(.*)", epilog, re.S)
    return ["```sh", inspect.cleandoc(found[1]), "```", ""] if found else []


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
