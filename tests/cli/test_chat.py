"""`pmm chat` fed through a pipe, as a script would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slow_model import SlowModel

from pmm import Mind


def talk(*lines: str, args: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """One real chat, each line a message."""
    command = [sys.executable, "-m", "pmm", "chat", *args]
    return subprocess.run(command, input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, timeout=60)


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
    said = chat("/why", "Ana told me that the heron stood by the pond.", "What did Ana say about the heron?", "/why")
    assert said.startswith("Nothing has been said yet.")
    assert "the heron stood by the pond." in said.rpartition("[#")[2]
    assert re.search(r"\d\.\d+ = \w+ 0\.\d+ \+ ", said)


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


def test_nothing_of_what_was_said_in_private_is_in_any_file(chat: Any, db: str, home: Path) -> None:
    chat("I live in Lyon.", "/private My xylophone is hidden in Quetzaltenango.", "/private Where is my xylophone?")
    for path in [*Path(db).parent.glob("echo.db*"), *home.rglob("*")]:
        if path.is_file():
            held = path.read_bytes().lower()
            assert b"xylophone" not in held and b"quetzal" not in held, path
    assert b"Lyon" in Path(db).read_bytes()


def test_undo_takes_back_and_says_that_the_messages_stay(chat: Any, db: str) -> None:
    said = chat("/undo", "Your name is Echo. From now on, answer in French.", "/undo", "/undo", "/help")
    assert said.startswith("  The last turn asserted nothing that still holds.")
    assert "no longer a rule: answer in French" in said and "the mind’s name is not known any more" in said
    assert said.count("asserted nothing") == 2
    assert "the messages stay in the log" in said
    with Mind.open(db, model="offline") as mind:
        assert mind.view().directives.active == () and len(mind.log.by_kind("user_message")) == 1


def test_the_zone_is_shown_and_changed(chat: Any, db: str) -> None:
    said = chat("/zone", "/zone Asia/Kathmandu", "/zone Mars/Olympus", code=1)
    assert said.startswith("  UTC (it is ") and "  Asia/Kathmandu (it is " in said
    with Mind.open(db, model="offline") as mind:
        assert mind.view().identity.zone == "Asia/Kathmandu"


def test_the_last_events_can_be_looked_at(chat: Any) -> None:
    said = chat("/zone Asia/Kathmandu", "/events 1", "/events")
    assert said.count("timezone_changed") == 2 and said.count("mind_created") == 1
    assert chat("/events all", code=1) == "\n"


def test_the_trace_of_the_last_turn_can_be_looked_at(chat: Any) -> None:
    said = chat("/trace", "The heron stood by the pond.", "/trace")
    assert said.startswith("No turn has left a trace here yet.")
    assert "route: " in said and "took " in said.rpartition("route: ")[2]


def test_what_repeats_is_told_in_words(chat: Any) -> None:
    assert "every Monday" in chat("Remind me to file the report every Monday.", "/commitments")


def test_what_falls_due_is_printed_between_the_lines_of_a_pipe(
    db: str, process: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMM_HEARTBEAT_S", "0.05")
    talking = process("chat", "--db", db, "--model", "offline", stdin=subprocess.PIPE)
    assert talking.stdin is not None and talking.stdout is not None
    while talking.stdout.readline() != "\n":
        pass
    with Mind.open(db, model="offline") as mind:
        mind.commit("call Ana", due=datetime.now(UTC) - timedelta(seconds=1))
        mind.tick()
    lines: list[str] = []
    while not any(line.startswith("Reminder: call Ana (#2, due ") for line in lines):
        talking.stdin.write("/zone\n")
        talking.stdin.flush()
        lines += [talking.stdout.readline(), talking.stdout.readline()]
        time.sleep(0.02)
        assert len(lines) < 10_000
    rest, _ = talking.communicate()
    assert "Reminder" not in rest and talking.returncode == 0


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
