"""Memory: what do you know, and is it still true?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.web.parts import empty, heading

if TYPE_CHECKING:
    from pmm.web.tab import Tab


def page(tab: Tab) -> None:
    """The page."""
    heading("Memory", "What do you know, and is it still true?")
    empty("This page is being built.")
