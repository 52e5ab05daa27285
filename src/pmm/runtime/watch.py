"""Watch: whether anybody may have written to a log, told by its files alone, so that waiting costs no statement."""

from __future__ import annotations

from pmm.storage.eventlog import EventLog


class Watch:
    """Of one log, for one reader that looks at it now and then, a while apart."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._newer: object = None
        self._older: object = None

    def quiet(self) -> bool:
        """Whether nothing was written since the looks before this one. False whenever that can't be told.

        Two looks must agree with this one: within the grain of a file's time, two writes look like one.
        """
        now = self._log.stamp
        still = now is not None and now == self._newer == self._older
        self._older, self._newer = self._newer, now
        return still
