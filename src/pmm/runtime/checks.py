"""Checks of a mind's file that need no open mind: no lock is taken and nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pmm.storage.chain import Verdict
from pmm.storage.sqlite import verify_file

__all__ = ["Verdict", "verify"]


def verify(path: str | os.PathLike[str], on_progress: Callable[[int], Any] | None = None) -> Verdict:
    """Check every event of the mind in a file. on_progress is told how many were checked. Raises StorageError when it can't tell."""
    return verify_file(path, on_progress)
