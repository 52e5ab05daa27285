"""Is the log whole? Every event checked against its seal and the chain, while one watches."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pmm.clock import stopwatch
from pmm.errors import PMMError
from pmm.web.parts import button, event_link, icon, moment, tag, text, trouble

if TYPE_CHECKING:
    from pmm.api.minds import Checked
    from pmm.web.tab import Tab

SAID_EVERY_S = 0.1


def panel(tab: Tab) -> None:
    """The view. It shows what was found last, too."""
    _Panel(tab)


class _Panel:
    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._running = False
        with tag("div", "card verify"):
            text("h2", "Is the log whole?")
            text(
                "p",
                "Each event is sealed, and each seal is chained to the one before. Checking reads the whole file and compares every seal; "
                "nothing is written. A text that was changed, an event that is missing, or one too many is found, and named.",
                "muted",
            )
            self._start = button("Verify now", self._run, symbol="verified_user", kind="primary")
            with tag("div", "progress-line") as self._progress:
                self._bar = tag("progress", max="1", value="0", aria_label="Checked")
                self._said = text("p", "", "small muted")
            self._progress.set_visibility(False)
            self._verdict = tag("div", "verdict", role="status")
        self._tell()
        tab.follow(self._verdict, frozenset(), self._heard)

    async def _heard(self) -> None:
        self._tell()

    def _tell(self) -> None:
        """What was found last, by whomever it was asked."""
        self._verdict.clear()
        checked = self._tab.hosted.checked
        if checked is not None and not self._running:
            with self._verdict:
                _told(self._tab, checked)

    async def _run(self) -> None:
        if self._running:
            return
        self._running = True
        self._start.props["disabled"] = True
        self._verdict.clear()
        self._show(0, 1)
        self._progress.set_visibility(True)
        try:
            await self._checked()
        finally:
            self._running = False
            if not self._start.is_deleted:
                self._progress.set_visibility(False)
                del self._start.props["disabled"]

    async def _checked(self) -> None:
        tab, loop = self._tab, asyncio.get_running_loop()
        said = stopwatch()
        head = await tab.ask(lambda: tab.mind.log.head[0])

        def progress(count: int) -> None:
            nonlocal said
            if stopwatch() - said > SAID_EVERY_S:
                said = stopwatch()
                loop.call_soon_threadsafe(self._show, count, head)

        try:
            await tab.hosted.verify(progress)
        except PMMError as error:
            if not self._verdict.is_deleted:
                with self._verdict:
                    trouble(error, self._run)

    def _show(self, count: int, head: int) -> None:
        if not self._bar.is_deleted:
            self._bar.props["max"], self._bar.props["value"] = str(max(head, 1)), str(count)
            self._said.text = f"{count:,} of {head:,} events checked" if count else "Reading the file"


def _told(tab: Tab, checked: Checked) -> None:
    verdict = checked.verdict
    icon("verified_user", "ok") if verdict.ok else icon("gpp_bad", "bad-text")
    with tag("div"):
        with tag("p"):
            if verdict.ok:
                text("span", f"All {verdict.events:,} events are whole and in order.")
            else:
                text("span", f"The log was altered: {verdict.why}. ")
                event_link(verdict.bad or 0)
                text("span", " is the first that can't be trusted; restore a backup, or export what came before.", "muted")
        with tag("p", "meta"):
            text("span", "Checked at")
            moment(tab, checked.at)
            text("span", f"in {checked.seconds:,.1f} s" if checked.seconds >= 1 else f"in {checked.seconds * 1e3:,.0f} ms")
