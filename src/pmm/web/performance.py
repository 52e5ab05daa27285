"""Performance: is it fast, and where does the time go?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.web.parts import empty, heading

if TYPE_CHECKING:
    from pmm.web.tab import Tab


def page(tab: Tab) -> None:
    """The page."""
    heading("Performance", "Is it fast, and where does the time go?")
    empty("This page is being built.")
