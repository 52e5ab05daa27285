"""Writes a llama with random weights (about 400 kB): it speaks nonsense, through all of the real engine. Run as: python tiny_gguf.py OUT

`write` also makes one of a realistic size (benchmarks/prefix.py). Needs the packages gguf and numpy, so it runs under the Python that has
llama_cpp (see test_llama_server.py).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

CONTEXT = 4096
WORDS = "the a and I you we it is was will to of in on that this what not yes no tea coffee name today tomorrow remember said".split()
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def write(
    path: str,
    seed: int = 7,
    *,
    width: int = 64,
    heads: int = 4,
    kv_heads: int = 0,
    layers: int = 2,
    inner: int = 128,
    context: int = CONTEXT,
    words: Sequence[str] = (),
) -> None:
    """kv_heads: 0 for as many as heads; models of today have fewer.

    words: each becomes one token, and nothing else is ever said, so that an answer never ends by itself; weights have 8 bits then."""
    import gguf
    import numpy as np

    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads or heads)
    writer.add_rope_dimension_count(width // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    vocabulary, spoken_from = _add_tokens(writer, gguf.TokenType, words)
    eight_bits = gguf.GGMLQuantizationType.Q8_0

    def tensor(name: str, *shape: int, silent: int = 0) -> None:
        values = (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        values[:silent] = 0
        if words:
            writer.add_tensor(name, gguf.quants.quantize(values, eight_bits), raw_dtype=eight_bits)
        else:
            writer.add_tensor(name, values)

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(width, dtype=np.float32))

    tensor("token_embd.weight", vocabulary, width)
    for layer in range(layers):
        ones(f"blk.{layer}.attn_norm.weight")
        ones(f"blk.{layer}.ffn_norm.weight")
        shared = width // heads * (kv_heads or heads)
        for part, rows in (("attn_q", width), ("attn_k", shared), ("attn_v", shared), ("attn_output", width)):
            tensor(f"blk.{layer}.{part}.weight", rows, width)
        tensor(f"blk.{layer}.ffn_gate.weight", inner, width)
        tensor(f"blk.{layer}.ffn_up.weight", inner, width)
        tensor(f"blk.{layer}.ffn_down.weight", width, inner)
    ones("output_norm.weight")
    tensor("output.weight", vocabulary, width, silent=spoken_from)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokens(writer, types, words: Sequence[str]) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    """A small vocabulary: three marks, every byte, some words and their letters. Returns its size, and the first token to be spoken.

    A word is read as one token only if the tokens that lead to it, letter by letter, are there too; so those of `words` are.
    """
    tokens = [("<unk>", types.UNKNOWN), ("<s>", types.CONTROL), ("</s>", types.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", types.BYTE) for byte in range(256)]
    tokens += [("▁" + word, types.NORMAL) for word in WORDS]
    tokens += [(letter, types.NORMAL) for letter in "▁abcdefghijklmnopqrstuvwxyz.,?!'ąęłż"]
    spoken_from = 0
    if words:
        tokens += [(letter, types.NORMAL) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"]
        known = {text for text, _ in tokens}
        leading = {f"▁{word[:size]}" for word in words for size in range(1, len(word))} - known
        tokens += [(text, types.NORMAL) for text in sorted(leading - {f"▁{word}" for word in words}, key=lambda text: (len(text), text))]
        spoken_from = len(tokens)
        tokens += [(f"▁{word}", types.NORMAL) for word in sorted(set(words)) if f"▁{word}" not in known]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_scores([-float(place) for place in range(len(tokens))])
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    return len(tokens), spoken_from


if __name__ == "__main__":
    write(sys.argv[1])
