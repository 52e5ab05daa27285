"""`pmm ask`: one turn for people and scripts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from slow_model import SlowModel

from pmm import Mind


def events(db: str) -> list[Any]:
    with Mind.open(db, model="offline") as mind:
        return mind.log.since(0)


def test_json_is_the_contract(db: str) -> None:
    ask = [sys.executable, "-W", "error", "-m", "pmm", "ask"]
    subprocess.run([*ask, "My sister Ana lives in Porto.", "--db", db], check=True, capture_output=True)
    done = subprocess.run([*ask, "Where does Ana live?", "--db", db, "--json"], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert list(told) == ["reply", "route", "model", "finish", "user_event", "reply_event", "sources", "usage", "timing"]
    assert "Porto" in told["reply"]
    assert (told["route"], told["model"], told["finish"]) == ("offline", "offline", "stop")
    assert list(told["usage"]) == ["prompt", "cached", "completion"] and list(told["timing"]) == ["first_token_ms", "total_ms"]
    source = told["sources"][0]
    assert list(source) == ["id", "ref", "why", "score"]
    assert source["score"] == pytest.approx(sum(source["why"].values()), abs=0.001)
    log = {event.id: event for event in events(db)}
    assert log[told["user_event"]].content == "Where does Ana live?" and log[told["user_event"]].source == "cli"
    assert log[told["reply_event"]].content == told["reply"]
    assert "Porto" in log[source["id"]].content


def test_a_reply_is_shown_as_it_comes(db: str, slow: SlowModel, process: Any) -> None:
    shown = threading.Event()

    def words() -> Iterator[str]:
        yield "Once "
        assert shown.wait(30)
        yield "upon a time."

    slow.words, slow.pause = words(), 0.0
    asked = process("ask", "Tell me a story about a fox", "--db", db, "--model", "openai:x")
    assert asked.stdout.read(5) == "Once "
    shown.set()
    assert asked.stdout.read() == "upon a time.\n"
    assert asked.wait(30) == 0


@pytest.mark.parametrize("args", [["ask"], ["ask", "-"]])
def test_the_message_may_be_piped_in(pmm: Any, db: str, args: list[str]) -> None:
    done = pmm(*args, "--db", db, input="I live in Lyon.\nIt rains — often.\n")
    assert done.exit_code == 0
    assert events(db)[1].content == "I live in Lyon.\nIt rains — often."


@pytest.mark.parametrize(("given", "said"), [("", "the message is empty"), (b"\xff\xfe\x00", "not UTF-8")])
def test_what_can_not_be_a_message_is_refused(pmm: Any, db: str, given: Any, said: str) -> None:
    done = pmm("ask", "--db", db, input=given)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ") and said in done.stderr
    assert not Path(db).exists() or len(events(db)) == 1


def test_private_is_answered_and_not_recorded(pmm: Any, db: str) -> None:
    pmm("ask", "I live in Lyon.", "--db", db)
    before = len(events(db))
    done = pmm("ask", "Where do I live?", "--private", "--json", "--db", db)
    told = json.loads(done.stdout)
    assert "Lyon" in told["reply"]
    assert told["user_event"] is None and told["reply_event"] is None
    assert len(events(db)) == before


def test_a_key_says_it_once(pmm: Any, db: str) -> None:
    first, again = (json.loads(pmm("ask", "I live in Lyon.", "--key", "k1", "--json", "--db", db).stdout) for _ in range(2))
    assert first["reply_event"] == again["reply_event"] and first["reply"] == again["reply"]
    other = pmm("ask", "I live in Paris.", "--key", "k1", "--db", db)
    assert other.exit_code == 1
    assert other.stderr.endswith("hint: Use a new key for a new message.\n")


def test_sessions_are_told_apart(pmm: Any, db: str) -> None:
    pmm("ask", "Hello", "--db", db, "--session", "work")
    assert events(db)[1].session == "work"


def test_a_failed_turn_is_1_and_keeps_the_message(pmm: Any, db: str, slow: SlowModel) -> None:
    slow.status = 401
    done = pmm("ask", "Tell me a story about a fox", "--db", db, "--model", "openai:x", "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    kinds = [event.kind for event in events(db)]
    assert "user_message" in kinds and "turn_failed" in kinds


def test_a_model_can_not_steer_the_terminal(pmm: Any, db: str, slow: SlowModel) -> None:
    slow.words, slow.pause = ["\x1b[2J\x1b]0;o", "wned\x07 fine"], 0.0
    done = pmm("ask", "Tell me a story about a fox", "--db", db, "--model", "openai:x")
    assert done.stdout == "␛[2J␛]0;owned␇ fine\n"


def test_ctrl_c_keeps_what_was_shown(db: str, slow: SlowModel, process: Any) -> None:
    asked = process("ask", "Tell me a story about a fox", "--db", db, "--model", "openai:x")
    shown = asked.stdout.read(len("one two three "))
    asked.send_signal(signal.SIGINT)
    rest, errors = asked.communicate(timeout=60)
    assert asked.returncode == 130
    assert errors == "stopped; your message and what was shown are kept.\n"
    user, reply = (next(e for e in events(db) if e.kind == kind) for kind in ("user_message", "reply"))
    assert user.content == "Tell me a story about a fox"
    assert reply.finish == "interrupted"
    assert reply.content == (shown + rest).removesuffix("\n")


def test_ctrl_c_before_the_first_word_keeps_the_message(db: str, slow: SlowModel, process: Any) -> None:
    slow.thinks = 60.0
    asked = process("ask", "Tell me a story about a fox", "--db", db, "--model", "openai:x", "--json")
    assert slow.asked.wait(30)
    began = time.monotonic()
    asked.send_signal(signal.SIGINT)
    out, errors = asked.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert (asked.returncode, out) == (130, "")
    assert "kept" in errors and "Traceback" not in errors
    assert [e.kind for e in events(db) if e.kind in ("user_message", "turn_failed")] == ["user_message", "turn_failed"]


def test_ctrl_c_while_another_turn_is_spoken_ends_the_wait(db: str, slow: SlowModel, process: Any) -> None:
    first = process("ask", "Tell me a story about a fox", "--db", db, "--model", "openai:x")
    first.stdout.read(4)
    second = process("ask", "Hello", "--db", db, "--model", "offline")
    waiting, limit = psutil.Process(second.pid), time.monotonic() + 30
    while not any(file.path == db for file in waiting.open_files()) and time.monotonic() < limit:
        time.sleep(0.02)
    time.sleep(0.3)
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 130
    assert "Traceback" not in second.stderr.read()
    first.send_signal(signal.SIGINT)
    assert first.wait(30) == 130
    assert [e.content for e in events(db) if e.kind == "user_message"] == ["Tell me a story about a fox"]
