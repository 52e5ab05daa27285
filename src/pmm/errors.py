"""Every exception PMM raises, in one tree. Each carries a hint that says what to do.

PMMError
├── InvalidInput                 what the caller passed can't be used
├── ConfigError                  a setting is wrong
├── MindBusy                     another turn is speaking
├── MindClosed                   the mind was closed
├── TurnFailed                   the turn ended without a whole reply (.partial, .user_event)
├── ImportFailed                 a transcript can't be read
├── StorageError
│   ├── Unstorable               can't be stored faithfully, so it is refused
│   ├── KeyConflict              the key is known with other content
│   ├── HeadMoved                somebody appended first
│   ├── NotAMind                 the file is something else
│   ├── UnknownSchema            written by a newer PMM
│   ├── UnsafeEngine             this SQLite can lose commits
│   ├── LocksUnsupported         the file system has no usable locks
│   ├── DiskFull                 nothing was acknowledged
│   ├── LogStopped               the disk failed; this process writes no more
│   └── BrokenLog                stored bytes can't be read back
└── ModelError
    ├── UnknownModel             no such model
    ├── ModelUnavailable         not reachable, overloaded (retried before the first piece)
    ├── ModelRefused             the server said no, and would again
    ├── ModelTimeout             the deadline passed
    ├── ModelCutOff              the stream broke before its end
    ├── ModelMalformed           the server sent what can't be understood
    └── ModelCancelled           stopped by the user
"""

from __future__ import annotations


class PMMError(Exception):
    """Base of all. `str(error)` is one sentence; `hint` says what to do about it (may be empty)."""

    default_hint = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class InvalidInput(PMMError, ValueError):
    """What the caller passed can't be used."""


class ConfigError(PMMError, ValueError):
    """A setting is wrong."""

    default_hint = "`pmm config` shows every setting and where it comes from."


class MindBusy(PMMError):
    """Another turn holds the turn lock."""

    default_hint = "Wait for the other chat to finish its turn, or raise turn_wait_s."


class MindClosed(PMMError):
    """The mind was closed."""

    default_hint = "Open it again with Mind.open(path)."


class TurnFailed(PMMError):
    """A turn ended without a whole reply. The user's message is kept.

    partial: what was shown before it failed ("" if nothing). user_event: id of the user's message (None in a private turn).
    reason: one word: model, timeout, cut, cancelled, stopped, too_long ...
    """

    default_hint = "The message is kept; send it again, or switch the model."

    def __init__(self, message: str, *, partial: str = "", user_event: int | None = None, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.partial = partial
        self.user_event = user_event
        self.reason = reason


class ImportFailed(PMMError):
    """A transcript can't be read."""


class StorageError(PMMError):
    """The log refused, or could not."""


class Unstorable(StorageError, ValueError):
    """It can't be stored faithfully, so it is refused whole."""


class KeyConflict(StorageError):
    """The idempotency key is known with another kind, content or meta."""

    default_hint = "Use a new key for a new message."


class HeadMoved(StorageError):
    """Somebody else appended since the caller looked."""

    default_hint = "Look again and decide anew."


class NotAMind(StorageError):
    """The file is not a PMM mind."""


class UnknownSchema(StorageError):
    """The file was written by a newer PMM."""

    default_hint = "Upgrade PMM to open it."


class UnsafeEngine(StorageError):
    """This SQLite can lose commits when several connections write in WAL mode."""

    default_hint = "Install apsw 3.51.3.0 or newer."


class LocksUnsupported(StorageError):
    """The file system has no locks that the kernel releases when a process dies."""

    default_hint = "Keep the mind on a local disk."


class DiskFull(StorageError):
    """No space left: nothing was acknowledged, reads go on."""

    default_hint = "Free some space; the mind goes on by itself."


class LogStopped(StorageError):
    """The disk failed while writing; this process writes no more to be safe."""

    default_hint = "Check the disk, run `pmm verify`, then open the mind again."


class BrokenLog(StorageError):
    """Stored bytes can't be read back as events."""

    default_hint = "Run `pmm verify` to find the first bad event."


class ModelError(PMMError):
    """A model could not do what was asked."""


class UnknownModel(ModelError, ValueError):
    """No such model."""

    default_hint = "`pmm models` lists what can be used here."


class ModelUnavailable(ModelError):
    """Not reachable, or overloaded. retry_after_s: what the server asked for, if it did."""

    default_hint = "Is the model server running? `pmm models` shows what answers."

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class ModelRefused(ModelError):
    """The server said no, and would say it again."""


class ModelTimeout(ModelError):
    """The deadline passed."""

    default_hint = "Raise model_timeout_s, or choose a faster model."


class ModelCutOff(ModelError):
    """The stream broke before its end."""


class ModelMalformed(ModelError):
    """The server sent what can't be understood."""


class ModelCancelled(ModelError):
    """Stopped by the user."""
