"""Questions in SQL: what may be asked is answered; every known way out of looking is shut, and nothing takes long or grows large."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm import InvalidInput, Mind, Turn
from pmm.storage.query import RESULT_BYTES_MAX, TABLES, Table, read
from pmm.testing import ScriptedModel

Opener = Callable[..., Mind]


@pytest.fixture
def mind(open_mind: Opener) -> Mind:
    mind = open_mind(ScriptedModel(["Noted."]))
    for text in ("I live in Lyon", "Remind me to water the ferns on Friday", "Never use emojis"):
        mind.handle_user(text)
    return mind


def file_of(mind: Mind) -> Path:
    return Path(mind._log.path)


def test_rows_come_with_the_names_of_their_columns(mind: Mind) -> None:
    found = mind.sql("SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY n DESC, kind LIMIT 2")
    assert found.columns == ("kind", "n") and found.rows[0] == ("context_built", 3) and not found.more
    assert mind.sql("SELECT id FROM events WHERE 0") == Table(("id",), ())


def test_everything_a_question_may_use(mind: Mind) -> None:
    """Joins, subqueries, windows, aggregates, JSON, likenesses, dates: over each of the tables."""
    for table in TABLES:
        assert mind.sql(f"SELECT count(*) FROM {table}").rows[0][0] >= 0
    lyon = "SELECT meta ->> 'session', row_number() OVER (ORDER BY id) FROM events WHERE kind = 'user_message' AND content LIKE '%lyon%'"
    assert mind.sql(lyon).rows == (("main", 1),)
    said = "WITH said AS (SELECT id FROM events WHERE kind = 'user_message') SELECT count(*) FROM said JOIN docs USING (id)"
    assert mind.sql(said).rows == ((3,),)
    assert mind.sql("SELECT value FROM json_each('[1, 2]')").rows == ((1,), (2,))
    assert mind.sql("SELECT date(ts / 1000000, 'unixepoch') FROM events WHERE id = 1").rows == (("2026-03-02",),)
    assert mind.sql("VALUES (1, NULL), (2.5, 'a') -- done").rows == ((1, None), (2.5, "a"))
    assert mind.sql("EXPLAIN QUERY PLAN SELECT * FROM events").rows


def test_blobs_and_infinities_come_as_text(mind: Mind) -> None:
    """So that any answer can be told in JSON."""
    ((hash, endless),) = mind.sql("SELECT hash, 9e999 FROM events WHERE id = 1").rows
    assert len(hash) == 64 and endless == "inf"


def test_rows_beyond_the_limit_are_told_of(mind: Mind) -> None:
    assert mind.sql("SELECT id FROM events", limit=2) == Table(("id",), ((1,), (2,)), more=True)
    head = mind.view().head
    assert not mind.sql("SELECT id FROM events", limit=head).more
    for limit in (0, -1, 10_001):
        with pytest.raises(InvalidInput, match="limit"):
            mind.sql("SELECT 1", limit=limit)


ESCAPES = {
    "another file": "ATTACH '{dir}/other.db' AS other",
    "another file, in memory": "ATTACH ':memory:' AS m",
    "detaching": "DETACH main",
    "a copy of all": "VACUUM INTO '{dir}/copy.db'",
    "vacuum": "VACUUM",
    "reading a pragma": "PRAGMA journal_mode",
    "writing a pragma": "PRAGMA journal_mode = DELETE",
    "the guard itself": "PRAGMA query_only = 0",
    "pragma as a table": "SELECT * FROM pragma_database_list",
    "pragma as a function": "SELECT * FROM pragma_table_info('events')",
    "a library": "SELECT load_extension('/tmp/x')",
    "a file written": "SELECT writefile('{dir}/out', 'x')",
    "a file read": "SELECT readfile('/etc/passwd')",
    "a shell": "SELECT edit('x', 'sh')",
    "the schema": "SELECT sql FROM sqlite_schema",
    "the old name of the schema": "SELECT sql FROM sqlite_master",
    "the schema of temp": "SELECT * FROM sqlite_temp_master",
    "snapshots": "SELECT state FROM snapshots",
    "traces": "SELECT body FROM traces",
    "consumers": "SELECT * FROM consumers",
    "pages": "SELECT * FROM dbstat",
    "raw pages": "SELECT * FROM sqlite_dbpage",
    "statements": "SELECT * FROM sqlite_stmt",
    "the full-text index": "SELECT * FROM doc_words",
    "its shadow": "SELECT block FROM doc_words_data",
    "its shadow written": "INSERT INTO doc_words_config VALUES ('x', 1)",
    "its commands": "INSERT INTO doc_words (doc_words) VALUES ('rebuild')",
    "its functions": "SELECT bm25(doc_words) FROM doc_words",
    "its vocabulary": "CREATE VIRTUAL TABLE temp.v USING fts5vocab('main', 'doc_words', 'row')",
    "an insert": "INSERT INTO events (id) VALUES (99)",
    "an update": "UPDATE events SET content = ''",
    "a deletion": "DELETE FROM events",
    "a deletion that returns": "DELETE FROM events RETURNING id",
    "a deletion under WITH": "WITH a AS (SELECT 1) DELETE FROM events",
    "a deletion explained": "EXPLAIN DELETE FROM events",
    "replacing": "REPLACE INTO head VALUES (1, 1, x'00')",
    "a table": "CREATE TABLE t (x)",
    "a table for now": "CREATE TEMP TABLE t (x)",
    "a table of an answer": "CREATE TEMP TABLE t AS SELECT * FROM events",
    "a view": "CREATE TEMP VIEW v AS SELECT * FROM snapshots",
    "a trigger": "CREATE TEMP TRIGGER t AFTER INSERT ON events BEGIN SELECT 1; END",
    "a virtual table": "CREATE VIRTUAL TABLE temp.t USING fts5(x)",
    "an index": "CREATE INDEX i ON events (content)",
    "dropping a trigger": "DROP TRIGGER events_no_delete",
    "dropping a table": "DROP TABLE events",
    "altering": "ALTER TABLE events RENAME TO e",
    "analysing": "ANALYZE",
    "reindexing": "REINDEX",
    "a transaction": "BEGIN IMMEDIATE",
    "a commit": "COMMIT",
    "a savepoint": "SAVEPOINT s",
    "recursion without end": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "recursion without its word": "WITH n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT x FROM n LIMIT 5",
    "a series": "SELECT count(*) FROM generate_series(1, 1e12)",
    "a huge blob": "SELECT zeroblob(1000000000)",
    "a huge random one": "SELECT randomblob(1000000000)",
    "a huge text": "SELECT printf('%.*c', 1000000000, 'x')",
    "its other name": "SELECT format('%1000000000d', 1)",
    "texts in texts": "SELECT replace(hex(content), '0', content) FROM events",
    "hex": "SELECT hex(content) FROM events",
    "quoting": "SELECT quote(content) FROM events",
    "a needle in hay": "SELECT instr(content, content) FROM events",
    "trimming": "SELECT trim(content, content) FROM events",
    "random": "SELECT random()",
    "another's change count": "SELECT total_changes()",
    "source of the engine": "SELECT sqlite_source_id()",
    "compile options": "SELECT sqlite_compileoption_get(1)",
    "a tokenizer": "SELECT fts3_tokenizer('x')",
    "a parameter": "SELECT ?1",
    "a long pattern": "SELECT 1 WHERE 'a' LIKE '" + "%a" * 150 + "'",
    "deep": "SELECT 1" + " + 1" * 300,
    "wide": "SELECT " + ", ".join("1" for _ in range(200)),
    "many unions": " UNION ALL ".join("SELECT 1" for _ in range(50)),
    "long": "SELECT '" + "x" * 20_000 + "'",
    "two": "SELECT 1; SELECT 2",
    "two, the second hidden": "SELECT 1;/* SELECT */ DELETE FROM events",
    "two, a comment between": "SELECT 1 --\n; ATTACH 'x' AS y",
    "two, the first empty": "; DELETE FROM events",
    "a comment that doesn't end": "/* SELECT 1",
    "nothing": "",
    "only blanks": " \n\t; -- none",
    "NUL": "SELECT 1\0; DELETE FROM events",
    "a surrogate": "SELECT '\ud800'",
    "no SQL": "what did I say about ferns?",
    "nothing of that name": "SELECT * FROM nowhere",
    "a misspelt column": "SELECT contents FROM events",
}


@pytest.mark.parametrize("way", ESCAPES)
def test_no_way_out_of_looking(mind: Mind, tmp_path: Path, way: str) -> None:
    """Refused with a reason in one line; the file is as it was, and no other file came to be."""
    before, files = digest(mind), sorted(tmp_path.iterdir())
    began = time.monotonic()
    with pytest.raises(InvalidInput) as error:
        mind.sql(ESCAPES[way].replace("{dir}", str(tmp_path)))
    assert time.monotonic() - began < 30
    assert error.value.message and "\n" not in error.value.message and str(tmp_path / "mind.db") not in error.value.message
    assert digest(mind) == before and sorted(tmp_path.iterdir()) == files
    assert mind.sql("SELECT count(*) FROM head").rows == ((1,),), "and the next question is answered"


def digest(mind: Mind) -> str:
    return sha256(repr([mind._log.main.run(f"SELECT * FROM {table}") for table in (*TABLES, "sqlite_schema")]).encode()).hexdigest()


_PRODUCT = "events a, events b, events c, events d, events e, events f, events g, events h"
SLOW = {
    "a product": f"SELECT count(*) FROM {_PRODUCT}",
    "a sorted product": f"SELECT a.content || b.content AS x FROM {_PRODUCT} ORDER BY x DESC",
    "a grouped product": f"SELECT max(a.content) FROM {_PRODUCT} GROUP BY a.id + b.id * c.id + d.id",
    "a distinct product": f"SELECT count(*) FROM (SELECT DISTINCT a.id * b.id + c.id * d.id - e.id * f.id + g.id * h.id FROM {_PRODUCT})",
    "a window": f"SELECT max(x) FROM (SELECT sum(a.id) OVER (ORDER BY b.id ROWS 9999 PRECEDING) AS x FROM {_PRODUCT})",
    "rows that are never found": f"SELECT 1 FROM {_PRODUCT} WHERE a.id + b.id + c.id + d.id + e.id + f.id + g.id + h.id < 0",
}


@pytest.mark.parametrize("way", SLOW)
def test_a_question_ends_in_time(mind: Mind, way: str) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidInput, match=r"longer than|larger than|too large"):
        read(file_of(mind), SLOW[way], seconds=0.3)
    assert time.monotonic() - began < 30


def test_slow_steps_end_in_time_too(open_mind: Opener) -> None:
    """A pattern that takes long in a long text, again and again: there are few steps of the engine between two looks at the clock."""
    mind = open_mind()
    mind.import_turns([Turn("user", "a" * 1_000_000)])
    nine = ", ".join(f"json_each('[1,2,3,4,5,6,7,8,9]') {name}" for name in "xyz")
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="longer than"):
        read(file_of(mind), f"SELECT count(*) FROM events, {nine} WHERE content LIKE '%{'a' * 150}b%' || x.value", seconds=0.3)
    assert time.monotonic() - began < 60


def test_an_answer_has_a_size(open_mind: Opener) -> None:
    """Each row may be small; all of them together may not be large."""
    mind = open_mind(ScriptedModel(["Noted."], window=200_000))
    mind.handle_user("x" * 100_000)
    with pytest.raises(InvalidInput, match=f"{RESULT_BYTES_MAX // 2**20} MiB"):
        mind.sql("SELECT a.content FROM events a, events b, events c, events d WHERE length(a.content) > 9999", limit=10_000)
    grow = "SELECT content AS x FROM events WHERE length(content) > 9999"
    for _ in range(6):
        grow = f"SELECT x || x AS x FROM ({grow})"
    with pytest.raises(InvalidInput, match="too large"):
        mind.sql(grow)


def test_asking_goes_on_while_the_mind_writes(mind: Mind) -> None:
    """Neither waits for the other, and a question sees what is committed."""
    with mind._log.main.writing():
        assert mind.sql("SELECT count(*) FROM events").rows[0][0] == mind.log.head[0]
    mind.handle_user("One more")
    assert mind.sql("SELECT max(id) FROM events").rows[0][0] == mind.log.head[0]


@given(
    sql=st.text(max_size=80)
    | st.lists(st.sampled_from("SELECT FROM events * , ( ) 1 'x' WHERE ; -- /* */ WITH AS UNION kind || LIKE".split()), max_size=12).map(
        " ".join
    )
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_text_is_answered_or_refused(mind: Mind, sql: str) -> None:
    try:
        assert isinstance(read(file_of(mind), sql, seconds=0.2, limit=5), Table)
    except InvalidInput as error:
        assert error.message


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    from pmm import StorageError

    with pytest.raises(StorageError):
        read(tmp_path / "none.db", "SELECT 1")


def test_a_closed_mind_answers_nothing(mind: Mind) -> None:
    from pmm import MindClosed

    mind.close()
    with pytest.raises(MindClosed):
        mind.sql("SELECT 1")


def test_the_tables_named_are_there(mind: Mind) -> None:
    """And every table that holds something of the log can be asked, or is left out on purpose."""
    there = {name for (name,) in mind._log.main.run("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert set(TABLES) <= there
