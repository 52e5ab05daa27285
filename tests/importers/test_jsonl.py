"""JSON Lines: whatever a program of one's own writes, as long as it says who said what."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.errors import ImportFailed
from pmm.events import Turn
from pmm.importers import detect, read

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = "speaker role author name sender text content message at timestamp date created_at ts session conversation ref id caption".split()
LINE = st.dictionaries(st.sampled_from(NAMES), ANY_JSON, max_size=8).map(json.dumps).map(str.encode) | st.binary(max_size=60)


@pytest.fixture
def write(tmp_path):
    def write(*lines, end=b"\n"):
        path = tmp_path / "chat.txt"
        path.write_bytes(end.join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines) + end)
        return path

    return write


def test_every_field_of_a_line_becomes_the_field_of_its_turn(write):
    line = {
        "speaker": "Ada",
        "text": "Hello.",
        "at": "2024-05-08T13:56:00Z",
        "session": "s1",
        "ref": "m1",
        "role": "user",
        "caption": "a cat",
    }
    turn = Turn("Ada", "Hello.", datetime(2024, 5, 8, 13, 56, tzinfo=UTC), "s1", "m1", "user", "a cat")
    assert list(read(write(line))) == [turn]


@pytest.mark.parametrize(
    "line",
    [
        {"role": "user", "content": "Hi", "timestamp": 1715176560, "conversation_id": 7, "id": 9},
        {"author": "user", "message": "Hi", "created_at": 1715176560000, "conversation": "7", "id": "9"},
        {"author": {"role": "user"}, "content": [{"type": "text", "text": "Hi"}], "ts": "1715176560.0", "session": "7", "ref": "9"},
        {"sender": "user", "text": "", "content": "Hi", "date": "2024-05-08T15:56:00+02:00", "session": "7", "ref": "9"},
    ],
)
def test_other_names_for_the_same_fields_mean_the_same(write, line):
    assert list(read(write(line))) == [Turn("user", "Hi", datetime(2024, 5, 8, 13, 56, tzinfo=UTC), "7", "9", "user")]


def test_a_role_is_told_by_the_name_of_the_speaker_and_is_other_when_it_is_neither(write):
    turns = list(
        read(
            write(
                *({"speaker": who, "text": "x"} for who in ("Human", "Assistant", "Ada")), {"speaker": "Ada", "role": "user", "text": "x"}
            )
        )
    )
    assert [turn.role for turn in turns] == ["user", "assistant", "other", "user"]
    assert turns[3].speaker == "Ada"


@pytest.mark.parametrize(
    ("when", "at"),
    [
        ("2024-05-08T13:56:00", datetime(2024, 5, 8, 13, 56)),
        ("2024-05-08", datetime(2024, 5, 8)),
        ("2024-05-08T13:56:00+05:30", datetime(2024, 5, 8, 13, 56, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
        (1715176560.25, datetime(2024, 5, 8, 13, 56, 0, 250000, tzinfo=UTC)),
        (1715176560250, datetime(2024, 5, 8, 13, 56, 0, 250000, tzinfo=UTC)),
        ("1969-07-20T20:17:40Z", datetime(1969, 7, 20, 20, 17, 40, tzinfo=UTC)),
        ("2024-05-08T13:56:00+00:00:30", datetime(2024, 5, 8, 13, 55, 30, tzinfo=UTC)),
        *(
            (absurd, None)
            for absurd in ("60000-01-01", "yesterday", 10**30, -(10**300), 1e300, 12.5, -1e9, True, [], {}, 0, "", "9" * 50, "0001-01-01")
        ),
    ],
)
def test_dates_are_aware_where_the_source_says_where_and_none_where_they_are_absurd(write, when, at):
    transcript = read(write({"speaker": "a", "text": "x", "at": when}))
    (turn,) = transcript
    assert turn.at == at
    assert turn.at is None or turn.at.utcoffset() == at.utcoffset()
    assert transcript.repaired.count == (at is None and when not in (0, ""))


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-1e999", b"9" * 5000])
def test_numbers_that_json_does_not_have_are_no_date_and_no_error(write, number):
    (turn,) = read(write(b'{"speaker":"a","text":"x","at":' + number + b"}"))
    assert turn.at is None


def test_a_line_that_cannot_be_used_is_skipped_and_counted_with_its_number(write):
    good = {"speaker": "a", "text": "x"}
    transcript = read(write(good, b"{oops", b'"just text"', {"speaker": "a"}, b'{"text": "caf\xe9"}', {"speaker": "a", "text": " "}, good))
    assert len(list(transcript)) == 2
    assert transcript.skipped.count == 5
    assert [where for where, _ in transcript.skipped] == ["line 2", "line 3", "line 4", "line 5", "line 6"]
    reasons = " | ".join(why for _, why in transcript.skipped)
    assert "not valid JSON" in reasons and "no text in it" in reasons and "not UTF-8 (its byte 14)" in reasons and "empty" in reasons


def test_of_many_bad_lines_the_first_hundred_are_shown_and_all_are_counted(write):
    transcript = read(write({"speaker": "a", "text": "x"}, *[b"{"] * 500))
    assert len(list(transcript)) == 1
    assert len(transcript.skipped) == 500
    assert len(list(transcript.skipped)) == 100


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_do_no_harm(write):
    path = write(b'\xef\xbb\xbf{"speaker":"a","text":"x"}', b"", b"  ", b'{"speaker":"b","text":"y"}', end=b"\r\n")
    transcript = read(path)
    assert [turn.text for turn in transcript] == ["x", "y"]
    assert not transcript.skipped


def test_a_first_line_that_is_broken_does_not_hide_what_the_file_is(write):
    assert detect(write(b'{"speaker": "a", "te', {"speaker": "a", "text": "x"})) == "jsonl"
    assert detect(write(b"some heading", {"speaker": "a", "text": "x"})) == "jsonl"


def test_a_lone_half_of_a_character_is_replaced_and_counted(write):
    transcript = read(write(b'{"speaker":"a\\udc00","text":"x\\ud83d","ref":"\\ud800"}', b'{"speaker":"a","text":"\\ud83d\\ude00"}'))
    assert [(turn.speaker, turn.text, turn.ref) for turn in transcript] == [("a\ufffd", "x\ufffd", "\ufffd"), ("a", "😀", None)]
    assert transcript.repaired.count == 1


def test_nul_characters_are_text_like_any_other(write):
    assert [turn.text for turn in read(write({"speaker": "a", "text": "a\0b"}))] == ["a\0b"]


def test_only_one_session_can_be_chosen_and_a_wrong_name_is_told_the_right_ones(write):
    path = write(*({"speaker": "a", "text": str(i), "session": f"day {i % 3}"} for i in range(9)))
    assert [turn.text for turn in read(path, only="day 1")] == ["1", "4", "7"]
    with pytest.raises(ImportFailed) as failed:
        list(read(path, only="day 7"))
    assert "day 0" in failed.value.hint


def test_an_id_that_names_two_texts_is_left_out_of_the_second_so_that_none_is_lost(write):
    transcript = read(write(*({"speaker": "a", "text": text, "id": 1} for text in ("one", "two", "one"))))
    assert [(turn.text, turn.ref) for turn in transcript] == [("one", "1"), ("two", None), ("one", "1")]
    assert transcript.repaired.count == 1


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(LINE, max_size=8), by_name=st.booleans())
def test_lines_of_any_shape_give_turns_that_can_be_stored_or_a_clear_refusal(tmp_path_factory, lines, by_name):
    path = tmp_path_factory.mktemp("any") / "x.jsonl"
    path.write_bytes(b"\n".join(lines))
    try:
        for turn in read(path, format="jsonl" if by_name else None):
            assert turn.text.strip() or turn.caption
            for text in (turn.text, turn.speaker, turn.session, turn.ref, turn.caption):
                assert text is None or (isinstance(text, str) and text.encode() is not None)
            assert turn.at is None or turn.at.isoformat()
    except ImportFailed as failed:
        assert failed.hint
