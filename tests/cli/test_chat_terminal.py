"""`pmm chat` at a real terminal (a pty)."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pytest
from slow_model import SlowModel

from pmm import Mind
from pmm.events import FollowedUp, StageChanged

PROMPT = r"\x1b\[\?2004h.*>"
"""the input line: pasting is switched on, then the prompt is drawn"""


@pytest.fixture
def terminal(db: str) -> Iterator[Any]:
    """Start a chat and wait for its prompt."""
    started: list[Any] = []

    def start(*args: str) -> Any:
        command = ["-m", "pmm", "chat", "--db", db, *args]
        # env: without the COLUMNS that importing readline, or a runner of tests, leaves behind
        env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        chat = pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=60, dimensions=(40, 120), env=env)
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
    slow.thinks = 60.0
    chat = terminal("--model", "openai:x")
    chat.send("Tell me a story about a fox\r")
    assert slow.asked.wait(30)
    began = time.monotonic()
    chat.sendintr()
    chat.expect(PROMPT)
    assert time.monotonic() - began < 30
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


# -- what happens meanwhile ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chat notices soon what another process did."""
    monkeypatch.setenv("PMM_HEARTBEAT_S", "0.1")


def messages(db: str) -> list[str]:
    with Mind.open(db, model="offline") as mind:
        return [e.content for e in mind.log.by_kind("user_message")]


def test_a_reminder_comes_above_the_line_that_is_being_typed(db: str, terminal: Any, lively: None) -> None:
    """And the line is still there, and can be finished."""
    chat = terminal("--model", "offline")
    chat.send("my neighbour plays")
    chat.expect("plays")
    with Mind.open(db, model="offline") as mind:
        cid = mind.commit("call Ana", due=datetime.now(UTC) + timedelta(seconds=1))
    chat.expect("Reminder:")
    chat.expect("call Ana")
    chat.expect(rf"\(#{cid}, due ")
    chat.expect("> my neighbour plays")
    chat.send(" the cello\r")
    chat.expect(PROMPT)
    chat.sendeof()
    assert ended(chat) == 0
    assert messages(db) == ["my neighbour plays the cello"]


def test_several_at_once_and_an_empty_line_and_one_line_with_many(db: str, terminal: Any, lively: None) -> None:
    chat = terminal("--model", "offline")
    with Mind.open(db, model="offline") as mind:
        for n in range(3):
            mind.commit(f"task {n}", due=datetime.now(UTC) - timedelta(seconds=1))
        mind.tick()  # unless the chat was faster
        mind._log.append([StageChanged(before=0, after=1, ias=0.4, gas=0.3), FollowedUp(content="How did it go?\x1b[2J", session="main")])
    chat.expect("task 0.*task 1.*task 2.*come to stage S1")
    chat.expect("How did it go")
    assert "\x1b[2J" not in chat.before + chat.after
    chat.expect_exact("?␛[2J")
    chat.send("\x1b[200~first line\nsecond line\x1b[201~")
    chat.expect("second line")
    chat.send("\r")
    chat.expect(PROMPT)
    chat.sendeof()
    ended(chat)
    assert messages(db) == ["first line\nsecond line"]


def test_nothing_interrupts_a_reply(db: str, slow: SlowModel, terminal: Any, lively: None) -> None:
    told = threading.Event()

    def words() -> Iterator[str]:
        for n in range(60):
            if n == 30:
                told.wait(30)
            yield f"word{n} "

    slow.words, slow.pause = words(), 0.0
    chat = terminal("--model", "openai:x")
    chat.send("Tell me a story about a fox\r")
    chat.expect("word20 ")
    with Mind.open(db, model="offline") as mind:
        mind.commit("call Ana", due=datetime.now(UTC) - timedelta(seconds=1))
        assert [e.kind for e in mind.tick()] == ["commitment_reminded"]
    time.sleep(0.3)
    told.set()
    chat.expect("word59")
    said = chat.before
    assert "Reminder" not in said and "word30 " in said
    chat.expect("Reminder:.*call Ana")
    chat.expect(PROMPT)
    chat.sendeof()
    assert ended(chat) == 0


def test_a_chat_on_a_narrow_terminal_breaks_no_word(db: str, slow: SlowModel, terminal: Any) -> None:
    slow.words, slow.pause = ["extra", "ordinary ", "circum", "stances ", "need ", "extra", "ordinary ", "measures"], 0.0
    chat = terminal("--model", "openai:x")
    chat.setwinsize(40, 30)
    chat.send("Tell me a story about a fox\r")
    chat.expect("measures")
    assert "extraordinary circumstances n\x1b[1D\x1b[K\r\nneed extraordinary " in chat.before
    chat.expect(PROMPT)
    chat.sendeof()
    assert ended(chat) == 0


def test_undo_zone_and_events_can_be_typed(terminal: Any, db: str) -> None:
    chat = terminal("--model", "offline")
    for line, answer in (
        ("From now on, answer in French.", "."),
        ("/undo", "no longer a rule: answer in French"),
        ("/undo", "nothing that still holds"),
        ("/zone Asia/Kathmandu", "Asia/Kathmandu"),
        ("/events 2", "timezone_changed"),
    ):
        chat.send(f"{line}\r")
        chat.expect_exact(answer)
        chat.expect(PROMPT)
    chat.sendeof()
    assert ended(chat) == 0
