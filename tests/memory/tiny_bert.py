"""A BERT of two layers and 48 dimensions with made-up weights: real files, written in a moment; and the same forward pass, plainly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HIDDEN, HEADS, LAYERS, WIDE = 48, 4, 2, 96
WORDS = (
    "the a red blue boat sank in harbour . , ! ? ana bakes bread un ##able ##s sail ##ing 日 本 due taxes april are quarterly on".split()
)
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"), *WORDS]


def tensors() -> dict[str, NDArray[np.float32]]:
    """Its weights, the same each time."""
    rng = np.random.default_rng(7)
    shapes = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": (256, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
    }
    norms = ["embeddings.LayerNorm"]
    for n in range(LAYERS):
        layer = f"encoder.layer.{n}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{layer}.{part}.weight": (HIDDEN, HIDDEN), f"{layer}.{part}.bias": (HIDDEN,)}
        shapes |= {f"{layer}.intermediate.dense.weight": (WIDE, HIDDEN), f"{layer}.intermediate.dense.bias": (WIDE,)}
        shapes |= {f"{layer}.output.dense.weight": (HIDDEN, WIDE), f"{layer}.output.dense.bias": (HIDDEN,)}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for norm in norms:
        shapes |= {f"{norm}.weight": (HIDDEN,), f"{norm}.bias": (HIDDEN,)}
    made = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    for name, values in made.items():  # words outweigh places, and what comes in goes through, as in a trained one
        values += 1 if name.endswith("LayerNorm.weight") else 0
        values *= 10 if "word" in name else 1
    return made


def write(folder: Path) -> Path:
    """The three files of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, values in tensors().items():
        raw = values.tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + body)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    config = {"num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "layer_norm_eps": 1e-12}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def plainly(ids: list[int]) -> NDArray[np.float64]:
    """The sentence vector of one text, step by step in double precision, as the papers write it."""
    from math import erf, sqrt

    w = {name: values.astype(np.float64) for name, values in tensors().items()}

    def norm(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        centred = x - x.mean(axis=1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-12) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    size = HIDDEN // HEADS
    for n in range(LAYERS):
        layer = f"encoder.layer.{n}"
        q, k, v = (dense(x, f"{layer}.attention.self.{part}") for part in ("query", "key", "value"))
        parts = []
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            scores = np.exp(q[:, own] @ k[:, own].T / sqrt(size))
            parts.append(scores / scores.sum(axis=1, keepdims=True) @ v[:, own])
        x = norm(x + dense(np.concatenate(parts, axis=1), f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        wide = dense(x, f"{layer}.intermediate.dense")
        wide = wide * (1 + np.vectorize(erf)(wide / sqrt(2))) / 2
        x = norm(x + dense(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)
