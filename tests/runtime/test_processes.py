"""Several processes on one file: nothing lost, no fork, no double terminal; and kills in the middle of a turn."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pmm import Mind
from pmm.testing import ScriptedModel

CHAT = """
import sys
from pmm import Mind
from pmm.testing import ScriptedModel
path, name, turns = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Mind.open(path, model=ScriptedModel(["Yes, of course."]), settings={"turn_wait_s": 60}) as mind:
    print("ready", flush=True)
    for n in range(turns):
        reply = mind.handle_user(f"{name} says number {n} of many", session=name)
        print(reply.user_event, reply.reply_event, flush=True)
"""

SCRIPT = """
import sys
from pmm import Mind, Turn
path, turns = sys.argv[1], int(sys.argv[2])
with Mind.open(path, model="offline") as mind:
    print("ready", flush=True)
    for n in range(turns):
        print(mind.commit(f"do thing {n}"), flush=True)
        mind.import_turns([Turn("Ana", f"line {n}", session="s")], origin=f"script {n}")
        mind.set_directive("Always be brief")
"""


def start(code: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.split("\n")[1:-1]


def check_whole(path: Path) -> list[int]:
    """The chain holds and every message has exactly one terminal. Returns the ids of the messages."""
    with Mind.open(path, model=ScriptedModel(["Fine."])) as mind:
        assert mind.log.verify().ok
        mind.handle_user("is everybody there?")
        ids = [e.id for e in mind.log.scan() if e.kind == "user_message"]
        ends = [e.to for e in mind.log.scan() if e.kind in ("reply", "turn_failed")]
        assert sorted(ends) == ids
        return ids


def test_two_chats_and_a_script_share_one_mind(tmp_path: Path) -> None:
    path = tmp_path / "mind.db"
    Mind.open(path, model="offline").close()
    ones = [start(CHAT, path, "one", 12), start(CHAT, path, "two", 12)]
    script = start(SCRIPT, path, 12)
    turns = [line.split() for process in ones for line in said(process)]
    cids = said(script)
    assert len(turns) == 24
    assert len(set(cids)) == 12
    ids = check_whole(path)
    assert {int(user) for user, _ in turns} <= set(ids)
    with Mind.open(path, model="offline") as mind:
        view = mind.view()
        assert len(view.commitments.open) == 12
        assert [d.text for d in view.directives.active] == ["Always be brief"]
        assert len(list(mind.log.by_kind("message_imported"))) == 12
        for user, reply in turns:
            assert mind.log.get(int(reply)).to == int(user)  # type: ignore[union-attr]


def killed_in_turns(path: Path, kills: int, seed: int) -> None:
    """Kill a chatting process at random moments; each time, all it acknowledged is there and the next turn goes on at once."""
    rng = random.Random(seed)
    acknowledged: set[int] = set()
    for _ in range(kills):
        process = start(CHAT, path, f"chat {rng.randint(1, 3)}", 100_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        told = [process.stdout.readline() for _ in range(rng.randint(0, 6))]
        time.sleep(rng.uniform(0, 0.02))
        process.kill()
        rest = [*told, *process.stdout.read().split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        for line in rest:
            acknowledged.update(map(int, line.split()))
        with Mind.open(path, model=ScriptedModel(["Fine."]), settings={"turn_wait_s": 0}) as mind:
            mind.handle_user("still with me, after that?")
    with Mind.open(path, model="offline") as mind:
        assert all(mind.log.get(id) is not None for id in acknowledged)
        assert len(acknowledged) > kills
    check_whole(path)


def test_kill_in_a_turn_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    killed_in_turns(tmp_path / "mind.db", 12, seed=1)


@pytest.mark.slow
def test_300_kills_in_turns_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    killed_in_turns(tmp_path / "mind.db", 300, seed=2)


def test_a_message_left_by_a_dead_process_is_healed_by_another_in_another_session(tmp_path: Path) -> None:
    code = """
import os, sys
from pmm import Mind
from pmm.testing import ScriptedModel
mind = Mind.open(sys.argv[1], model=ScriptedModel([["One ", "two"]]))
stream = mind.handle_user_streaming("count for me, please", session="dead")
next(stream)
os._exit(9)
"""
    path = tmp_path / "mind.db"
    assert subprocess.run([sys.executable, "-c", code, str(path)], timeout=60).returncode == 9
    with Mind.open(path, model=ScriptedModel(["Here."]), settings={"turn_wait_s": 0.5}) as mind:
        assert mind.log.tail(1)[0].kind == "user_message"
        assert mind.handle_user("who is there?", session="alive").text == "Here."
        failed = mind.log.by_kind("turn_failed")
        assert [(f.to, f.reason) for f in failed] == [(2, "stopped")]


def test_closing_with_nothing_pending_is_quick(tmp_path: Path) -> None:
    took = []
    for n in range(5):
        mind = Mind.open(tmp_path / "mind.db", model=ScriptedModel(["Fine."]))
        mind.handle_user(f"turn {n} and then goodbye")
        assert mind.wait_idle(30)
        began = time.perf_counter()
        mind.close()
        took.append(time.perf_counter() - began)
    assert min(took) < 1  # 50 ms on a quiet machine, see benchmarks; one that waited for its threads in vain would take 2 s


def test_a_closed_mind_is_one_file_that_can_be_copied(tmp_path: Path) -> None:
    import shutil

    with Mind.open(tmp_path / "a.db", model=ScriptedModel(["Fine."])) as mind:
        mind.handle_user("The owl is called Archimedes")
    assert {p.name for p in tmp_path.iterdir()} <= {"a.db", "a.db.turn.lock", "a.db.worker.lock"}
    shutil.copy(tmp_path / "a.db", tmp_path / "b.db")
    with Mind.open(tmp_path / "b.db", model="offline") as mind:
        assert "Archimedes" in mind.handle_user("What is the owl called?").text


def test_a_backup_of_an_open_mind_is_whole(tmp_path: Path) -> None:
    from pmm import InvalidInput

    with Mind.open(tmp_path / "a.db", model=ScriptedModel(["Fine."])) as mind:
        mind.handle_user("The owl is called Archimedes")
        mind.backup(tmp_path / "b.db")
        mind.handle_user("and the crow is called Edgar")
        with pytest.raises(InvalidInput):
            mind.backup(tmp_path / "b.db")
    with Mind.open(tmp_path / "b.db", model="offline") as mind:
        assert mind.log.verify().ok
        assert "Archimedes" in mind.handle_user("What is the owl called?").text
        assert not mind.recall("crow Edgar")
