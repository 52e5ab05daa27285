"""The commands that explain and prove: why, at, export, doctor."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind, Turn
from pmm.runtime.export import verify_export


@pytest.fixture
def mind(pmm: Any, db: str) -> str:
    with Mind.open(db, model="offline") as mind:
        mind.handle_user("Hello, I'm Scott. Your name is Echo.")
        mind.handle_user("I live in Lyon.")
        mind.handle_user("Where in Lyon do I live?")
        mind.commit("call Ana \x1b[31m", owner="user", due="2030-03-06")
        mind.set_directive("Answer briefly.")
        mind.import_turns([Turn("Ana\x1b[31m", "Porto \x1b]0;owned\x07 in May")], origin="jsonl")
    return db


def ids(db: str, kind: str) -> list[int]:
    with Mind.open(db, model="offline") as mind:
        return [event.id for event in mind.log.by_kind(kind)]


# -- why -----------------------------------------------------------------------------------------------------------------------------


def test_why_a_name_as_a_tree(pmm: Any, mind: str) -> None:
    shown = pmm("why", "name", "--db", mind).stdout.splitlines()
    assert len(shown) == 2
    assert "name_adopted" in shown[0] and "name Echo" in shown[0]
    assert shown[1].startswith("└─ because of: #2 user_message, 20") and shown[1].endswith("Hello, I'm Scott. Your name is Echo.")


def test_why_a_reply_shows_what_was_recalled_with_scores(pmm: Any, mind: str) -> None:
    shown = pmm("why", f"#{ids(mind, 'reply')[-1]}", "--db", mind).stdout.splitlines()
    assert shown[1].startswith("├─ answers: #") and shown[2].startswith("└─ was shown: #") and " memories, " in shown[2]
    assert shown[3].startswith("   ├─ recalled ") and shown[3].endswith("I live in Lyon.")


def test_why_as_json(pmm: Any, mind: str) -> None:
    (cid,) = ids(mind, "commitment_opened")
    told = json.loads(pmm("why", f"commitment:{cid}", "--db", mind, "--json").stdout)
    assert list(told) == ["relation", "score", "event", "left_out", "note", "children"]
    assert told["event"]["id"] == cid and told["event"]["due"]["date"] == "2030-03-06"


def test_why_of_nothing_is_2(pmm: Any, mind: str) -> None:
    for what in ("9999", "soon", "commitment:2"):
        done = pmm("why", what, "--db", mind)
        assert (done.exit_code, done.stdout) == (2, "") and "hint: " in done.stderr


# -- at ------------------------------------------------------------------------------------------------------------------------------


def test_at_an_event_the_mind_is_what_it_was(pmm: Any, mind: str) -> None:
    (named,) = (n for n in ids(mind, "name_adopted") if "mind" in pmm("show", str(n), "--db", mind).stdout)
    assert json.loads(pmm("at", str(named - 1), "--db", mind, "--json").stdout)["name"] is None
    told = json.loads(pmm("at", f"#{named}", "--db", mind, "--json").stdout)
    assert (told["name"], told["events"], told["commitments"], told["directives"]) == ("Echo", named, [], [])
    now = json.loads(pmm("at", "2999-01-01", "--db", mind, "--json").stdout)
    assert [c["due"] for c in now["commitments"]] == ["2030-03-06"] and [d["text"] for d in now["directives"]] == ["Answer briefly."]


def test_at_for_people(pmm: Any, mind: str) -> None:
    shown = pmm("at", "2999-01-01", "--db", mind).stdout
    assert shown.startswith("Echo\n") and "call Ana" in shown and "(yours, due 2030-03-06)" in shown and "Answer briefly." in shown
    assert pmm("at", "2001-01-01", "--db", mind).stdout == "Nothing had happened yet.\n"
    assert pmm("at", "soon", "--db", mind).exit_code == 2


# -- export --------------------------------------------------------------------------------------------------------------------------


def test_export_to_a_pipe_and_to_a_file_are_the_same_and_verify(pmm: Any, mind: str, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    done = pmm("export", "--db", mind, "--output", str(file))
    assert (done.exit_code, done.stdout) == (0, "") and done.stderr.startswith(f"{file}: ")
    text = file.read_text(encoding="utf-8")
    assert text == pmm("export", "--jsonl", "--db", mind).stdout
    assert verify_export(text.splitlines(keepends=True)).ok
    assert file.stat().st_mode & 0o077 == 0
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


def test_export_never_overwrites(pmm: Any, mind: str, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("mine")
    done = pmm("export", "--db", mind, "--output", str(file))
    assert done.exit_code == 2 and "exists already" in done.stderr and file.read_text() == "mine"
    done = pmm("export", "--db", mind, "--output", str(tmp_path / "no" / "log.jsonl"))
    assert done.exit_code == 1 and "can't be written" in done.stderr


def test_export_of_a_part_and_as_a_transcript(pmm: Any, mind: str) -> None:
    part = pmm("export", "--since", "3", "--db", mind).stdout.splitlines(keepends=True)
    assert json.loads(part[0])["id"] == 4 and verify_export(part, since=3).ok
    shown = pmm("export", "--markdown", "--db", mind).stdout
    assert shown.startswith("# A transcript of Echo\n") and "> I live in Lyon.\n" in shown
    assert pmm("export", "--since", "999", "--db", mind).exit_code == 2
    assert pmm("export", "--jsonl", "--markdown", "--db", mind).exit_code == 2


# -- doctor --------------------------------------------------------------------------------------------------------------------------


def test_doctor_finds_a_whole_mind_whole(pmm: Any, mind: str) -> None:
    done = pmm("doctor", "--db", mind)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0 and len(lines) == 13 and all(line.startswith("ok ") for line in lines)
    told = json.loads(pmm("doctor", "--db", mind, "--json").stdout)
    assert all(list(row) == ["check", "ok", "detail"] and row["ok"] is True for row in told)
    head = json.loads(pmm("status", "--db", mind, "--json").stdout)["head"]
    assert lines[0] == f"ok   chain        all {head} events"
    assert told[0]["detail"] == f"0 new events; an earlier check found the {head} before them whole"
    assert pmm("doctor", "--full", "--db", mind).stdout.splitlines() == lines


def test_doctor_names_what_is_broken_in_a_damaged_copy(pmm: Any, mind: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    pmm("backup", str(copy), "--db", mind)
    with closing(sqlite3.connect(copy)) as raw, raw:
        raw.execute("DROP TRIGGER events_no_update")
        raw.execute("UPDATE events SET content = 'I live in Oslo.' WHERE content = 'I live in Lyon.'")
        raw.execute("UPDATE words SET docs = docs + 1 WHERE word = '#docs'")
    done = pmm("doctor", "--db", str(copy))
    assert done.exit_code == 1
    broken = ["chain", "projections", "index"]  # the snapshot remembers what was said
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("BAD")] == broken
    assert "was changed" in done.stdout
    assert [row["check"] for row in json.loads(pmm("doctor", "--db", str(copy), "--json").stdout) if not row["ok"]] == broken


def test_doctor_of_no_mind_is_2(pmm: Any, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello " * 500)
    for name in ("none.db", "text.db"):
        done = pmm("doctor", "--db", str(tmp_path / name))
        assert (done.exit_code, done.stdout) == (2, "") and done.stderr.startswith("error: ")
    assert not (tmp_path / "none.db").exists()


def test_what_explains_can_not_steer_the_terminal(pmm: Any, mind: str) -> None:
    (cid,), (imported,) = ids(mind, "commitment_opened"), ids(mind, "message_imported")
    asked = (["why", f"commitment:{cid}"], ["why", str(imported)], ["at", "2999-01-01"], ["export"], ["export", "--markdown"])
    for args in asked:
        for more in ([], ["--json"]) if args[0] != "export" else ([],):
            shown = pmm(*args, *more, "--db", mind).stdout
            assert shown and "\x1b" not in shown and "\x07" not in shown
