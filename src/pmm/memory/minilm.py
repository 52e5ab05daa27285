"""MiniLM: sentence embeddings by all-MiniLM-L6-v2 (or any small BERT of the same make), with numpy alone.

A WordPiece tokenizer, six layers of a BERT forward pass, the mean of the tokens. Texts of one batch are laid end to end, so that nothing
is padded; only attention looks at them one by one, those of equal length together.

A short message ("It was great!") says little by itself. Its vector is halfway between its own and that of the same tokens read behind
the end of the message before it, which they attend to.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pmm.errors import ModelUnavailable
from pmm.memory.embeddings import Embedder, normalised

if TYPE_CHECKING:
    from pmm.memory.embeddings import Vectors

FILES = ("model.safetensors", "vocab.txt", "config.json")
MAX_TOKENS = 256
"""of one text, with the two that frame it; the rest of a longer one is not encoded"""
TOKENS_AT_ONCE = 1024
"""of one forward pass: what it works on stays in the processor's cache"""
GELU_ROWS = 32
TEXT_MAX, WORD_MAX = 10_000, 100
SHORT, BEFORE, BEFORE_CHARS = 96, 64, 500
"""tokens of a message that needs the one before it to be understood; of that one, the last tokens and characters that are read"""
HEADER_MAX = 10_000_000


class MiniLM(Embedder):
    """The model in a folder that holds FILES. Raises ModelUnavailable where they are missing or are something else."""

    contextual = True

    def __init__(self, folder: Path) -> None:
        hint = "`pmm models install minilm` fetches them; PMM_MODELS or minilm:/FOLDER names another place."
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ModelUnavailable(f"MiniLM's weights are not in {folder} ({', '.join(missing)} missing).", hint=hint)
        try:
            self._tokens = WordPiece((folder / "vocab.txt").read_text(encoding="utf-8").split("\n"))
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            tensors = Safetensors(folder / "model.safetensors")
            self._bert = Bert(
                tensors, heads=config["num_attention_heads"], layers=config["num_hidden_layers"], eps=config["layer_norm_eps"]
            )
            self._bert.means([self._tokens.ids("hello"), [self._tokens.size - 1]], [0, 0])  # told now, if the parts don't fit
        except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise ModelUnavailable(f"{folder} holds no model that can be read ({type(error).__name__}: {error}).", hint=hint) from None
        self.name = f"minilm-2:{tensors.mark[:12]}"

    @property
    def dimensions(self) -> int:
        return self._bert.dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._means([(self._tokens.ids(text), 0) for text in texts])

    def embed_said(self, texts: Sequence[str], before: Sequence[str]) -> Vectors:
        ids = [self._tokens.ids(text) for text in texts]
        rows = self._means([(own, 0) for own in ids])
        behind = {
            n: self._behind(own, said) for n, (own, said) in enumerate(zip(ids, before, strict=True)) if said and 2 < len(own) <= SHORT
        }
        if behind:
            rows[list(behind)] = normalised(rows[list(behind)] + self._means(list(behind.values())))
        return rows

    def _behind(self, own: list[int], before: str) -> tuple[list[int], int]:
        """A message's tokens behind the last of those before it; where they begin."""
        said = self._tokens.ids(before[-BEFORE_CHARS:])[1:-1][-BEFORE:]
        return [own[0], *said, *own[1:]], 1 + len(said)

    def _means(self, texts: Sequence[tuple[Sequence[int], int]]) -> Vectors:
        """Of texts (token ids, the first that counts), in batches."""
        out = np.zeros((len(texts), self.dimensions), np.float32)
        for batch in _batches([ids for ids, _ in texts]):
            out[batch] = self._bert.means([texts[n][0] for n in batch], [texts[n][1] for n in batch])
        return normalised(out)


def _batches(ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Indexes of texts, shortest first, cut where a batch would have more than TOKENS_AT_ONCE tokens."""
    batches: list[list[int]] = []
    room = 0
    for n in sorted(range(len(ids)), key=lambda n: len(ids[n])):
        if len(ids[n]) > room:
            batches.append([])
            room = TOKENS_AT_ONCE
        batches[-1].append(n)
        room -= len(ids[n])
    return batches


class _Normal(dict[int, str]):
    """For str.translate: what becomes of each character, worked out when it is first seen."""

    def __init__(self, *, late: bool) -> None:
        self._late = late

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = changed = _late(char) if self._late else _early(char)
        return changed


def _early(char: str) -> str:
    """Before accents are split off: blanks are one blank, control characters go, ideographs stand alone."""
    if char in "\t\n\r" or char.isspace():
        return " "
    if char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs"):
        return ""
    code = ord(char)
    ideograph = 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x2CEAF or 0xF900 <= code <= 0xFAFF
    return f" {char} " if ideograph or 0x2F800 <= code <= 0x2FA1F else char


def _late(char: str) -> str:
    """Accents go, capitals are small, punctuation stands alone."""
    if unicodedata.category(char) == "Mn":
        return ""
    punctuation = (char.isascii() and not char.isalnum() and char.isprintable() and char != " ") or unicodedata.category(char)[0] == "P"
    return f" {char} " if punctuation else char.lower()


class WordPiece:
    """BERT's uncased tokenizer. vocabulary: its tokens, each at its id. Raises ValueError for one without BERT's own tokens.

    size: how many tokens there are.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._ids = {token.rstrip("\r"): n for n, token in enumerate(vocabulary) if token}
        missing = [token for token in ("[UNK]", "[CLS]", "[SEP]") if token not in self._ids]
        if missing:
            raise ValueError(f"the vocabulary has no {missing[0]}")
        self.size = len(vocabulary) - (not vocabulary[-1])
        self._unknown, self._first, self._last = (self._ids[token] for token in ("[UNK]", "[CLS]", "[SEP]"))
        self._early, self._late = _Normal(late=False), _Normal(late=True)
        self._pieces = lru_cache(maxsize=20_000)(self._cut)

    def ids(self, text: str) -> list[int]:
        """At most MAX_TOKENS ids, framed as BERT wants them."""
        plain = unicodedata.normalize("NFD", text[:TEXT_MAX].translate(self._early)).translate(self._late)
        found: list[int] = [self._first]
        for word in plain.split():
            found += self._pieces(word)
            if len(found) >= MAX_TOKENS - 1:
                break
        return [*found[: MAX_TOKENS - 1], self._last]

    def _cut(self, word: str) -> tuple[int, ...]:
        """The longest pieces that are known, from the left; one "unknown" where some part isn't."""
        if len(word) > WORD_MAX:
            return (self._unknown,)
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._ids.get(word[start:end] if start == 0 else "##" + word[start:end])
                if piece is not None:
                    break
            else:
                return (self._unknown,)
            found.append(piece)
            start = end
        return tuple(found)


class Bert:
    """A BERT encoder whose sentence vector is the mean of its tokens. tensors: its weights, by their usual names (KeyError: one lacks)."""

    def __init__(self, tensors: Safetensors, *, heads: int, layers: int, eps: float) -> None:
        self._word = tensors["embeddings.word_embeddings.weight"]
        self._place = np.asarray(tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0])
        self._norm = _pair(tensors, "embeddings.LayerNorm")
        self._layers = [_layer(tensors, f"encoder.layer.{n}") for n in range(layers)]
        self._heads, self._eps = heads, np.float32(eps)
        self.dimensions = int(self._word.shape[1])
        if self.dimensions % heads or self._place.shape[0] < MAX_TOKENS:
            raise ValueError(f"{self.dimensions} dimensions in {heads} heads, {self._place.shape[0]} places")

    def means(self, texts: Sequence[Sequence[int]], since: Sequence[int]) -> Vectors:
        """The mean of the last layer's tokens from the one at `since` on, for each text of token ids; from a later one than the first,
        without the last, which frames it. Texts of equal length should follow each other."""
        lengths = [len(ids) for ids in texts]
        starts = [0, *accumulate(lengths)]
        x = self._word[np.concatenate([np.asarray(ids) for ids in texts])] + self._place[np.concatenate([np.arange(n) for n in lengths])]
        x = self._normed(x, self._norm)
        for layer in self._layers:
            x = self._normed(x + self._attended(x, layer, lengths) @ layer["out.weight"] + layer["out.bias"], layer["norm1"])
            wide = x @ layer["up.weight"]
            wide += layer["up.bias"]
            x = self._normed(x + _gelu(wide) @ layer["down.weight"] + layer["down.bias"], layer["norm2"])
        return np.stack(
            [x[at + first : at + size - (first > 0)].mean(axis=0) for at, first, size in zip(starts, since, lengths, strict=False)]
        )

    def _attended(self, x: Vectors, layer: dict[str, Any], lengths: Sequence[int]) -> Vectors:
        qkv = x @ layer["qkv.weight"] + layer["qkv.bias"]
        out = np.empty_like(x)
        size = self.dimensions // self._heads
        at = 0
        for length, group in groupby(lengths):
            count = sum(1 for _ in group)
            rows = slice(at, at + count * length)
            at = rows.stop
            q, k, v = qkv[rows].reshape(count, length, 3, self._heads, size).transpose(2, 0, 3, 1, 4)
            weights = q @ k.swapaxes(-1, -2)
            weights *= np.float32(size**-0.5)
            weights -= weights.max(axis=-1, keepdims=True)
            np.exp(weights, out=weights)
            weights /= weights.sum(axis=-1, keepdims=True)
            out[rows] = (weights @ v).swapaxes(1, 2).reshape(-1, self.dimensions)
        return out

    def _normed(self, x: Vectors, by: tuple[Vectors, Vectors]) -> Vectors:
        x -= x.mean(axis=1, keepdims=True)
        x /= np.sqrt(np.einsum("ij,ij->i", x, x)[:, None] / np.float32(self.dimensions) + self._eps)
        x *= by[0]
        x += by[1]
        return x


def _pair(tensors: Safetensors, name: str) -> tuple[Vectors, Vectors]:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def _layer(tensors: Safetensors, name: str) -> dict[str, Any]:
    """One layer's weights as they are multiplied with, the three of attention in one. Turned once: short texts are twice as fast so."""
    three = [_pair(tensors, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    layer: dict[str, Any] = {
        "qkv.weight": np.ascontiguousarray(np.concatenate([weight for weight, _ in three]).T),
        "qkv.bias": np.concatenate([bias for _, bias in three]),
        "norm1": _pair(tensors, f"{name}.attention.output.LayerNorm"),
        "norm2": _pair(tensors, f"{name}.output.LayerNorm"),
    }
    for short, place in (("out", "attention.output.dense"), ("up", "intermediate.dense"), ("down", "output.dense")):
        weight, bias = _pair(tensors, f"{name}.{place}")
        layer |= {f"{short}.weight": np.ascontiguousarray(weight.T), f"{short}.bias": bias}
    return layer


def _gelu(x: Vectors) -> Vectors:
    """x * (1 + erf(x / sqrt 2)) / 2, in place, a few rows at a time so that they stay in the cache."""
    for start in range(0, len(x), GELU_ROWS):
        part = x[start : start + GELU_ROWS]
        part *= np.float32(0.5) * (np.float32(1) + _erf(part * np.float32(0.5**0.5)))
    return x


def _erf(x: Vectors) -> Vectors:
    """By Abramowitz and Stegun 7.1.26, good to 2e-7 (numpy has none)."""
    t = np.abs(x)
    tail = np.exp(-t * t)
    t *= np.float32(0.3275911)
    t += np.float32(1)
    np.reciprocal(t, out=t)
    sum = t * np.float32(1.061405429)
    for part in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        sum += np.float32(part)
        sum *= t
    tail *= sum
    return np.asarray(np.copysign(np.float32(1) - tail, x))


_DTYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}


class Safetensors:
    """The tensors of a .safetensors file, by name, as float32; those of float32 stay in the file and are read as they are used.

    mark: tells one file from another, without reading it all. Raises ValueError, KeyError or TypeError for what is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 0 < size <= HEADER_MAX:
                raise ValueError("no safetensors header")
            header = file.read(size)
            self._start = 8 + size
            self._about: dict[str, Any] = {name.removeprefix("bert."): about for name, about in json.loads(header).items()}
            mark = sha256(header)
            for about in self._about.values():
                file.seek(self._start + about.get("data_offsets", (0,))[0])
                mark.update(file.read(64))
        self.mark = mark.hexdigest()

    def __getitem__(self, name: str) -> Vectors:
        about = self._about[name]
        (first, last), dtype, shape = about["data_offsets"], np.dtype(_DTYPES[about["dtype"]]), tuple(about["shape"])
        if last - first != dtype.itemsize * math.prod(shape):
            raise ValueError(f"{name} has {last - first} bytes for {shape}")
        return np.asarray(np.memmap(self._path, dtype, "r", self._start + first, shape), np.float32)
