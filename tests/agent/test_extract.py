"""The extractor against labelled sentences, hostile text, and the clock."""

from __future__ import annotations

import runpy
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.agent.extract import Known, extract_message, extract_reply, normalise
from pmm.events import CommitmentClosed, CommitmentOpened, DirectiveRevoked, DirectiveSet, Event, NameAdopted

TABLE = runpy.run_path(str(Path(__file__).with_name("sentences.py")))
PLAIN, KNOWN, REPLIES = TABLE["PLAIN"], TABLE["KNOWN"], TABLE["REPLIES"]
NOW = datetime(2026, 3, 6, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
NOTHING = Known(now=NOW, zone="Europe/Berlin")
SOMETHING = Known(now=NOW, zone="Europe/Berlin", commitments=TABLE["COMMITMENTS"], directives=TABLE["DIRECTIVES"])


def printed(event: Event) -> str:
    match event:
        case NameAdopted():
            return f"name {event.whose} {event.name}"
        case CommitmentOpened():
            due = f"{event.due} {event.repeat}" if event.repeat else str(event.due or "-")
            return f"open {event.owner} {due} {event.content}"
        case CommitmentClosed():
            return f"{event.outcome} {event.cid}"
        case DirectiveSet():
            return f"set {event.content}"
        case DirectiveRevoked():
            return f"revoke {event.did}"
    raise AssertionError(event)


def message(text: str, known: Known = NOTHING) -> list[str]:
    return [printed(event) for event in extract_message(text, known)]


def reply(text: str, known: Known = NOTHING) -> list[str]:
    return [printed(event) for event in extract_reply(text, known)]


def kind(line: str) -> str:
    return " ".join(line.split()[:2]) if line.startswith(("name", "open")) else line.split()[0]


def judge(rows: list[tuple[str, list[str], list[str]]]) -> tuple[dict[str, tuple[int, int, int]], list[str]]:
    """Per kind (right, wrong, missed), and a line for every sentence misread."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    misread = []
    for text, expected, found in rows:
        right.update(kind(line) for line in found if line in expected)
        wrong.update(kind(line) for line in found if line not in expected)
        missed.update(kind(line) for line in expected if line not in found)
        if sorted(found) != sorted(expected):
            misread.append(f"{text!r}\n    expected {expected}\n    found    {found}")
    kinds = sorted(right | wrong | missed)
    return {name: (right[name], wrong[name], missed[name]) for name in kinds}, misread


def report(scores: dict[str, tuple[int, int, int]]) -> tuple[float, float]:
    total = tuple(map(sum, zip(*scores.values(), strict=True)))
    for name, (right, wrong, missed) in [*scores.items(), ("all", total)]:
        precision, recall = right / ((right + wrong) or 1), right / ((right + missed) or 1)
        print(f"{name:12} precision {precision:.3f} recall {recall:.3f}   right {right} wrong {wrong} missed {missed}")
    return precision, recall


def test_the_labelled_sentences_are_read_as_labelled(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(text, expected, message(text)) for text, *expected in PLAIN]
    rows += [(text, expected, message(text, SOMETHING)) for text, *expected in KNOWN]
    rows += [(text, expected, reply(text, SOMETHING)) for text, *expected in REPLIES]
    scores, misread = judge(rows)
    with capsys.disabled():
        print(f"\n{len(rows)} sentences")
        precision, recall = report(scores)
        print(*misread, sep="\n")
    assert len(rows) >= 320
    assert sum(not expected for _, expected, _ in rows) >= len(rows) // 2
    assert precision >= 0.97
    assert recall >= 0.80
