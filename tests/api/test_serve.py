"""`pmm serve`: its token, its folder, what it says where it can't, and how quiet it is."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from serving import TOKEN

from pmm.api.app import create_app
from pmm.api.guard import Access
from pmm.api.minds import Minds, opening
from pmm.config import load_settings
from pmm.errors import ConfigError
from pmm.runtime.token import checked_token, kept_token
from pmm.testing import counting

WITHOUT_PAGE = "import sys; sys.modules['nicegui'] = None; from pmm.cli.main import main; main()"
"""as where NiceGUI is not installed"""
Serve = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start `pmm serve`: the process, and what it printed up to its address."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, page: bool = True, **environment: str) -> tuple[subprocess.Popen[str], str]:
        run = ["-m", "pmm"] if page else ["-c", WITHOUT_PAGE]
        command = [sys.executable, *run, "serve", "--port", "0", "--data", str(tmp_path / "minds"), "--model", "offline", *options]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, encoding="utf-8", env={**os.environ, "COLUMNS": "200", **environment})
        started.append(process)
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "http://" in line:
                break
        return process, said

    yield start
    for process in started:
        process.kill()
        process.communicate()


def address(said: str) -> str:
    (found,) = re.findall(r"http://\S+", said)
    return str(found)


def ask(said: str, token: str, path: str = "/api/state", method: str = "GET", **more: Any) -> httpx2.Response:
    for _ in range(600):
        try:
            return httpx2.request(method, address(said) + path, headers={"authorization": f"Bearer {token}"}, timeout=20, **more)
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("it does not answer")


def test_the_token_is_made_once_shown_once_and_nobody_elses_to_read(serve: Serve, tmp_path: Path) -> None:
    process, said = serve()
    file = tmp_path / "minds" / "token"
    (token,) = re.findall(r"Token: ([0-9a-f]{64}) ", said)
    assert file.read_text().strip() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "minds").stat().st_mode) == 0o700
    assert ask(said, token).status_code == 200
    assert ask(said, token + "0").status_code == 401
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    _, again = serve()
    assert token not in again
    assert ask(again, token).status_code == 200


def test_the_environments_token_wins_and_leaves_no_file(serve: Serve, tmp_path: Path) -> None:
    _, said = serve(PMM_TOKEN=TOKEN)
    assert TOKEN not in said
    assert ask(said, TOKEN).status_code == 200
    assert not (tmp_path / "minds" / "token").exists()


def test_what_was_said_is_remembered_after_it_was_stopped(serve: Serve) -> None:
    process, said = serve(PMM_TOKEN=TOKEN)
    assert ask(said, TOKEN, "/api/turns", "POST", json={"text": "My name is Scott."}).status_code == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    _, again = serve(PMM_TOKEN=TOKEN)
    assert ask(again, TOKEN, "/api/turns", "POST", json={"text": "What is my name?"}).json()["text"] == "Your name is Scott."


@pytest.mark.parametrize(
    ("options", "environment", "says"),
    [
        ((), {"PMM_TOKEN": "short"}, "at least 16"),
        ((), {"PMM_TOKEN": "with blanks in the middle of it"}, "no blanks"),
        (("--cors", "example.com"), {}, "not an origin"),
        (("--cors", "http://example.com/path"), {}, "not an origin"),
        (("--host", "256.1.1.1"), {}, "can't listen"),
        (("--model", "nonsense:x"), {}, "nonsense"),
        (("--data", os.devnull), {}, os.devnull),
    ],
)
def test_what_can_not_be_is_one_line_and_a_hint(serve: Serve, options: tuple[str, ...], environment: dict[str, str], says: str) -> None:
    process, _ = serve(*options, **environment)
    _, told = process.communicate(timeout=60)
    assert process.returncode in (1, 2)
    assert says in told
    assert "Traceback" not in told


def test_a_port_that_is_taken_is_told(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process, _ = serve("--port", str(taken.getsockname()[1]))
        assert "can't listen" in process.communicate(timeout=60)[1]
        assert process.returncode == 2


def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token, new = kept_token(file)
    assert new
    assert kept_token(file) == (token, False)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        kept_token(file)
    with pytest.raises(ConfigError):
        checked_token("ünïcödé-is-no-header", "PMM_TOKEN")


def test_help_is_quick_to_say(tmp_path: Path) -> None:
    code = "import sys, pmm.cli.main\nassert not {'fastapi', 'uvicorn', 'pydantic', 'msgspec', 'pmm.api'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_idle_server_reads_nothing_and_appends_nothing(tmp_path: Path) -> None:
    """At the mind's own doors, though it looks out for other processes and its loop beats on."""

    async def idle() -> None:
        settings = {"model": "offline", "synchronous": "NORMAL", "heartbeat_s": 0.2}
        minds = Minds(tmp_path / "minds", opening(load_settings(settings)))
        app = create_app(minds, Access(TOKEN))
        async with app.router.lifespan_context(app):
            hosted = await minds.get()
            await hosted.turns.speak("My name is Scott.").whole()
            await asyncio.to_thread(hosted.mind.wait_idle, 10)
            for _ in range(10):  # until it has settled
                with counting(hosted.mind) as cost:
                    await asyncio.sleep(3)
                rows = [(c.statements, c.rows_read, c.full_reads, c.appended) for c in (cost, cost.background)]
                if rows == [(0, 0, 0, 0)] * 2:
                    return
            pytest.fail(f"it reads on: {rows}")

    asyncio.run(idle())


@pytest.mark.parametrize(("page", "most"), [(False, 80), (True, 120)])
def test_an_idle_server_is_small(serve: Serve, page: bool, most: int) -> None:
    process, said = serve(PMM_TOKEN=TOKEN, page=page)
    assert ask(said, TOKEN).status_code == 200
    time.sleep(1)
    size = psutil.Process(process.pid).memory_info().rss / 1e6
    assert size < most, f"{size:.0f} MB"


def test_without_nicegui_it_says_how_to_get_the_page(serve: Serve) -> None:
    process, said = serve(PMM_TOKEN=TOKEN, page=False)
    assert process.stdout is not None
    assert process.stdout.readline() == "There is no web page: `pip install 'pmm[web]'` adds it.\n"
    assert ask(said, TOKEN, "/").status_code == 404


def test_the_link_that_is_printed_lets_a_browser_in_once(serve: Serve) -> None:
    process, said = serve(PMM_TOKEN=TOKEN)
    assert process.stdout is not None
    (link,) = re.findall(r"http://\S+", process.stdout.readline())
    assert ask(said, TOKEN).status_code == 200  # it is up
    first, second = httpx2.get(link, timeout=20), httpx2.get(link, timeout=20)
    assert (first.status_code, second.status_code) == (200, 401)
    assert "HttpOnly" in first.headers["set-cookie"] and "SameSite=strict" in first.headers["set-cookie"]
    assert "set-cookie" not in second.headers
