"""PMM for a harness that asks retrievers: RETRIEVERS = {name: factory}, each with index(items), search(query, k) and close().

items: (id, text, meta) with meta's raw, speaker, role, session, iso and caption.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from pmm import Mind, Turn


class Recall:
    """A mind of its own for one conversation, in a temporary folder."""

    embedder = ""

    def index(self, items: list[tuple[str, str, dict[str, Any]]]) -> None:
        """Import the messages."""
        self._folder = tempfile.TemporaryDirectory(prefix="pmm-eval-")
        self._mind = Mind.open(Path(self._folder.name) / "mind.db", model="offline", embedder=self.embedder)
        self._mind.import_turns([_turn(id, meta) for id, _, meta in items], origin="eval")
        while self._mind.wait_idle(60) and (state := self._mind.encoded()) and state.encoded < state.messages and not state.trouble:
            pass

    def search(self, query: str, k: int) -> list[str]:
        """The first ten as `pmm eval` sees them, then what a longer recall adds."""
        first = [memory.ref for memory in self._mind.recall(query, k=min(k, 10))]
        return list(dict.fromkeys([*first, *(memory.ref for memory in self._mind.recall(query, k=k))])) if k > 10 else first

    def close(self) -> None:
        """Forget it."""
        self._mind.close()
        self._folder.cleanup()


def _turn(id: str, meta: dict[str, Any]) -> Turn:
    at = datetime.fromisoformat(meta["iso"]) if meta["iso"] else None
    return Turn(meta["speaker"], meta["raw"], at, str(meta["session"]), id, meta["role"] or "other", meta["caption"] or None)


class RecallByMeaning(Recall):
    """The same with MiniLM; its weights are fetched by `pmm models install minilm`."""

    embedder = "minilm"


RETRIEVERS = {"pmm": Recall, "pmm-minilm": RecallByMeaning}
