"""The server's token: drawn once, kept in a file that nobody else can read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pmm.clock import Ids
from pmm.errors import ConfigError

CHARS_MIN = 16


def new_token() -> str:
    """64 random hex digits."""
    return Ids().token()


def kept_token(file: Path) -> tuple[str, bool]:
    """The token in a file, and whether it was drawn just now, which it is when there is no such file. Raises ConfigError."""
    with suppress(FileExistsError):
        token = new_token()
        with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as kept:
            kept.write(token + "\n")
        return token, True
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise ConfigError(f"{file} can be read by others.", hint=f"`chmod 600 {file}`, or delete it to get a new token.")
    return checked_token(file.read_text(encoding="utf-8", errors="replace").strip(), str(file)), False


def checked_token(token: str, where: str) -> str:
    """The token, if it can be one: at least 16 printable ASCII characters, no blanks. Raises ConfigError."""
    if len(token) < CHARS_MIN or not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigError(
            f"{where}: a token has at least {CHARS_MIN} letters and digits, and no blanks.", hint="`openssl rand -hex 32` makes one."
        )
    return token
