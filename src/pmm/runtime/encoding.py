"""Encoding: one mind's embedder at work. What was said is encoded behind the turn; a question, when it is asked.

Neither numpy nor weights are loaded before they are needed, and a turn never waits for them: until they are there it recalls by words.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from pmm.clock import stopwatch
from pmm.config import Settings
from pmm.errors import ConfigError, MindBusy, ModelCancelled, ModelError, PMMError
from pmm.events import Event, MessageImported
from pmm.memory.embedding_cache import EmbeddingCache, EncodedBy, FileCache, RedisCache, encoded_by, forget
from pmm.memory.index import INDEXED, TOTAL, TextIndex
from pmm.memory.recall import NEAREST, Near
from pmm.runtime.background import Chore
from pmm.runtime.profiler import PerformanceProfiler
from pmm.runtime.weights import minilm_folder
from pmm.storage.sqlite import SqliteLog

if TYPE_CHECKING:
    from pmm.memory.embeddings import CachedEmbedder, Embedder
    from pmm.memory.vectors import Nearest, VectorIndex

BATCH, BATCH_CHARS, TEXT_CHARS, CONTEXT_CHARS = 32, 4000, 1200, 300
"""messages encoded at once; characters of them, each counted up to TEXT_CHARS, and what is read before it as CONTEXT_CHARS: a batch
takes about half a second at most"""
SLICE_S = 1.0
"""so long is encoded before the other background work has its turn"""
CHORE = "vectors by "
"""what the background calls it, with the embedder's name"""
CLOSE_S = 1.0
"""when the mind closes, no batch is begun later than so many seconds after"""
MUTE_S = 30.0
"""an embedder that failed on a question isn't asked again for so long: each turn would wait for it"""


class Encoded(msgspec.Struct, frozen=True):
    """How far the vectors are. embedder: the one asked for; encoded: of messages. serving: whose vectors answer now ("": none do yet).
    hits, misses: of texts looked up in the caches, ever. trouble: what was wrong lately, in words."""

    embedder: str
    encoded: int
    messages: int
    serving: str
    hits: int
    misses: int
    trouble: str

    @property
    def hit_rate(self) -> float | None:
        """0 to 1; None before anything was looked up."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else None


class _Lane(msgspec.Struct, frozen=True):
    """One embedder with its vectors."""

    cached: CachedEmbedder
    index: VectorIndex


class Encoding:
    """See the module. embedder: a name (see `check_embedder`), or an Embedder, which stays its owner's to close.

    speaking: whether a turn is under way, which goes first. Raises ConfigError, ModelUnavailable.
    """

    def __init__(
        self,
        log: SqliteLog,
        words: TextIndex,
        embedder: str | Embedder,
        settings: Settings,
        speaking: Callable[[], bool],
        profiler: PerformanceProfiler | None = None,
    ) -> None:
        self._log = log
        self._words = words
        self._settings = settings
        self._speaking = speaking
        self._profiler = profiler or PerformanceProfiler()
        self.lookups = (0, 0)
        """vectors that questions needed: those that were there already, and those that had to be encoded (or could not be)"""
        self._given = embedder
        self._spec = check_embedder(embedder)
        self._far: list[EmbeddingCache] = [RedisCache(settings.embed_cache)] if settings.embed_cache else []
        self._lock = threading.Lock()
        self._lane: _Lane | None = None
        self._old: _Lane | None = None
        self._loading: threading.Thread | None = None
        self._trouble = ""
        self._mute_until = 0.0
        self._told = (0, 0)
        self._last_start: float | None = None

    # -- asked by recall -----------------------------------------------------------------------------------------------------------------

    def nearest(self, text: str, *, head: int, k: int, wait: bool = False) -> Nearest | None:
        """The `k` messages up to event `head` that mean most alike `text`, with its vector. None: nothing is encoded, the embedder fails,
        or it isn't loaded yet (it is being loaded then; wait: load it here and now)."""
        lane = self._serving(wait)
        if lane is None:
            return None
        if stopwatch() < self._mute_until:
            self._looked_up(0, 1)
            return None
        from pmm.memory.vectors import Nearest

        known = lane.cached.hits
        try:
            with self._profiler.measure("embeddings"):
                vector = lane.cached.query(text)
        except ModelError as error:
            self._trouble, self._mute_until = error.message, stopwatch() + MUTE_S
            self._looked_up(0, 1)
            return None
        found = lane.index.search(vector, head, k)
        self._looked_up(len(found), int(lane.cached.hits == known))
        return Nearest(vector, found, lane.index)

    def near(self, head: int, *, wait: bool = False) -> Near:
        """The same, as recall asks for it."""
        return partial(self.nearest, head=head, k=NEAREST, wait=wait)

    def _looked_up(self, hits: int, misses: int) -> None:
        self.lookups = (self.lookups[0] + hits, self.lookups[1] + misses)

    def _serving(self, wait: bool) -> _Lane | None:
        """The lane asked for, once it had every message; until then an older one that had, if its embedder can still be opened."""
        if self._lane is None and not wait:
            if self._loading is None:
                self._loading = threading.Thread(target=self._load_quietly, name="pmm-embedder", daemon=True)
                self._loading.start()
            return None
        try:
            lane = self._load()
        except ModelError as error:
            self._trouble = error.message
            return None
        if self._old is not None and lane.index.state.whole:  # another process may have completed it
            self._old = None
        return self._old or lane

    # -- the background's part -----------------------------------------------------------------------------------------------------------

    def chores(self) -> list[Chore]:
        """What the background is to do for it."""
        name = self._spec or str(getattr(self._given, "name", ""))  # each embedder has come as far as it has
        return [Chore(f"{CHORE}{name}", 1, self.catch_up)]

    def catch_up(self) -> None:
        """Encode what was said since, for about SLICE_S. Raises MindBusy where something is left ("go on soon"), ModelError."""
        if self._ending() or self._speaking():
            raise MindBusy("a turn goes first.")
        lane = self._load()
        limit = stopwatch() + SLICE_S
        while self._batch(lane):
            if self._ending() or self._speaking() or stopwatch() > limit:
                raise MindBusy("there is more to encode.")
        lane.index.completed()
        self._old = None
        for one in encoded_by(self._log):  # what the same setting stood for before: another version of it, which can't serve any more
            if self._spec and one.spec == self._spec and one.name != lane.index.name and forget(self._log, one.number):
                raise MindBusy("there is more to forget.")

    def _batch(self, lane: _Lane) -> bool:
        """Encode the next batch. False: there is none."""
        after = lane.index.state.position
        contextual = lane.cached.embedder.contextual
        events = _first(self._log.by_kind(*INDEXED, since=after, limit=BATCH), CONTEXT_CHARS if contextual else 0)
        if not events:
            return False
        from pmm.memory.embeddings import digest

        texts = [_text(event) for event in events]
        told = self._words.before([event.id for event in events]) if contextual else {}
        before = [told.get(event.id, "") for event in events]
        lane.cached.embed(texts, before)
        rows = [(event.id, digest(*said)) for event, said in zip(events, zip(texts, before, strict=True), strict=True)]
        hits, misses = lane.cached.hits, lane.cached.misses
        last, self._told = self._told, (hits, misses)
        counts = {"hits": hits - last[0], "misses": misses - last[1]}
        lane.index.add(rows, after=after, upto=events[-1].id, **counts, trouble=lane.cached.trouble)
        self._trouble = ""
        return True

    def _ending(self) -> bool:
        return self._last_start is not None and stopwatch() > self._last_start

    def _load_quietly(self) -> None:
        try:
            self._load()
        except PMMError as error:
            self._trouble = error.message
        finally:
            self._loading = None

    def _load(self) -> _Lane:
        with self._lock:
            if self._lane is None:
                if self._last_start is not None and self._ending():
                    raise ModelCancelled("the mind is closing.")
                given = self._given
                embedder = open_embedder(given, self._settings, self._words) if isinstance(given, str) else given
                lane = self._lane_of(embedder, self._spec)
                self._old = None if lane.index.state.whole else self._older(lane)
                self._lane = lane
            return self._lane

    def _lane_of(self, embedder: Embedder, spec: str) -> _Lane:
        from pmm.memory.embeddings import CachedEmbedder
        from pmm.memory.vectors import VectorIndex

        cached = CachedEmbedder(embedder, [FileCache(self._log), *self._far])
        index = VectorIndex(self._log, embedder.name, embedder.dimensions, spec)
        index.warm()  # here, where nobody waits, rather than at the first search
        return _Lane(cached, index)

    def _older(self, lane: _Lane) -> _Lane | None:
        for one in encoded_by(self._log):
            if one.whole and one.spec and one.name != lane.index.name:
                try:
                    embedder = open_embedder(one.spec, self._settings, self._words)
                    if embedder.name == one.name:
                        return self._lane_of(embedder, one.spec)
                except (ModelError, ConfigError):
                    continue  # its weights or its server are gone: words serve until the new vectors are there
        return None

    # -- looking, and the end ------------------------------------------------------------------------------------------------------------

    def status(self) -> Encoded:
        """How far it is. Loads nothing."""
        known = encoded_by(self._log)
        mine = next((one for one in known if self._is_mine(one)), None)
        serving = mine if mine is not None and mine.whole else next((one for one in known if one.whole and one.spec), mine)
        trouble = [self._trouble, mine.trouble if mine else ""]
        return Encoded(
            embedder=mine.name if mine else self._spec or str(getattr(self._given, "name", "")),
            encoded=mine.count if mine else 0,
            messages=self._words.counts([]).get(TOTAL, 0),
            serving=serving.name if serving and serving.count else "",
            hits=mine.hits if mine else 0,
            misses=mine.misses if mine else 0,
            trouble="; ".join(dict.fromkeys(filter(None, trouble))),
        )

    def _is_mine(self, one: EncodedBy) -> bool:
        if self._lane is not None:
            return one.name == self._lane.index.name
        return one.spec == self._spec if self._spec else one.name == getattr(self._given, "name", None)

    def stop(self) -> None:
        """The mind closes: what is local may go on for a moment (a process may live for one turn only), a server isn't asked any more."""
        local = not self._spec.startswith("openai:") if isinstance(self._given, str) else self._given.local
        self._last_start = stopwatch() + (CLOSE_S if local else 0.0)
        if self._lane is not None and self._spec and not local:
            self._lane.cached.embedder.close()

    def close(self) -> None:
        """Free what it holds. Safe to call twice."""
        self._last_start = self._last_start if self._last_start is not None else stopwatch()
        for lane in (self._lane if self._spec else None, self._old):
            if lane is not None:
                lane.cached.embedder.close()
        for cache in self._far:
            cache.close()


def check_embedder(given: str | Embedder) -> str:
    """The name of an embedder, if it can be opened: "hashed", "minilm", "minilm:/folder" or "openai:MODEL"; "" for an Embedder.

    Loads nothing. Raises ConfigError for another, ModelUnavailable where weights are missing.
    """
    if not isinstance(given, str):
        from pmm.memory.embeddings import Embedder

        if isinstance(given, Embedder):
            return ""
    spec = str(given)
    match spec.partition(":"):
        case ("hashed", "", ""):
            pass
        case ("minilm", *_):
            minilm_folder(spec)
        case ("openai", ":", model) if model:
            pass
        case _:
            raise ConfigError(f"there is no embedder {spec!r}.", hint="Use hashed, minilm, minilm:/FOLDER or openai:MODEL; empty is none.")
    return spec


def open_embedder(spec: str, settings: Settings, words: TextIndex) -> Embedder:
    """The embedder of that name. Raises ConfigError, ModelError."""
    check_embedder(spec)
    match spec.partition(":"):
        case ("minilm", *_):
            from pmm.memory.minilm import MiniLM

            return MiniLM(minilm_folder(spec))
        case ("openai", _, model):
            from pmm.memory.endpoint import EndpointEmbedder

            return EndpointEmbedder(model, base_url=settings.openai_base_url, api_key=settings.openai_api_key)
    from pmm.memory.embeddings import HashedEmbedder

    return HashedEmbedder(words.words.of)


def _text(event: Event) -> str:
    """What of a message is encoded: what the index of words sees too."""
    caption = event.caption if isinstance(event, MessageImported) else None
    return f"{event.content} {caption}" if caption else event.content


def _first(events: Sequence[Event], more: int) -> list[Event]:
    """As many of them as one batch takes. more: characters that each costs beside its own."""
    taken: list[Event] = []
    room = BATCH_CHARS
    for event in events:
        room -= min(len(event.content), TEXT_CHARS) + more
        if taken and room < 0:
            break
        taken.append(event)
    return taken
