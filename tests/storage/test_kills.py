"""kill -9 at random points of appending: what was acknowledged is there, nothing is half there, the chain is whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pmm.storage.sqlite import open_log, verify_file

APPENDING = """
import random, sys
from pmm.events import ReplyEvent, UserMessage
from pmm.storage.sqlite import open_log
rng = random.Random(int(sys.argv[2]))
log = open_log(sys.argv[1])
print("ready", flush=True)
while True:
    size = rng.randint(1, 6)
    first = log.head[0] + 1
    text = f"{first} of {size} " + "x" * rng.randint(0, 9000)
    group = [UserMessage(content=text, source="cli", session=f"{first}/{size}", key=f"{first}")]
    group += [ReplyEvent(content="y" * rng.randint(0, 300), to=-1, route="model", model="m", finish="stop") for _ in range(size - 1)]
    stored = log.append(group)
    print(stored[0].id, len(stored), log.head[1].hex(), flush=True)
"""


def _kill_while_appending(path: Path, rng: random.Random) -> None:
    """One process appends acknowledged groups until it is killed; then everything acknowledged must be there, and nothing half."""
    process = subprocess.Popen([sys.executable, "-c", APPENDING, str(path), str(rng.random())[2:]], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    told = [process.stdout.readline() for _ in range(rng.randint(0, 5))]
    time.sleep(rng.uniform(0.0, 0.03))
    process.kill()
    out, _ = process.communicate()
    lines = [*told, *out.splitlines(keepends=True)]
    acknowledged = [line.split() for line in lines if line.endswith("\n")]
    verdict = verify_file(path)
    assert verdict.ok, verdict
    log = open_log(path, synchronous="OFF")
    try:
        assert log.head[0] == verdict.events
        rows = log.main.run("SELECT id, hash FROM events")
        hashes = {id: hash.hex() for id, hash in rows}
        last = 0
        for first, size, hash in acknowledged:
            last = int(first) + int(size) - 1
            assert hashes[last] == hash
        before = int(acknowledged[0][0]) - 1 if acknowledged else None
        id = 1
        groups_after = 0
        while id <= log.head[0]:
            event = log.get(id)
            assert event is not None and event.kind == "user_message"
            size = int(event.session.split("/")[1])  # type: ignore[attr-defined]
            members = [log.get(n) for n in range(id + 1, id + size)]
            assert all(m is not None and m.kind == "reply" and m.to == id for m in members), f"half a group at {id}"  # type: ignore[attr-defined]
            groups_after += before is not None and id > last
            id += size
        assert groups_after <= 1
    finally:
        log.close()


def test_nothing_acknowledged_is_lost_in_twenty_five_kills(tmp_path: Path) -> None:
    """On one file, again and again: each process goes on where the killed one left it."""
    rng = random.Random(25)
    for _ in range(25):
        _kill_while_appending(tmp_path / "mind.db", rng)
    assert verify_file(tmp_path / "mind.db").events > 25


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_in_three_hundred_kills(tmp_path: Path) -> None:
    """The same, three hundred times, on a fresh file every twenty-five."""
    rng = random.Random()
    for n in range(300):
        _kill_while_appending(tmp_path / f"{n // 25}.db", rng)
