"""The SQLite engine keeps the contract of every EventLog."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pmm.storage.sqlite import SqliteLog, open_log
from pmm.testing import EventLogContract


class TestSqliteLog(EventLogContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.number = count()

    def log(self, clock: Any, **limits: Any) -> SqliteLog:
        return open_log(self.folder / f"{next(self.number)}.db", clock=clock, synchronous="OFF", **limits)

    def again(self, log: Any) -> SqliteLog:
        return open_log(log.path, synchronous="OFF")
