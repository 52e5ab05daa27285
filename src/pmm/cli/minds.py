"""Which mind a command is about, and how it is opened: to look at one that exists, or to speak with one that may be new."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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


def existing_mind(db: Path | None) -> Mind:
    """The mind to change; it must exist. Close it."""
    return open_mind(existing_path(db), _quiet(settings_for()))


@contextmanager
def looked_at(db: Path | None, settings: Settings | None = None) -> Iterator[Mind]:
    """The mind to look at; it must exist."""
    with readable(db) as path, open_mind(path, _quiet(settings or settings_for())) as mind:
        yield mind


@contextmanager
def readable(db: Path | None) -> Iterator[Path]:
    """The file of a mind to look at. An open mind keeps its index beside the log, so of one that can't be written it is a copy."""
    path = existing_path(db)
    if all(os.access(place, os.W_OK) for place in (path, path.absolute().parent)):
        yield path
        return
    from tempfile import TemporaryDirectory

    from pmm.cli.screen import note, one_line
    from pmm.runtime.checks import copy

    with TemporaryDirectory(prefix="pmm-") as folder:
        copy(path, Path(folder, path.name))
        note(f"{one_line(str(path))} can't be written; this is a copy of it.")
        yield Path(folder, path.name)


def _quiet(settings: Settings) -> Settings:
    """Settings for those who don't speak: no model is opened, and weights that are missing hinder nobody from looking."""
    import msgspec

    from pmm.cli.screen import note
    from pmm.errors import ModelUnavailable
    from pmm.runtime.encoding import check_embedder

    try:
        if settings.embedder:
            check_embedder(settings.embedder)
    except ModelUnavailable as error:
        note(f"{error.message} Recall goes by words.")
        settings = msgspec.structs.replace(settings, embedder="")
    return msgspec.structs.replace(settings, model="auto")
