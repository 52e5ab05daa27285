"""`pmm serve`: minds over HTTP."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import ModelName, examples

if TYPE_CHECKING:
    from fastapi import FastAPI

EXAMPLES = examples("pmm serve", "pmm serve --port 8377 --data minds --model ollama:llama3.1", "PMM_TOKEN=$(cat token) pmm serve --create")

PORT = 8377


def serve(
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="Where to listen; 0 takes a free one.")] = PORT,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="The address to listen at.")] = "127.0.0.1",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="FOLDER", show_default=False, help="Where the minds are, as NAME.db; made if absent (else PMM_DATA)."
        ),
    ] = None,
    model: ModelName = None,
    create: Annotated[bool, typer.Option("--create", help="Let clients create minds by name; else there is `default` alone.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", show_default=False, help="A name this server goes by elsewhere; may be repeated."),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option("--cors", metavar="ORIGIN", show_default=False, help="A page that may call, such as http://localhost:5173."),
    ] = None,
    rate: Annotated[float, typer.Option("--rate", metavar="N", min=0.1, help="Requests a second, in the long run.")] = 200.0,
) -> None:
    """Serve minds over HTTP, until Ctrl-C.

    To this machine alone unless told otherwise. Every request but /healthz needs the token: PMM_TOKEN, else the one in FOLDER/token, which
    is made and shown once. A browser needs the link that is printed, or the token, once.

    Ctrl-C lets turns that are spoken end, for 10 seconds at most.
    """
    from pmm.cli import screen
    from pmm.cli.minds import settings_for
    from pmm.config import minds_folder
    from pmm.errors import ConfigError

    try:
        from pmm.api.app import create_app
    except ModuleNotFoundError as error:
        raise ConfigError(f"serving needs {error.name}, which is not installed.", hint="`pip install 'pmm[server]'`.") from None
    from pmm.api.guard import Access
    from pmm.api.minds import Minds, opening

    settings = settings_for(model)
    folder = (data or minds_folder()).expanduser()
    token = _token(folder)
    names = tuple(allow_host or ()) if host in ("0.0.0.0", "::") else (f"[{host}]" if ":" in host else host, *(allow_host or ()))
    access = Access(token, hosts=names, cors=tuple(_origin(text) for text in cors or ()))
    app = create_app(Minds(folder, opening(settings), create=create), access, rate=rate)
    link = _with_page(app)
    with _listening(host, port) as listening:
        url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        screen.say(f"Minds in {folder} at {url}")
        screen.say(f"Page (this link works once): {url}{link}" if link else "There is no web page: `pip install 'pmm[web]'` adds it.")
        _run(app, listening)


def _with_page(app: FastAPI) -> str | None:
    """Put the companion on it, if it is installed: the path of a link that lets a browser in, once."""
    try:
        from pmm.web.app import mount
    except ModuleNotFoundError as error:
        if error.name != "nicegui":
            raise
        return None
    return mount(app)


def _run(app: FastAPI, listening: socket.socket) -> None:
    import uvicorn

    from pmm.api.app import Server

    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="on", timeout_graceful_shutdown=2)
    Server(config, app.state.minds).run(sockets=[listening])


def _token(folder: Path) -> str:
    """PMM_TOKEN, else the one kept in the folder; one that is new is shown. Raises ConfigError."""
    from pmm.cli import screen
    from pmm.errors import ConfigError
    from pmm.runtime.token import checked_token, kept_token

    if given := os.environ.get("PMM_TOKEN"):
        return checked_token(given, "PMM_TOKEN")
    file = folder / "token"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        token, new = kept_token(file)
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: {error.strerror}.", hint="Give another folder with --data.") from None
    screen.say(f"Token: {token} (kept in {file}; it isn't shown again)" if new else f"The token is in {file}.")
    return token


def _origin(text: str) -> str:
    """An origin as browsers write it. Raises ConfigError."""
    from urllib.parse import urlsplit

    from pmm.errors import ConfigError

    parts = urlsplit(text.rstrip("/").lower())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query or "@" in parts.netloc:
        raise ConfigError(f"{text!r} is not an origin.", hint="Write http://localhost:5173, without a path.")
    return f"{parts.scheme}://{parts.netloc}"


def _listening(host: str, port: int) -> socket.socket:
    """Raises ConfigError."""
    from pmm.errors import ConfigError

    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"can't listen at {host}, port {port}: {why}.", hint="Is another server running? --port names another one."
        ) from None
