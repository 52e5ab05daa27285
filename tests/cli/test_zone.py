"""`pmm zone` and `pmm undo`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pmm import Mind


@pytest.fixture
def mind(db: str) -> str:
    with Mind.open(db, model="offline", settings={"zone": "Europe/Berlin"}) as one:
        one.handle_user("From now on, answer in French. Remind me to call Ana every Monday.")
    return db


def test_the_zone_is_shown_and_changed(pmm: Any, mind: str) -> None:
    assert pmm("zone", "--db", mind).stdout.startswith("  Europe/Berlin (it is ")
    assert pmm("zone", "America/New_York", "--db", mind).stdout.startswith("  America/New_York (it is ")
    told = json.loads(pmm("zone", "--db", mind, "--json").stdout)
    assert told["zone"] == "America/New_York" and told["now"][-6:] in ("-04:00", "-05:00")
    assert pmm("status", "--db", mind, "--json").stdout.count("America/New_York") == 1


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "America", "../../etc/passwd", "x" * 5000, "Europe/Paris\x1b[2J", "\x00"])
def test_what_is_no_zone_is_refused_in_one_line(pmm: Any, mind: str, name: str) -> None:
    done = pmm("zone", name, "--db", mind)
    assert done.exit_code == 2 and "is not a known time zone." in done.stderr and "\x1b" not in done.stderr
    assert "hint: Use an IANA name" in done.stderr
    assert "Europe/Berlin" in pmm("zone", "--db", mind).stdout


def test_undo_takes_back_the_last_turn(pmm: Any, mind: str) -> None:
    assert "nothing that still holds" in pmm("undo", "--db", mind, "--session", "other").stdout
    done = json.loads(pmm("undo", "--db", mind, "--json").stdout)
    assert {e["kind"] for e in done} == {"directive_revoked", "commitment_closed"}
    again = pmm("undo", "--db", mind)
    assert again.exit_code == 0 and "nothing that still holds" in again.stdout
    assert "stay in the log" in pmm("undo", "--help").stdout.replace("\n", " ").replace("  ", " ")


def test_commands_that_look_create_nothing(pmm: Any, db: str) -> None:
    assert pmm("zone", "--db", db).exit_code != 0 and pmm("undo", "--db", db).exit_code != 0
