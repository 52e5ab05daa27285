"""`pmm work`, what `pmm status` says of thinking, and `pmm import --extract`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from slow_model import SlowModel

MODEL = ("--model", "openai:x")


def says(model: SlowModel, *words: str) -> None:
    model.words, model.pause, model.status = list(words), 0.0, 200


def fact(source: int, **more: Any) -> str:
    found = {"subject": "user", "relation": "lives in", "value": "Lyon", "source": source, "confidence": 0.7, "valid_from": None}
    return json.dumps({"facts": [found | more]})


def ask(pmm: Any, db: str, slow: SlowModel) -> None:
    says(slow, "I see.")
    assert pmm("ask", "Lyon, you know, is home to me.", "--db", db, *MODEL).exit_code == 0


def test_work_does_what_waits_and_says_what_it_did(pmm: Any, db: str, slow: SlowModel) -> None:
    ask(pmm, db, slow)
    says(slow, fact(2))
    done = pmm("work", "--db", db, *MODEL)
    assert done.exit_code == 0
    first, second = done.stdout.splitlines()
    assert first.endswith(" model_called") and second.endswith("fact_asserted  Lyon, you know, is home to me.")
    assert pmm("work", "--db", db, *MODEL).stdout == "nothing was to be done\n"


def test_work_as_json(pmm: Any, db: str, slow: SlowModel) -> None:
    ask(pmm, db, slow)
    says(slow, fact(2))
    told = json.loads(pmm("work", "--db", db, "--json", *MODEL).stdout)
    assert [event["kind"] for event in told["did"]] == ["model_called", "fact_asserted"]
    assert told["left"] == [] and told["tokens_today"] > 100


def test_what_fails_is_told_and_the_exit_code_says_so(pmm: Any, db: str, slow: SlowModel) -> None:
    ask(pmm, db, slow)
    slow.status = 400
    done = pmm("work", "--db", db, *MODEL)
    assert done.exit_code == 1 and "thinking failed 1 times: ModelRefused" in done.stderr and "model_called" in done.stdout
    shown = pmm("status", "--db", db)
    assert "thinking failed 1 times" in shown.stdout


def test_work_makes_no_mind(pmm: Any, db: str) -> None:
    done = pmm("work", "--db", db)
    assert done.exit_code == 1 and "there is no mind" in done.stderr and not Path(db).exists()


def test_status_shows_what_was_spent_today(pmm: Any, db: str, slow: SlowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(pmm, db, slow)
    says(slow, fact(2))
    pmm("work", "--db", db, *MODEL)
    told = json.loads(pmm("status", "--db", db, "--json").stdout)["tokens_today"]
    assert told["background"] > 0 and (told["background_cap"], told["foreground_cap"], told["stopped"]) == (200_000, None, False)
    assert f"{told['background']:,} of 200,000 behind them" in pmm("status", "--db", db).stdout
    monkeypatch.setenv("PMM_BACKGROUND_TOKENS_PER_DAY", "10")
    assert "background calls stopped until midnight" in pmm("status", "--db", db).stdout
    monkeypatch.setenv("PMM_BACKGROUND_TOKENS_PER_DAY", "0")
    assert "background calls are switched off" in pmm("status", "--db", db).stdout


def test_at_the_cap_work_says_that_it_waits_for_midnight(pmm: Any, db: str, slow: SlowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where something is left, but too little for a call."""
    monkeypatch.setenv("PMM_BACKGROUND_TOKENS_PER_DAY", "1000")
    ask(pmm, db, slow)
    done = pmm("work", "--db", db, *MODEL)
    assert done.exit_code == 1 and "until midnight" in done.stderr
    assert "background calls stopped until midnight" in pmm("status", "--db", db).stdout


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "talk.jsonl"
    turns = [{"speaker": "user", "text": "I live in Lyon, by the way.", "at": "2023-05-03T10:00:00Z"}, {"speaker": "Ben", "text": "Nice!"}]
    path.write_text("".join(json.dumps(turn) + "\n" for turn in turns))
    return path


def test_an_import_is_read_when_that_is_asked_for_and_agreed_to(pmm: Any, db: str, slow: SlowModel, transcript: Path) -> None:
    """What it takes is told before; no is no; read once, it isn't read again."""
    says(slow, fact(2))
    extract = ("import", str(transcript), "--db", db, "--extract", *MODEL)
    declined = pmm(*extract, input="n\n")
    assert declined.exit_code == 0 and not slow.asked.is_set()
    assert "to read: 2 messages, 1 call of openai:x, at most " in declined.stdout
    agreed = pmm(*extract, input="y\n")
    assert agreed.stdout.splitlines()[-1].endswith("1 fact found in 1 call")
    (listed,) = json.loads(pmm("facts", "list", "--db", db, "--json").stdout)
    assert (listed["value"], listed["origin"], listed["valid_from"]) == ("Lyon", "jsonl", "2023-05-03")
    again = pmm(*extract)
    assert "to read: 0 messages, 0 calls" in again.stdout and "0 facts found in 0 calls" in again.stdout


def test_an_import_is_never_read_by_itself(pmm: Any, db: str, slow: SlowModel, transcript: Path) -> None:
    assert pmm("import", str(transcript), "--db", db, "--model", "openai:x").exit_code == 0
    assert pmm("work", "--db", db, *MODEL).exit_code == 0
    assert not slow.asked.is_set()


def test_an_import_for_scripts_needs_a_yes_beforehand(pmm: Any, db: str, slow: SlowModel, transcript: Path) -> None:
    refused = pmm("import", str(transcript), "--db", db, "--extract", "--json", *MODEL)
    assert refused.exit_code == 2 and "--yes" in refused.stderr and not Path(db).exists()
    says(slow, "no JSON, sorry")
    done = pmm("import", str(transcript), "--db", db, "--extract", "--json", "--yes", *MODEL)
    assert json.loads(done.stdout)["read"] == {"calls": 1, "facts": 0, "unreadable": 1}


def test_a_model_that_can_not_read_is_told_after_the_import(pmm: Any, db: str, transcript: Path) -> None:
    done = pmm("import", str(transcript), "--db", db, "--extract", "--model", "offline")
    assert done.exit_code == 2 and done.stdout.startswith("2 messages") and "offline can't read transcripts" in done.stderr
