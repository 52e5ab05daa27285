"""Epochs: when a session's transcript is nearly full, a scene is made of its older half and a new opening recorded, behind the user's back.

The scene is made by a model where one may be asked, else by extraction. No turn waits for it: one that finds its transcript full opens
the next epoch itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pmm.agent import scenes
from pmm.agent.context import Summary, epoch_due, leaving, open_epoch, so_far
from pmm.errors import MindBusy, ModelError
from pmm.events import Event, SceneCompacted
from pmm.llm.model import ChatModel, Message
from pmm.projections.conversation import Session
from pmm.runtime.background import Outcome
from pmm.runtime.calls import tokens_of
from pmm.runtime.parts import Parts
from pmm.runtime.turn import budget, opened
from pmm.storage.locks import ProcessLock


class Epochs:
    """The consumer of replies. speaker: the model whose prompts they open; model: the one that writes scenes."""

    def __init__(
        self, parts: Parts, *, model: Callable[[], ChatModel | None], speaker: Callable[[], ChatModel | None], turns: ProcessLock
    ) -> None:
        self._parts = parts
        self._model = model
        self._speaker = speaker
        self._turns = turns
        self._made: dict[tuple[str, int], str | None] = {}
        """by session and epoch: a scene that is to be recorded as soon as no turn is spoken"""

    def renew(self, event: Event) -> Outcome:
        """After a reply: open the next epoch of each session that is nearly full. Raises MindBusy while a turn is being spoken."""
        speaker, model = self._speaker(), self._model()
        if speaker is None or model is None:
            return None
        limits = budget(self._parts.settings, speaker)
        for name, session in self._parts.views.at_head().conversation.sessions.items():
            if epoch_due(session, limits):
                self._next(name, session, speaker, model)
        for name, session in self._parts.views.at_head().conversation.sessions.items():
            if session.epoch and scenes.to_roll_up(session):
                self._roll_up(name, session, model)
        return None

    def _next(self, name: str, session: Session, speaker: ChatModel, model: ChatModel) -> None:
        limits = budget(self._parts.settings, speaker)
        gone = leaving(session, limits)
        last = gone[-1].user if gone else 0
        text = self._scene(model, session, (name, last), scenes.ask_scene(gone, session.marker)) if gone else None
        self._turns.acquire()
        try:
            view = self._parts.views.at_head()
            now_open = view.conversation.session(name)
            if now_open.epoch == session.epoch and epoch_due(now_open, limits):
                summary = Summary(text, last, model.name) if text else None
                count, now, marker = speaker.count_tokens, self._parts.clock.now(), self._parts.ids.marker()
                opening = open_epoch(view, name, budget=limits, count=count, marker=marker, now=now, summary=summary)
                self._parts.log.append(opened(opening, name))
        finally:
            self._turns.release()
        self._made.clear()

    def _roll_up(self, name: str, session: Session, model: ChatModel) -> None:
        """Make one scene of the older half."""
        part = scenes.to_roll_up(session)
        first, last = part[0].first, part[-1].last
        text = self._scene(model, session, (name, -last), scenes.ask_roll_up(part, session.marker))
        self._parts.log.append(
            [
                SceneCompacted(
                    content=text or scenes.merge(part),
                    session=name,
                    first=first,
                    last=last,
                    method="model" if text else "extract",
                    model=model.name if text else None,
                )
            ]
        )
        self._made.clear()

    def _scene(self, model: ChatModel, session: Session, what: tuple[str, int], instruction: str) -> str | None:
        """What a model writes, within the day's cap; None: extract it. Raises MindBusy if the user's turn came first."""
        if what in self._made:
            return self._made[what]
        messages = [*so_far(session), {"role": "user", "content": instruction}]
        tokens = tokens_of(model, messages) + scenes.SCENE_TOKENS
        fits = tokens <= (self._parts.settings.model_window or model.window)
        if "scene" not in model.serves or not fits or self._parts.calls.wait(self._parts.views.at_head(), tokens) is not None:
            return None
        text = None
        try:
            text = self._asked(model, messages, session.marker)
        except ModelError:
            pass  # recorded; the turns don't wait for it to come back
        self._made[what] = text
        return text

    def _asked(self, model: ChatModel, messages: Sequence[Message], mark: str) -> str | None:
        said = self._parts.calls.make(model, "scene", messages, max_tokens=scenes.SCENE_TOKENS)
        if said is None:
            if self._parts.calls.closed:
                return None
            raise MindBusy("a turn is being spoken.")
        text, called = scenes.read_scene(said.text, mark), said.called
        self._parts.log.append([called if text else msgspec.structs.replace(called, outcome="invalid", error="it can't be a scene")])
        return text
