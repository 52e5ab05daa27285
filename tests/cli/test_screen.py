"""What reaches the terminal."""

from __future__ import annotations

import json

import pytest

from pmm.cli.screen import cells, fit, one_line, safe, size, to_json


def test_control_characters_are_shown_not_obeyed() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\x9b31mred\x7f\x08\x00"
    shown = safe(hostile)
    assert shown == "␛]0;owned␇␛[2J\ufffd31mred␡␈␀"


def test_text_keeps_its_lines_tabs_and_languages() -> None:
    assert safe("a\tb\nc\r\nd\re שלום e\u0301 🎈") == "a\tb\nc\nd\ne שלום e\u0301 🎈"


def test_direction_overrides_are_dropped() -> None:
    assert safe("user\u202e\u2066nimda") == "usernimda"


@pytest.mark.parametrize("cut", range(9))
def test_pieces_are_as_safe_as_the_whole(cut: int) -> None:
    text = "a\x1b[31mb\x9bc"
    assert safe(text[:cut]) + safe(text[cut:]) == safe(text)


def test_json_steers_no_terminal_and_reads_back() -> None:
    value = {"text": "\x1b[31m\x9bé\x7f\u202e\ud800 日本"}
    told = to_json(value)
    assert not any(char in told for char in "\x1b\x9b\x7f\u202e\ud800")
    assert "é" in told and "日本" in told
    assert json.loads(told) == value


def test_one_line_is_one_line() -> None:
    assert one_line("a\n\n b\tc\x1b", 20) == "a b c␛"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_wide_characters_take_two_places() -> None:
    assert cells("日本x") == 5
    assert fit("日本語語", 5) == "日本…"
    assert fit("plain", 5) == "plain"


def test_sizes_as_people_say_them() -> None:
    assert [size(n) for n in (0, 999, 1500, 2_500_000, 7_000_000_000)] == ["0 bytes", "999 bytes", "1.5 kB", "2.5 MB", "7.0 GB"]
