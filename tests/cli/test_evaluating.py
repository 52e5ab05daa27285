"""`pmm eval` and `pmm rebuild`, as a person sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind
from pmm.storage.sqlite import open_log

LINES = [
    {"id": "m1", "speaker": "user", "text": "My boat is called Dora."},
    {"id": "m2", "speaker": "user", "text": "It rains."},
    {"question": "What is my boat called?", "evidence": ["m1"], "category": "names"},
]


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)))
    return str(path)


def test_eval_prints_a_table_and_writes_what_a_later_run_compares_with(pmm: Callable[..., Any], mine: str, tmp_path: Path) -> None:
    kept = str(tmp_path / "before.json")
    done = pmm("eval", "jsonl", mine, "--json", kept)
    assert done.exit_code == 0
    assert "names" in done.stdout and "100.0" in done.stdout and "2 messages" in done.stdout
    told = json.loads(Path(kept).read_text())
    told["scores"][0]["recall"] = 40.0
    Path(kept).write_text(json.dumps(told))
    assert "+60.0" in pmm("eval", "jsonl", mine, "--compare", kept).stdout


def test_eval_shows_what_each_signal_is_worth(pmm: Callable[..., Any], mine: str) -> None:
    done = pmm("eval", "jsonl", mine, "--ablate", "--without", "recent")
    assert "without" in done.stdout and "kinds" in done.stdout
    assert "\nrecent" not in done.stdout


def test_eval_shows_what_smaller_prompts_lose(pmm: Callable[..., Any], tmp_path: Path) -> None:
    """A long message is recalled in full, and shown only where there is room for it."""
    path = tmp_path / "long.jsonl"
    told = [{"id": "m1", "speaker": "user", "text": "My boat is called Dora. " + "It has sails and oars. " * 20}, *LINES[1:]]
    path.write_text("\n".join(map(json.dumps, told)))
    done = pmm("eval", "context", str(path))
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("8 ")]
    assert [(row[1], row[2]) for row in rows] == [(str(size), "100.0") for size in (100, 200, 300, 400, 800, 1600)]
    assert (rows[0][3], rows[-1][3]) == ("0.0", "100.0")
    assert "70%" in done.stdout


def test_eval_context_tells_by_its_looks_what_a_file_holds(tmp_path: Path) -> None:
    from pmm.importers.questions import dataset_of

    for name, text, dataset in (("a.jsonl", "", "jsonl"), ("b.json", '{"chat": []}', "beam"), ("c.json", "[{}]", "locomo")):
        (tmp_path / name).write_text(text)
        assert dataset_of(tmp_path / name) == dataset
    assert dataset_of(tmp_path) == "jsonl"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing", "{mine}"),
        ("jsonl", "{mine}", "--without", "luck"),
        ("jsonl", "{mine}", "--compare", "{mine}"),
        ("jsonl", "{mine}", "--compare", "/nowhere.json"),
    ],
)
def test_eval_asked_wrongly_says_so_in_one_line(pmm: Callable[..., Any], mine: str, arguments: tuple[str, ...]) -> None:
    done = pmm("eval", *(argument.format(mine=mine) for argument in arguments))
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")


def test_eval_of_a_file_without_questions_says_so(pmm: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text(json.dumps(LINES[0]))
    done = pmm("eval", "jsonl", str(path))
    assert done.exit_code == 2
    assert "asks nothing" in done.stderr


def test_rebuild_makes_anew_what_is_not_the_log(pmm: Callable[..., Any], db: str) -> None:
    with Mind.open(db, model="offline") as mind:
        mind.handle_user("My boat is called Dora.")
        before, found = mind.view().digest(), [m.text for m in mind.recall("boat")]
        head = mind.log.head
    log = open_log(db)
    log.main.run("UPDATE words SET docs = 99")
    log.main.run("UPDATE docs SET words = ' garbage '")
    log.close()
    done = pmm("rebuild", "--db", db)
    assert (done.exit_code, done.stdout) == (0, f"rebuilt from {head[0]} events\n")
    with Mind.open(db, model="offline") as mind:
        assert mind.log.head == head
        assert mind.view().digest() == before
        assert [m.text for m in mind.recall("boat")] == found
        assert all(finding.ok for finding in mind.doctor())
    assert json.loads(pmm("rebuild", "--db", db, "--json").stdout) == {"events": head[0]}


def test_rebuild_of_no_mind_creates_none(pmm: Callable[..., Any], db: str) -> None:
    assert pmm("rebuild", "--db", db).exit_code == 1
    assert not Path(db).exists()


def test_recall_takes_filters(pmm: Callable[..., Any], db: str) -> None:
    with Mind.open(db, model="offline") as mind:
        mind.handle_user("My boat is called Dora.")
    who = lambda *more: {m["who"] for m in json.loads(pmm("recall", "boat Dora", "--db", db, "--json", *more).stdout)}
    assert who("--who", "user") == who("--kind", "user_message") == {"user"}
    assert who("--until", "2001-01-01") == who("--session", "other") == set()
    assert "user" in who("--since", "2001-01-01", "--session", "main")
    for wrong in (("--kind", "luck"), ("--since", "soon")):
        done = pmm("recall", "boat", "--db", db, *wrong)
        assert (done.exit_code, done.stderr[:7]) == (2, "error: ")
