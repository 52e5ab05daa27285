"""The contract every Embedder keeps. Needs the core install alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pmm.memory.embeddings import Embedder

SAID = ("The red boat sank in the harbour.", "Ana bakes sourdough on Sundays.", "Quarterly taxes are due in April.")
ODD = ("", "   \n", "\x00\x07", "?!", "\ud800 alone", "日本語の文章です。", "🙂" * 50, "x" * 100_000, "word " * 5_000)


class EmbedderContract:
    """What every Embedder does. Subclass it in a test file and say how to open one.

    class TestMine(EmbedderContract):
        def embedder(self): return MyEmbedder()    # closed by the contract
    """

    def embedder(self) -> Embedder:
        """One to try. Opened again, it must be the same."""
        raise NotImplementedError

    @contextmanager
    def _opened(self) -> Iterator[Embedder]:
        embedder = self.embedder()
        try:
            yield embedder
        finally:
            embedder.close()

    def test_each_text_has_a_row_of_length_one(self) -> None:
        import numpy as np

        with self._opened() as embedder:
            rows = embedder.embed(SAID)
            assert rows.shape == (len(SAID), embedder.dimensions) and rows.dtype == np.float32
            assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)

    def test_no_texts_are_no_rows(self) -> None:
        with self._opened() as embedder:
            assert embedder.embed([]).shape == (0, embedder.dimensions)

    def test_a_text_gets_the_same_whatever_it_comes_with(self) -> None:
        with self._opened() as embedder:
            together = embedder.embed([*SAID, SAID[0] * 30, SAID[0]])
            assert _same(together[0], together[4])
            for said, row in zip(SAID, together, strict=False):
                assert _same(embedder.embed([said])[0], row)

    def test_one_opened_again_says_the_same_under_the_same_name(self) -> None:
        with self._opened() as first, self._opened() as second:
            assert first.name == second.name and first.name
            assert _same(first.embed(SAID), second.embed(SAID))

    def test_different_texts_differ_and_like_ones_are_near(self) -> None:
        with self._opened() as embedder:
            boat, bread, taxes, again = embedder.embed([*SAID, "A red boat, and it sank in our harbour!"])
            assert boat @ again > max(boat @ bread, boat @ taxes)
            assert boat @ bread < 0.99

    def test_any_text_has_a_vector(self) -> None:
        import numpy as np

        with self._opened() as embedder:
            rows = embedder.embed(ODD)
            assert np.isfinite(rows).all()
            assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)

    def test_a_message_has_a_vector_whatever_was_said_before_it(self) -> None:
        import numpy as np

        with self._opened() as embedder:
            assert embedder.embed_said([], []).shape == (0, embedder.dimensions)
            assert _same(embedder.embed_said(SAID, [""] * len(SAID)), embedder.embed(SAID))
            rows = embedder.embed_said([text for text in ODD for _ in ODD], [text for _ in ODD for text in ODD])
            assert np.isfinite(rows).all()
            assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)

    def test_threads_may_share_it(self) -> None:
        with self._opened() as embedder, ThreadPoolExecutor(4) as pool:
            expected = embedder.embed(SAID)
            assert all(_same(rows, expected) for rows in pool.map(lambda _: embedder.embed(SAID), range(12)))

    def test_it_can_be_closed_twice(self) -> None:
        with self._opened() as embedder:
            embedder.embed(SAID[:1])
            embedder.close()


def _same(one: Any, other: Any) -> bool:
    return bool(abs(one - other).max() < 1e-4)
