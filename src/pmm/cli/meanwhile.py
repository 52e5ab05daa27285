"""What a mind does by itself while somebody chats with it: told above the line that is being typed, or between turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pmm.events import Event
    from pmm.runtime.mind import Mind


class Meanwhile:
    """Lines to be shown. They wait while a reply is being spoken; while a line is being typed, whoever draws it is called to show them.

    Thread-safe: lines come from the mind's loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._call: Callable[[], object] | None = None

    def hear(self, mind: Mind, event: Event) -> None:
        """Note what happened."""
        line = told(mind, event)
        with self._lock:
            self._lines.append(line)
        self._wake()

    def typing(self, call: Callable[[], object] | None) -> None:
        """From now on a line is being typed, and `call` has `show` called in a place where that doesn't disturb it; None: no more."""
        with self._lock:
            self._call = call
        self._wake()

    def _wake(self) -> None:
        with self._lock, suppress(RuntimeError):  # the line was ended in this very moment: what waits is shown after the turn
            if self._lines and self._call is not None:
                self._call()

    def show(self) -> None:
        """Print what waits."""
        from pmm.cli.screen import say

        with self._lock:
            lines, self._lines = self._lines, []
        for line in lines:
            say(line)


def told(mind: Mind, event: Event) -> str:
    """One event of those that `Mind.start_loop` tells of, as a line."""
    from pmm.cli.screen import bold, dim, one_line
    from pmm.events import CommitmentExpired, CommitmentReminded, FollowedUp, StageChanged

    match event:
        case CommitmentReminded():
            known = mind.view().commitments.get(event.cid)
            text = one_line(known.text if known else event.content)
            return f"{bold('Reminder:')} {text} {dim(f'(#{event.cid}, due {event.due})')}"
        case CommitmentExpired():
            return f"{bold('Lapsed:')} {one_line(event.content)} {dim(f'(#{event.cid}; `/commitments` shows what is open)')}"
        case FollowedUp():
            return f"{bold(one_line(mind.view().identity.name or 'The mind', 60) + ':')} {one_line(event.content, 600)}"
        case StageChanged():
            return f"The mind has {'come' if event.after > event.before else 'gone back'} to stage S{event.after}."
    return one_line(f"{event.kind} {event.content}")
