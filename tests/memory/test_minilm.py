"""MiniLM with numpy alone: the tokenizer, the forward pass against one written plainly, and what is no model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.config import models_folder
from pmm.errors import ModelUnavailable
from pmm.memory.embeddings import Embedder
from pmm.memory.minilm import MAX_TOKENS, SHORT, TOKENS_AT_ONCE, MiniLM, WordPiece
from pmm.testing import EmbedderContract
from tests.memory import tiny_bert

REAL = models_folder() / "minilm"
real = pytest.mark.skipif(not (REAL / "model.safetensors").exists(), reason="MiniLM's weights are not here: pmm models install minilm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def tokens() -> WordPiece:
    return WordPiece(tiny_bert.VOCABULARY)


def pieces(tokens: WordPiece, text: str) -> str:
    return " ".join(tiny_bert.VOCABULARY[n] for n in tokens.ids(text)[1:-1])


class TestTheRealModel(EmbedderContract):
    pytestmark = real

    def embedder(self) -> Embedder:
        return MiniLM(REAL)


@real
def test_the_real_model_gives_the_published_numbers() -> None:
    """From the model's card and the documentation of sentence-transformers."""
    rows = MiniLM(REAL).embed(["This is an example sentence", "Each sentence is converted"])
    assert np.allclose(rows[0, :5], [0.0676569, 0.0634959, 0.0487131, 0.0793050, 0.0374480], atol=2e-6)
    assert np.allclose(rows[1, :3], [0.0864386, 0.1027627, 0.0053946], atol=2e-6)
    rows = MiniLM(REAL).embed(["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."])
    assert np.allclose(rows @ rows.T, [[1, 0.6660, 0.1046], [0.6660, 1, 0.1411], [0.1046, 0.1411, 1]], atol=1e-4)


@real
def test_the_real_tokenizer_cuts_as_the_original_does() -> None:
    """Ids that the `tokenizers` library gives for the model's own tokenizer.json."""
    tokens = WordPiece((REAL / "vocab.txt").read_text(encoding="utf-8").split("\n"))
    expected = {
        "Hello, world!": [101, 7592, 1010, 2088, 999, 102],
        "naïve café": [101, 15743, 7668, 102],
        "unaffable": [101, 14477, 20961, 3468, 102],
    }
    assert {text: tokens.ids(text) for text in expected} == expected


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("The RED boat.", "the red boat ."),
        ("unable boats", "un ##able boat ##s"),
        ("sailing", "sail ##ing"),
        ("bóat\u00a0bo\u0301at", "boat boat"),
        ("日本", "日 本"),
        ("boat,red!?", "boat , red ! ?"),
        ("bo\u200bat \x00red\x07", "boat red"),
        ("boat \u20ac red", "boat [UNK] red"),
        ("a" * 101, "[UNK]"),
        ("[SEP]", "[UNK] s ##e ##p [UNK]"),
        ("", ""),
        (" \t\r\n\u3000", ""),
    ],
)
def test_words_are_cut_into_the_longest_known_pieces(tokens: WordPiece, text: str, cut: str) -> None:
    assert pieces(tokens, text) == cut


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_cut_within_the_limit(tokens: WordPiece, text: str) -> None:
    ids = tokens.ids(text)
    assert 2 <= len(ids) <= MAX_TOKENS and ids[0] == 2 and ids[-1] == 3
    assert all(0 <= n < len(tiny_bert.VOCABULARY) for n in ids)


def test_a_long_text_is_encoded_by_its_beginning(folder: Path, tokens: WordPiece) -> None:
    assert len(tokens.ids("boat " * 5000)) == MAX_TOKENS
    one, other = MiniLM(folder).embed(["boat " * 300, "boat " * 300 + "red " * 300])
    assert np.allclose(one, other, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(st.text("redboat sankin.", max_size=60), min_size=1, max_size=8))
def test_the_forward_pass_is_the_one_the_papers_write(folder: Path, tokens: WordPiece, texts: list[str]) -> None:
    rows = MiniLM(folder).embed(texts)
    for text, row in zip(texts, rows, strict=True):
        assert np.allclose(row, tiny_bert.plainly(tokens.ids(text)), atol=2e-5)


def test_more_than_one_forward_pass_holds_is_split(folder: Path) -> None:
    texts = [f"{'boat ' * (n % 90)}red" for n in range(100)]
    model = MiniLM(folder)
    rows = model.embed(texts)
    assert sum(len(text.split()) + 2 for text in texts) > 4 * TOKENS_AT_ONCE
    for n in (0, 33, 89, 99):
        assert np.allclose(rows[n], model.embed([texts[n]])[0], atol=1e-5)


def test_a_short_message_lies_halfway_to_its_tokens_read_behind_the_message_before_it(folder: Path, tokens: WordPiece) -> None:
    model = MiniLM(folder)
    (row,) = model.embed_said(["it sank"], ["the red boat"])
    own, said = tokens.ids("it sank"), tokens.ids("the red boat")[1:-1]
    read = model._bert.means([[own[0], *said, *own[1:]]], [1 + len(said)])[0]
    alone = model.embed(["it sank"])[0]
    halfway = alone + read / np.linalg.norm(read)
    assert np.allclose(row, halfway / np.linalg.norm(halfway), atol=1e-5)
    assert not np.allclose(row, alone, atol=1e-3)


def test_only_the_end_of_the_message_before_is_read_and_a_long_message_is_read_alone(folder: Path) -> None:
    model = MiniLM(folder)
    end = "the red boat " * 30
    near, far, bare = model.embed_said(["it sank"] * 3, [f"bread {end}", f"taxes {end * 40}", "bread"])
    assert np.allclose(near, far, atol=1e-5) and not np.allclose(near, bare, atol=1e-3)
    long = "due taxes " * (SHORT // 2)
    assert np.allclose(model.embed_said([long], ["the red boat"]), model.embed([long]), atol=1e-6)
    assert len(model._tokens.ids(long)) > SHORT >= len(model._tokens.ids("due taxes"))


class TestATinyModel(EmbedderContract):
    @pytest.fixture(autouse=True)
    def _place(self, folder: Path) -> None:
        self.folder = folder

    def embedder(self) -> Embedder:
        return MiniLM(self.folder)


def test_other_weights_have_another_name(folder: Path, tmp_path: Path) -> None:
    other = tiny_bert.write(tmp_path / "other")
    assert MiniLM(other).name == MiniLM(folder).name
    raw = bytearray((other / "model.safetensors").read_bytes())
    size = int.from_bytes(raw[:8], "little")
    raw[8 + size] ^= 1
    (other / "model.safetensors").write_bytes(raw)
    assert MiniLM(other).name != MiniLM(folder).name


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.txt", "config.json"])
def test_a_missing_file_is_told_with_what_to_do(tmp_path: Path, name: str) -> None:
    folder = tiny_bert.write(tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(ModelUnavailable, match=name) as caught:
        MiniLM(folder)
    assert "pmm models install minilm" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff" * 100),
        ("model.safetensors", (2).to_bytes(8, "little") + b"{}"),
        ("model.safetensors", (10).to_bytes(8, "little") + b"not json.."),
        (
            "model.safetensors",
            (60).to_bytes(8, "little") + json.dumps({"x": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}).encode(),
        ),
        ("model.safetensors", (3).to_bytes(8, "little") + b"[1]"),
        ("model.safetensors", (8).to_bytes(8, "little") + b'{"x": 5}'),
        ("model.safetensors", (27).to_bytes(8, "little") + b'{"x": {"data_offsets": []}}'),
        ("vocab.txt", b"hello\nworld\n"),
        ("vocab.txt", "\n".join([*tiny_bert.VOCABULARY, "one", "more"]).encode()),
        ("vocab.txt", b"\xff\xfe"),
        ("config.json", b"{}"),
        ("config.json", b"[]"),
        ("config.json", b'{"num_attention_heads": 0, "num_hidden_layers": 2, "layer_norm_eps": 1e-12}'),
        ("config.json", b'{"num_attention_heads": 5, "num_hidden_layers": 2, "layer_norm_eps": 1e-12}'),
        ("config.json", b'{"num_attention_heads": 4, "num_hidden_layers": 9, "layer_norm_eps": 1e-12}'),
    ],
)
def test_what_is_no_model_is_told_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    folder = tiny_bert.write(tmp_path / "model")
    (folder / name).write_bytes(content)
    with pytest.raises(ModelUnavailable, match="no model that can be read"):
        MiniLM(folder)


def test_weights_that_break_off_are_no_model(tmp_path: Path) -> None:
    folder = tiny_bert.write(tmp_path / "model")
    raw = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ModelUnavailable):
        MiniLM(folder)
