"""The commands that look: status, events, show, recall, models, config, backup."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from slow_model import SlowModel

from pmm import Mind, Turn


@pytest.fixture
def mind(pmm: Any, db: str) -> str:
    """A mind with a little life."""
    with Mind.open(db, model="offline") as mind:
        mind.handle_user("Hello, I'm Scott.")
        mind.name_mind("Echo")
        mind.handle_user("I live in Lyon.")
        mind.commit("call Ana", owner="user", due="2030-03-06")
        mind.set_directive("Answer briefly.")
        mind.import_turns([Turn("Ana\x1b[31m", "Porto is lovely \x1b]0;owned\x07 in May", ref="D1:3")], origin="jsonl")
    return db


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_status_as_json(pmm: Any, mind: str) -> None:
    told = json.loads(pmm("status", "--db", mind, "--json").stdout)
    with Mind.open(mind, model="offline") as opened:
        assert (told["events"], told["head"]) == (opened.log.head[0], opened.view().head)
    assert (told["name"], told["user_name"], told["model"], told["zone"]) == ("Echo", "Scott", "offline", "UTC")
    assert (told["commitments_open"], told["directives"]) == (1, 1)
    assert told["size_bytes"] > 10_000
    assert {"name", "position", "pending", "failures", "error", "parked", "until"} == set(told["background"][0])


def test_status_asks_no_server(pmm: Any, mind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for settings, model in (
        ({"PMM_MODEL": "ollama:m"}, "ollama:m"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://192.0.2.1/v1"}, "openai:gpt-4o-mini"),
    ):
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            assert json.loads(pmm("status", "--db", mind, "--json").stdout)["model"] == model


def test_status_for_people(pmm: Any, mind: str) -> None:
    shown = pmm("status", "--db", mind).stdout
    assert shown.startswith("Echo\n")
    assert "1 open commitment\n" in shown and "1 rule\n" in shown and "up to date" in shown


def test_events_last_twenty_in_a_table_and_all_as_json(pmm: Any, db: str) -> None:
    with Mind.open(db, model="offline") as opened:
        for n in range(30):
            opened.set_directive(f"Rule number {n}.")
    shown = pmm("events", "--db", db).stdout.splitlines()
    assert len(shown) == 21 and shown[0].split() == ["id", "when", "kind", "what"]
    assert shown[-1].endswith("directive_set        Rule number 29.")
    told = lines(pmm("events", "--db", db, "--json").stdout)
    assert [event["id"] for event in told] == list(range(1, 32))
    assert list(told[1]) == ["id", "ts", "kind", "content", "scope", "source", "key"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", told[1]["ts"])


def test_events_chosen(pmm: Any, mind: str) -> None:
    def ids(*args: str) -> list[int]:
        return [event["id"] for event in lines(pmm("events", "--db", mind, "--json", *args).stdout)]

    every = ids()
    assert ids("--since", "3") == every[3:]
    assert ids("--since", "3", "--limit", "2") == every[3:5]
    assert ids("--limit", "2") == every[-2:]
    replies = ids("--kind", "reply")
    assert len(replies) == 2 and ids("--kind", "reply", "--limit", "1") == replies[-1:]
    assert ids("--kind", "reply", "--since", str(replies[0])) == replies[1:]
    assert sorted(replies + ids("--kind", "user_message")) == ids("--kind", "reply", "--kind", "user_message")
    wrong = pmm("events", "--db", mind, "--kind", "replys")
    assert wrong.exit_code == 2 and wrong.stderr.endswith("hint: Did you mean reply?\n")


def test_events_in_pages_lose_none(pmm: Any, db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmm.cli.events.PAGE", 3)
    with Mind.open(db, model="offline") as opened:
        for n in range(7):
            opened.set_directive(f"Rule number {n}.")
    for args, count in (([], 8), (["--since", "1", "--limit", "5"], 5), (["--kind", "directive_set", "--since", "0"], 7)):
        assert len(lines(pmm("events", "--db", db, "--json", *args).stdout)) == count


def test_events_follow_what_happens_until_ctrl_c(mind: str, process: Any) -> None:
    following = process("events", "--db", mind, "--follow", "--limit", "1", "--json")
    last = json.loads(following.stdout.readline())
    with Mind.open(mind, model="offline") as opened:
        opened.set_directive("Another rule.")
    new = json.loads(following.stdout.readline())
    assert new["id"] == last["id"] + 1 and new["content"] == "Another rule."
    following.send_signal(signal.SIGINT)
    out, errors = following.communicate(timeout=60)
    assert (following.returncode, out, errors) == (0, "", "")


def test_imported_text_can_not_steer_the_terminal(pmm: Any, mind: str) -> None:
    last = json.loads(pmm("status", "--db", mind, "--json").stdout)["head"]
    for args in (["events"], ["recall", "Porto"], ["show", str(last)], ["events", "--json"], ["show", str(last), "--json"]):
        shown = pmm(*args, "--db", mind).stdout
        assert "Porto" in shown
        assert "\x1b" not in shown and "\x07" not in shown


def test_show_an_event_and_what_it_refers_to(pmm: Any, mind: str) -> None:
    reply = lines(pmm("events", "--db", mind, "--json", "--kind", "reply").stdout)[0]
    told = json.loads(pmm("show", f"#{reply['id']}", "--db", mind, "--json").stdout)
    (before,) = told.pop("refers_to")
    assert told == reply
    assert (before["id"], before["content"]) == (reply["to"], "Hello, I'm Scott.")
    shown = pmm("show", str(reply["id"]), "--db", mind).stdout
    assert shown.startswith(f"#{reply['id']} reply") and f"refers to #{reply['to']} user_message: Hello, I'm Scott." in shown
    assert reply["content"].splitlines()[0] in shown


def test_show_what_is_not_there_is_1(pmm: Any, mind: str) -> None:
    done = pmm("show", "9999", "--db", mind)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: there is no event 9999.\nhint: The last one is ")


def test_recall_as_json_and_as_of_then(pmm: Any, mind: str) -> None:
    def recalled(*args: str) -> list[dict[str, Any]]:
        return list(json.loads(pmm("recall", "Lyon", "--db", mind, "--json", *args).stdout))

    found = recalled("--k", "1")
    assert [list(one) for one in found] == [["id", "ref", "text", "at", "who", "origin", "score", "why"]]
    assert found[0]["text"] == "I live in Lyon." and found[0]["who"] == "user"
    assert recalled("--at", str(found[0]["id"] - 1)) == []
    assert recalled("--at", "2001-01-01") == [] and recalled("--at", "2001-01-01T10:00:00+02:00") == []
    assert recalled("--at", "2999-01-01", "--k", "1") == found
    assert pmm("recall", "Lyon", "--db", mind, "--at", "soon").exit_code == 2


def test_recall_for_people(pmm: Any, mind: str) -> None:
    shown = pmm("recall", "Porto", "--db", mind).stdout
    assert "jsonl D1:3" in shown and "Ana␛[31m" in shown and " + words " in shown
    assert pmm("recall", "zebra", "--db", mind).stdout == "Nothing was found.\n"


def test_models_lists_what_is_here(pmm: Any, slow: SlowModel) -> None:
    told = json.loads(pmm("models", "--json").stdout)
    assert [list(row) for row in told] == [["name", "where", "note"]] * len(told)
    assert {"offline", "openai:x", "openai:y"} <= {row["name"] for row in told}
    shown = pmm("models").stdout
    assert shown.splitlines()[-1].startswith("openai:x would speak: a server answers at http://127.0.0.1:")


def test_config_says_where_each_setting_comes_from(pmm: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "config" / "pmm" / "config.toml"
    assert pmm("config", "path").stdout == f"{file}\n"
    file.parent.mkdir(parents=True)
    file.write_text('recall_k = 5\nopenai_base_url = "http://me:hunter2@127.0.0.1/v1"\n')
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PMM_MODEL", "offline")
    told = {row["name"]: (row["value"], row["origin"]) for row in json.loads(pmm("config", "--json").stdout)}
    assert told["recall_k"] == (5, str(file))
    assert told["model"] == ("offline", "environment")
    assert told["openai_api_key"] == ("********", "environment")
    assert told["turn_wait_s"] == (30.0, "default")
    shown = pmm("config").stdout
    assert "sk-secret" not in shown and "hunter2" not in shown and "127.0.0.1/v1" in shown


def test_backup_is_whole_and_never_overwrites(pmm: Any, mind: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert pmm("backup", str(target), "--db", mind).stdout.startswith(f"{target}: ")
    assert pmm("verify", "--db", str(target)).exit_code == 0
    again = pmm("backup", str(target), "--db", mind)
    assert again.exit_code == 2 and "exists already" in again.stderr


LOOKS = """status; mind; events; show 2; why 2; recall Porto; graph Porto; at 2; trace; profile; alerts; zone; policy; commitments; facts;
directives; reflections; verify; doctor; export; sql SELECT(1)"""


def test_a_mind_that_can_not_be_written_is_looked_at_in_a_copy(pmm: Any, mind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file and its folder stay as they are."""
    before, folder = Path(mind).read_bytes(), sorted(Path(mind).parent.iterdir())
    monkeypatch.setattr("pmm.cli.minds.os.access", lambda place, how: how != os.W_OK)
    for command in LOOKS.split(";"):
        done = pmm(*command.split(), "--db", mind)
        assert done.exit_code == 0, (command, done.stderr)
        assert "verify" in command or done.stderr == f"{mind} can't be written; this is a copy of it.\n"
    assert Path(mind).read_bytes() == before and sorted(Path(mind).parent.iterdir()) == folder


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_what_would_change_a_mind_that_can_not_be_written_says_so(pmm: Any, mind: str) -> None:
    Path(mind).chmod(0o400)
    assert "Porto" in pmm("recall", "Porto", "--db", mind).stdout
    done = pmm("facts", "add", "user", "likes", "tea", "--db", mind)
    assert (done.exit_code, done.stderr) == (1, f"error: {mind} can't be written.\nhint: Check its permissions.\n")


def test_missing_weights_hinder_nobody_from_looking(pmm: Any, mind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_EMBEDDER", f"minilm:{tmp_path / 'nowhere'}")
    done = pmm("recall", "Porto", "--db", mind)
    assert done.exit_code == 0 and "Porto" in done.stdout
    assert done.stderr == f"MiniLM's weights are not in {tmp_path / 'nowhere'}. Recall goes by words.\n"
    assert pmm("ask", "Hello", "--db", mind).exit_code == 1
