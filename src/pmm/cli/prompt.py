"""The input line of `pmm chat`: history, editing, pasting of many lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app, run_in_terminal
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth

if TYPE_CHECKING:
    from pmm.cli.meanwhile import Meanwhile


class _Kept(FileHistory):
    """History in a file only its user can read. What was said in private is not kept there either."""

    def store_string(self, string: str) -> None:
        if not string.lstrip().startswith("/private"):
            super().store_string(string)


def history_file() -> Path:
    """Where the chat's input history is kept."""
    from platformdirs import user_data_path

    return user_data_path("pmm", appauthor=False) / "chat_history"


def _history() -> History:
    path = history_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError:
        return InMemoryHistory()  # a home that can't be written to is no reason not to talk
    return _Kept(str(path))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=EOFError)

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def typed(meanwhile: Meanwhile) -> Iterator[str]:
    """The lines a person types, until Ctrl-D, or Ctrl-C at an empty line. What happens while one is being typed is shown above it."""

    def begun() -> None:
        loop = get_app().loop
        assert loop is not None
        meanwhile.typing(lambda: loop.call_soon_threadsafe(lambda: run_in_terminal(meanwhile.show)))

    plain = ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None
    session: Any = PromptSession(
        history=_history(), key_bindings=_keys(), color_depth=plain, prompt_continuation="  ", enable_open_in_editor=False
    )
    while True:
        meanwhile.show()
        try:
            line = session.prompt("> ", pre_run=begun)
        except EOFError:
            return
        finally:
            meanwhile.typing(None)
        yield line
