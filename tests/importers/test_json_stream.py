"""Cutting JSON into its outermost objects, wherever the chunks fall."""

import json
import subprocess
import sys
from io import BufferedReader, BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.errors import ImportFailed
from pmm.importers.json_stream import elements, lines
from pmm.importers.source import Source

TRICKY = st.text(st.sampled_from('a"\\{}[],:\n é😀') | st.characters(codec="utf-8"), max_size=12)
VALUE = st.recursive(
    TRICKY | st.integers() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY, inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(TRICKY, VALUE, max_size=3)


class Chunks:
    """A source that gives its bytes in pieces of a chosen size."""

    name = "pieces"

    def __init__(self, data, size):
        self.pieces = [data[at : at + size] for at in range(0, len(data), size)]

    def read(self):
        return self.pieces.pop(0) if self.pieces else b""


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(OBJECT, min_size=1, max_size=5),
    size=st.integers(1, 40),
    ascii=st.booleans(),
    indent=st.none() | st.just(1),
    bare=st.booleans(),
)
def test_wherever_the_chunks_fall_the_objects_are_those_that_json_reads(values, size, ascii, indent, bare):
    if bare:
        data = "\n".join(json.dumps(value, ensure_ascii=ascii, indent=indent) for value in values).encode()
    else:
        data = json.dumps(values, ensure_ascii=ascii, indent=indent).encode()
    assert [value for _, value, problem in elements(Chunks(data, size))] == values


@settings(max_examples=300, deadline=None)
@given(values=st.lists(OBJECT, min_size=1, max_size=5), size=st.integers(1, 40), cut=st.integers(1, 400))
def test_cut_anywhere_it_gives_only_whole_objects_and_then_says_where_it_broke(values, size, cut):
    data = json.dumps(values).encode()
    data = data[: max(1, min(cut, len(data) - 1))]
    given = []
    with pytest.raises(ImportFailed, match=f"at byte {len(data)},"):
        for _, value, _ in elements(Chunks(data, size)):
            given.append(value)
    assert given == values[: len(given)]


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=80) | st.text('[]{}",\\ a1', max_size=60).map(str.encode), size=st.integers(1, 9))
def test_bytes_of_any_kind_raise_nothing_but_import_failed(data, size):
    try:
        list(elements(Chunks(data, size)))
    except ImportFailed as failed:
        assert failed.hint


def test_an_object_over_the_limit_costs_only_itself_and_is_never_held():
    data = json.dumps([{"a": 1}, {"b": "x" * 5000}, {"c": 3}]).encode()
    found = list(elements(Chunks(data, 100), size_max=1000))
    assert [value for _, value, _ in found] == [{"a": 1}, None, {"c": 3}]
    assert found[1][2] == "larger than 1000 bytes"


def test_a_line_over_the_limit_costs_only_itself():
    data = b'{"a": 1}\n{"b": "' + b"x" * 600_000 + b'"}\n' + b'{"c": 3}'
    found = list(lines(Source(BufferedReader(BytesIO(data)), "long", 0, len(data), None), size_max=1000))
    assert [value for _, value, _ in found] == [{"a": 1}, None, {"c": 3}]
    assert found[1][0::2] == ("line 2", "longer than 1000 bytes")


def test_every_item_says_where_it_stands():
    assert [where for where, _, _ in elements(Chunks(b'[{"a":1}, {"b":2}]', 4))] == ["item 1 (byte 1)", "item 2 (byte 10)"]


MEASURE = """
import re, sys
from pathlib import Path
from pmm.importers import read
# Not getrusage: its peak starts at that of the process which started this one.
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
before = peak()
turns = sum(1 for _ in read(sys.argv[1]))
print(turns, peak() - before)
"""


def grown_by(path):
    """(turns, MiB by which reading the file raised the peak memory of a fresh process)"""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    turns, grown = done.stdout.split()
    return int(turns), float(grown)


def write_chats(path: Path, size: int) -> int:
    nodes = {"n0": {"parent": None, "message": None}}
    for at in range(1, 201):
        message = {
            "author": {"role": ("user", "assistant")[at % 2]},
            "create_time": 1.7e9 + at,
            "content": {"parts": ["Some words 😀\n" * 40]},
        }
        nodes[f"n{at}"] = {"id": f"n{at}", "parent": f"n{at - 1}", "children": [], "message": message | {"metadata": {"model": "x"}}}
    chat = json.dumps({"id": "c1", "title": "t", "current_node": "n200", "mapping": nodes}).encode()
    count = size // len(chat)
    with path.open("wb") as file:
        file.write(b"[" + chat)
        for _ in range(count - 1):
            file.write(b"," + chat)
        file.write(b"]")
    return count * 200


HAS_PROC = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")


@HAS_PROC
@pytest.mark.parametrize("size", [60 * 2**20, pytest.param(2**30, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_an_export_of_many_conversations(tmp_path, size):
    turns = write_chats(tmp_path / "big.json", size)
    assert (found := grown_by(tmp_path / "big.json"))[0] == turns
    assert found[1] < 40


@HAS_PROC
@pytest.mark.parametrize("size", [60 * 2**20, pytest.param(2**30, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_many_lines_nor_with_one_that_never_ends(tmp_path, size):
    count = 0
    with (tmp_path / "big.jsonl").open("wb") as file:
        while file.tell() < size // 2:
            file.write(
                b"".join(b'{"speaker":"user","text":"Some words about boats and trees","id":%d}\n' % (count + at) for at in range(10_000))
            )
            count += 10_000
        file.write(b'{"speaker":"user","text":"')
        for _ in range(size // 2**21):
            file.write(b"x" * 2**20)
        file.write(b'"}\n')
    turns, grown = grown_by(tmp_path / "big.jsonl")
    assert turns == count
    assert grown < 120
