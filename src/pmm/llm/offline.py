"""No model at all: what can be said without one. Works on any machine, and says the same thing every time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pmm.llm.model import ChatModel, Message, Options, Piece, TokenUsage

NO_MODEL = "No language model is set up, so I can only keep what you tell me. `pmm models` shows how to add one."

_PART = re.compile(r".+?(?:[.!?…:]\s+|\n\s*|\Z)", re.S)
"""a sentence or a line, with the blanks after it"""


class OfflineModel(ChatModel):
    """Says `options.draft()`, sentence by sentence; without a draft, that there is no model."""

    name = "offline"
    window = 1_000_000
    serves = frozenset({"reply"})
    route = "offline"

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        text = options.draft() if options.draft is not None else NO_MODEL
        for part in _PART.findall(text):
            yield Piece(part)
        yield Piece(finish="stop", usage=TokenUsage(prompt=0, cached=0, completion=0))
