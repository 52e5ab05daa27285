"""The sealed bytes can't change later: recomputed here from the design's text alone, and pinned as hex."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.clock import Ids, SimulatedClock
from pmm.events import FORMAT, MindCreated, UserMessage
from pmm.storage.chain import GENESIS, check_chain, hash_of, seal_of
from pmm.storage.sqlite import open_log
from tests.storage.files import columns

SALT = bytes(range(16))


def seal_by_the_book(salt: bytes, key: str | None, content: str, meta: str) -> bytes:
    """seal = SHA-256(0x01 ‖ salt ‖ K ‖ u64 len(content) ‖ content ‖ meta), K = 0x00 without a key, else 0x01 ‖ u64 len(key) ‖ key."""
    whole = sha256(b"\x01")
    whole.update(salt)
    if key is None:
        whole.update(b"\x00")
    else:
        whole.update(b"\x01" + len(key.encode("utf-8")).to_bytes(8, "big") + key.encode("utf-8"))
    whole.update(len(content.encode("utf-8")).to_bytes(8, "big"))
    whole.update(content.encode("utf-8"))
    whole.update(meta.encode("utf-8"))
    return whole.digest()


def hash_by_the_book(prev: bytes, id: int, ts: int, kind: str, seal: bytes) -> bytes:
    """hash = SHA-256(prev_hash ‖ C ‖ seal), C = compact UTF-8 JSON [format,id,ts,kind]."""
    return sha256(prev + json.dumps([1, id, ts, kind], separators=(",", ":"), ensure_ascii=False).encode("utf-8") + seal).digest()


SEALS = [
    (None, "", "", "841ec6451fd082ccf3834aeb4d5f8172fe97d56a4d7a872073ffa4c083b5ea30"),
    (None, "Hello.", '{"session":"main","source":"cli"}', "fc0ada55a7873e835ca5edb39044c752d693405701fd57631c0d9d6c4679f527"),
    ("end:1", "Hello.", '{"session":"main","source":"cli"}', "836c17366d1d5b690654f726499c8cb7c9586d1b91e95d495ccf286a348c7b64"),
    ("ключ", "Zażółć 你好 👩‍👩‍👧\x00", '{"session":"ä"}', "2ff93f2014a4a665d5ee20cbf47891cdb95bdf580d2e3cfab62c4ac6760e372a"),
    ("k", "", "{}", "9d32a915744900ceea4732b962dc1dfcd7668abc06ee8c4a0be49b4136618e0c"),
]


@pytest.mark.parametrize(("key", "content", "meta", "expected"), SEALS)
def test_a_seal_is_what_the_design_says(key: str | None, content: str, meta: str, expected: str) -> None:
    """The seal of fixed texts is the pinned one, and the one that the design's formula gives."""
    assert seal_of(SALT, key, content, meta).hex() == expected
    assert seal_by_the_book(SALT, key, content, meta).hex() == expected


HASHES = [
    (GENESIS, 1, 0, "mind_created", "8589a212a6fac4a2d447623004ea4ea2b55db4251950b99621fae5d0bb341297"),
    (GENESIS, 1, 1772442000123456, "mind_created", "aab5971717f0637dbcd210e2ed733180ff3b97f289d0befa87ce07b77c638927"),
    (bytes([255] * 32), 2**63 - 1, -1, "user_message", "0649acb653ca8137727f815faa6bdebd26c8486d60031157a9eeeb6bc71a5577"),
]


@pytest.mark.parametrize(("prev", "id", "ts", "kind", "expected"), HASHES)
def test_a_hash_is_what_the_design_says(prev: bytes, id: int, ts: int, kind: str, expected: str) -> None:
    """The hash of fixed values is the pinned one, and the one that the design's formula gives."""
    seal = bytes.fromhex(SEALS[1][3])
    assert hash_of(prev, id, ts, kind, seal).hex() == expected
    assert hash_by_the_book(prev, id, ts, kind, seal).hex() == expected


def test_the_format_and_the_genesis_are_fixed() -> None:
    """Format 1, and 32 zero bytes before event 1."""
    assert FORMAT == 1
    assert bytes(32) == GENESIS


@given(st.binary(min_size=16, max_size=16), st.none() | st.text(min_size=1), st.text(), st.text())
def test_seals_of_any_texts_are_by_the_book(salt: bytes, key: str | None, content: str, meta: str) -> None:
    """No text, key or salt makes the code and the formula differ."""
    assert seal_of(salt, key, content, meta) == seal_by_the_book(salt, key, content, meta)


@given(st.tuples(st.none() | st.text(max_size=3), st.text(max_size=3), st.text(max_size=3)), st.data())
def test_different_texts_never_share_their_sealed_bytes(one: tuple[str | None, str, str], data: st.DataObject) -> None:
    """Moving characters between key, content and meta changes the seal."""
    other = data.draw(st.tuples(st.none() | st.text(max_size=3), st.text(max_size=3), st.text(max_size=3)))
    assert (seal_of(SALT, *one) == seal_of(SALT, *other)) == (one == other)


class _FixedIds(Ids):
    """Salts 00.., 01.., 02.. instead of random ones."""

    def __init__(self) -> None:
        self.number = -1

    def salt(self) -> bytes:
        self.number += 1
        return bytes([self.number]) * 16


def test_a_whole_log_is_stored_to_the_byte_as_the_design_says(tmp_path: Path) -> None:
    """Every column of three appended events, with fixed salts and times, is what the design's text gives; the last hash is pinned."""
    clock = SimulatedClock("2026-03-02T09:00:00.123456+00:00")
    log = open_log(tmp_path / "a.db", clock=clock, ids=_FixedIds(), synchronous="OFF")
    log.append([MindCreated(format=1, timezone="Europe/Paris", software="pmm 0")])
    clock.advance(1)
    log.append([UserMessage(content="Grüße 你好", source="cli", session="main", key="k:é"), UserMessage(source="cli", session="")])
    head = log.head
    log.close()
    texts = [
        (1772442000123456, "mind_created", "", '{"format":1,"software":"pmm 0","timezone":"Europe/Paris"}', None),
        (1772442001123456, "user_message", "Grüße 你好", '{"session":"main","source":"cli"}', "k:é"),
        (1772442001123456, "user_message", "", '{"session":"","source":"cli"}', None),
    ]
    link = bytes(32)
    for row, (ts, kind, content, meta, key) in zip(columns(tmp_path / "a.db"), texts, strict=True):
        salt = bytes([row["id"] - 1]) * 16
        seal = seal_by_the_book(salt, key, content, meta)
        hash = hash_by_the_book(link, row["id"], ts, kind, seal)
        assert (row["ts"], row["kind"], row["content"], row["meta"], row["key"]) == (ts, kind, content, meta, key)
        assert (row["salt"], row["seal"], row["prev_hash"], row["hash"]) == (salt, seal, link, hash)
        link = hash
    assert head == (3, link)
    assert link.hex() == "cbe81e73217cda4771958c120ce5121a548c42494895205e785b67affd3534bd"


def _chain(count: int) -> list[tuple[object, ...]]:
    rows, link = [], GENESIS
    for id in range(1, count + 1):
        seal = seal_by_the_book(SALT, None, str(id), "{}")
        hash = hash_by_the_book(link, id, id, "reply", seal)
        rows.append((id, id, "reply", str(id), "{}", None, SALT, seal, link, hash))
        link = hash
    return rows


def test_a_chain_is_held_against_its_head() -> None:
    """A head further on, further back, missing, or with another hash is a broken chain, and the first bad id is named."""
    rows = _chain(4)
    link = rows[-1][9]
    assert check_chain(rows, (4, link)).ok  # type: ignore[arg-type]
    assert check_chain([], (0, GENESIS)).ok
    wrong = {(9, link): 5, (2, link): 3, (0, link): 1, (-7, link): 1, (4, bytes(32)): 4, None: 5, ("4", link): 5}
    for head, bad in wrong.items():
        assert check_chain(rows, head).bad == bad  # type: ignore[arg-type]
    assert check_chain([], (0, bytes([1] * 32))).bad == 1
    assert check_chain([], (3, link)).bad == 1  # type: ignore[arg-type]


def test_a_seal_can_not_be_kept_by_moving_bytes_into_the_salt() -> None:
    """A longer salt that swallows the key's mark leaves the sealed bytes the same (content and meta shift); it is found all the same."""
    meta = json.dumps({"a": "x" * 200}, separators=(",", ":"))
    seal = seal_by_the_book(SALT, None, "", meta)
    # 0x01 ‖ S ‖ 00 ‖ 00*8 ‖ meta  ==  0x01 ‖ (S ‖ 00) ‖ 00 ‖ u64(ord("{")) ‖ content' ‖ meta'
    cut = 1 + ord("{")
    salt, content, rest = SALT + b"\x00", meta[1:cut], meta[cut:]
    assert seal_by_the_book(salt, None, content, rest) == seal
    hash = hash_by_the_book(GENESIS, 1, 5, "reply", seal)
    whole, forged = ((1, 5, "reply", c, m, None, s, seal, GENESIS, hash) for c, m, s in (("", meta, SALT), (content, rest, salt)))
    assert check_chain([whole], (1, hash)).ok
    assert check_chain([forged], (1, hash)).bad == 1


def test_a_value_of_another_type_is_found_and_nothing_is_raised() -> None:
    """Whatever a rewritten table holds (text for a number, bytes for a text), the event is named."""
    for place in range(1, 10):
        for value in ("1", b"1", 1.5, None, -(2**63)):
            rows = _chain(3)
            if rows[1][place] == value:
                continue
            rows[1] = (*rows[1][:place], value, *rows[1][place + 1 :])
            assert check_chain(rows, (3, rows[-1][9])).bad == 2  # type: ignore[arg-type]
