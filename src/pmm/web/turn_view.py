"""One turn on the page: what was said, what was used for it, what was read in it, and what to do about each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from pmm.errors import TurnFailed
from pmm.events import CommitmentClosed, CommitmentOpened, DirectiveSet, FactAsserted, MessageImported, ReplyEvent, TurnFailedEvent
from pmm.web import transcript
from pmm.web.inspector import brief
from pmm.web.parts import Part, button, event_link, icon, kind_tag, moment, tag, text, unfold
from pmm.web.said import markdown
from pmm.web.signals import share_line

if TYPE_CHECKING:
    from nicegui.element import Element

    from pmm.events import Event
    from pmm.web.tab import Tab
    from pmm.web.transcript import Finding, Prompt, Receipt, Turn, Used

QUOTE_MAX = 400
WHO = {"system": "Beginning", "user": "You, as sent", "assistant": "Reply"}
ROUTES = {"fast": "Answered from the log, without a model", "cache": "Answered from the log, without a model", "offline": "No model spoke"}
REASONS = {
    "timeout": "The model took too long.",
    "cut": "The model was cut off.",
    "unavailable": "The model can't be reached.",
    "refused": "The model refused.",
    "malformed": "The model's answer could not be read.",
    "cancelled": "Stopped before anything was said.",
    "stopped": "The process ended in mid-turn.",
    "too_long": "The message is too long for this model.",
}

Again = Callable[["Turn"], Awaitable[None]]


class TurnView:
    """Draws a turn where it is made. again: asks the same once more, in the place of one that failed; None of one that isn't last."""

    def __init__(self, tab: Tab, turn: Turn, *, again: Again | None) -> None:
        self._tab = tab
        self._turn = turn
        if turn.user is not None:
            text("div", turn.user.content, "bubble")
        with tag("div", "reply"):
            text("span", tab.initial, "avatar", aria_hidden="true")
            with tag("div", "answer"):
                match turn.end:
                    case None:
                        text("p", "This is being answered elsewhere.", "muted small waiting")
                    case TurnFailedEvent():
                        self._failed(turn.end, again)
                    case _:
                        self._replied(turn.end)
                for finding in turn.found:
                    _Found(tab, finding)
                for correction in turn.corrections:
                    for claim in correction.claims:
                        with tag("div", "finding warn"):
                            kind_tag("reply_contradicted")
                            text("span", f"It says “{claim.said}”; the log: {claim.truth}")
                            event_link(correction.id)
                if turn.end is not None:
                    self._foot(turn.end)

    def _replied(self, end: Any) -> None:
        markdown(end.content)
        finish = end.finish if isinstance(end, ReplyEvent) else "stop"
        if finish != "stop":
            text("p", "Stopped. What was said is kept." if finish == "interrupted" else "Cut off: it was too long.", "muted small")

    def _failed(self, end: TurnFailedEvent, again: Again | None) -> None:
        if end.content:
            markdown(end.content)
        with tag("div", "trouble"):
            icon("error_outline")
            with tag("div", "told"):
                text("p", REASONS.get(end.reason, "The turn failed."))
                said = filter(None, (end.detail[:1].upper() + end.detail[1:], end.hint or TurnFailed.default_hint))
                text("p", " ".join(said), "muted small")
            if self._tab.at is None and again is not None:
                button("Try again", lambda: again(self._turn), symbol="refresh")
                button("Switch model", self._tab.choose_model, symbol="memory")

    def _foot(self, end: Event) -> None:
        turn, tab = self._turn, self._tab
        with tag("div") as whole:
            panel = tag("div", "used")
        panel.set_visibility(False)
        with tag("div", "foot") as foot:
            if turn.receipt is not None:
                with button(f"Memory used · {turn.used}", symbol="auto_stories", kind="pill", data_memory="") as shut:
                    icon("expand_more", "chevron")
                unfold(shut, lambda open: self._open(panel, open))
            elif isinstance(end, ReplyEvent) and end.route in ROUTES:
                text("span", ROUTES[end.route], "muted small")
            with tag("span", "meta when"):
                moment(tab, end.ts)
                if isinstance(end, ReplyEvent) and end.timing.total_ms:
                    ms = end.timing.total_ms
                    text("span", f"{ms / 1000:.1f} s" if ms >= 100 else f"{ms:.0f} ms")
                event_link(end.id)
        foot.move(whole, 0)

    # -- memory used -------------------------------------------------------------------------------------------------------------------

    def _open(self, panel: Element, open: bool) -> None:
        panel.set_visibility(open)
        if open and not panel.default_slot.children:
            with panel:
                receipt = self._turn.receipt or 0
                Part(self._tab, lambda: transcript.receipt(self._tab.mind, receipt), self._used, kinds=(), lines=4)

    def _used(self, found: Receipt) -> None:
        if not found.sources:
            text("p", "Nothing was recalled for this: what the model was shown is below.", "muted")
        for used in found.sources:
            self._source(used)
        with tag("div", "always"):
            text("p", f"Always in the prompt: {', '.join(found.always)}.", "small")
            if found.left_out:
                text("p", f"Left out, too weak or for want of room: {', '.join(found.left_out)}.", "small")
            with tag("p", "meta"):
                whole = button("Everything the model was shown", symbol="visibility", kind="quiet")
                event_link(found.id)
        whole_prompt(self._tab, found.id, whole, "prompt")

    def _source(self, used: Used) -> None:
        event, source = used.event, used.source
        with tag("div", "source"):
            said = brief(event, QUOTE_MAX) if event is not None else "This event is not there any more."
            text("p", said)
            with tag("p", "meta"):
                if event is not None:
                    kind_tag(event.kind, _who(event))
                    at = event.at if isinstance(event, MessageImported) and event.at else event.ts
                    moment(self._tab, at, clock=False)
                event_link(source.id)
                if source.place == "transcript":
                    text("span", "in view already")
            share_line(source.why)


def _who(event: Event) -> str:
    if isinstance(event, MessageImported):
        who = "You said" if event.role == "user" else event.speaker
        return f"{who}, imported from {event.origin}"
    return ""


def whole_prompt(tab: Tab, receipt: int, shut: Element, classes: str) -> None:
    """A place for everything the model was shown, which a button fills: it is loaded when it is opened."""
    box = tag("div", classes)

    def opened(open: bool) -> None:
        box.clear()
        if open:
            with box:
                Part(tab, lambda: transcript.prompt(tab.mind, receipt), _prompt, kinds=(), lines=6)

    unfold(shut, opened)


def _prompt(found: Prompt) -> None:
    """Message by message."""
    says = (
        "This is, to the byte, what the model was sent: its digest is the one in the receipt."
        if found.exact
        else "This was put together again from the log. It also held what a program asked for this turn alone, which isn't recorded."
    )
    text("p", says, "small muted")
    for who, said in found.messages:
        with tag("details", "fold", open=True if (who, said) == found.messages[-1] else None):
            text("summary", f"{WHO.get(who, who)} · {len(said):,} characters")
            text("pre", said, tabindex="0")


def _found(event: Event) -> str:
    if isinstance(event, FactAsserted):  # the sentence may say several things
        return f"{'you' if event.subject == 'user' else event.subject} · {event.relation} · {event.value}"
    return brief(event)


class _Found:
    """Something that was read in a turn, with a way to put it right where it is seen."""

    def __init__(self, tab: Tab, finding: Finding) -> None:
        self._tab = tab
        self._event: Any = finding.event
        self._finding = finding
        with tag("div", "finding" if finding.holds else "finding gone") as self._box:
            self._line()

    def _line(self) -> None:
        event, holds, now = self._event, self._finding.holds, self._finding.now
        kind_tag(event.kind)
        text("span", now if holds and now else _found(event), "what")
        if not holds:
            text("span", f"now: {now}" if now else "taken back", "muted small")
        with tag("span", "acts"):
            if holds and self._tab.at is None:
                if isinstance(event, (CommitmentOpened, FactAsserted, DirectiveSet)):
                    button("Edit", self._edit, kind="quiet")
                if self._undo() is not None:
                    button("Undo", self._take_back, kind="quiet")
            event_link(event.id)

    def _undo(self) -> Callable[[], object] | None:
        """What takes it back."""
        event, mind = self._event, self._tab.mind
        match event:
            case CommitmentOpened():
                return lambda: mind.close_commitment(event.id, "cancelled", "undone")
            case CommitmentClosed():
                return lambda: mind.reopen_commitment(event.cid, "undone")
            case FactAsserted():
                return lambda: mind.retract_fact(event.id, "undone")
            case DirectiveSet():
                return lambda: mind.revoke_directive(event.id, "undone")
        return None

    async def _take_back(self) -> None:
        undo = self._undo()
        assert undo is not None
        await self._tab.act(undo, "Taken back. The log keeps that it was there.", self._redo())

    def _redo(self) -> Callable[[], object] | None:
        event, mind = self._event, self._tab.mind
        match event:
            case CommitmentOpened():
                return lambda: mind.reopen_commitment(event.id)
            case FactAsserted():
                return lambda: mind.assert_fact(event.subject, event.relation, event.value, valid_from=event.valid_from)
            case DirectiveSet():
                return lambda: mind.set_directive(event.content)
        return None

    def _edit(self) -> None:
        """In place: the text becomes a field."""
        event = self._event
        now = event.value if isinstance(event, FactAsserted) else self._finding.now or event.content
        self._box.clear()
        with self._box:
            kind_tag(event.kind)
            field = tag("input", "field what", type="text", maxlength="500", aria_label="New text", data_focus="")
            field.props["^value"] = now  # as an attribute: Vue would write a property anew, over what was typed
            save: Callable[[Any], Awaitable[None]] = lambda e: self._save(str(e.args).strip(), now)
            field.on("keydown", save, js_handler="(event) => { if (event.key === 'Enter') emit(event.target.value) }")
            with tag("span", "acts"):
                done = button("Save", kind="quiet")
                done.on("click", save, js_handler=f"() => emit(document.getElementById('{field.html_id}').value)")
                button("Cancel", self._back, kind="quiet")

    def _back(self) -> None:
        self._box.clear()
        with self._box:
            self._line()

    async def _save(self, new: str, before: str) -> None:
        """The older value stays in the log, and listed."""
        event, mind = self._event, self._tab.mind
        if not new or new == before:
            self._back()
            return

        def change() -> None:
            match event:
                case CommitmentOpened():
                    mind.edit_commitment(event.id, text=new)
                case FactAsserted():
                    mind.assert_fact(event.subject, event.relation, new)
                case DirectiveSet():
                    mind.set_directive(new)
                    mind.revoke_directive(event.id, "edited")

        if await self._tab.act(change, f"Changed to “{new}”."):
            self._back()
