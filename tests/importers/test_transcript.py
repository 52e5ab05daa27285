"""Any file: told by its content, refused in one clear sentence, never held in memory whole."""

import json
import os
import zipfile

import pytest

import pmm.importers
from pmm.errors import ImportFailed
from pmm.importers import FORMATS, conversations, detect, read

CLAUDE = {"uuid": "c1", "name": "Boats", "chat_messages": [{"uuid": "m1", "sender": "human", "text": "Hi"}]}
CHATGPT = {
    "id": "c1",
    "title": "T",
    "current_node": "a",
    "mapping": {"a": {"message": {"author": {"role": "user"}, "content": {"parts": ["Hi"]}}}},
}
LOCOMO = {"sample_id": "s1", "conversation": {"session_1": [{"speaker": "A", "text": "Hi"}]}}


@pytest.fixture
def write(tmp_path):
    def write(content, name="export"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_json", ".json"), json.dumps(content))
    return path


def test_the_public_names_are_pinned():
    assert sorted(pmm.importers.__all__) == ["FORMATS", "Tally", "Transcript", "conversations", "detect", "read"]
    assert list(FORMATS) == ["jsonl", "locomo", "chatgpt", "claude"]


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.txt", "x"])
@pytest.mark.parametrize(
    ("content", "format"),
    [
        ([CLAUDE], "claude"),
        (CLAUDE, "claude"),
        ([5, None, [], CHATGPT], "chatgpt"),
        ([LOCOMO], "locomo"),
        (LOCOMO, "locomo"),
        ({"role": "user", "content": "Hi"}, "jsonl"),
        (json.dumps(CHATGPT).encode() + b"\n" + json.dumps(CHATGPT).encode(), "chatgpt"),
        (b"\xef\xbb\xbf \n" + json.dumps([CLAUDE]).encode(), "claude"),
    ],
)
def test_the_format_is_told_from_the_content_whatever_the_name(write, content, format, name):
    path = write(content, name)
    assert detect(path) == format
    assert {turn.text for turn in read(path)} == {"Hi"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\n ", "no transcript"),
        (b"[]", "no transcript"),
        (b"{}", "no transcript"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        (b"\xff\xfe[\0]\0", "UTF-16"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04nonsense", "damaged zip"),
        (b"Dear diary,\ntoday I slept.\n", "no transcript"),
        (b'[{"role": "user", "content": "Hi"}]', "no transcript"),
        (b"[" * 300_000, "breaks off"),
        (b"[" + b"[" * 300_000 + b"]" * 300_000 + b"]", "no transcript"),
        (b'[{"chat_messages', "breaks off"),
        (b"]", "no transcript"),
        (b'"a string"', "no transcript"),
        (b"[" + b"9" * 100_000 + b"]", "no transcript"),
    ],
)
def test_what_is_no_transcript_is_refused_in_a_sentence_with_a_hint(write, content, says):
    with pytest.raises(ImportFailed, match=says) as failed:
        read(write(content))
    assert failed.value.hint


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("content", [b"x", b"{}", b"[1, 2]", b'{"a": {}}', b"[" * 5000, b"{" * 5000, b'["', b'[{"a": "\\'])
def test_a_named_format_that_does_not_fit_is_refused_too(write, format, content):
    with pytest.raises(ImportFailed) as failed:
        list(read(write(content), format=format))
    assert failed.value.hint


def test_folders_missing_files_odd_names_and_unknown_formats_are_refused(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "gone", tmp_path / ("x" * 5000), str(tmp_path) + "/a\0b", tmp_path / "pipe"):
        with pytest.raises(ImportFailed) as failed:
            read(path)
        assert failed.value.hint
    with pytest.raises(ImportFailed, match="no format 'word'") as failed:
        read(write([CLAUDE]), format="word")
    assert "claude" in failed.value.hint


def test_of_a_file_that_breaks_off_all_before_the_break_is_given_first(write):
    whole = json.dumps([CLAUDE, CLAUDE | {"uuid": "c2"}, CLAUDE | {"uuid": "c3"}]).encode()
    turns = []
    with pytest.raises(ImportFailed, match=r"breaks off in the middle, at byte \d+, after 2 whole items") as failed:
        for turn in read(write(whole[:-30])):
            turns.append(turn.session)
    assert turns == ["c1", "c2"]
    assert "kept" in failed.value.hint


def test_items_that_are_something_else_are_skipped_and_counted(write):
    transcript = read(write(b'[1, "x, y", ' + json.dumps(CLAUDE).encode() + b', null, {"a": nan}, [[]], {"chat_messages": 3}]'))
    assert [turn.text for turn in transcript] == ["Hi"]
    assert next(why for _, why in transcript.skipped) == "not an object"
    assert transcript.skipped.count == 5


def test_what_stands_after_the_end_is_an_error_after_everything_was_given(write):
    turns = []
    with pytest.raises(ImportFailed, match="goes on after the end"):
        for turn in read(write(json.dumps([CLAUDE]).encode() + b"[]")):
            turns.append(turn)
    assert len(turns) == 1


@pytest.mark.parametrize(
    ("members", "sessions"),
    [
        ({"conversations_json": [CLAUDE], "users_json": []}, ["c1"]),
        ({"export__conversations_json": [CHATGPT]}, ["c1"]),
        ({"conversations-001_json": [CLAUDE | {"uuid": "c2"}], "conversations-000_json": [CLAUDE], "user_json": {}}, ["c1", "c2"]),
    ],
)
def test_a_zip_is_read_through_to_its_conversations(tmp_path, members, sessions):
    path = zipped(tmp_path / "export.zip", **members)
    told = []
    assert [turn.session for turn in read(path, on_progress=lambda *at: told.append(at))] == sessions
    assert [id for id, _ in conversations(path)] == sessions
    assert told[-1][0] == told[-1][1] == sum(len(json.dumps(members[name])) for name in members if name not in ("users_json", "user_json"))


def test_a_zip_without_conversations_names_what_it_holds(tmp_path):
    with pytest.raises(ImportFailed) as failed:
        read(zipped(tmp_path / "export.zip", chat_html=[]))
    assert "chat_html" in failed.value.hint


def test_a_zip_that_is_cut_or_flipped_anywhere_is_refused_or_read(tmp_path):
    whole = zipped(tmp_path / "whole.zip", conversations_json=[CLAUDE] * 20).read_bytes()
    path = tmp_path / "broken.zip"
    for place in range(len(whole)):
        for broken in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            path.write_bytes(broken)
            try:
                list(read(path, format="claude"))
            except ImportFailed as failed:
                assert failed.hint


def test_a_small_zip_that_would_fill_the_disk_is_refused(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("conversations.json", "w") as member:
        for _ in range(300):
            member.write(b" " * 2**20)
    with pytest.raises(ImportFailed, match="would unpack to"):
        read(path)


def test_progress_ends_at_the_size_of_the_file(write):
    path = write([CLAUDE] * 20_000)
    told = []
    assert len(list(read(path, on_progress=lambda *at: told.append(at)))) == 20_000
    size = path.stat().st_size
    assert told == sorted(told) and len(told) >= 5 and told[-1] == (size, size)


def test_a_moved_copy_is_the_same_transcript(write, tmp_path):
    path = write([CLAUDE])
    before = list(read(path))
    copy = path.rename(tmp_path / "renamed.bin")
    assert (list(read(copy)), read(copy).origin) == (before, "claude")


def test_reading_again_gives_the_same_and_counts_anew(write):
    transcript = read(write(json.dumps([CLAUDE, 1]).encode().replace(b", 1", b", {}")))
    assert list(transcript) == list(transcript)
    assert transcript.skipped.count == 1


def test_stopping_early_leaves_no_file_open(write):
    turns = iter(read(write([CLAUDE] * 10)))
    next(turns)
    del turns  # a file left open would be a ResourceWarning, which fails the suite
