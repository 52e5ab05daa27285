"""Texts of a conversation: a reply as it comes, piece by piece, and once it is whole, as Markdown."""

from __future__ import annotations

import re

import markdown2
from nicegui.element import Element
from nicegui.elements.html import Html

from pmm.web.parts import text

PLAIN_FROM = 50_000
"""characters from which on a reply is shown as it is"""
_EXTRAS = {"fenced-code-blocks": None, "highlightjs-lang": None, "tables": None, "strike": None, "cuddled-lists": None}
_IMAGE = re.compile(r'<img src="[^"]*" alt="([^"]*)"[^>]*>')


class Append(Element, component="static/append.js"):
    """A text that grows at its end. What is added costs its own length, however long the whole is."""

    def add(self, piece: str) -> None:
        """Add to it."""
        self.run_method("add", piece)


def markdown(said: str) -> Element:
    """A whole reply. HTML in it is shown as it is written; pictures, which could tell another host who reads this, by their words."""
    if len(said) > PLAIN_FROM:
        return text("div", said, "prose plain-text")
    return Html(to_html(said)).classes("prose")  # and what remains is sanitised in the browser


def to_html(said: str) -> str:
    """The HTML of a Markdown text: no tags of its own, no pictures."""
    html: str = markdown2.markdown(said, extras=_EXTRAS, safe_mode="escape")
    return _IMAGE.sub(lambda found: f"[picture: {found[1]}]" if found[1] else "[picture]", html)
