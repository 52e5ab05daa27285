"""Reading dialogues with questions, and scoring what recall finds: the same figures as counting by hand."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from pmm.errors import ConfigError, ImportFailed
from pmm.importers.questions import dialogues
from pmm.runtime.evals import HEADLINE, K, Report, imported

LOCOMO = [
    {
        "sample_id": "talk-1",
        "qa": [
            {"question": "What did Ana plant?", "category": 4, "evidence": ["D1:1"]},
            {"question": "When did Ben fly to Oslo?", "category": 2, "evidence": ["D2:1; D:1:2"]},
            {"question": "What did Ana never plant?", "category": 5, "evidence": ["D1:1"]},
            {"question": "What is nowhere?", "category": 4, "evidence": ["D9:9"]},
        ],
        "conversation": {
            "speaker_a": "Ana",
            "speaker_b": "Ben",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ana", "dia_id": "D1:1", "text": "I planted tomatoes on the balcony."},
                {"speaker": "Ben", "dia_id": "D1:2", "text": "Nothing much here."},
            ],
            "session_2_date_time": "1:56 pm on 9 June, 2023",
            "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "I flew to Oslo yesterday."}],
        },
    }
]
BEAM = {
    "chat": [
        {
            "batch_number": 1,
            "turns": [
                [
                    {"role": "user", "id": 0, "time_anchor": "March-15-2024", "content": "The app has 3 tables. ->-> 1,1"},
                    {"role": "assistant", "id": 1, "content": "Good to know."},
                ]
            ],
        }
    ],
    "questions": {
        "knowledge_update": [{"question": "How many tables has my app?", "source_chat_ids": {"first": [0], "then": [[0, 1]]}}],
        "abstention": [{"question": "What colour is my app?", "source_chat_ids": None}],
    },
}
JSONL = [
    {"id": "m1", "speaker": "user", "text": "My boat is called Dora."},
    {"id": "m2", "speaker": "user", "text": "It rains."},
    {"question": "What is my boat called?", "evidence": ["m1"], "category": "names"},
    {"question": "Does it rain?", "evidence": ["m2", "m1"]},
]


def write(path: Path, value: Any) -> Path:
    lines = value if path.suffix == ".jsonl" else [value]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_a_locomo_file_gives_its_turns_and_the_questions_that_have_evidence(tmp_path: Path) -> None:
    ((name, turns, asked),) = dialogues("locomo", write(tmp_path / "a.json", LOCOMO))
    assert (name, [turn.ref for turn in turns]) == ("talk-1", ["D1:1", "D1:2", "D2:1"])
    assert asked == [
        ("What did Ana plant?", "single-hop", frozenset({"D1:1"}), True),
        ("When did Ben fly to Oslo?", "temporal", frozenset({"D2:1", "D1:2"}), True),
        ("What did Ana never plant?", "adversarial", frozenset({"D1:1"}), False),
    ]


def test_a_beam_chat_gives_its_turns_with_roles_dates_and_flat_evidence(tmp_path: Path) -> None:
    ((name, turns, asked),) = dialogues("beam", write(tmp_path / "7.json", BEAM))
    assert name == "7"
    assert [(t.speaker, t.role, t.text, t.ref, t.at and t.at.day) for t in turns] == [
        ("user", "user", "The app has 3 tables.", "0", 15),
        ("assistant", "assistant", "Good to know.", "1", 15),
    ]
    assert asked == [("How many tables has my app?", "knowledge_update", frozenset({"0", "1"}), True)]


def test_ones_own_lines_hold_messages_and_questions(tmp_path: Path) -> None:
    ((_, turns, asked),) = dialogues("jsonl", write(tmp_path / "mine.jsonl", JSONL))
    assert [turn.ref for turn in turns] == ["m1", "m2"]
    assert asked == [
        ("What is my boat called?", "names", frozenset({"m1"}), True),
        ("Does it rain?", "all", frozenset({"m1", "m2"}), True),
    ]


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        write(tmp_path / f"{number}.json", BEAM)
    assert [name for name, _, _ in dialogues("beam", tmp_path)] == ["1", "2", "10"]


@pytest.mark.parametrize("dataset", ["locomo", "beam"])
@pytest.mark.parametrize("content", ["", "{", "[]x", "3", '"text"', '{"chat": 3}', '[{"sample_id": "a", "qa": 7}]', '{"sample_id": "a"}'])
def test_what_is_no_such_file_is_told_plainly(tmp_path: Path, dataset: str, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(ImportFailed, match=r"a\.json"):
        list(dialogues(dataset, path))


def test_a_missing_file_and_an_empty_folder_are_told_plainly(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ImportFailed):
            list(dialogues("beam", path))


def evaluated(path: Path, dataset: str, **options: Any) -> Report:
    with imported(dataset, dialogues(dataset, path), lambda name: None) as minds:
        return minds.evaluate(**options)


def test_the_score_is_the_share_of_the_evidence_among_the_first_ten(tmp_path: Path) -> None:
    report = evaluated(write(tmp_path / "a.json", LOCOMO), "locomo")
    scores = {score.category: score for score in report.scores}
    assert list(scores) == [HEADLINE, "adversarial", "single-hop", "temporal"]
    assert (scores[HEADLINE].questions, scores["adversarial"].questions) == (2, 1)
    assert report.messages == 3 <= K
    assert scores["single-hop"].recall == scores["single-hop"].low == scores["single-hop"].high == 100.0


def test_half_of_the_evidence_is_half_the_score(tmp_path: Path) -> None:
    lines = [{"id": f"m{n}", "speaker": "user", "text": f"boat {n}", "session": str(n)} for n in range(30)]
    lines += [{"id": "far", "speaker": "user", "text": "zeppelin", "session": "z"}]
    lines += [{"question": "a boat", "evidence": ["m29", "far"], "category": "half"}]
    (_, half) = evaluated(write(tmp_path / "a.jsonl", lines), "jsonl").scores
    assert (half.recall, half.low, half.high) == (50.0, 50.0, 50.0)
    assert half.words == 30  # ten times "user: boat 7"


def test_the_interval_is_the_same_every_time_and_holds_the_mean(tmp_path: Path) -> None:
    lines = [{"id": f"m{n}", "speaker": "user", "text": f"boat{n}", "session": str(n)} for n in range(40)]
    lines += [{"question": f"boat{n}", "evidence": [f"m{n}" if n % 2 else f"m{(n + 7) % 40}"], "category": "some"} for n in range(20)]
    path = write(tmp_path / "a.jsonl", lines)
    first, again = (evaluated(path, "jsonl").scores[1] for _ in range(2))
    assert first == again
    assert 0 < first.low < first.recall == 50.0 < first.high < 100


def test_leaving_out_a_signal_is_told_in_the_report(tmp_path: Path) -> None:
    report = evaluated(write(tmp_path / "a.json", LOCOMO), "locomo", without=["words", "kinds"])
    assert report.without == ("kinds", "words")


def test_with_an_embedder_everything_is_encoded_first_and_encoding_a_question_is_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", JSONL)
    with imported("jsonl", dialogues("jsonl", path), lambda name: None, "hashed") as minds:
        report = minds.evaluate()
        (mind, _), *_ = minds._told
        assert (state := mind.encoded()) is not None and state.encoded == state.messages == 2
        assert "meaning" in mind.recall("What is my boat called?")[0].why
    assert report.embedder == "hashed" and report.encoding_ms >= 0 and report.scores[0].recall > 0
    assert evaluated(path, "jsonl").embedder == "" and evaluated(path, "jsonl").encoding_ms == 0


def test_an_unknown_embedder_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError),
        imported("jsonl", dialogues("jsonl", write(tmp_path / "a.jsonl", JSONL)), lambda name: None, "nonsense"),
    ):
        pass


def test_answers_without_a_model_are_held_against_the_evidence(tmp_path: Path) -> None:
    lines = [
        *JSONL[:3],
        {"question": "What is my zeppelin's colour?", "evidence": ["m2"]},  # nothing is found
        {"question": "Is the boat called Dora?", "evidence": ["m2"]},  # the wrong message is cited
    ]
    with imported("jsonl", dialogues("jsonl", write(tmp_path / "a.jsonl", lines)), lambda name: None) as minds:
        found = minds.answered(8)
    assert (found.questions, found.cites, found.first, found.any) == (3, 66.7, 33.3, 33.3)
    assert (found.traps, found.declined) == (0, 0.0)


def test_questions_that_nothing_answers_are_counted_apart(tmp_path: Path) -> None:
    with imported("locomo", dialogues("locomo", write(tmp_path / "a.json", LOCOMO)), lambda name: None) as minds:
        found = minds.answered(8)
    assert (found.questions, found.traps) == (2, 1) and found.declined in (0.0, 100.0)


def test_the_adapter_finds_what_the_evaluation_finds(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "evals" / "adapter.py"
    spec = importlib.util.spec_from_file_location("adapter", path)
    assert spec is not None and spec.loader is not None
    adapter = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(adapter)
    retriever = adapter.RETRIEVERS["pmm"]()
    meta = {"raw": "I planted tomatoes", "speaker": "Ana", "role": "", "session": 1, "iso": "2023-05-08T13:56:00", "caption": ""}
    retriever.index([("D1:1", "Ana: I planted tomatoes", meta), ("D1:2", "Ben: well", {**meta, "raw": "well", "speaker": "Ben"})])
    assert retriever.search("What did Ana plant?", 50)[0] == "D1:1"
    retriever.close()
