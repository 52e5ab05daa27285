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

from pmm.errors import InvalidInput
from pmm.events import FORMAT, MessageImported, MindCreated, ReplyEvent, UserMessage, microseconds
from pmm.memory.index import BEFORE_CHARS, LENGTH, TAIL_MAX, TAIL_WORDS, TOTAL, Arm, TextIndex, Where
from pmm.memory.recall import ANYWHERE, CANDIDATES, THEIRS, TOP, TRAITS, WEIGHTS, Memory, recall
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


def ask(
    index: TextIndex,
    text: str,
    *,
    k: int = 8,
    head: int | None = None,
    now: datetime = NOW,
    where: Where = ANYWHERE,
    without: frozenset[str] = frozenset(),
) -> list[Memory]:
    head = index._log.head[0] if head is None else head
    return recall(index, text, k=k, head=head, zone="UTC", now=now, where=where, without=without)


def heard(log: SqliteLog, *lines: tuple[str, str], session: str = "1", at: datetime | None = None, role: Any = "other") -> list[int]:
    """(speaker, text) as imported messages."""
    said = [MessageImported(content=t, origin="x", speaker=s, role=role, session=session, at=at) for s, t in lines]
    return [e.id for e in log.append(said)]


def tables(log: SqliteLog) -> Any:
    docs = log.main.run("SELECT * FROM docs ORDER BY id")
    words = log.main.run("SELECT * FROM words ORDER BY word")
    return docs, words


def test_stemmed_irregular_and_accented_forms_find_each_other(log: SqliteLog, index: TextIndex) -> None:
    (went, cafe, children) = tell(log, "She went running yesterday", "Das Café ist geschlossen", "The children bought bread")
    for query, expected in [("go runs", went), ("cafe geschlossen", cafe), ("child buys", children), ("WENT", went)]:
        assert ask(index, query)[0].id == expected


def test_what_was_eaten_is_told_from_where_it_was(log: SqliteLog, index: TextIndex) -> None:
    (ate, at) = tell(log, "We ate soup", "We stood at the door")
    assert ask(index, "who was eating?")[0].id == ate
    assert "words" not in {name for m in ask(index, "eat") if m.id == at for name in m.why}


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
    assert next(m for m in found if m.id == ids[1]).why["passage"] > 0.3


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
        arms = [Arm('"boat"', (" boat ",), 0.6), Arm('"shore"', (" shore ",), 0.4)]
        found = index.candidates(arms, (), log.head[0], ANYWHERE, each=400, most=CANDIDATES)
        assert len({row[0] for row in found}) == len(found) == CANDIDATES
        assert {row[7] for row in found} == {0b11}
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


def test_how_a_message_was_found_is_the_same_before_and_after_it_is_inverted(log: SqliteLog, index: TextIndex) -> None:
    ids = tell(log, "We met at the harbour, where a red boat lay", "The harbour is calm", "A blue boat, a violin")
    arms = [
        Arm('"boat"', (" boat ",), 0.5),
        Arm('"harbour"', (" harbour ",), 0.25),
        Arm('"violin" OR "cello"', (" cello ", " violin "), 0.125),
    ]

    def found() -> list[tuple[int, int]]:
        return [(row[0], row[7]) for row in index.candidates(arms, (), log.head[0], Where(), each=9, most=9)]

    waiting = found()
    assert waiting == [(ids[0], 0b011), (ids[2], 0b101), (ids[1], 0b010)]
    index.settle()
    assert found() == waiting
    arms[0] = Arm('"boat"', (" boat ",), 0.5, since=ids[1])
    assert found() == [(ids[2], 0b101), (ids[1], 0b010), (ids[0], 0b010)]


def test_word_counts_are_exact(log: SqliteLog, index: TextIndex) -> None:
    texts = ["red boat, red sea", "the boat", "a sea of boats and boats"]
    tell(log, *texts)
    expected: Counter[str] = Counter()
    for text in texts:
        expected.update(set(index.words.of(text)))
    counts = index.counts(["red", "boat", "sea", "nothing"])
    assert counts == {"red": 1, "boat": 3, "sea": 2, TOTAL: 3, LENGTH: sum(len(index.words.of(t)) for t in texts)}
    assert all(expected[w] == counts[w] for w in ("red", "boat", "sea"))


HARMS = [
    "DROP TABLE docs",
    "DROP TABLE words",
    "DROP TABLE doc_words",
    "DROP TABLE doc_words_config",
    "DROP TABLE doc_words_data",
    "DROP TABLE doc_words_idx",
    "DROP TABLE doc_words_docsize",
    "DROP TABLE docs; CREATE TABLE docs (id INTEGER PRIMARY KEY)",
    "ALTER TABLE docs RENAME COLUMN words TO other",
    "DELETE FROM docs WHERE id > 3",
    "DELETE FROM docs WHERE id = 3",
    "DELETE FROM words",
    "DELETE FROM index_version",
    "UPDATE index_version SET version = 0",
    "UPDATE doc_words_data SET block = x'00ff00ff'",
    "DELETE FROM doc_words_data",
    "DELETE FROM doc_words_config",
]


@pytest.mark.parametrize("harm", HARMS)
def test_a_missing_short_damaged_or_older_index_is_rebuilt_when_the_mind_opens(log: SqliteLog, index: TextIndex, harm: str) -> None:
    tell(log, "The boat is red", "The sea is calm", "The shore is far")
    index.settle()
    before = tables(log)
    log.main.run(harm)
    path = log.path
    log.close()
    log = open_log(path, synchronous="OFF")
    try:
        again = TextIndex(log)
        assert tables(log) == before
        assert ask(again, "sea")[0].text == "The sea is calm"
        again.settle()
        assert ask(again, "boat")[0].text == "The boat is red"
    finally:
        log.close()


@pytest.mark.parametrize("harm", ["DROP TABLE words", "DROP TABLE doc_words", "DELETE FROM doc_words_data", "DROP TABLE docs"])
def test_an_index_that_is_damaged_while_the_mind_is_open_is_rebuilt_when_it_is_asked(log: SqliteLog, index: TextIndex, harm: str) -> None:
    tell(log, "The boat is red", "The sea is calm")
    index.settle()
    log.main.run(harm)
    assert ask(index, "boat")[0].text == "The boat is red"


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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


# -- signals ---------------------------------------------------------------------------------------------------------------------------


def test_the_reasons_add_up_to_the_score_and_are_named_in_the_table(log: SqliteLog, index: TextIndex) -> None:
    heard(log, ("Ana", "I bought 3 boats in May, always blue ones"), ("Ben", "Do you like boats?"), ("Ana", "Yes, I do, from Lisbon"))
    for memory in ask(index, "How many boats did Ana buy in May?"):
        assert memory.score == pytest.approx(sum(memory.why.values()), abs=1e-9)
        assert set(memory.why) <= set(WEIGHTS)


def test_a_thing_is_found_by_its_kind_but_not_the_kind_by_the_thing(log: SqliteLog, index: TextIndex) -> None:
    tell(log, *[f"filler about nothing {n}" for n in range(60)])
    heard(log, ("Ana", "My old violin needs new strings"), ("Ben", "An instrument costs much"), session="2")
    found = ask(index, "Which instruments does Ana play?")
    assert found[0].text == "My old violin needs new strings"
    assert found[0].why["kinds"] > 0
    assert not any("kinds" in m.why for m in ask(index, "Whose violin is it?"))


def test_what_is_dated_by_the_question_is_found_without_a_word_in_common(log: SqliteLog, index: TextIndex) -> None:
    for month in range(1, 13):
        heard(log, ("Ana", f"something happened, number {month}"), session=str(month), at=datetime(2023, month, 5, 9, tzinfo=UTC))
    index.settle()
    assert ask(index, "What did Ana achieve in April 2023?")[0].at.month == 4
    assert ask(index, "What did Ana achieve on 5 April?")[0].at.month == 4
    assert ask(index, "What did Ana achieve in April 2022?") == [] or "date" not in ask(index, "What did Ana achieve in April 2022?")[0].why


def test_a_day_begins_and_ends_in_the_zone_of_the_mind(log: SqliteLog, index: TextIndex) -> None:
    heard(log, ("Ana", "the party was late"), at=datetime(2023, 5, 8, 22, 30, tzinfo=UTC))
    for zone, there in (("UTC", False), ("Europe/Paris", True)):
        (memory,) = recall(index, "the party on 2023-05-09", k=8, head=log.head[0], zone=zone, now=NOW)
        assert ("date" in memory.why) == there


def test_an_assistants_words_count_for_less_live_or_imported(log: SqliteLog, index: TextIndex) -> None:
    (user,) = tell(log, "The boat is red and fast")
    log.append([ReplyEvent(content="The boat is red and fast!", to=user, route="model", model="m", finish="stop")])
    heard(log, ("Bot", "The boat is red and fast, yes"), role="assistant", session="2")
    heard(log, ("Scott", "The boat is red and fast indeed"), role="user", session="3")
    role = {m.who: m.why.get("role", 0.0) for m in ask(index, "boat red fast")}
    assert role["user"] == role["Scott"] == WEIGHTS["role"]
    assert role["mind"] == role["Bot"] == 0.0


@pytest.mark.parametrize(
    ("query", "text", "signal"),
    [
        ("How many boats are there?", "There are three boats", "number"),
        ("Who bought the boat?", "In the end, Maria bought the boat", "name"),
        ("How do I paint a boat?", "Always paint the boat twice", "rule"),
        ("What about my boat?", "The boat is old", "who"),
    ],
)
def test_what_suits_the_question_gains(log: SqliteLog, index: TextIndex, query: str, text: str, signal: str) -> None:
    tell(log, text, "boats are nice, aren't they")
    why = {m.text: m.why for m in ask(index, query)}
    assert why[text][signal] == WEIGHTS[signal]
    assert signal in TRAITS


def test_what_follows_a_question_with_the_querys_words_answers_among_people_alone(log: SqliteLog, index: TextIndex) -> None:
    heard(log, ("Ana", "Which boat did you paint?"), ("Ben", "The dinghy, all summer"), ("Ana", "Lovely"))
    heard(log, ("Ana", "Which boat did you paint then?"), ("Bot", "The dinghy, perhaps"), role="assistant", session="2")
    heard(log, ("Ana", "I did paint the boat here"), ("Ben", "So did mother"), session="3")
    why = {m.text: m.why.get("answer", 0.0) for m in ask(index, "which boat did Ben paint", k=20)}
    assert 0 < why.pop("The dinghy, all summer") <= WEIGHTS["answer"]
    assert {"The dinghy, perhaps", "So did mother"} <= why.keys() and not any(why.values())


def test_a_thing_of_a_kind_counts_more_in_the_words_of_whom_it_is_asked_about(log: SqliteLog, index: TextIndex) -> None:
    heard(log, ("Ana", "I tuned my violin"), ("Ben", "I tuned my guitar"))
    why = {m.who: m.why["kinds"] for m in ask(index, "which instrument does Ana play")}
    assert why["Ana"] == pytest.approx((1 + THEIRS) * why["Ben"], abs=2e-4)


def test_what_nothing_follows_gains_nothing_from_another_conversation(log: SqliteLog, index: TextIndex) -> None:
    tell(log, "The boat is in the harbour, the boat is red", session="a")
    (last,) = tell(log, "A boat", session="b")
    assert {m.id: m for m in ask(index, "boat")}[last].why.get("beside", 0.0) == 0.0


def test_what_was_said_before_is_of_the_same_sitting_with_its_caption(log: SqliteLog, index: TextIndex) -> None:
    heard(log, ("Ana", "Look!"), ("Ben", "Nice"), at=datetime(2023, 5, 8, 9, tzinfo=UTC))
    heard(log, ("Ana", "Hello again " * 200), ("Ben", "Hi"), at=datetime(2023, 5, 20, 9, tzinfo=UTC))
    ids = [id for (id,) in log.main.run("SELECT id FROM docs ORDER BY id")]
    said = index.before([*ids, 999])
    assert said == {ids[1]: "Look!", ids[3]: ("Hello again " * 200)[-BEFORE_CHARS:]} and index.before([]) == {}


def test_a_year_without_a_pause_is_one_sitting_and_a_pause_begins_another(log: SqliteLog, index: TextIndex) -> None:
    for hour in (8, 9, 16, 17):
        heard(log, ("Ana", f"boat at {hour}"), at=datetime(2023, 5, 8, hour, tzinfo=UTC))
    sittings = [row[0] for row in log.main.run("SELECT sitting FROM docs ORDER BY id")]
    assert sittings == [2, 2, 4, 4]
    assert [m.why.get("opening", 0) > 0 for m in sorted(ask(index, "boat"), key=lambda m: m.id)] == [True, True, True, True]


def test_a_signal_that_is_left_out_changes_the_score_by_its_part(log: SqliteLog, index: TextIndex) -> None:
    tell(log, "The boat is red")
    (whole,), (less,) = ask(index, "the boat"), ask(index, "the boat", without=frozenset({"words"}))
    assert less.score == pytest.approx(whole.score - whole.why["words"], abs=1e-9)
    assert "words" not in less.why


# -- filters ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(log: SqliteLog, index: TextIndex) -> TextIndex:
    (user,) = tell(log, "the boat, said the user", session="a")
    log.append([ReplyEvent(content="the boat, said the mind", to=user, route="model", model="m", finish="stop")])
    heard(log, ("Ana", "the boat, said Ana"), session="s1", at=datetime(2020, 1, 1, tzinfo=UTC))
    heard(log, ("Ben", "the boat, said Ben"), session="s2", at=datetime(2021, 1, 1, tzinfo=UTC))
    return index


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize(
    ("where", "who"),
    [
        (Where(kind="user_message"), {"user"}),
        (Where(kind="reply"), {"mind"}),
        (Where(kind="message_imported"), {"Ana", "Ben"}),
        (Where(who="ana"), {"Ana"}),
        (Where(who="nobody"), set()),
        (Where(session="a"), {"user", "mind"}),
        (Where(session="s2"), {"Ben"}),
        (Where(session="x/s2"), {"Ben"}),
        (Where(until=microseconds(datetime(2020, 6, 1, tzinfo=UTC))), {"Ana"}),
        (Where(since=microseconds(datetime(2020, 6, 1, tzinfo=UTC))), {"user", "mind", "Ben"}),
        (Where(kind="message_imported", since=microseconds(datetime(2021, 1, 1, tzinfo=UTC))), {"Ben"}),
        (Where(who="Ana' OR 1=1 --"), set()),
    ],
)
def test_only_what_a_filter_allows_is_recalled(mixed: TextIndex, where: Where, who: set[str], settled: bool) -> None:
    if settled:
        mixed.settle()
    assert {m.who for m in ask(mixed, "the boat", where=where)} == who


def test_a_filter_finds_what_lies_behind_many_that_it_leaves_out(log: SqliteLog, index: TextIndex) -> None:
    heard(log, ("Ana", "the boat is mine"))
    for n in range(8):
        tell(log, *[f"the boat of the day {n} {i}" for i in range(100)])
    index.settle()
    assert [m.who for m in ask(index, "the boat", where=Where(who="Ana"))] == ["Ana"]


def test_a_kind_that_is_not_recalled_is_refused() -> None:
    with pytest.raises(InvalidInput, match="trait_moved"):
        Where(kind="trait_moved")


# -- cost ------------------------------------------------------------------------------------------------------------------------------


def test_a_recall_makes_four_calls_and_reads_a_bounded_number_of_rows(log: SqliteLog, index: TextIndex) -> None:
    for n in range(20):
        tell(log, *[f"the boat, the shore and the sea {n} {i}" for i in range(60)], session=f"s{n % 3}")
    for query in ("", "nothing known", "boat", "the boat by the sea in May", "Which sports or instruments did I play in 2023?"):
        head = log.head[0]
        before = _cost(log)
        ask(index, query, head=head)
        calls, rows = (after - was for after, was in zip(_cost(log), before, strict=True))
        assert calls == 4
        assert rows <= CANDIDATES + 5 * TOP + 60


def _cost(log: SqliteLog) -> tuple[int, int]:
    counts = log.counts.by_thread.values()
    return sum(c[0] for c in counts), sum(c[1] for c in counts)


def test_long_messages_dont_wait_for_the_inverted_index(log: SqliteLog, index: TextIndex) -> None:
    for n in range(4):
        tell(log, f"boat {n} " + "word " * (TAIL_WORDS // 3))
    assert log.main.run("SELECT inverted FROM index_version")[0][0] > 0
