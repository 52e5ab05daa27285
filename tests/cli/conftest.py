"""A home of its own for every test, so that nobody's mind is touched; `pmm` in this process and in others; a model that speaks slowly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slow_model import SlowModel
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder; nothing configured; no model server to be found."""
    for name in list(os.environ):
        if name.startswith(("PMM_", "OPENAI_", "OLLAMA_", "XDG_")) or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    place = tmp_path / "home"
    place.mkdir()
    settings = {"HOME": place, "XDG_DATA_HOME": place / "data", "XDG_CONFIG_HOME": place / "config", "TZ": "UTC", "TERM": "xterm"}
    for name, value in {**settings, "OLLAMA_HOST": "127.0.0.1:1", "PROMPT_TOOLKIT_NO_CPR": "1"}.items():
        monkeypatch.setenv(name, str(value))
    return place


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "echo.db")


@pytest.fixture
def pmm() -> Callable[..., Any]:
    """Run a command in this process. The result has .exit_code, .stdout and .stderr."""
    from pmm.cli.main import app

    def run(*args: str, input: str | bytes | None = None) -> Any:
        result = CliRunner().invoke(app, list(args), input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def on(pmm: Callable[..., Any]) -> Callable[..., Any]:
    """Commands on one mind: `run = on(db)`; what each printed, parsed where it is JSON."""

    def of(db: str, *first: str) -> Callable[..., Any]:
        def run(*args: str, code: int = 0) -> Any:
            done = pmm(*first, *args, "--db", db)
            assert done.exit_code == code, (done.stdout, done.stderr)
            return json.loads(done.stdout) if "--json" in args else done.stderr if code else done.stdout

        return run

    return of


COMMAND = [sys.executable, "-m", "pmm"]


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `pmm` as a process with pipes."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: str, stdin: Any = subprocess.DEVNULL) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([*COMMAND, *args], stdin=stdin, stdout=pipe, stderr=pipe, encoding="utf-8", bufsize=1))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowModel]:
    """A server that speaks OpenAI's protocol, word by word. `--model openai:x` reaches it."""
    with SlowModel() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("PMM_MODEL_RETRIES", "0")
        for limit in ("LOOK_S", "LIST_S"):  # it is found, however slow this machine is
            monkeypatch.setattr(f"pmm.llm.selection.{limit}", 30.0)
        yield server
