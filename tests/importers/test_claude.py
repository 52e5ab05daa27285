"""Claude's export: who said what, with the names of the files they shared."""

import json
from datetime import UTC, datetime

import pytest

from pmm.events import Turn
from pmm.importers import conversations, read


def message(sender="human", text="Hi", **more):
    return {
        "uuid": "m1",
        "sender": sender,
        "text": text,
        "content": [{"type": "text", "text": text}],
        "created_at": "2024-05-08T13:56:00.5Z",
    } | more


@pytest.fixture
def write(tmp_path):
    def write(*messages):
        path = tmp_path / "conversations.json"
        path.write_text(json.dumps([{"uuid": "c1", "name": "Boats", "created_at": "x", "chat_messages": messages}]))
        return path

    return write


def test_human_and_assistant_become_user_and_claude(write):
    path = write(message(), message("assistant", "Ahoy.", uuid="m2"))
    transcript = read(path)
    at = datetime(2024, 5, 8, 13, 56, 0, 500000, tzinfo=UTC)
    assert transcript.origin == "claude"
    assert list(transcript) == [Turn("user", "Hi", at, "c1", "m1", "user"), Turn("Claude", "Ahoy.", at, "c1", "m2", "assistant")]
    assert list(conversations(path)) == [("c1", "Boats")]


def test_attachments_are_named_and_what_is_in_them_is_not_read(write):
    files = {"attachments": [{"file_name": "notes.txt", "extracted_content": "private"}], "files": [{"file_name": "boat.png"}, None]}
    (turn,) = read(write(message(text="", **files)))
    assert turn.text == ""
    assert turn.caption == "[file: notes.txt] [file: boat.png]"


def test_thinking_and_tools_are_no_part_of_what_was_said(write):
    content = [
        {"type": "thinking", "thinking": "hm", "text": "hm"},
        {"type": "tool_use", "input": {}},
        {"type": "text", "text": "Yes."},
        {"type": "image"},
    ]
    (turn,) = read(write(message("assistant", "This block is not supported.", content=content)))
    assert (turn.text, turn.caption) == ("Yes.", "[image]")


def test_older_exports_with_text_alone_are_read_too(write):
    (turn,) = read(write(message(content=[])))
    assert turn.text == "Hi"


def test_messages_of_the_wrong_shape_are_counted(write):
    transcript = read(
        write(
            5, None, message("robot"), message(sender=["human"]), message(text=3, content={"a": 1}, uuid=None), message(text="", content=[])
        )
    )
    assert [turn.caption for turn in transcript] == ["[attachment]"]
    assert transcript.skipped.count == 5


def test_a_message_that_comes_twice_under_one_id_is_told_twice_for_the_log_to_know(write):
    assert [turn.ref for turn in read(write(message(), message(), message(text="other")))] == ["m1", "m1", None]
