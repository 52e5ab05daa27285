"""The examples, run as a reader would run them: against a server of their own, or with a mind of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the server's extra is not installed")

API = Path(__file__).parent.parent / "api"
EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server in a process of its own; what the examples find it by."""
    folder = tmp_path_factory.mktemp("minds")
    process = subprocess.Popen([sys.executable, str(API / "serving.py"), str(folder)], stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert process.stdout is not None
        token = re.search(r'TOKEN = "([^"]+)"', (API / "serving.py").read_text())
        assert token is not None
        yield {"PMM_URL": f"http://127.0.0.1:{int(process.stdout.readline())}", "PMM_TOKEN": token[1]}
    finally:
        process.kill()
        process.communicate()


def run(name: str, *arguments: str, **environment: str) -> list[str]:
    """The lines it prints."""
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env={**os.environ, **environment}, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_openais_client(server: dict[str, str]) -> None:
    pytest.importorskip("openai", reason="OpenAI's client is not installed")
    assert run("openai_client.py", "words 3 pause 0", **server) == ["w0 w1 w2 "]


def test_langchain(server: dict[str, str]) -> None:
    pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
    assert run("langchain_client.py", "Good morning to you", **server) == ["Fine."]


def test_an_mcp_client(tmp_path: Path) -> None:
    pytest.importorskip("mcp", reason="the MCP SDK is not installed")
    shown = run("mcp_client.py", str(tmp_path / "mind.db"), "where is the key?", PMM_MODEL="offline")
    assert shown and re.fullmatch(r"#\d+ user: The key hangs behind the clock\.", shown[0])


def test_an_agents_session(server: dict[str, str], tmp_path: Path) -> None:
    """The agent's model is a mind too, on the server; what keeps the conversation is another."""
    pytest.importorskip("agents", reason="the Agents SDK is not installed")
    model = {"OPENAI_BASE_URL": f"{server['PMM_URL']}/v1", "OPENAI_API_KEY": server["PMM_TOKEN"], "AGENT_MODEL": "default"}
    shown = run("agents_session.py", str(tmp_path / "mind.db"), PMM_MODEL="offline", **model)
    assert shown == ["Fine.", "Fine.", "My boat is called Kittiwake."] or "Kittiwake" in shown[-1]


def test_every_example_is_run_here() -> None:
    """And each is short enough to read at a glance."""
    tests = Path(__file__).read_text()
    for file in EXAMPLES.glob("*.py"):
        assert f'"{file.name}"' in tests
        code = [line for line in file.read_text().partition('"""\n\n')[2].splitlines() if line.strip() and "import" not in line]
        assert len(code) <= 12, file.name
