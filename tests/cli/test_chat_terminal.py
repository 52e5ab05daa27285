"""`pmm chat` at a real terminal (a pty)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from slow_model import SlowModel

from pmm import Mind

PROMPT = r"\x1b\[\?2004h.*>"
"""the input line: pasting is switched on, then the prompt is drawn"""


@pytest.fixture
def terminal(db: str) -> Iterator[Any]:
    """Start a chat and wait for its prompt."""
    started: list[Any] = []

    def start(*args: str) -> Any:
        command = ["-m", "pmm", "chat", "--db", db, *args]
        chat = pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=15, dimensions=(40, 120))
        started.append(chat)
        chat.expect(PROMPT)
        return chat

    yield start
    for chat in started:
        chat.close(force=True)


def ended(chat: Any) -> int:
    chat.expect(pexpect.EOF)
    chat.close()
    assert chat.signalstatus is None
    return int(chat.exitstatus)


def test_ctrl_c_stops_the_reply_and_the_chat_goes_on(db: str, slow: SlowModel, terminal: Any) -> None:
    chat = terminal("--model", "openai:x")
    chat.send("Tell me a story about a fox\r")
    chat.expect("two three")
    chat.sendintr()
    chat.expect("stopped; your message and what was shown are kept")
    chat.expect(PROMPT)
    slow.words = ["Hello ", "again."]
    chat.send("Hello\r")
    chat.expect(PROMPT)
    chat.send("/quit\r")
    assert ended(chat) == 0
    with Mind.open(db, model="offline") as mind:
        first, second = mind.log.by_kind("reply")
        assert first.finish == "interrupted" and first.content.startswith("one two three")
        assert second.finish == "stop"
        assert mind.log.verify().ok


def test_ctrl_c_before_the_first_word_comes_back_to_the_prompt(db: str, slow: SlowModel, terminal: Any) -> None:
    slow.thinks = 20.0
    chat = terminal("--model", "openai:x")
    chat.send("Tell me a story about a fox\r")
    assert slow.asked.wait(10)
    began = time.monotonic()
    chat.sendintr()
    chat.expect(PROMPT)
    assert time.monotonic() - began < 3
    chat.sendeof()
    assert ended(chat) == 0
    with Mind.open(db, model="offline") as mind:
        assert [e.reason for e in mind.log.by_kind("turn_failed")] == ["cancelled"]


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
def test_an_empty_line_can_be_left(terminal: Any, key: str) -> None:
    chat = terminal()
    chat.send(key)
    assert ended(chat) == 0


def test_ctrl_c_on_a_line_clears_it_and_a_paste_is_one_message(db: str, terminal: Any, home: Path) -> None:
    chat = terminal()
    chat.send("never said\x03")
    chat.send("\x1b[200~first line\nsecond line\x1b[201~\r")
    chat.expect(PROMPT)
    chat.send("/private nobody keeps this\r")
    chat.expect(PROMPT)
    chat.sendeof()
    assert ended(chat) == 0
    with Mind.open(db, model="offline") as mind:
        assert [e.content for e in mind.log.by_kind("user_message")] == ["first line\nsecond line"]
    history = home / "data" / "pmm" / "chat_history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "+second line" in history.read_text() and "nobody keeps this" not in history.read_text()
