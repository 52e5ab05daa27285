"""PMM: a persistent mind for any language model.

from pmm import Mind
with Mind.open("echo.db") as mind:
    for piece in mind.handle_user_streaming("Hello, I'm Scott"):
        print(piece, end="")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pmm.version import VERSION as __version__

if TYPE_CHECKING:
    from pmm.config import Settings
    from pmm.errors import (
        InvalidInput,
        KeyConflict,
        MindBusy,
        MindClosed,
        ModelError,
        NotAMind,
        PMMError,
        StorageError,
        TurnFailed,
        Unstorable,
    )
    from pmm.events import Event, Turn
    from pmm.memory.recall import Memory
    from pmm.runtime.imports import Imported
    from pmm.runtime.mind import Mind
    from pmm.runtime.sessions import MindSession
    from pmm.runtime.turn import Reply, ReplyStream
    from pmm.views import View

_HOMES = {
    "Mind": "pmm.runtime.mind",
    "MindSession": "pmm.runtime.sessions",
    "Reply": "pmm.runtime.turn",
    "ReplyStream": "pmm.runtime.turn",
    "Imported": "pmm.runtime.imports",
    "View": "pmm.views",
    "Memory": "pmm.memory.recall",
    "Turn": "pmm.events",
    "Event": "pmm.events",
    "Settings": "pmm.config",
    "PMMError": "pmm.errors",
    "InvalidInput": "pmm.errors",
    "KeyConflict": "pmm.errors",
    "MindBusy": "pmm.errors",
    "MindClosed": "pmm.errors",
    "ModelError": "pmm.errors",
    "NotAMind": "pmm.errors",
    "StorageError": "pmm.errors",
    "TurnFailed": "pmm.errors",
    "Unstorable": "pmm.errors",
}

__all__ = [
    "Event",
    "Imported",
    "InvalidInput",
    "KeyConflict",
    "Memory",
    "Mind",
    "MindBusy",
    "MindClosed",
    "MindSession",
    "ModelError",
    "NotAMind",
    "PMMError",
    "Reply",
    "ReplyStream",
    "Settings",
    "StorageError",
    "Turn",
    "TurnFailed",
    "Unstorable",
    "View",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import pmm` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pmm' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
