"""`pmm import`: transcripts into a mind, once each, stopped and gone on with."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "talk.jsonl"
    turns = [
        {"speaker": "Ana", "text": "I moved to Porto.", "session": "s1", "at": "2023-05-03T10:00:00Z"},
        {"speaker": "Ben", "text": "How is it there?", "session": "s1"},
        {"speaker": "Ana", "text": "I have a cat now.", "session": "s2"},
    ]
    path.write_text("".join(json.dumps(turn) + "\n" for turn in turns) + "this line is broken\n")
    return path


def test_importing_twice_adds_nothing(pmm: Any, db: str, transcript: Path) -> None:
    first = pmm("import", str(transcript), "--db", db)
    assert first.exit_code == 0
    shown = first.stdout.splitlines()
    assert shown[0] == "3 messages (jsonl): 3 added, 0 known already, 1 skipped"
    assert shown[1].startswith("  skipped line 4: ")
    told = json.loads(pmm("import", str(transcript), "--db", db, "--json").stdout)
    assert (told["added"], told["known"], told["skipped"], told["stopped"]) == (0, 3, 1, False)
    assert pmm("recall", "Porto", "--db", db, "--k", "1").stdout.splitlines()[0].startswith("#2 2023-05-03 10:00, Ana")


def test_one_conversation_only(pmm: Any, db: str, transcript: Path) -> None:
    listed = json.loads(pmm("import", str(transcript), "--list", "--json").stdout)
    assert [one["id"] for one in listed] == ["s1", "s2"]
    assert pmm("import", str(transcript), "--list").stdout.splitlines()[0].split() == ["id", "title"]
    assert not Path(db).exists()
    assert json.loads(pmm("import", str(transcript), "--only", "s2", "--db", db, "--json").stdout)["added"] == 1
    wrong = pmm("import", str(transcript), "--only", "s3", "--db", db)
    assert wrong.exit_code == 1 and "no conversation 's3'" in wrong.stderr


def test_what_is_no_transcript_makes_no_mind(pmm: Any, db: str, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("dear diary\n")
    for args in ([str(other)], [str(tmp_path / "missing.json")], [str(other), "--format", "jsonll"]):
        done = pmm("import", *args, "--db", db)
        assert done.exit_code == 1 and done.stderr.startswith("error: ") and "hint: " in done.stderr
    assert not Path(db).exists()


def test_what_came_before_the_file_breaks_off_is_kept(pmm: Any, db: str, tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    part = {"uuid": "u1", "name": "One", "chat_messages": [{"uuid": "m1", "sender": "human", "text": "I moved to Porto."}]}
    path.write_text("[" + json.dumps(part) + "," + json.dumps(part | {"uuid": "u2"})[:-20])
    done = pmm("import", str(path), "--db", db)
    assert done.exit_code == 1
    assert done.stdout.startswith("1 message (claude): 1 added") and done.stderr.startswith("error: ")


def test_ctrl_c_keeps_what_was_done_and_it_goes_on_from_there(pmm: Any, db: str, tmp_path: Path, process: Any) -> None:
    path, count = tmp_path / "long.jsonl", 12_000
    path.write_text("".join(json.dumps({"speaker": "Ana", "text": f"Message number {n}.", "session": "s"}) + "\n" for n in range(count)))
    importing = process("import", str(path), "--db", db, "--json")
    limit = time.monotonic() + 60
    wal = Path(db + "-wal")
    while not (wal.exists() and wal.stat().st_size > 300_000) and time.monotonic() < limit:
        time.sleep(0.005)
    importing.send_signal(signal.SIGINT)
    out, errors = importing.communicate(timeout=60)
    assert importing.returncode == 130, errors
    assert errors == "stopped; what was imported is kept. Run it again to go on.\n"
    first = json.loads(out)
    assert first["stopped"] and 0 < first["added"] < count
    second = json.loads(pmm("import", str(path), "--db", db, "--json").stdout)
    assert (second["added"], second["known"]) == (count - first["added"], first["added"])
