"""Small forms, in place: native fields that are read once, when they are sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pmm.web.parts import button, tag, text

if TYPE_CHECKING:
    from nicegui.element import Element

Said = dict[str, str]
"""what a form's fields say, by their names"""

_SUBMIT = "(event) => { event.preventDefault(); emit(Object.fromEntries(new FormData(event.target))); }"
_EMPTY = "(event) => { event.preventDefault(); emit(Object.fromEntries(new FormData(event.target))); event.target.reset(); }"


def form(label: str, send: Callable[[Said], object], classes: str = "", *, emptied: bool = False, **attributes: object) -> Element:
    """A form, to be filled with `with`. label: read out. send: is given what its fields say. emptied: afterwards, to be used again."""
    made = tag("form", f"form {classes}", aria_label=label, novalidate="", autocomplete="off", **attributes)
    made.on("submit", lambda event: send(said_in(event.args)), js_handler=_EMPTY if emptied else _SUBMIT)
    return made


def said_in(args: object) -> Said:
    """What came from the browser, which may be anything: texts by name."""
    return {str(name): said.strip() for name, said in args.items() if isinstance(said, str)} if isinstance(args, dict) else {}


def field(label: str, name: str, value: str = "", *, kind: str = "text", classes: str = "", **attributes: object) -> Element:
    """A field under its label. kind: as HTML's input types are named."""
    with tag("label", f"labelled {classes}"):
        text("span", label)
        made = tag("input", "field", type=kind, _name=name, **attributes)
    if value:
        made.props["^value"] = value  # as an attribute: Vue would write a property anew, over what was typed, whenever it draws
    return made


def choice(label: str, name: str, options: Sequence[tuple[str, str]], chosen: str = "", **attributes: object) -> Element:
    """A choice under its label. options: (value, word)."""
    with tag("label", "labelled"):
        text("span", label)
        with tag("select", "field", _name=name, **attributes) as made:
            for value, word in options:
                text("option", word, value=value, selected=True if value == chosen else None)
    return made


def sends(label: str, cancel: Callable[[], object]) -> None:
    """A form's two buttons."""
    with tag("div", "form-acts"):
        text("button", label, "button primary", type="submit")
        button("Cancel", cancel, key="Escape")


def picked(label: str, options: Sequence[tuple[str, str]], chosen: str, pick: Callable[[str], object]) -> Element:
    """A choice that acts at once, such as a filter."""
    with tag("select", "field", aria_label=label) as made:
        for value, word in options:
            text("option", word, value=value, selected=True if value == chosen else None)
    made.on("change", lambda event: pick(str(event.args)), js_handler="(event) => emit(event.target.value)")
    return made
