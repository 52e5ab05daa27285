"""What pages are made of: plain HTML elements, links to events, parts that load, refresh and fail by themselves, lists in pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from nicegui import background_tasks
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from pmm.errors import PMMError
from pmm.web.tab import told

if TYPE_CHECKING:
    from pmm.web.tab import Tab

T = TypeVar("T")
Click = Callable[[], object]

FAMILIES: dict[str, tuple[str, str, str]] = {
    "user_message": ("You said", "forum", "dialogue"),
    "reply": ("Reply", "chat_bubble", "dialogue"),
    "turn_failed": ("Turn failed", "error_outline", "bad"),
    "message_imported": ("Imported", "move_to_inbox", "dialogue"),
    "followed_up": ("Spoke first", "campaign", "dialogue"),
    "turn_superseded": ("Turn taken back", "history", "dialogue"),
    "reply_contradicted": ("Reply corrected", "rule", "warn"),
    "mind_created": ("Mind created", "auto_awesome", "identity"),
    "name_adopted": ("Name adopted", "badge", "identity"),
    "name_proposed": ("Name proposed", "badge", "identity"),
    "trait_adjusted": ("Trait moved", "tune", "identity"),
    "stage_changed": ("Stage changed", "stairs", "identity"),
    "timezone_changed": ("Time zone", "public", "identity"),
    "fact_asserted": ("Fact", "lightbulb", "knowledge"),
    "fact_retracted": ("Fact ended", "lightbulb_outline", "knowledge"),
    "reflection": ("Reflection", "psychology", "knowledge"),
    "scene_compacted": ("Scene", "auto_stories", "knowledge"),
    "commitment_opened": ("Commitment opened", "task_alt", "commitment"),
    "commitment_edited": ("Commitment edited", "edit", "commitment"),
    "commitment_snoozed": ("Commitment snoozed", "snooze", "commitment"),
    "commitment_reopened": ("Commitment reopened", "replay", "commitment"),
    "commitment_closed": ("Commitment closed", "check_circle", "commitment"),
    "commitment_reminded": ("Reminder", "notifications", "commitment"),
    "commitment_expired": ("Commitment expired", "event_busy", "commitment"),
    "directive_set": ("Directive", "gavel", "governance"),
    "directive_revoked": ("Directive revoked", "gavel", "governance"),
    "policy_changed": ("Policy changed", "policy", "governance"),
    "model_switched": ("Model switched", "memory", "work"),
    "context_built": ("Context built", "inventory_2", "work"),
    "epoch_opened": ("Epoch opened", "layers", "work"),
    "model_called": ("Model called", "smart_toy", "work"),
}
"""kind -> the word, the icon and the colour it is shown with"""


# -- elements ------------------------------------------------------------------------------------------------------------------------


def tag(name: str, classes: str = "", **attributes: object) -> Element:
    """An HTML element, to be filled with `with`. Attributes: aria_label becomes aria-label; None is left out."""
    element = Element(name)
    return _dressed(element, classes, attributes)


def text(name: str, content: object, classes: str = "", **attributes: object) -> TextElement:
    """An HTML element that holds a text."""
    return _dressed(TextElement(tag=name, text=str(content)), classes, attributes)


E = TypeVar("E", bound=Element)


def _dressed(element: E, classes: str, attributes: dict[str, object]) -> E:
    if classes:
        element.classes(classes)
    for name, value in attributes.items():
        if value is not None:
            element.props[name.strip("_").replace("_", "-")] = value
    return element


def icon(name: str, classes: str = "") -> TextElement:
    """A Material icon; a word must stand beside it, for it says nothing to a screen reader."""
    return text("span", name, f"icon {classes}", aria_hidden="true")


def button(
    label: str,
    on_click: Click | None = None,
    *,
    symbol: str = "",
    kind: str = "plain",
    key: str = "",
    classes: str = "",
    **attributes: object,
) -> Element:
    """kind: "plain", "primary", "quiet" (text alone, for rows) or "icon" (the symbol alone; the label is read out). key: presses it."""
    made = tag("button", f"button {kind} {classes}", type="button", data_key=key or None, aria_keyshortcuts=key or None, **attributes)
    with made:
        if symbol:
            icon(symbol)
        if kind == "icon":
            made.props["aria-label"] = label
            made.props["title"] = f"{label} ({key})" if key else label
        else:
            text("span", label)
    if on_click is not None:
        made.on("click", lambda: on_click(), args=[])
    return made


def relabel(button: Element, says: str) -> None:
    """Another label for a button that has a symbol."""
    button.default_slot.children[1].text = says  # type: ignore[attr-defined]


def heading(title: str, question: str = "") -> None:
    """A page's title and the one question it answers. The first thing on every page."""
    with tag("div", "page-head"):
        text("h1", title, tabindex="-1")
        if question:
            text("p", question, "muted")


def section(title: str, *, level: int = 2, **attributes: object) -> Element:
    """A titled section, to be filled with `with`."""
    made = tag("section", "section", aria_label=title, **attributes)
    with made:
        text(f"h{level}", title)
    return made


def link(label: str, path: str, classes: str = "") -> Element:
    """A link to another page of this mind: `link("All", tab.path("commitments"))`."""
    return text("a", label, f"link {classes}", href=path)


def event_link(id: int, label: str = "") -> Element:
    """A link that opens an event in the Inspector. Costs no listener: the script passes every click on."""
    return text("button", label or f"Event {id:,}", "link", type="button", data_event=str(id))


def kind_tag(kind: str, word: str = "") -> Element:
    """What kind of event it is: icon, word and colour."""
    known, symbol, family = FAMILIES.get(kind, (kind.replace("_", " ").capitalize(), "circle", "work"))
    with tag("span", f"kind {family}") as made:
        icon(symbol)
        text("span", word or known)
    return made


def moment(tab: Tab, at: datetime, *, clock: bool = True) -> Element:
    """A date, or a time of day, in the mind's zone, with the exact moment behind it."""
    local = tab.local(at)
    return text(
        "time", f"{local:%H:%M}" if clock else day(local), datetime=at.isoformat(), title=f"{local:%A} {day(local)}, {local:%H:%M:%S}"
    )


def day(local: datetime) -> str:
    """12 June 2026"""
    return f"{local.day} {local:%B %Y}"


# -- states --------------------------------------------------------------------------------------------------------------------------


def skeleton(lines: int = 3) -> None:
    """What stands where something is being loaded. Shows after 200 ms."""
    with tag("div", "skeleton", aria_hidden="true"):
        for _ in range(lines):
            tag("div")


def empty(says: str, action: str = "", on_click: Click | None = None, *, symbol: str = "inbox") -> Element:
    """Nothing is there yet: what will appear, and one thing to do."""
    with tag("div", "empty") as made:
        icon(symbol)
        text("p", says)
        if action:
            button(action, on_click)
    return made


def trouble(error: PMMError, retry: Click | None = None) -> Element:
    """What went wrong and what to do about it; the rest of the page lives on."""
    with tag("div", "trouble", role="alert") as made:
        icon("error_outline")
        text("p", told(error))
        if retry is not None:
            button("Retry", retry, symbol="refresh")
    return made


class Part(Generic[T]):
    """A part of a page that loads, shows, refreshes and fails by itself.

    load: asks the mind, in a thread; it may block and may raise PMMError. show: makes elements of what it gave, in the part's place.
    kinds: the events after which it is loaded again (None: any); so it is too when the moment changes. What is loaded and equal to what
    is shown changes nothing, so focus and what was opened stay. lines: of the skeleton, about the final height.
    """

    def __init__(
        self, tab: Tab, load: Callable[[], T], show: Callable[[T], object], *, kinds: Sequence[str] | None = None, lines: int = 3
    ) -> None:
        self._tab = tab
        self._load = load
        self._show = show
        self._loading = False
        self._again = False
        self._shown: tuple[T, int | None] | None = None
        with tag("div", "part") as self.box:
            skeleton(lines)
        tab.follow(self.box, None if kinds is None else frozenset(kinds), self.refresh)
        background_tasks.create(self.refresh(), name="load")

    async def refresh(self) -> None:
        """Load again; what comes meanwhile is one more time after that."""
        if self._loading:
            self._again = True
            return
        self._loading = True
        try:
            while True:
                self._again = False
                await self._once()
                if not self._again:
                    return
        finally:
            self._loading = False

    async def _once(self) -> None:
        await self._tab.live.ready()
        try:
            data = await self._tab.ask(self._load)
        except PMMError as error:
            self._shown = None
            self._fill(partial(trouble, error, self.refresh))
            return
        shown = (data, self._tab.at)  # in the past there is nothing to press
        if self._shown != shown:
            self._shown = shown
            self._fill(lambda: self._show(data))

    def _fill(self, make: Callable[[], object]) -> None:
        if not self.box.is_deleted:
            self.box.clear()
            with self.box:
                make()


def fold(title: str, make: Callable[[], object], classes: str = "") -> Element:
    """What is shown when it is opened; made then, once."""
    made = tag("details", f"fold {classes}")
    with made:
        text("summary", title)
        inside = tag("div")

    def opened() -> None:
        if not inside.default_slot.children:
            with inside:
                make()

    made.on("toggle", opened, args=[])
    return made


def unfold(shut: Element, opened: Callable[[bool], object]) -> None:
    """A button that opens something and shuts it again; it tells which (aria-expanded)."""

    def toggle() -> None:
        open = shut.props["aria-expanded"] != "true"
        shut.props["aria-expanded"] = "true" if open else "false"
        opened(open)

    shut.props["aria-expanded"] = "false"
    shut.on("click", toggle, args=[])


# -- lists ---------------------------------------------------------------------------------------------------------------------------


class Paged(Generic[T]):
    """A long list, a page at a time, found by id and never by counting.

    load(before): the page of those with an id below `before` (None: the newest), and the `before` of the next page (None: the last one).
    show: makes the rows. kinds: events after which the newest page is loaded again; older pages stay as they are.
    """

    def __init__(
        self,
        tab: Tab,
        load: Callable[[int | None], tuple[Sequence[T], int | None]],
        show: Callable[[Sequence[T]], object],
        *,
        kinds: Sequence[str] | None = None,
        nothing: Callable[[], object] = lambda: empty("Nothing is here yet."),
        lines: int = 8,
    ) -> None:
        self._before: list[int | None] = [None]
        self._show = show
        self._nothing = nothing
        loaded: Callable[[], tuple[Sequence[T], int | None]] = lambda: load(self._before[-1])
        self._part = Part(tab, loaded, self._page, kinds=kinds, lines=lines)

    async def first(self) -> None:
        """Back to the newest, such as after a filter changed."""
        self._before = [None]
        await self._part.refresh()

    async def again(self) -> None:
        """The same page, as it is now."""
        await self._part.refresh()

    def _page(self, found: tuple[Sequence[T], int | None]) -> None:
        rows, after = found
        if rows:
            self._show(rows)
        else:
            self._nothing()
        if after is not None or len(self._before) > 1:
            with tag("nav", "pager", aria_label="Older and newer"):
                button("Newer", self._newer, symbol="chevron_left", disabled=None if len(self._before) > 1 else True)
                button("Older", lambda: self._older(after), symbol="chevron_right", disabled=None if after is not None else True)

    async def _older(self, before: int | None) -> None:
        self._before.append(before)
        await self._part.refresh()

    async def _newer(self) -> None:
        self._before.pop()
        await self._part.refresh()


Cell = str | Callable[[], object]


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, wide: str = "") -> Element:
    """A table; cards on a phone. A cell is a text, or makes its elements. caption: read out. wide: the column that takes what is left.

    Each row can be reached with j and k; `o` opens the first event link in it.
    """
    with tag("table", "table") as made:
        text("caption", caption, "aloud")
        with tag("thead"), tag("tr"):
            for name in columns:
                text("th", name, "wide" if name == wide else "", scope="col")
        with tag("tbody"):
            for row in rows:
                with tag("tr", tabindex="-1", data_row=""):
                    for name, cell in zip(columns, row, strict=True):
                        with tag("td", "wide" if name == wide else "", data_label=name):
                            text("span", cell) if isinstance(cell, str) else cell()
    return made


def share_bar(shares: Sequence[tuple[str, float, str]], total: float = 1.0) -> Element:
    """A bar of parts: (label, share, colour's class). Its words must stand beside it: it says nothing to a screen reader."""
    with tag("div", "bar", aria_hidden="true") as made:
        for label, share, colour in shares:
            if share > 0:
                tag("span", colour, title=label).style(f"flex-grow:{share / total:.4f}")
        rest = 1 - sum(share for _, share, _ in shares) / total
        if rest > 0.001:
            tag("span", "rest").style(f"flex-grow:{rest:.4f}")
    return made
