"""Recall and its index: found by words, never past the head, the same after a rebuild, whatever is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.events import FORMAT, MessageImported, MindCreated, UserMessage
from pmm.memory.index import LENGTH, TAIL_MAX, TOTAL, TextIndex
from pmm.memory.recall import CANDIDATES, Memory, recall
from pmm.storage.sqlite import SqliteLog, open_log

NOW = datetime(2024, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = open_log(tmp_path / "a.db", synchronous="OFF")
    log.append([MindCreated(format=FORMAT, timezone="UTC", software="test")])
    yield log
    log.close()


@pytest.fixture
def index(log: SqliteLog) -> TextIndex:
    return TextIndex(log)


def tell(log: SqliteLog, *texts: str, session: str = "main") -> list[int]:
    return [e.id for e in log.append([UserMessage(content=t, source="python", session=session) for t in texts])]


def ask(index: TextIndex, text: str, *, k: int = 8, head: int | None = None, now: datetime = NOW) -> list[Memory]:
    return recall(index, text, k=k, head=index._log.head[0] if head is None else head, zone="UTC", now=now)


def tables(log: SqliteLog) -> Any:
    docs = log.main.run("SELECT * FROM docs ORDER BY id")
    words = log.main.run("SELECT * FROM words ORDER BY word")
    return docs, words


def test_stemmed_irregular_and_accented_forms_find_each_other(log: SqliteLog, index: TextIndex) -> None:
    (went, cafe, children) = tell(log, "She went running yesterday", "Das Café ist geschlossen", "The children bought bread")
    for query, expected in [("go runs", went), ("cafe geschlossen", cafe), ("child buys", children), ("WENT", went)]:
        assert ask(index, query)[0].id == expected


def test_text_without_spaces_is_found_by_its_characters(log: SqliteLog, index: TextIndex) -> None:
    (cat, dog) = tell(log, "私の猫はミソという名前です", "犬は公園で遊ぶ")
    assert ask(index, "猫の名前は？")[0].id == cat
    assert ask(index, "犬")[0].id == dog


def test_a_question_is_a_worse_answer_than_a_statement(log: SqliteLog, index: TextIndex) -> None:
    tell(log, "What is my cat called?", "My cat is called Miso", "What is my cat called again?", "what is my cat called")
    assert ask(index, "what is my cat called?")[0].text == "My cat is called Miso"


def test_what_repeats_a_better_memory_is_left_out(log: SqliteLog, index: TextIndex) -> None:
    tell(log, *["The boat is red"] * 5, "the BOAT  is red", "The boat is old")
    assert len(ask(index, "boat")) == 2


def test_the_turns_beside_a_hit_gain_from_it(log: SqliteLog, index: TextIndex) -> None:
    ids = tell(log, "Where did you spend your holidays by the sea?", "In Lisbon, with the whole family!", session="a")
    tell(log, *[f"nothing of note {n}" for n in range(50)], session="b")
    found = ask(index, "holidays by the sea")
    assert ids[1] in [m.id for m in found]
    assert "neighbours" in next(m for m in found if m.id == ids[1]).why


def test_a_speaker_who_is_named_is_preferred_and_his_name_drowns_nothing(log: SqliteLog, index: TextIndex) -> None:
    lines = [("Ana", "I paint boats in winter"), ("Ben", "I paint boats in summer, Ana"), ("Ben", "Ana, Ana, Ana!")]
    log.append([MessageImported(content=t, origin="x", speaker=s, role="other", session="1") for s, t in lines])
    found = ask(index, "When does Ana paint boats?")
    assert found[0].text == "I paint boats in winter"
    assert found[0].why["who"] > 0


@pytest.mark.parametrize(
    ("query", "day"),
    [
        ("the party on 2023-05-08", "2023-05-08"),
        ("the party on 8 May 2023", "2023-05-08"),
        ("the party of May 8th, 2023", "2023-05-08"),
        ("the party in May 2023", "2023-05-20"),
        ("the party yesterday", "2024-01-09"),
        ("the party last week", "2024-01-03"),
        ("the party in December", "2023-12-24"),
    ],
)
def test_a_date_in_the_query_prefers_what_was_said_then(log: SqliteLog, index: TextIndex, query: str, day: str) -> None:
    for at in (day, "2021-07-07", "2022-11-11"):
        when = datetime.fromisoformat(at).replace(tzinfo=UTC)
        log.append([MessageImported(content=f"the party was great {at[:2]}", origin="x", speaker="Ana", role="other", session=at, at=when)])
    assert ask(index, query)[0].at.date().isoformat() == day


def test_nothing_past_the_head_is_recalled(log: SqliteLog, index: TextIndex) -> None:
    ids = tell(log, *[f"boat number {n}" for n in range(20)])
    for head in (ids[0], ids[7], ids[-1]):
        assert max(m.id for m in ask(index, "boat", k=50, head=head)) <= head
    assert ask(index, "boat", head=1) == []


def test_candidates_are_bounded_and_a_rare_word_beats_many_frequent_ones(log: SqliteLog, index: TextIndex) -> None:
    (old,) = tell(log, "the zeppelin landed beside the boat")
    for n in range(10):
        tell(log, *[f"a boat by the shore, again and again {n} {i}" for i in range(100)])
    for _ in range(2):
        found = index.best(('"boat"',), ((" boat ", 1.0),), log.head[0], each=400, most=CANDIDATES, top=5000, slope=0.1)
        assert len(found) == len(set(found)) == CANDIDATES
        index.settle()
    assert ask(index, "the boat and the zeppelin")[0].id == old
    (both,) = [m for m in ask(index, "boat shore zeppelin") if m.id == old]
    assert both


def test_two_frequent_words_together_are_found_however_old(log: SqliteLog, index: TextIndex) -> None:
    (old,) = tell(log, "the harbour has a lighthouse")
    for n in range(10):
        tell(log, *[f"the harbour is busy {n} {i}" for i in range(60)], *[f"a lighthouse blinks {n} {i}" for i in range(60)])
    assert ask(index, "harbour lighthouse")[0].id == old


def test_the_same_whether_indexed_as_it_came_or_rebuilt(log: SqliteLog, index: TextIndex) -> None:
    tell(log, "The boat is red", "Is it? Since when?", session="a")
    tell(log, "My Boat sank in 1999", "日本語も", session="b")
    log.append([MessageImported(content="we sailed", origin="x", speaker="Ana Lee", role="other", session="1", caption="a boat", at=NOW)])
    before = tables(log)
    told: list[tuple[int, int]] = []
    index.rebuild(lambda done, of: told.append((done, of)))
    assert tables(log) == before
    assert told[-1] == (log.head[0], log.head[0])


def test_messages_are_found_before_and_after_they_are_inverted(log: SqliteLog, index: TextIndex) -> None:
    def inverted() -> int:
        return log.main.run("SELECT inverted FROM index_version")[0][0]

    ids = tell(log, "The boat is red", "The sea is calm", "A blue boat")
    assert inverted() == 0
    before = [m.id for m in ask(index, "boat")]
    assert set(before[:2]) == {ids[0], ids[2]}
    index.settle()
    assert inverted() == ids[2]
    assert [m.id for m in ask(index, "boat")] == before
    (again,) = tell(log, "The boat again")
    assert again in [m.id for m in ask(index, "boat")]
    tell(log, *[f"more about ships {n}" for n in range(TAIL_MAX + 1)])
    assert inverted() == log.head[0]
    assert again in [m.id for m in ask(index, "boat")]


def test_word_counts_are_exact(log: SqliteLog, index: TextIndex) -> None:
    texts = ["red boat, red sea", "the boat", "a sea of boats and boats"]
    tell(log, *texts)
    expected: Counter[str] = Counter()
    for text in texts:
        expected.update(set(index.words.of(text)))
    counts = index.counts(["red", "boat", "sea", "nothing"])
    assert counts == {"red": 1, "boat": 3, "sea": 2, TOTAL: 3, LENGTH: sum(len(index.words.of(t)) for t in texts)}
    assert all(expected[w] == counts[w] for w in ("red", "boat", "sea"))


@pytest.mark.parametrize("harm", ["DROP TABLE docs", "DELETE FROM docs WHERE id = 3", "UPDATE index_version SET version = 0"])
def test_a_missing_short_or_older_index_is_rebuilt_when_the_mind_opens(log: SqliteLog, index: TextIndex, harm: str) -> None:
    tell(log, "The boat is red", "The sea is calm")
    before = tables(log)
    log.main.run(harm)
    again = TextIndex(log)
    assert tables(log) == before
    assert ask(again, "sea")[0].text == "The sea is calm"


def test_a_refused_append_leaves_the_index_as_it_was(log: SqliteLog, index: TextIndex) -> None:
    from pmm.errors import Unstorable

    tell(log, "The boat is red")
    before = tables(log)
    with pytest.raises(Unstorable):
        tell(log, "A fine text about boats", "a lone \ud800")
    assert tables(log) == before


@pytest.mark.parametrize(
    "query",
    ["", "   ", "?!", "the of and", "AND OR NOT NEAR(", '"', "a*b^c:d", "boat' OR 1=1 --", "\x00", "\udc00", "[]{}()", "x" * 500_000],
)
def test_any_query_is_answered_without_an_error(log: SqliteLog, index: TextIndex, query: str) -> None:
    tell(log, "The boat is red")
    assert isinstance(ask(index, query), list)


def test_a_huge_query_is_answered_by_its_first_words(log: SqliteLog, index: TextIndex) -> None:
    tell(log, "The boat is red")
    assert ask(index, "boat " + " ".join(f"word{n}" for n in range(20_000)))[0].text == "The boat is red"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=200), min_size=1, max_size=5), st.text(max_size=60))
def test_whatever_is_told_and_asked_recall_keeps_its_word(log: SqliteLog, index: TextIndex, texts: list[str], query: str) -> None:
    storable = [t for t in texts if t.isprintable()]
    tell(log, *storable)
    found = ask(index, query, k=5)
    assert len(found) <= 5
    assert all(0 <= m.coverage <= 1.001 and m.id <= log.head[0] for m in found)
    assert [m.score for m in found] == sorted((m.score for m in found), reverse=True)


def test_an_excerpt_is_the_sentences_that_match(log: SqliteLog, index: TextIndex) -> None:
    filler = "This sentence speaks of something else entirely. " * 40
    tell(log, f"{filler}The safe is hidden behind the painting in the hall. {filler}")
    (memory,) = ask(index, "where is the safe hidden?")
    assert "The safe is hidden behind the painting in the hall." in memory.excerpt
    assert len(memory.excerpt) < 400
    assert memory.coverage > 0.9
