"""Hotspots: where the program's own source reads a whole log or table, or past the storage door. Static: nothing is run.

Such reads exist for verification, export and rebuilds. In the rooms that work at every turn and tick (`is_hot`) there must be none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

HOT = (
    "agent/",
    "projections/",
    "views.py",
    "memory/recall.py",
    "memory/graph.py",
    "runtime/turn.py",
    "runtime/continuation.py",
    "runtime/background.py",
    "runtime/autonomy.py",
    "runtime/epochs.py",
    "runtime/thinking.py",
    "runtime/calls.py",
    "runtime/trace.py",
    "runtime/performance.py",
)
"""rooms, and files of the others, that work at every turn or tick"""

READERS = frozenset({"scan", "rows", "verify"})
"""methods of the log that read all of it"""
SMALL = frozenset({"head", "consumers", "embedders", "sqlite_schema", "json_each"})
"""tables that don't grow with the log"""
_WHOLE_TABLE = re.compile(r"select (?P<what>.+?) from (?P<table>[a-z_]+)(?P<rest>( order by [a-z_, ]+)?)$", re.IGNORECASE | re.DOTALL)
_ENDS = re.compile(r"^(max|min)\(\w+\)$", re.IGNORECASE)
"""asked of a primary key: one row"""

Kind = Literal["whole log", "whole table", "past the door"]


class Hotspot(msgspec.Struct, frozen=True):
    """One read. file: from the package's folder, with slashes. hot: in a room where there must be none."""

    file: str
    line: int
    kind: Kind
    code: str
    hot: bool


def hotspots(folder: Path | None = None) -> list[Hotspot]:
    """Every such read in the sources, by file and line. folder: the package's, else this one's."""
    root = folder or Path(__file__).parent.parent
    found = []
    for path in sorted(root.rglob("*.py")):
        file = path.relative_to(root).as_posix()
        if file.startswith("testing/"):
            continue  # no mind runs it
        found += sorted(_reads(file, ast.parse(path.read_text(encoding="utf-8"))), key=lambda one: one.line)
    return found


def is_hot(file: str) -> bool:
    """Whether a file works at every turn or tick."""
    return file.startswith(HOT)


def _reads(file: str, tree: ast.Module) -> Iterator[Hotspot]:
    for node in ast.walk(tree):
        kind = _kind(file, node)
        if kind is not None and isinstance(node, (ast.expr, ast.stmt)):
            yield Hotspot(file, node.lineno, kind, " ".join(ast.unparse(node).split())[:100], is_hot(file))


def _kind(file: str, node: ast.AST) -> Kind | None:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) if name in READERS or _unbounded(node):
            return "whole log"
        case ast.Import() | ast.ImportFrom() if not file.startswith(("storage/", "memory/")) and _drivers(node):
            return "past the door"
        case ast.Attribute(attr="_db") if file != "storage/door.py":
            return "past the door"
        case ast.Call(func=ast.Name(id="verify_file")):
            return "whole log"
        case ast.Constant(value=str(text)) if _whole_table(text):
            return "whole table"
        case ast.JoinedStr() if _whole_table("".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)):
            return "whole table"
    return None


def _unbounded(call: ast.Call) -> bool:
    """`log.since(0)` and `log.by_kind("x")`: everything there is, with no bound at either end."""
    assert isinstance(call.func, ast.Attribute)
    bounds = {keyword.arg for keyword in call.keywords}
    match call.func.attr, call.args:
        case "since", [ast.Constant(value=0)]:
            return "limit" not in bounds
        case "by_kind", _:
            return not bounds & {"since", "until", "limit"}
    return False


def _drivers(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return any(name.split(".")[0] in ("apsw", "sqlite3") for name in names)


def _whole_table(text: str) -> bool:
    found = _WHOLE_TABLE.match(" ".join(text.split()))
    if found is None or found["table"] in SMALL or found["table"].endswith("_version"):
        return False
    return not _ENDS.match(found["what"])
