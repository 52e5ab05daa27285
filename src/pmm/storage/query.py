"""One question in SQL about a mind's own file, from people and programs that aren't trusted with more than looking.

A read-only connection of its own; an allow-list of tables and functions, asked by the engine itself for everything a statement does
(neither `mode=ro` nor `query_only` keep a statement from ATTACH or PRAGMA); a deadline; and limits to what it may build and give back.
No function that makes long texts out of short ones is allowed, and no recursion.
"""

from __future__ import annotations

import re
import time
from math import isfinite
from pathlib import Path
from typing import Any

import apsw
import msgspec

from pmm.errors import InvalidInput, StorageError
from pmm.storage.door import told_plainly

TABLES = ("events", "head", "docs", "words", "superseded", "links", "entities", "archive")
_READABLE = frozenset({*TABLES, "json_each"})
_FUNCTIONS = frozenset(
    """count sum total avg min max abs round sign floor ceil ceiling mod length octet_length lower upper substr substring coalesce ifnull
    nullif iif if typeof like glob unicode date time datetime julianday unixepoch strftime timediff json json_extract json_type json_valid
    json_array_length -> ->> group_concat string_agg json_group_array row_number rank dense_rank percent_rank cume_dist ntile lag lead
    first_value last_value nth_value""".split()
)
ROWS_MAX = 10_000
DEADLINE_S = 2.0
RESULT_BYTES_MAX = 8 * 1024 * 1024
_LIMITS = {
    apsw.SQLITE_LIMIT_LENGTH: 2 * 1024 * 1024,
    apsw.SQLITE_LIMIT_SQL_LENGTH: 10_000,
    apsw.SQLITE_LIMIT_COLUMN: 100,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 100,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: 10,
    apsw.SQLITE_LIMIT_FUNCTION_ARG: 20,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    apsw.SQLITE_LIMIT_ATTACHED: 0,
    apsw.SQLITE_LIMIT_VARIABLE_NUMBER: 0,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
    apsw.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_STEPS = 20
"""of the engine's, after which the deadline is looked at; few, since one may look for a pattern in a whole text"""
_NOTHING = re.compile(r"(?:[\s;]|--[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)


class Table(msgspec.Struct, frozen=True):
    """What a question gave. rows: None, int, float, text; a blob as hexadecimal digits, an infinity as text.

    more: there were more rows than asked for.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False


def read(path: Path, sql: str, *, limit: int = 1000, seconds: float = DEADLINE_S) -> Table:
    """Ask. At most `limit` rows. Raises InvalidInput (with the reason: not SQL, not allowed, too slow, too large), StorageError."""
    if not 1 <= limit <= ROWS_MAX:
        raise InvalidInput(f"a limit is 1 to {ROWS_MAX:,} rows.")
    if not isinstance(sql, str) or not _NOTHING.sub("", sql, count=1):
        raise InvalidInput("there is no question.", hint="Try: SELECT kind, count(*) FROM events GROUP BY kind")
    if "\0" in sql:
        raise InvalidInput("a question holds no NUL character.")
    question = _Question(sql, limit, seconds)
    try:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error as error:
        raise told_plainly(error, path) from None
    try:
        return question.ask(db)
    except UnicodeEncodeError:
        raise InvalidInput("the question holds a lone surrogate.", hint="Send well-formed Unicode.") from None
    except apsw.Error as error:
        raise question.told(error, path) from None
    finally:
        db.close()


class _Question:
    """One statement, and what became of it."""

    def __init__(self, sql: str, limit: int, seconds: float) -> None:
        self._sql = sql
        self._limit = limit
        self._seconds = seconds
        self._denied = ""
        self._columns: tuple[str, ...] = ()

    def ask(self, db: apsw.Connection) -> Table:
        """The rows. Raises InvalidInput, apsw.Error."""
        for limit, value in _LIMITS.items():
            db.limit(limit, value)
        db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        db.set_busy_timeout(1000)
        db.authorizer = self._authorise
        db.exec_trace = self._begun
        until = time.monotonic() + self._seconds
        db.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        cursor = db.cursor()
        rows: list[tuple[Any, ...]] = []
        size = 0
        for row in cursor.execute(self._sql):
            if len(rows) == self._limit:
                return Table(self._columns, tuple(rows), more=True)
            size += sum(len(value) for value in row if isinstance(value, (str, bytes))) + 8 * len(row)
            if size > RESULT_BYTES_MAX:
                raise InvalidInput(
                    f"the answer is larger than {RESULT_BYTES_MAX // 2**20} MiB.", hint="Ask for fewer rows, or substr(...)."
                )
            rows.append(tuple(map(_plain, row)))
        return Table(self._columns, tuple(rows))

    def _begun(self, cursor: apsw.Cursor, sql: str, bindings: Any) -> bool:
        """Before a statement runs. The first must be the only one."""
        if _NOTHING.fullmatch(self._sql[len(sql) :]) is None:
            raise InvalidInput("one statement at a time.", hint="Send what is before the first semicolon alone.")
        if not cursor.is_readonly:
            raise InvalidInput("a question changes nothing.", hint="Begin it with SELECT.")
        self._columns = tuple(str(name) for name, *_ in cursor.get_description())
        return True

    def _authorise(self, action: int, first: str | None, second: str | None, database: str | None, by: str | None) -> int:
        """Whether a statement may do this: the engine asks for every table, column and function before it runs."""
        match action:
            case apsw.SQLITE_SELECT:
                return int(apsw.SQLITE_OK)
            case apsw.SQLITE_READ if first in _READABLE and database in (None, "main"):
                return int(apsw.SQLITE_OK)
            case apsw.SQLITE_FUNCTION if second in _FUNCTIONS:
                return int(apsw.SQLITE_OK)
            case apsw.SQLITE_READ:
                self._denied = f"{first} can't be read here."
            case apsw.SQLITE_FUNCTION:
                self._denied = f"the function {second} is not allowed here."
            case apsw.SQLITE_RECURSIVE:
                self._denied = "recursion is not allowed here."
            case _:
                self._denied = f"{_name(action)} is not allowed here: a question only looks."
        return int(apsw.SQLITE_DENY)

    def told(self, error: apsw.Error, path: Path) -> InvalidInput | StorageError | Exception:
        """The engine's error as one of ours."""
        match error:
            case apsw.AuthError() if self._denied:
                return InvalidInput(self._denied, hint=f"Tables are {', '.join(TABLES)}; functions {', '.join(sorted(_FUNCTIONS))}.")
            case apsw.InterruptError():
                return InvalidInput(f"the question took longer than {self._seconds:g} s.", hint="Ask for less, or for a range of ids.")
            case apsw.TooBigError():
                return InvalidInput("a text in it grows too large.", hint="Ask for a part: substr(content, 1, 200).")
            case apsw.SQLError() | apsw.AuthError() | apsw.RangeError() | apsw.MismatchError():
                if self._denied:
                    return InvalidInput(self._denied, hint=f"Tables are {', '.join(TABLES)}.")
                return InvalidInput(f"that can't be asked: {error}.", hint=f"Tables are {', '.join(TABLES)}.")
        return told_plainly(error, path)


def _plain(value: Any) -> Any:
    """As JSON can tell it."""
    match value:
        case bytes():
            return value.hex()
        case float() if not isfinite(value):
            return str(value)
    return value


def _name(action: int) -> str:
    names = apsw.mapping_authorizer_function
    return str(names[action]).removeprefix("SQLITE_").replace("_", " ")
