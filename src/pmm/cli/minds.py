"""Which mind a command is about, and how it is opened: to look at one that exists, or to speak with one that may be new."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pmm.config import Settings
    from pmm.runtime.mind import Mind


def mind_path(db: Path | None) -> Path:
    """The file: what --db says, else PMM_DB, else mind.db in the user's data folder."""
    from pmm.config import default_db

    return (db or default_db()).expanduser()


def settings_for(model: str | None = None) -> Settings:
    """The settings, with --model on top. Raises ConfigError."""
    from pmm.config import load_settings

    return load_settings({"model": model})


def open_mind(db: Path | None, settings: Settings) -> Mind:
    """The mind to speak with, created if it is new. Close it."""
    from pmm.cli.screen import Bar
    from pmm.runtime.mind import Mind

    path = mind_path(db)
    if db is None and not os.environ.get("PMM_DB"):
        # Only the folder that nobody named is made: a misspelt one should be told, not created.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Bar("indexing") as bar:
        return Mind.open(path, settings=settings, on_progress=bar)


def existing_path(db: Path | None) -> Path:
    """The file of a mind that is there. Raises NotAMind: a command that only looks creates nothing."""
    from pmm.errors import NotAMind

    path = mind_path(db)
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        raise NotAMind(f"there is no mind at {path} yet.", hint="`pmm chat` begins one; --db or PMM_DB names another.")
    return path


def existing_mind(db: Path | None, settings: Settings | None = None) -> Mind:
    """The mind to look at; it must exist. Close it."""
    import msgspec

    path = existing_path(db)
    # Nobody speaks here, and with "auto" no model is opened before one does: a model that is gone hinders nobody from looking.
    quiet = msgspec.structs.replace(settings or settings_for(), model="auto")
    return open_mind(path, quiet)
