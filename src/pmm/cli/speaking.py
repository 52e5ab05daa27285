"""One turn at the terminal: shown as it comes, stopped with Ctrl-C without losing a word."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pmm.cli.screen import NO_LIMIT, cells

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind
    from pmm.runtime.turn import Reply


class Interrupt:
    """Whether Ctrl-C was pressed."""

    pressed = False


@contextmanager
def on_interrupt(act: Callable[[], bool]) -> Iterator[Interrupt]:
    """Inside, the first Ctrl-C calls `act` instead of raising. Where `act` says there was nothing to stop, and the second time,
    it is KeyboardInterrupt as always."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt  # only the main thread hears signals
        return

    def heard(number: int, frame: Any) -> None:
        again, interrupt.pressed = interrupt.pressed, True
        if again or not act():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, heard)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


class Wrapped:
    """Breaks a reply's lines between words while it streams. Call it with each piece; it returns what to write.

    width: columns of the terminal. A word that turns out too long for its line is taken back and written on the next one. What a
    terminal may draw wider or narrower than reckoned here (emoji, marks, scripts without spaces) is broken where the line ends.
    """

    def __init__(self, width: int) -> None:
        self._width = width - 1  # a terminal whose last column is filled is in two places at once
        self._at = 0
        self._word = ""

    def __call__(self, piece: str) -> str:
        return piece if self._width >= NO_LIMIT - 1 else "".join(map(self._placed, piece))

    def _placed(self, char: str) -> str:
        if char == "\n":
            self._at, self._word = 0, ""
            return char
        if char in " \t":
            self._word = ""
            if self._at >= self._width:
                return ""  # the break that comes with the next word stands for it
            self._at += 1 if char == " " else 8 - self._at % 8
            return char
        width = cells(char)
        before = self._broken() if self._at + width > self._width else ""
        self._at += width
        self._word = self._word + char if width == 1 and (char.isascii() or char.isalnum()) else ""
        return before + char

    def _broken(self) -> str:
        """The line break, and before it the removal of the word that has begun, which goes on after it."""
        word, self._at, line = self._word, len(self._word), self._at
        if not word:
            return "\n"
        if len(word) == line:
            self._at, self._word = 0, ""  # longer than a line: it is cut
            return "\n"
        return f"\x1b[{len(word)}D\x1b[K\n{word}"


class Spoken:
    """How a turn went. reply: None if it was stopped before its first word. stopped: by Ctrl-C."""

    def __init__(self, reply: Reply | None, stopped: bool) -> None:
        self.reply = reply
        self.stopped = stopped


def speak(mind: Mind, text: str, show: Callable[[str], Any], *, session: str, key: str | None = None, record: bool = True) -> Spoken:
    """One turn; `show` gets the pieces of the reply. Ctrl-C stops it, and what was shown is kept. Raises PMMError."""
    from pmm.errors import TurnFailed

    def stop() -> bool:
        if not mind.speaking:
            return False
        # From a thread of its own: this one may be holding, right here, the lock that cancelling takes.
        threading.Thread(target=mind.cancel, daemon=True).start()
        return True

    stream = mind.handle_user_streaming(text, session=session, source="cli", key=key, record=record)
    with on_interrupt(stop) as interrupt, stream:
        try:
            for piece in stream:
                show(piece)
        except TurnFailed as failure:
            if interrupt.pressed and failure.reason == "cancelled":
                return Spoken(None, True)
            raise
    return Spoken(stream.reply, interrupt.pressed)
