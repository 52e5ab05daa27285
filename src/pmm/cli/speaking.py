"""One turn at the terminal: shown as it comes, stopped with Ctrl-C without losing a word."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
