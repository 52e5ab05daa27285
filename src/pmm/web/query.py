"""A question in SQL about the mind's own tables: read-only, with a deadline, and with what there is to ask about beside it."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pmm.api.asking import TEXT_MAX
from pmm.api.sql import TABLES
from pmm.clock import stopwatch
from pmm.web.parts import Part, button, empty, event_link, tag, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pmm.web.tab import Tab

ROWS = 50
ASKED_MAX = 500
"""rows that are taken, to be turned over a page at a time"""
CELL_CHARS = 300
SHORT = 24
"""characters that are kept on one line"""
EXAMPLES = (
    ("How many of each kind", "select kind, count(*) as events\nfrom events group by kind order by events desc"),
    (
        "The latest messages",
        "select id, datetime(ts / 1000000, 'unixepoch') as utc, content\nfrom events where kind = 'user_message' order by id desc limit 20",
    ),
    (
        "Words said most",
        "select word, docs as messages from words\nwhere length(word) > 3 and word not like '@%' order by docs desc limit 20",
    ),
    ("Names it knows", "select name, count as mentions, first as id\nfrom entities order by count desc limit 20"),
    (
        "Tokens by model",
        "select meta ->> 'model' as model, count(*) as replies,\n  sum(meta ->> '$.usage.prompt') as prompt_tokens\n"
        "from events where kind = 'reply' group by model",
    ),
)
_SENT = "() => emit(document.getElementById('sql').value)"
_ON_KEY = "(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); emit(e.target.value) } }"


class Answer(msgspec.Struct, frozen=True):
    """What a question gave (more: there is more than that), and the milliseconds it took."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool
    ms: float


def box(tab: Tab) -> None:
    """The view."""
    _Box(tab)


class _Box:
    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        with tag("div", "ask-sql"):
            text("label", "One select, of the log as it is now", "small muted", _for="sql")
            field = tag("textarea", "field code", id="sql", rows="5", spellcheck="false", maxlength=str(TEXT_MAX), data_search="")
            field.props["autocapitalize"] = "off"
            field.props["placeholder"] = EXAMPLES[0][1]
            field.on("keydown", self._asked, js_handler=_ON_KEY)
            with tag("div", "acts"):
                button("Run", symbol="play_arrow", kind="primary").on("click", self._asked, js_handler=_SENT)
                text("kbd", "Ctrl Enter")
                text("span", "Read-only; 2 seconds at most.", "small muted")
            with tag("div", "chips-line", role="group", aria_label="Examples"):
                for title, asks in EXAMPLES:
                    button(title, partial(self._example, asks), kind="chip")
            _schema()
        self._answer = tag("div", "answer", aria_live="polite")

    async def _example(self, asks: str) -> None:
        self._tab.client.run_javascript(f"document.getElementById('sql').value = {json.dumps(asks)}")
        self._run(asks)

    def _asked(self, event: Any) -> None:
        self._run(str(event.args or ""))

    def _run(self, asks: str) -> None:
        self._answer.clear()
        with self._answer:
            Part(self._tab, lambda: self._ask(asks[:TEXT_MAX]), _Rows, kinds=("",), lines=6)

    def _ask(self, asks: str) -> Answer:
        started = stopwatch()
        found = self._tab.mind.sql(asks, ASKED_MAX)
        return Answer(found.columns, found.rows, found.more, (stopwatch() - started) * 1e3)


class _Rows:
    """An answer, a page of rows at a time."""

    def __init__(self, found: Answer) -> None:
        self._table = found
        self._from = 0
        rows, more = len(found.rows), found.more
        says = f"The first {rows:,} rows; there are more" if more else f"{rows:,} row{'' if rows == 1 else 's'}"
        text("p", f"{says}, in {found.ms:,.0f} ms" if found.ms >= 1 else f"{says}, in less than 1 ms", "small muted count", role="status")
        self._box = tag("div")
        self._fill()

    def _fill(self) -> None:
        self._box.clear()
        with self._box:
            if not self._table.rows:
                empty("No row is like that.", symbol="search_off")
                return
            self._grid()
            if len(self._table.rows) > ROWS:
                with tag("nav", "pager", aria_label="Pages of rows"):
                    last = self._from + ROWS >= len(self._table.rows)
                    text("span", f"{self._from + 1:,} to {min(self._from + ROWS, len(self._table.rows)):,}", "small muted")
                    button("Before", partial(self._turn, -ROWS), symbol="chevron_left", disabled=None if self._from else True)
                    button("Next", partial(self._turn, ROWS), symbol="chevron_right", disabled=True if last else None)

    def _turn(self, by: int) -> None:
        self._from += by
        self._fill()

    def _grid(self) -> None:
        rows = self._table.rows[self._from : self._from + ROWS]
        columns = [(name, _numeric([row[n] for row in rows])) for n, name in enumerate(self._table.columns)]
        with tag("div", "sideways", tabindex="0", role="region", aria_label="Answer"), tag("table", "grid"):
            text("caption", "Rows of the answer", "aloud")
            with tag("thead"), tag("tr"):
                for name, numeric in columns:
                    text("th", name[:CELL_CHARS], "number" if numeric else "", scope="col")
            with tag("tbody"):
                for row in rows:
                    with tag("tr", tabindex="-1", data_row=""):
                        for (name, numeric), value in zip(columns, row, strict=True):
                            _cell(name, value, numeric)


def _numeric(values: Sequence[Any]) -> bool:
    return all(value is None or isinstance(value, (int, float)) for value in values)


def _cell(name: str, value: Any, numeric: bool) -> None:
    with tag("td", "number" if numeric else "short" if len(str(value)) <= SHORT else ""):
        if name == "id" and isinstance(value, int) and value > 0:
            event_link(value, f"{value}")
        elif value is None:
            text("span", "null", "muted")
        else:
            said = str(value)
            text("span", said if len(said) <= CELL_CHARS else f"{said[:CELL_CHARS]}… ({len(said) - CELL_CHARS:,} more characters)")


def _schema() -> None:
    with tag("details", "fold"):
        text("summary", "Tables and columns")
        with tag("dl", "schema"):
            for name, (holds, columns) in TABLES.items():
                with tag("dt"):
                    text("code", name)
                    text("span", f" {holds}", "muted")
                with tag("dd"):
                    text("code", columns.replace(" ", ", "))
        text(
            "p",
            "ts and at are microseconds since 1970: datetime(ts / 1000000, 'unixepoch'). meta is JSON: meta ->> 'to'. "
            "All tables but events and head are derived from these two, and may change between versions.",
            "small muted",
        )
