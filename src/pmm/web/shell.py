"""What stands around every page: header, navigation, the moment, the panel at the side, and what is said aloud."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import background_tasks, ui

from pmm.api.minds import DEFAULT
from pmm.api.state import state_of
from pmm.errors import InvalidInput
from pmm.runtime.models import list_models
from pmm.runtime.typed import at_of, id_of
from pmm.web import chat, commitments, in_mind, inspector, ledger, memory, mind, performance, reasoning
from pmm.web.parts import Part, button, icon, link, relabel, tag, text
from pmm.web.tab import told

if TYPE_CHECKING:
    from nicegui.element import Element

    from pmm.api.shapes import State
    from pmm.runtime.models import ModelRow
    from pmm.web.tab import Refresh, Tab

PAGES: dict[str, tuple[str, str, str, Callable[..., Any]]] = {
    "": ("Chat", "chat_bubble_outline", "Talk", chat.page),
    "mind": ("Mind", "psychology", "Know", mind.page),
    "commitments": ("Commitments", "task_alt", "Know", commitments.page),
    "memory": ("Memory", "auto_stories", "Know", memory.page),
    "ledger": ("Ledger", "receipt_long", "Check", ledger.page),
    "reasoning": ("Reasoning", "account_tree", "Check", reasoning.page),
    "performance": ("Performance", "speed", "Check", performance.page),
}
"""path -> title, icon, group, and the function that makes the page"""
TABS = ("", "mind", "commitments", "memory")
"""what a phone has tabs for; the others are under More"""
KEYS = (
    ("Enter", "send"),
    ("Shift Enter", "new line"),
    ("Esc", "stop, or close"),
    ("/", "write, or search"),
    ("1 to 7", "pages"),
    ("j, k", "next row, row before"),
    ("o", "open the row's event"),
    ("m", "memory used"),
    ("c", "new conversation"),
    ("w", "why"),
    ("[, ]", "one event back, forward"),
    ("n", "now"),
    ("?", "these keys"),
)


async def build(tab: Tab, minds: Sequence[str]) -> None:
    """The whole page, with the part of it that the address names. minds: those of this server, to go to."""
    state = await tab.ask(lambda: state_of(tab.mind, tab.at))
    tab.call(state.name)
    await _Shell(tab, minds, state).build()


class _Shell:
    def __init__(self, tab: Tab, minds: Sequence[str], state: State) -> None:
        from zoneinfo import ZoneInfo

        self._tab = tab
        self._minds = minds
        self._state = state
        self._links: list[tuple[Element, str]] = []
        self._here: str | None = None
        tab.zone = ZoneInfo(state.zone)
        tab.toast = self._toast
        tab.choose_model = self._choose_model

    async def build(self) -> None:
        client = self._tab.client
        main = client.content.parent_slot.parent  # type: ignore[union-attr]
        main.props["tabindex"] = "-1"
        main.classes("main")
        with client.layout:
            self._before = [
                text("a", "Skip to the page", "skip", href=f"#{main.html_id}"),
                self._header(),
                self._bars(),
                self._rail(),
            ]
            for index, element in enumerate(self._before):
                element.move(client.layout, index)
            self._aside()
            self._bottom_tabs()
            self._help()
            self._models = tag("dialog", "sheet", id="models", aria_label="Models")
            status = text("p", "", "aloud", role="status", aria_live="polite", id="status")
            self._tab.say = status.set_text
            self._toasts = tag("div", "toasts", role="status", aria_live="polite")
        ui.on("pmm_event", lambda e: self._inspect(id_of(str(e.args)) or 0))
        ui.on("pmm_close", self._close)
        ui.on("pmm_write", lambda e: self._tab.write(e.args))
        client.sub_pages_router.on_path_changed(lambda path: self._arrived(path))
        ui.sub_pages({f"/{name}": partial(known[3], self._tab) for name, known in PAGES.items()}, root_path=self._tab.base)
        self._arrived(client.sub_pages_router.current_path)
        self._tab.follow(client.content, None, self._refresh)
        self._tell()

    # -- header ------------------------------------------------------------------------------------------------------------------------

    def _header(self) -> Element:
        with tag("header", "top") as made:
            with tag("div", "who"):
                self._avatar = text("span", "", "avatar", aria_hidden="true")
                with tag("div"):
                    self._name = text("p", "", "name")
                    self._tone = text("p", "", "muted small")
            with tag("div", "chips"):
                if len(self._minds) > 1:
                    self._chooser()
                self._as_of = button("As of now", self._back_one, symbol="history", kind="chip", id="as-of")
                self._model = button("", self._choose_model, symbol="memory", kind="chip", classes="model", title="Switch model")
                with link("", self._tab.path("ledger"), "chip saved") as saved:
                    self._seal = icon("check_circle", "ok")
                    self._saved = text("span", "")
                self._links.append((saved, "ledger"))
                button("In mind now", symbol="data_usage", kind="icon", data_side="", classes="narrow")
                button("Theme", symbol="contrast", kind="icon", data_theme="")
        return made

    def _chooser(self) -> None:
        """Another mind of this server."""
        with tag("select", "chip", aria_label="Mind") as chosen:
            for name in self._minds:
                text("option", name, value=name, selected=True if name == self._tab.hosted.name else None)
        chosen.on("change", lambda e: ui.navigate.to("/" if e.args == DEFAULT else f"/minds/{e.args}"), js_handler=_VALUE)

    def _tell(self) -> None:
        """Put what is known into the header and the bars."""
        state, tab = self._state, self._tab
        self._avatar.text = tab.initial
        self._name.text = state.name or "A mind without a name yet"
        self._tone.text = " · ".join(filter(None, (f"Stage {state.stage.level}", ", ".join(state.tone))))
        relabel(self._model, state.model or "No model yet")
        self._saved.text = f"All saved · {state.head:,} event{'' if state.head == 1 else 's'}"
        relabel(self._as_of, "As of now" if tab.at is None else f"As of {tab.at:,}")
        self._past.set_visibility(tab.at is not None)
        if tab.at is not None:
            self._past_text.text = f"This is the mind after event {tab.at:,}. Nothing can be changed there."
            self._slider.props["max"], self._slider.props["value"] = str(self._head), str(tab.at)
            self._field.props["value"] = str(tab.at)
        self._tell_whether_whole()
        self._address_links()

    def _address_links(self) -> None:
        """Links between pages keep the moment, and the conversation."""
        for element, name in self._links:
            element.props["href"] = self._tab.path(name)

    def _tell_whether_whole(self) -> None:
        """What was found when the log was last checked, if it was."""
        checked = self._tab.hosted.checked
        broken = checked.verdict if checked is not None and not checked.verdict.ok else None
        self._broken.set_visibility(broken is not None)
        self._seal.text = "check_circle" if broken is None else "gpp_bad"
        self._seal.classes(replace="icon ok" if broken is None else "icon bad-text")
        if broken is not None:
            self._saved.text = f"Altered · {self._state.head:,} events"
            self._broken_text.text = f"The log was altered: {broken.why}."
            self._broken_link.set_visibility(broken.bad is not None)
            self._broken_link.props["data-event"] = str(broken.bad or 0)
            self._broken_link.text = f"Event {broken.bad or 0:,}"

    async def _refresh(self) -> None:
        tab = self._tab
        self._head = await tab.ask(lambda: tab.mind.log.head[0])
        self._state = await tab.ask(lambda: state_of(tab.mind, tab.at))
        if self._model.is_deleted:  # the page was closed meanwhile
            return
        tab.call(self._state.name)
        self._tell()

    # -- the moment --------------------------------------------------------------------------------------------------------------------

    def _bars(self) -> Element:
        self._head = self._state.head
        with tag("div", "bars") as made:
            with tag("div", "bar-line warn", role="region", aria_label="Looking at the past") as self._past:
                button("Return to now", lambda: self._move(None), kind="primary", key="n")
                self._past_text = text("p", "")
                with tag("div", "steps"):
                    button("One event back", lambda: self._step(-1), symbol="chevron_left", kind="icon", key="[")
                    self._slider = tag("input", type="range", min="1", max="1", aria_label="Event")
                    button("One event forward", lambda: self._step(1), symbol="chevron_right", kind="icon", key="]")
                    self._field = tag("input", "field", type="text", aria_label="Event or time", placeholder="Event, or 2026-03-05T12:00")
                self._slider.on("change", lambda e: self._move(id_of(str(e.args)) or 0), js_handler=_VALUE)
                self._field.on("change", lambda e: self._move_to(str(e.args)), js_handler=_VALUE)
            with tag("div", "bar-line bad", role="alert") as self._broken:
                icon("gpp_bad")
                self._broken_text = text("p", "")
                self._broken_link = text("button", "", "link", type="button", data_event="0")
            with tag("div", "bar-line offline", role="status"):
                icon("cloud_off")
                text("p", "Connection lost; your draft is kept. This goes on by itself.")
        return made

    def _move(self, at: int | None) -> None:
        if at is not None:
            at = min(max(1, at), self._head)
        self._tab.move_to(at)
        self._tab.note({"at": at}, back=False)

    def _back_one(self) -> None:
        """Into the past, or further into it."""
        self._move((self._tab.at or self._head + 1) - 1)

    def _step(self, by: int) -> None:
        self._move((self._tab.at or self._head) + by)

    async def _move_to(self, said: str) -> None:
        tab = self._tab
        try:
            at = at_of(said.strip() or None)
            self._move(None if at is None else at if isinstance(at, int) else (await tab.ask(lambda: tab.mind.view(at))).head)
        except InvalidInput as error:
            self._toast(told(error), None, True)

    # -- navigation --------------------------------------------------------------------------------------------------------------------

    def _rail(self) -> Element:
        with tag("nav", "rail", aria_label="Pages") as made:
            group = ""
            for number, (name, (title, symbol, of, _)) in enumerate(PAGES.items(), 1):
                if of != group:
                    text("p", of, "group")
                    group = of
                self._page_link(name, title, symbol, key=str(number))
            with tag("button", "page-link", type="button") as other:  # where the header has no room for it
                icon("memory")
                text("span", "Switch model")
            other.on("click", lambda: self._choose_model(), args=[])
        return made

    def _bottom_tabs(self) -> None:
        with tag("nav", "tabs", aria_label="Main pages"):
            for name in TABS:
                self._page_link(name, *PAGES[name][:2])
            with tag("button", "more", type="button", data_more="", aria_expanded="false"):
                icon("more_horiz")
                text("span", "More")

    def _page_link(self, name: str, title: str, symbol: str, key: str | None = None) -> None:
        with tag("a", "page-link", href=self._tab.path(name), data_key=key, data_page=name or "chat") as made:
            icon(symbol)
            text("span", title)
        self._links.append((made, name))

    def _arrived(self, path: str) -> None:
        """A page was opened, or its address is another one: say so where people and machines look."""
        tab = self._tab
        bare = path.partition("?")[0].removeprefix(tab.base).strip("/")
        if (at := id_of(tab.query.get("at", ""))) != tab.at:  # back to another moment
            tab.move_to(at)
        if not bare:
            tab.session = tab.query.get("session")
            self._address_links()
        if bare == self._here:
            background_tasks.create(tab.turned(), name="turn to an address")
        self._here = bare
        for element, name in self._links:
            here = name == bare and "page-link" in element.classes
            element.props["aria-current"] = "page" if here else "false"
        tab.client.layout.props["data-page"] = bare or "chat"
        title = PAGES[bare][0] if bare in PAGES else "Not found"
        ui.page_title(f"{title} · {self._state.name or 'PMM'}")

    # -- at the side -------------------------------------------------------------------------------------------------------------------

    def _aside(self) -> None:
        with tag("aside", "side", aria_label="In mind now", tabindex="-1") as self._side:
            with tag("div", "in-mind"):
                in_mind.panel(self._tab)
            self._inspector = tag("div", "inspector")
        tag("div", "veil", data_close="")

    def _inspect(self, id: int) -> None:
        self._inspector.clear()
        with self._inspector:
            inspector.show(self._tab, id, self._close)
        self._side.props["aria-label"] = "Inspector"
        self._tab.client.layout.classes("inspecting")

    def _close(self) -> None:
        self._inspector.clear()
        self._side.props["aria-label"] = "In mind now"
        self._tab.client.layout.classes(remove="inspecting")

    # -- what is said ------------------------------------------------------------------------------------------------------------------

    def _toast(self, says: str, undo: Refresh | None, bad: bool) -> None:
        """One line at the foot of the page, until the next one or until it is closed."""
        self._toasts.clear()
        with self._toasts, tag("div", "toast bad" if bad else "toast"):
            icon("error_outline" if bad else "check_circle")
            text("p", says)
            if undo is not None:
                button("Undo", lambda: background_tasks.create(undo(), name="undo"), kind="quiet")
            button("Dismiss", self._toasts.clear, symbol="close", kind="icon")

    def _help(self) -> None:
        with tag("dialog", "sheet", id="help", aria_label="Keys"):
            text("h2", "Keys", tabindex="-1", autofocus="")
            with tag("dl", "keys"):
                for key, does in KEYS:
                    with tag("dt"):
                        text("kbd", key)
                    text("dd", does)
            with tag("label", "check"):
                tag("input", type="checkbox", id="single-keys")
                text("span", "Single keys work (Enter and Esc always do)")
            with tag("form", method="dialog"):
                text("button", "Close", "button primary")

    def _choose_model(self) -> None:
        """The models there are, asked for when they are to be shown."""
        self._models.clear()
        with self._models:
            text("h2", "Which model speaks?", tabindex="-1", autofocus="")
            Part(self._tab, lambda: tuple(list_models(self._tab.mind.settings)), self._offer, kinds=(), lines=4)
            with tag("form", method="dialog"):
                text("button", "Close", "button")
        self._tab.client.run_javascript("document.getElementById('models').showModal()")

    def _offer(self, rows: Sequence[ModelRow]) -> None:
        with tag("ul", "plain rows"):
            for row in rows:
                with tag("li"):
                    button(row.name, partial(self._switch, row.name), kind="quiet")
                    now = "speaks now" if row.name == self._state.model else ""
                    text("p", " · ".join(filter(None, (now, row.where, row.note))), "muted small")

    async def _switch(self, name: str) -> None:
        self._tab.client.run_javascript("document.getElementById('models').close()")
        mind = self._tab.mind
        await self._tab.act(lambda: mind.speak_with(name), f"From now on {name} speaks.")


_VALUE = "(event) => emit(event.target.value)"
