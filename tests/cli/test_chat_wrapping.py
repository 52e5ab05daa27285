"""A streamed reply's lines break between words: on a small terminal of our own that does what real ones do with what is written."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.cli.screen import NO_LIMIT, cells
from pmm.cli.speaking import Wrapped


class Screen:
    """So many columns; it obeys line feeds, moves to the left and erasing to the end of the line, and wraps by itself where it must."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]

    def write(self, text: str) -> None:
        for part in re.findall(r"\x1b\[\d*[DK]|.", text, re.DOTALL):
            if part == "\n":
                self.lines.append("")
            elif part.endswith("D") and part.startswith("\x1b"):
                self.lines[-1] = self._without(int(part[2:-1]))
            elif part != "\x1b[K":
                if cells(self.lines[-1] + part) > self.columns:
                    self.lines.append("")
                self.lines[-1] += part

    def _without(self, count: int) -> str:
        line = self.lines[-1]
        while count > 0:
            count -= cells(line[-1])
            line = line[:-1]
        return line


def shown(text: str, columns: int, cuts: list[int] | None = None) -> list[str]:
    """The lines on the screen after the text came in pieces."""
    screen, wrapped = Screen(columns), Wrapped(columns)
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts or []), len(text)]
    for start, end in pairwise(edges):
        screen.write(wrapped(text[start:end]))
    return screen.lines


def test_lines_break_between_words() -> None:
    assert shown("The quick brown fox jumps over it", 12) == ["The quick ", "brown fox ", "jumps over ", "it"]


def test_a_word_that_fits_exactly_stays() -> None:
    """One column less than there are: the last one is left free."""
    assert shown("aaaa bbbb cccc", 10) == ["aaaa bbbb", "cccc"]
    assert shown("aaaa bbbbb cccc", 10) == ["aaaa ", "bbbbb ", "cccc"]


def test_a_word_longer_than_a_line_is_cut() -> None:
    assert shown("see https://example.org/a/b/c ok", 12) == ["see ", "https://exa", "mple.org/a/", "b/c ok"]


def test_breaks_in_the_text_stay_and_blank_lines_too() -> None:
    assert shown("one\n\n  two three\n", 10) == ["one", "", "  two ", "three", ""]


def test_scripts_without_spaces_break_where_the_line_ends() -> None:
    assert shown("你好世界你好", 8) == ["你好世", "界你好"]
    assert shown("ab 你好世界", 8) == ["ab 你好", "世界"]


def test_a_word_with_marks_or_emoji_is_never_taken_back_wrongly() -> None:
    """How wide they are drawn nobody knows for sure: what stands is left alone."""
    for text in ("aaa e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", "xx 👩\u200d👧\u200d👦 family", "नमस्ते दुनिया नमस्ते"):
        written = Wrapped(10)(text)
        for found in re.finditer(r"\x1b\[(\d+)D", written):
            taken = written[found.start() - int(found[1]) : found.start()]
            assert all(char.isascii() or char.isalnum() for char in taken) and "\u200d" not in taken


def test_a_pipe_is_left_as_it_is() -> None:
    text = "word " * 100 + "\twide\u3000 " + "x" * 1000
    wrapped = Wrapped(NO_LIMIT)
    assert "".join(wrapped(piece) for piece in re.findall(".{1,7}", text, re.DOTALL)) == text


words = st.text(st.characters(categories=["Ll", "Nd"], max_codepoint=0x17F) | st.sampled_from(".,!'-"), min_size=1, max_size=9)


@given(said=st.lists(words, max_size=40), columns=st.integers(12, 40), cuts=st.lists(st.integers(0, 400), max_size=30))
def test_no_word_is_broken_no_line_too_long_and_the_pieces_do_not_matter(said: list[str], columns: int, cuts: list[int]) -> None:
    text = " ".join(said)
    lines = shown(text, columns, cuts)
    assert [word for line in lines for word in line.split()] == said
    assert all(cells(line) < columns for line in lines)
    assert lines == shown(text, columns)


@given(text=st.text(max_size=200), columns=st.integers(1, 30))
def test_nothing_is_lost_whatever_is_said(text: str, columns: int) -> None:
    """Blanks at the end of a line aside."""
    lines = shown(text.replace("\x1b", ""), columns)
    bare = lambda s: re.sub(r"[ \t\n]", "", s)
    assert bare("".join(lines)) == bare(text.replace("\x1b", ""))


@pytest.mark.parametrize("columns", [0, 1, 2, 3])
def test_even_the_narrowest_terminal_shows_everything(columns: int) -> None:
    assert "".join(shown("ab cd", max(columns, 1))).replace(" ", "") == "abcd"
