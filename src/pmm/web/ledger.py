"""Ledger: what exactly happened, unaltered?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.web.parts import empty, heading

if TYPE_CHECKING:
    from pmm.web.tab import Tab


def page(tab: Tab) -> None:
    """The page."""
    heading("Ledger", "What exactly happened, unaltered?")
    empty("This page is being built.")
