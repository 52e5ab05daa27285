"""`pmm chat` fed through a pipe, as a script would."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from slow_model import SlowModel

from pmm import Mind


def talk(*lines: str, args: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """One real chat, each line a message."""
    command = [sys.executable, "-m", "pmm", "chat", *args]
    return subprocess.run(command, input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, timeout=30)


def test_a_first_chat_says_what_it_is_and_remembers_after_a_restart(db: str) -> None:
    first = talk("Hello, I'm Scott. I live in Lyon.", "", args=("--db", db))
    assert (first.returncode, first.stderr) == (0, "")
    head = first.stdout.splitlines()[:4]
    assert head[0] == f"A new mind in {db}"
    assert head[1].startswith("Model offline: there is no API key and no local server. Set OPENAI_API_KEY, start Ollama")
    assert head[2].startswith("No language model speaks here")
    assert "Scott" in first.stdout.split("\n\n")[1]
    assert "\x1b" not in first.stdout and "..." not in first.stdout
    second = talk("Where do I live?", args=("--db", db))
    assert "events" in second.stdout.splitlines()[0]
    assert "Lyon" in second.stdout.split("\n\n")[1]


@pytest.fixture
def chat(pmm: Any, db: str) -> Any:
    """A chat in this process; what it printed after the opening."""

    def run(*lines: str, code: int = 0, args: tuple[str, ...] = ()) -> Any:
        done = pmm("chat", "--db", db, *args, input="\n".join(lines) + "\n")
        assert done.exit_code == code, done.stderr
        return done.stdout.partition("\n\n")[2]

    return run


def test_slash_commands_show_the_mind(chat: Any) -> None:
    said = chat("I live in Lyon.", "Remind me to call Ana on Friday.", "From now on, answer in French.", "/commitments", "/directives")
    assert "call Ana (the mind’s, due 20" in said
    assert "answer in French" in said.rpartition("call Ana")[2]
    assert "  events " in chat("/status") and "  zone         UTC" in chat("/status")
    assert "I live in Lyon." in chat("/recall Lyon")
    assert "/private TEXT" in chat("/help") and "/model [NAME]" in chat("/?")


def test_why_gives_each_signals_share(chat: Any) -> None:
    said = chat("/why", "I live in Lyon.", "Where do I live?", "/why")
    assert said.startswith("Nothing has been said yet.")
    assert "I live in Lyon." in said.rpartition("[#")[2]
    assert " = words 0." in said and " + who 0.15" in said


def test_an_unknown_command_gets_its_nearest_and_is_not_said(chat: Any, db: str) -> None:
    said = chat("/comitments", "/zzz", "/etc/hosts is a file", " /zzz")
    assert "There is no /comitments. Did you mean /commitments? To send it as a message, begin with a space." in said
    assert "There is no /zzz. /help shows what there is." in said
    with Mind.open(db, model="offline") as mind:
        assert [e.content for e in mind.log.by_kind("user_message")] == ["/etc/hosts is a file", " /zzz"]


def test_private_leaves_no_trace(chat: Any, db: str) -> None:
    chat("I live in Lyon.")
    with Mind.open(db, model="offline") as mind:
        before = mind.log.head
    assert "Lyon" in chat("/private Where do I live?", "/private")
    with Mind.open(db, model="offline") as mind:
        assert mind.log.head == before


def test_quit_leaves_at_once(chat: Any, db: str) -> None:
    chat("Hello", "/quit", "never said")
    with Mind.open(db, model="offline") as mind:
        assert [e.content for e in mind.log.by_kind("user_message")] == ["Hello"]


def test_the_model_can_be_switched_and_a_wrong_name_changes_nothing(chat: Any, slow: SlowModel, db: str) -> None:
    slow.words, slow.pause = ["A fox ", "ran."], 0.0
    said = chat("/model", "/model offlin", "/model openai:x", "Tell me a story about a fox", "/model", code=1, args=("--model", "offline"))
    assert "offline speaks. /model NAME switches" in said
    assert "From now on openai:x speaks." in said and "A fox ran." in said and "openai:x speaks." in said
    with Mind.open(db, model="offline") as mind:
        assert [e.model for e in mind.log.by_kind("reply")] == ["openai:x"]


def test_a_failed_turn_is_told_and_the_chat_goes_on(pmm: Any, db: str, slow: SlowModel) -> None:
    slow.status = 401
    done = pmm("chat", "--db", db, "--model", "openai:x", input="Tell me a story about a fox\n/status\n")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert "  events " in done.stdout


def test_session_and_source_are_recorded(chat: Any, db: str, pmm: Any) -> None:
    chat("Hello", args=("--session", "work"))
    told = [json.loads(line) for line in pmm("events", "--db", db, "--kind", "user_message", "--json").stdout.splitlines()]
    assert [(e["session"], e["source"]) for e in told] == [("work", "cli")]
