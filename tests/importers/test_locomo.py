"""LoCoMo: two people, dated sessions; only what they said is read."""

import json
from datetime import datetime

import pytest

from pmm.events import Turn
from pmm.importers import conversations, detect, read


def sample(name="conv-1", **conversation):
    said = {
        "speaker_a": "Ines",
        "speaker_b": "Omar",
        "session_10_date_time": "12:05 am on 1 January, 2024",
        "session_10": [{"speaker": "Ines", "dia_id": "D10:1", "text": "Happy new year!"}],
        "session_2_date_time": "1:56 pm on 8 May, 2023",
        "session_2": [
            {"speaker": "Ines", "dia_id": "D2:1", "text": "Look at this.", "blip_caption": "a red boat", "img_url": ["x"], "query": "boat"},
            {"speaker": "Omar", "dia_id": "D2:2", "text": "Nice."},
        ],
        "session_11_date_time": "3:00 pm on 2 January, 2024",
    }
    return {"sample_id": name, "conversation": said | conversation, "qa": [{"question": "secret", "answer": "never"}]}


@pytest.fixture
def write(tmp_path):
    def write(value):
        path = tmp_path / "samples.json"
        path.write_text(json.dumps(value, indent=1))
        return path

    return write


def test_sessions_come_in_the_order_of_their_numbers_with_their_dates_naive(write):
    transcript = read(write([sample()]))
    assert (transcript.format, transcript.origin) == ("locomo", "locomo")
    assert list(transcript) == [
        Turn("Ines", "Look at this.", datetime(2023, 5, 8, 13, 56), "conv-1/session_2", "D2:1", "other", "a red boat"),
        Turn("Omar", "Nice.", datetime(2023, 5, 8, 13, 56), "conv-1/session_2", "D2:2", "other"),
        Turn("Ines", "Happy new year!", datetime(2024, 1, 1, 0, 5), "conv-1/session_10", "D10:1", "other"),
    ]
    assert not transcript.skipped and not transcript.repaired


def test_the_questions_are_never_read(write):
    assert not [turn for turn in read(write([sample()])) if "secret" in turn.text or "never" in turn.text]


def test_a_single_sample_is_read_like_a_list_of_one(write):
    alone = list(read(write(sample())))
    assert alone == list(read(write([sample()])))


def test_one_conversation_can_be_chosen_by_its_sample_id(write):
    path = write([sample("conv-1"), sample("conv-2")])
    assert list(conversations(path)) == [("conv-1", "Ines and Omar"), ("conv-2", "Ines and Omar")]
    assert {turn.session for turn in read(path, only="conv-2")} == {"conv-2/session_2", "conv-2/session_10"}


def test_a_picture_without_words_is_kept_and_an_empty_line_is_counted(write):
    lines = [
        {"speaker": "Ines", "text": "", "blip_caption": "a dog"},
        {"speaker": "Omar", "text": " "},
        {"speaker": "Omar", "text": 5},
        "x",
    ]
    transcript = read(write([sample(session_2=lines, session_10="what")]))
    assert [(turn.text, turn.caption) for turn in transcript] == [("", "a dog")]
    assert transcript.skipped.count == 4


@pytest.mark.parametrize(
    "when",
    ["soon", "25:00 pm on 8 May, 2023", "1:00 pm on 31 Smarch, 2023", "1:60 pm on 3 May, 2023", ["x"], "1:00 pm on 30 February, 2023"],
)
def test_a_date_that_is_none_leaves_the_turns_undated_and_is_counted(write, when):
    transcript = read(write([sample(session_2_date_time=when)]))
    assert next(iter(transcript)).at is None
    assert transcript.repaired.count == 1


def test_what_the_file_is_called_does_not_matter(write):
    path = write([sample()])
    moved = path.rename(path.with_name("elsewhere.txt"))
    assert detect(moved) == "locomo"
