"""Chat: what did you say, and what did you use?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.web.parts import empty, heading

if TYPE_CHECKING:
    from pmm.web.tab import Tab


def page(tab: Tab) -> None:
    """The page."""
    heading("Chat", "What did you say, and what did you use?")
    empty("This page is being built.")
