"""Several models behind one another: when one doesn't answer, the next one does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from pmm.errors import ModelCancelled, ModelError
from pmm.llm.model import WARM, ChatModel, Message, Options, Piece

REST_S = 60.0
"""one that failed is tried last for so long: nobody wants to wait for it at every turn"""

T = TypeVar("T")


class ChainModel(ChatModel):
    """The first of some models that answers. Another is tried only as long as nothing was said.

    name, route, tokens: of the one that spoke last. window: the smallest, so that any may take over; one that isn't loaded yet can't be
    asked. serves: what any of them does. notices: also who didn't answer, and why, until it does again.
    """

    def __init__(self, models: Sequence[ChatModel]) -> None:
        self._models = tuple(models)
        self._speaker = self._models[0]
        self._failures: dict[str, tuple[float, str]] = {}
        """by name: until when it rests, and what went wrong"""
        self.serves = frozenset().union(self._models[0].serves, *(model.serves - {WARM} for model in models))

    @property
    def name(self) -> str:  # type: ignore[override]
        """Of the one that spoke last."""
        return self._speaker.name

    @property
    def route(self) -> Any:  # type: ignore[override]
        """Of the one that spoke last."""
        return self._speaker.route

    @property
    def window(self) -> int:  # type: ignore[override]
        """The smallest of those that are loaded, in tokens. Loads the one whose turn it is."""
        own = self._asked(lambda model: model.window)
        return min([own, *(model.window for model in self._models if model.loaded)])

    @property
    def notices(self) -> tuple[str, ...]:  # type: ignore[override]
        told = [notice for model in self._models for notice in model.notices]
        return (*told, *(what for _, what in self._failures.copy().values()))

    def count_tokens(self, text: str) -> int:
        """As the one whose turn it is counts them."""
        return self._asked(lambda model: model.count_tokens(text))

    def close(self) -> None:
        for model in self._models:
            model.close()

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        return self._tried(messages, options)

    def _tried(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        """Each keeps its own deadlines and tries, within the whole call's."""
        deadline = time.monotonic() + options.timeout_s
        errors: list[ModelError] = []
        for model in self._order(options.purpose):
            left = deadline - time.monotonic()
            if left <= 0 and errors:
                break
            spoke = False
            pieces = model.stream(messages, msgspec.structs.replace(options, timeout_s=left))
            try:
                for piece in pieces:
                    if not spoke and (piece.text or piece.finish):
                        spoke = True
                        self._speaks(model)
                    yield piece
                return
            except ModelCancelled:
                raise
            except ModelError as error:
                self._fails(model, error)
                if spoke:
                    raise
                errors.append(error)
            finally:
                pieces.close()  # type: ignore[attr-defined]
        raise _all(errors)

    def _asked(self, ask: Callable[[ChatModel], T]) -> T:
        """What the first one says that can be asked. Raises ModelError if none can."""
        errors = []
        for model in self._order("reply"):
            try:
                return ask(model)
            except ModelError as error:
                self._fails(model, error)
                errors.append(error)
        raise _all(errors)

    def _order(self, purpose: str) -> list[ChatModel]:
        """Those that serve it, in their order; those that failed a moment ago last."""
        now = time.monotonic()
        resting = {name for name, (until, _) in self._failures.copy().items() if until > now}
        asked = self._models[:1] if purpose == WARM else self._models
        return sorted((model for model in asked if purpose in model.serves), key=lambda model: model.name in resting)

    def _speaks(self, model: ChatModel) -> None:
        self._speaker = model
        self._failures.pop(model.name, None)

    def _fails(self, model: ChatModel, error: ModelError) -> None:
        self._failures[model.name] = (time.monotonic() + REST_S, f"{model.name} didn't answer: {error.message}")


def _all(errors: Sequence[ModelError]) -> ModelError:
    """The first one's failure is told; that of the others as well."""
    first, *others = errors
    if not others:
        return first
    return type(first)(" ".join([first.message, *(f"Nor did the next: {error.message}" for error in others)]), hint=first.hint)
