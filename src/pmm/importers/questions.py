"""Dialogues with questions about them, to measure recall by: LoCoMo samples, BEAM chats, or your own as JSON Lines.

Each is (name, turns, questions); a question is (text, category, refs of the turns that answer it, whether it counts in the headline).
Questions that nothing answers (adversarial ones, abstention) don't count; those without evidence are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from pmm.errors import ImportFailed
from pmm.events import Turn
from pmm.importers.transcript import read

Asked = tuple[str, str, frozenset[str], bool]
Dialogue = tuple[str, list[Turn], list[Asked]]
DATASETS = ("locomo", "beam", "jsonl")

_CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
_TURN = re.compile(r"D:?(\d+):(\d+)")
_MARK = re.compile(r"\s*->->.*$", re.DOTALL)
"""BEAM's note of where a message stands in its plan, at the message's end"""


def dialogues(dataset: str, path: Path) -> Iterator[Dialogue]:
    """The dialogues in a file, or in every .json (.jsonl) file of a folder, in the order of their names. Raises ImportFailed."""
    ending = "*.jsonl" if dataset == "jsonl" else "*.json"
    files = sorted(path.glob(ending), key=lambda file: (len(file.name), file.name)) if path.is_dir() else [path]
    if not files:
        raise ImportFailed(f"There is no {ending} in {path}.", hint="Name the file, or the folder that holds it.")
    for file in files:
        yield from {"locomo": _locomo, "beam": _beam, "jsonl": _jsonl}[dataset](file)


def dataset_of(path: Path) -> str:
    """Which of DATASETS a file is, or the first file of a folder, by its looks. Raises ImportFailed if it can't be read."""
    file = next(iter(sorted(path.glob("*.json*"))), path) if path.is_dir() else path
    if file.suffix == ".jsonl":
        return "jsonl"
    found = _json(file)
    return "beam" if isinstance(found, dict) and "chat" in found else "locomo"


def _json(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise ImportFailed(f"{path} can't be read: {error.strerror}.", hint="Check the path.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ImportFailed(f"{path} is not JSON: {error}.") from None


def _asked(text: Any, category: str, evidence: set[str], turns: list[Turn], *, counts: bool = True) -> Iterator[Asked]:
    known = frozenset(evidence & {turn.ref for turn in turns if turn.ref is not None})
    if isinstance(text, str) and known:
        yield text, category, known, counts


def _locomo(path: Path) -> Iterator[Dialogue]:
    data = _json(path)
    for sample in data if isinstance(data, list) else [data]:
        try:
            name, asked = str(sample["sample_id"]), [(q["question"], int(q["category"]), q.get("evidence", [])) for q in sample["qa"]]
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ImportFailed(
                f"{path} is no LoCoMo file: {error!r}.", hint="It holds samples with sample_id, conversation and qa."
            ) from None
        turns = list(read(path, format="locomo", only=name))
        questions: list[Asked] = []
        for text, number, evidence in asked:
            refs = {f"D{int(a)}:{int(b)}" for line in evidence for a, b in _TURN.findall(str(line))}
            questions += _asked(text, _CATEGORIES.get(number, str(number)), refs, turns, counts=number != 5)
        yield name, turns, questions


def _beam(path: Path) -> Iterator[Dialogue]:
    chat = _json(path)
    turns, at = [], None
    try:
        for batch in chat["chat"]:
            for message in (m for messages in batch["turns"] for m in messages):
                at = _day(message.get("time_anchor")) or at
                role: Literal["user", "assistant"] = "assistant" if message["role"] == "assistant" else "user"
                text, session = _MARK.sub("", message["content"]), str(batch["batch_number"])
                turns.append(Turn(role, text, at, session, str(message["id"]), role))
        questions: list[Asked] = []
        for category, asked in chat["questions"].items():
            for q in asked:
                refs = {str(ref) for ref in _flat(q.get("source_chat_ids"))}
                questions += _asked(q["question"], category, refs, turns, counts=category != "abstention")
    except (TypeError, KeyError, AttributeError) as error:
        raise ImportFailed(f"{path} is no BEAM chat: {error!r}.", hint='It holds "chat" with batches of turns, and "questions".') from None
    yield path.stem, turns, questions


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    elif value is not None:
        yield value


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _day(text: Any) -> datetime | None:
    """ "March-15-2024"."""
    found = re.fullmatch(r"\s*([A-Za-z]{3})[a-z]*-(\d{1,2})-(\d{4})\s*", text) if isinstance(text, str) else None
    if found is None or found[1].casefold() not in _MONTHS:
        return None
    try:
        return datetime(int(found[3]), _MONTHS.index(found[1].casefold()) + 1, int(found[2]))
    except ValueError:
        return None


def _jsonl(path: Path) -> Iterator[Dialogue]:
    """Messages as `pmm import` reads them, each with an id, and lines {"question", "evidence": [ids], "category"}."""
    turns = list(read(path, format="jsonl"))
    questions: list[Asked] = []
    for line in path.read_bytes().splitlines():
        try:
            item = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # the reader of the turns has told of it
        if isinstance(item, dict) and isinstance(item.get("evidence"), list):
            refs = {str(ref) for ref in item["evidence"]}
            questions += _asked(item.get("question"), str(item.get("category") or "all"), refs, turns)
    yield path.stem, turns, questions
