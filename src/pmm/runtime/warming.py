"""Warming: the engine reads a new epoch's prompt before the user speaks, so that the next turn has to read only what is new.

The call says nothing. Like every call behind the user's back it is counted, capped, and given up when a turn begins.
"""

from __future__ import annotations

from collections.abc import Callable

from pmm.agent.context import so_far
from pmm.errors import ModelError
from pmm.events import EpochOpened, Event
from pmm.llm.model import WARM, ChatModel
from pmm.projections.conversation import Session
from pmm.runtime.background import Outcome
from pmm.runtime.calls import tokens_of
from pmm.runtime.parts import Parts

NEXT = {"role": "user", "content": "."}
"""stands where the user's message will: many templates want one at the end"""


class Warming:
    """The consumer of new epochs. model: the one that speaks, None as long as none does."""

    def __init__(self, parts: Parts, model: Callable[[], ChatModel | None]) -> None:
        self._parts = parts
        self._model = model

    def warm(self, event: Event) -> Outcome:
        """Have the model read the prompt, unless somebody has spoken in that epoch already."""
        model, view = self._model(), self._parts.views.at_head()
        if not isinstance(event, EpochOpened) or model is None or WARM not in model.serves:
            return None
        session = view.conversation.session(event.session)
        if session.epoch != event.epoch or _was_read(session, event):
            return None
        messages = [*so_far(session), NEXT]
        if self._parts.calls.wait(view, tokens_of(model, messages) + 1) is not None:
            return None
        try:
            said = self._parts.calls.make(model, WARM, messages, max_tokens=1)
        except ModelError:
            return None  # recorded; the next turn reads the prompt itself
        if said is not None:
            self._parts.log.append([said.called])
        return None


def _was_read(session: Session, opened: EpochOpened) -> bool:
    return bool(session.turns) and session.turns[-1].reply > opened.id
