"""Embedders: from texts to vectors that lie near each other when the texts mean alike. One port, and what every embedder is used through.

Nothing here is imported before a mind is opened with an embedder, and numpy not before something is encoded or searched.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b, sha256, shake_256
from itertools import pairwise
from math import log1p
from typing import TYPE_CHECKING

import numpy as np

from pmm.errors import ModelMalformed
from pmm.memory.index import VERSION as WORDS_VERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pmm.memory.embedding_cache import EmbeddingCache

    Vectors = NDArray[np.float32]

LRU_SIZE = 2048
"""vectors kept in the process: 3 MB of 384 dimensions"""


class Embedder(ABC):
    """Encodes texts. Subclass it; `pmm.testing.EmbedderContract` says what it must keep. Used by several threads.

    name: which one, with its version: it is stored with every vector, and vectors under different names are never compared.
    local: it needs no network, so closing a mind lets it finish what is at hand.
    contextual: what was said right before a message changes its vector (`embed_said`).
    """

    name: str
    local: bool = True
    contextual: bool = False

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """How many numbers a vector has. May raise ModelError where a server must be asked."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, float32 of shape (len(texts), dimensions), each of length 1. Any text goes: empty, huge, in any language.

        What a text gets never depends on the others. Raises ModelError.
        """

    def embed_said(self, texts: Sequence[str], before: Sequence[str]) -> Vectors:
        """The same for messages, each with the one before it in its conversation ("": none), which tells what "it was great" is about.

        With "" before it, a message gets what `embed` gives. Most embedders look at the message alone. Raises ModelError.
        """
        return self.embed(texts)

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Free what it holds; calls under way and later ones may raise ModelError. Safe to call twice."""


def normalised(rows: Vectors) -> Vectors:
    """The rows, each of length 1. A row of zeros, which no direction has, becomes the first axis."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        rows = rows.copy()
        rows[lengths[:, 0] == 0, 0] = 1.0
        lengths[lengths == 0] = 1.0
    return np.asarray(rows / lengths, dtype=np.float32)


def digest(text: str, before: str = "") -> bytes:
    """What a text's vector is kept under: its SHA-256, with that of what was said before it where that counts."""
    said = text.encode("utf-8", "surrogatepass")
    return sha256(digest(before) + said if before else said).digest()


class HashedEmbedder(Embedder):
    """Words and pairs of words, hashed, signed and projected: local, deterministic, without weights. It knows no synonyms.

    words: from a text to its stems (`Words.of`). The projection is drawn from a hash, so it is the same on every machine.
    """

    BUCKETS, DIMENSIONS = 4096, 384
    PAIR = 0.5
    """what two neighbouring words are worth beside one"""

    def __init__(self, words: Callable[[str], list[str]]) -> None:
        self.name = f"hashed-{self.DIMENSIONS}:1.{WORDS_VERSION}"
        self._words = words
        bits = np.frombuffer(shake_256(b"pmm hashed 1").digest(self.BUCKETS * self.DIMENSIONS // 8), np.uint8)
        self._projection = (np.unpackbits(bits).astype(np.int8) * 2 - 1).reshape(self.BUCKETS, self.DIMENSIONS)

    @property
    def dimensions(self) -> int:
        return self.DIMENSIONS

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.DIMENSIONS), np.float32)
        return normalised(np.stack([self._one(text) for text in texts]))

    def _one(self, text: str) -> Vectors:
        words = self._words(text) or [text[:64]]
        parts: dict[str, float] = {}
        for word in words:
            parts[word] = parts.get(word, 0.0) + 1.0
        for pair in pairwise(words):
            parts[" ".join(pair)] = parts.get(" ".join(pair), 0.0) + self.PAIR
        hashes = [int.from_bytes(blake2b(p.encode("utf-8", "replace"), digest_size=8).digest(), "little") for p in parts]
        weights = [log1p(count) * (1 if h >> 32 & 1 else -1) for h, count in zip(hashes, parts.values(), strict=True)]
        return np.asarray(weights, np.float32) @ self._projection[[h % self.BUCKETS for h in hashes]].astype(np.float32)


class CachedEmbedder:
    """An embedder with what it encoded before: in this process (the latest `size`), then in each of `caches`, the nearest first.

    A text is encoded once, whatever asks for it; what a farther cache knew is put into the nearer ones. Values have the precision they
    are kept with (float16), wherever they come from. hits, misses: of texts asked for, since it was opened.
    """

    def __init__(self, embedder: Embedder, caches: Sequence[EmbeddingCache] = (), size: int = LRU_SIZE) -> None:
        self.embedder = embedder
        self.hits = self.misses = 0
        self._caches = tuple(caches)
        self._size = size
        self._lately: OrderedDict[bytes, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str:
        """What is wrong with a cache, in words ("": nothing). It costs encoding again, nothing else."""
        return "; ".join(cache.trouble for cache in self._caches if cache.trouble)

    def query(self, text: str) -> Vectors:
        """The vector of a question. Kept in this process alone: a question may be private. Raises ModelError."""
        key = digest(text)
        found = self._known([key])
        return found[key] if found else self._encode({key: (text, "")})[key]

    def embed(self, texts: Sequence[str], before: Sequence[str] = ()) -> Vectors:
        """The vectors of texts, which are in the nearest cache afterwards. before: see `Embedder.embed_said`. Raises ModelError."""
        said = list(zip(texts, before or [""] * len(texts), strict=True))
        keys = [digest(*one) for one in said]
        wanted = dict(zip(keys, said, strict=True))
        found = self._known(wanted)
        held: list[set[bytes]] = []
        for cache in self._caches:
            told = self._told(cache, [key for key in wanted if key not in found])
            found |= told
            held.append(set(told).union(*held[-1:]))  # what a nearer cache has is not pressed on a farther one
        found |= self._encode({key: one for key, one in wanted.items() if key not in found})
        for cache, has in zip(self._caches, held, strict=True):
            if new := {key: row.astype("<f2").tobytes() for key, row in found.items() if key not in has}:
                cache.put(self.embedder.name, new)
        return np.stack([found[key] for key in keys]) if keys else np.zeros((0, self.embedder.dimensions), np.float32)

    def _known(self, keys: Sequence[bytes] | dict[bytes, tuple[str, str]]) -> dict[bytes, Vectors]:
        with self._lock:
            found = {key: self._lately[key] for key in keys if key in self._lately}
            for key in found:
                self._lately.move_to_end(key)
            self.hits += len(found)
            self.misses += len(keys) - len(found)
        return found

    def _keep(self, vectors: dict[bytes, Vectors], *, hits: int = 0) -> None:
        with self._lock:
            self.hits += hits
            self.misses -= hits  # `_known` counted them as missing
            self._lately |= vectors
            while len(self._lately) > self._size:
                self._lately.popitem(last=False)

    def _encode(self, texts: dict[bytes, tuple[str, str]]) -> dict[bytes, Vectors]:
        if not texts:
            return {}
        said, before = zip(*texts.values(), strict=True)
        rows = self.embedder.embed_said(said, before) if any(before) else self.embedder.embed(said)
        if rows.shape != (len(texts), self.embedder.dimensions) or not np.isfinite(rows).all():
            raise ModelMalformed(f"{self.embedder.name} gave {rows.shape} numbers for {len(texts)} texts, or some that are none.")
        vectors = dict(zip(texts, rows.astype(np.float16).astype(np.float32), strict=True))
        self._keep(vectors)
        return vectors

    def _told(self, cache: EmbeddingCache, keys: list[bytes]) -> dict[bytes, Vectors]:
        """What a cache knows, as far as it can be a vector: a shared one may hold anything."""
        if not keys:
            return {}
        size, stored = 2 * self.embedder.dimensions, cache.get(self.embedder.name, keys)
        rows = {key: np.frombuffer(stored[key], "<f2").astype(np.float32) for key in keys if len(stored.get(key, b"")) == size}
        told = {key: row for key, row in rows.items() if np.isfinite(row).all()}
        self._keep(told, hits=len(told))
        return told
