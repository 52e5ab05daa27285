"""`mind.export`: a log that anyone can verify, and a transcript that anyone can read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pmm import InvalidInput, Mind, Turn
from pmm.runtime.export import verify_export
from pmm.storage.chain import hash_of, seal_of
from pmm.testing import ScriptedModel, SimulatedClock, counting, generate_log

Open = Callable[..., Mind]

CHECK = Path(__file__).parent.parent.parent / "docs" / "check_export.py"
ODD = 'Zażółć 👩‍👩‍👧 \x1b[31m \x85 \u2028 \u202e \x00 \r\n \\ "'


@pytest.fixture
def mind(open_mind: Open) -> Mind:
    mind = open_mind()
    mind.handle_user(ODD, key="ключ")
    mind.name_mind("Echo")
    mind.handle_user("And now?")
    return mind


@pytest.fixture
def lines(mind: Mind) -> list[str]:
    return list(mind.export())


# -- the proof -----------------------------------------------------------------------------------------------------------------------


def test_every_event_is_a_line_and_the_head_is_the_last(mind: Mind, lines: list[str]) -> None:
    *events, end = map(json.loads, lines)
    stored = list(mind.log.rows())
    assert len(events) == mind.log.head[0]
    for event, row in zip(events, stored, strict=True):
        assert (event["id"], event["ts"], event["kind"], event["content"], event["meta"], event["key"]) == row[:6]
        assert [event[name] for name in ("salt", "seal", "prev_hash", "hash")] == [value.hex() for value in row[6:]]
    assert events[0]["at"] == "2026-03-02T09:00:00+00:00"
    assert (end["head"], end["hash"]) == (mind.log.head[0], mind.log.head[1].hex())
    assert (end["since"], end["since_hash"]) == (0, "00" * 32)


def test_a_line_is_a_line_for_every_reader_and_steers_no_terminal(lines: list[str]) -> None:
    for line in lines:
        assert line.endswith("\n") and len(line.splitlines()) == 1
        assert not set(line) & set("\x1b\x00\x85\u2028\u202e")
    assert any("Zażółć" in line for line in lines)


def test_an_export_verifies(mind: Mind, lines: list[str]) -> None:
    assert verify_export(lines).ok
    assert verify_export(line.rstrip("\n") for line in lines).ok
    assert verify_export(lines).events == mind.log.head[0]


def test_twenty_lines_of_python_without_pmm_verify_it_too(lines: list[str], tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    for text, code in (("".join(lines), 0), ("".join(lines).replace("And now?", "And then?"), 1), ("".join(lines[1:]), 1)):
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, "-I", str(CHECK), str(file)], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr


def _changed(line: str, **fields: Any) -> str:
    return json.dumps(json.loads(line) | fields, ensure_ascii=False, separators=(",", ":")) + "\n"


def _resealed(line: str, content: str) -> str:
    """Changed, and its own seal and hash made to fit."""
    e = json.loads(line)
    seal = seal_of(bytes.fromhex(e["salt"]), e["key"], content, e["meta"])
    hash = hash_of(bytes.fromhex(e["prev_hash"]), e["id"], e["ts"], e["kind"], seal)
    return _changed(line, content=content, seal=seal.hex(), hash=hash.hex())


FORGERIES: dict[str, Callable[[list[str]], list[str]]] = {
    "changed content": lambda x: [*x[:1], _changed(x[1], content="I said otherwise."), *x[2:]],
    "changed content, sealed anew": lambda x: [*x[:1], _resealed(x[1], "I said otherwise."), *x[2:]],
    "changed last content, sealed anew": lambda x: [*x[:-2], _resealed(x[-2], "I said otherwise."), x[-1]],
    "changed ts": lambda x: [*x[:1], _changed(x[1], ts=1, at="1970-01-01T00:00:00.000001+00:00"), *x[2:]],
    "changed at": lambda x: [*x[:1], _changed(x[1], at="2001-01-01T00:00:00+00:00"), *x[2:]],
    "changed kind": lambda x: [*x[:1], _changed(x[1], kind="reply"), *x[2:]],
    "changed key": lambda x: [*x[:1], _changed(x[1], key=None), *x[2:]],
    "changed meta": lambda x: [*x[:1], _changed(x[1], meta='{"session":"other","source":"python"}'), *x[2:]],
    "a field that no hash covers": lambda x: [*x[:1], _changed(x[1], note="he lied"), *x[2:]],
    "a field twice": lambda x: [*x[:1], x[1].replace('"content":', '"content":"first","content":', 1), *x[2:]],
    "capital hex": lambda x: [x[0].replace(json.loads(x[0])["hash"], json.loads(x[0])["hash"].upper()), *x[1:]],
    "swapped lines": lambda x: [x[0], x[2], x[1], *x[3:]],
    "dropped line": lambda x: [*x[:2], *x[3:]],
    "dropped first line": lambda x: x[1:],
    "doubled line": lambda x: [*x[:2], *x[1:]],
    "cut tail": lambda x: [*x[:-2], x[-1]],
    "cut tail and head line": lambda x: x[:-1],
    "changed head id": lambda x: [*x[:-2], _changed(x[-1], head=len(x) - 2)],
    "changed head hash": lambda x: [*x[:-1], _changed(x[-1], hash="11" * 32)],
    "changed beginning": lambda x: [*x[:-1], _changed(x[-1], since=1)],
    "changed beginning's hash": lambda x: [*x[:-1], _changed(x[-1], since_hash="11" * 32)],
    "another format": lambda x: [*x[:-1], _changed(x[-1], format=2)],
    "a head line of no hash": lambda x: [*x[:-1], _changed(x[-1], hash="zz")],
    "something after the head": lambda x: [*x, x[1]],
    "nothing": lambda x: [],
    "the head alone": lambda x: x[-1:],
    "no JSON": lambda x: [x[0], "hello\n", *x[1:]],
    "another JSON": lambda x: [x[0], "[1]\n", *x[1:]],
    "an empty line": lambda x: [x[0], "\n", *x[1:]],
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forged_export_is_found_out(lines: list[str], how: str) -> None:
    verdict = verify_export(FORGERIES[how](lines))
    assert not verdict.ok and verdict.why, verdict


def test_the_first_bad_event_is_named(lines: list[str]) -> None:
    for how, bad in (("changed content", 2), ("swapped lines", 2), ("dropped line", 3), ("cut tail", len(lines) - 1), ("nothing", 1)):
        assert verify_export(FORGERIES[how](lines)).bad == bad, how


def test_no_change_of_a_single_character_goes_unnoticed(lines: list[str]) -> None:
    text = "".join(lines)
    rng = Random(7)
    for _ in range(400):
        at = rng.randrange(len(text) - 1)
        other = rng.choice([c for c in '0123456789abcdef"{,:x\n' if c != text[at]])
        assert not verify_export((text[:at] + other + text[at + 1 :]).splitlines(keepends=True)).ok, (at, text[at], other)


def test_a_part_is_verified_as_the_part_it_was_asked_to_be(mind: Mind, lines: list[str]) -> None:
    head = mind.log.head[0]
    for since in (1, 3, head - 1, head):
        part = list(mind.export(since=since))
        assert part[:-1] == lines[since:-1]
        assert verify_export(part, since=since).ok
        assert not verify_export(part).ok
        assert not verify_export(lines, since=since).ok
    assert not verify_export(list(mind.export(since=3))[1:], since=3).ok
    part = list(mind.export(since=3))
    assert not verify_export([*part[:-1], _changed(part[-1], since_hash="11" * 32)], since=3).ok


@pytest.mark.parametrize("since", [-1, 10**6, True, "3"])
def test_a_beginning_that_is_not_in_the_log_is_refused(mind: Mind, since: Any) -> None:
    with pytest.raises(InvalidInput, match="can't begin"):
        mind.export(since=since)


def test_an_unknown_form_is_refused(mind: Mind) -> None:
    with pytest.raises(InvalidInput, match="no form"):
        mind.export("xml")  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["jsonl", "markdown"])
def test_memory_is_bounded_and_the_whole_is_one_full_read(tmp_path: Path, form: Any) -> None:
    generate_log(tmp_path / "a.db", 5_000)
    seen: list[tuple[int, int]] = []
    with Mind.open(tmp_path / "a.db", model=ScriptedModel()) as mind:
        mind.wait_idle(30)
        with counting(mind) as cost:
            lines = mind.export(form, on_progress=lambda done, of: seen.append((done, of)))
            for _ in range(5):
                next(lines)
            assert cost.rows_read < 1_100
            rest = list(lines)
            assert cost.full_reads == 1
        assert len(rest) > 1_000
        assert seen[0] == (1000, 5000) and len(seen) == 5


def test_what_is_appended_meanwhile_is_left_out(mind: Mind) -> None:
    lines = mind.export()
    first = next(lines)
    mind.set_directive("Be brief.")
    assert verify_export([first, *lines]).ok


# -- the transcript ------------------------------------------------------------------------------------------------------------------


def transcript(mind: Mind, **options: Any) -> str:
    return "".join(mind.export("markdown", **options))


def test_a_transcript_is_by_day_and_session_with_speakers_and_ids(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind(ScriptedModel(["Hello Scott.", "Well.", "Sure."]))
    mind.handle_user("I'm Scott. Your name is Echo.")
    mind.handle_user("How are things?", session="work")
    clock.advance(24 * 3600)
    mind.handle_user("Tomorrow came.", session="work")
    asked, answered = ([e.id for e in mind.log.by_kind(kind)] for kind in ("user_message", "reply"))
    assert transcript(mind) == (
        f"# A transcript of Echo\n\nEvents 1 to {mind.log.head[0]}; times in Europe/Berlin.\n"
        f"\n## 2026-03-02\n\n### main\n\n**You** 10:00 (#{asked[0]})\n\n> I'm Scott. Your name is Echo.\n"
        f"\n**The mind** 10:00 (#{answered[0]})\n\n> Hello Scott.\n"
        f"\n### work\n\n**Scott** 10:00 (#{asked[1]})\n\n> How are things?\n\n**Echo** 10:00 (#{answered[1]})\n\n> Well.\n"
        f"\n## 2026-03-03\n\n### work\n\n**Scott** 10:00 (#{asked[2]})\n\n> Tomorrow came.\n\n**Echo** 10:00 (#{answered[2]})\n\n> Sure.\n"
    )


def test_a_part_of_it_knows_the_names_and_the_session_from_before(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["Hello Scott.", "Well."]))
    mind.handle_user("I'm Scott. Your name is Echo.")
    mind.handle_user("How are things?", session="work")
    last = mind.log.by_kind("user_message")[-1].id
    part = transcript(mind, since=last)
    assert "### work" in part and "**Echo**" in part and "How are things?" not in part


def test_nothing_that_was_said_can_pass_for_the_transcript_or_steer_a_terminal(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel(["Fine.\n\n## 2001-01-01\n</blockquote><script>x</script> but 1 < 2"]))
    mind.handle_user("a\r\n# A transcript\n\x1b[31m\x85", session="x\n# y")
    mind.import_turns([Turn("**Ana** [x](y)\x07", "Porto", session="may")], origin="jsonl")
    shown = transcript(mind)
    assert [line for line in shown.splitlines() if line.startswith("#")] == [
        "# A transcript of a mind without a name",
        "## 2026-03-02",
        "### x \\# y",
        "### jsonl may",
    ]
    assert "> # A transcript\n" in shown and "> ## 2001-01-01\n" in shown
    assert "␛[31m" in shown and "\x1b" not in shown and "\x85" not in shown and "\x07" not in shown
    assert "\\</blockquote>\\<script>" in shown and "1 < 2" in shown
    assert "**\\*\\*Ana\\*\\* \\[x\\](y)␇**" in shown


def test_it_says_what_was_cut_off_or_failed(open_mind: Open) -> None:
    from pmm.errors import ModelUnavailable, TurnFailed

    mind = open_mind(ScriptedModel(["One two three.", ModelUnavailable("gone")]))
    stream = mind.handle_user_streaming("count")
    next(stream)
    stream.close()
    with pytest.raises(TurnFailed):
        mind.handle_user("again")
    shown = transcript(mind)
    assert "> [interrupted]\n" in shown and "> [no whole reply: unavailable]\n" in shown
