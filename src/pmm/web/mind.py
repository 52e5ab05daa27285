"""Mind: who are you now, and what moved you?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.web.parts import empty, heading

if TYPE_CHECKING:
    from pmm.web.tab import Tab


def page(tab: Tab) -> None:
    """The page."""
    heading("Mind", "Who are you now, and what moved you?")
    empty("This page is being built.")
