"""What can be done with a mind's file without opening the mind: no lock is taken, and the file is only read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pmm.storage.chain import Verdict
from pmm.storage.sqlite import copy_file, verify_file

__all__ = ["Verdict", "copy", "verify"]


def verify(path: str | os.PathLike[str], on_progress: Callable[[int], Any] | None = None) -> Verdict:
    """Check every event of the mind in a file. on_progress is told how many were checked. Raises StorageError when it can't tell."""
    return verify_file(path, on_progress)


def copy(path: str | os.PathLike[str], target: Path) -> None:
    """Write a whole copy of the mind in a file, also of one that can't be written. Raises StorageError, InvalidInput (there is one)."""
    copy_file(path, target)
