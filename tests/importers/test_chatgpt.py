"""ChatGPT's export: the branch the user last saw, as they saw it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.errors import ImportFailed
from pmm.events import Turn
from pmm.importers import conversations, read


def node(id, parent, role="user", text="hello", **message):
    content = {"content_type": "text", "parts": [text]}
    said = {
        "id": id,
        "author": {"role": role, "name": None},
        "create_time": 1715176560.0,
        "content": content,
        "metadata": {},
        "recipient": "all",
    }
    return {id: {"id": id, "parent": parent, "children": [], "message": said | message}}


def chat(*nodes, current, **more):
    mapping = {"root": {"id": "root", "parent": None, "children": [], "message": None}}
    for each in nodes:
        mapping |= each
    return {"title": "Boats", "create_time": 1.7e9, "id": "c1", "current_node": current, "mapping": mapping} | more


@pytest.fixture
def write(tmp_path):
    def write(*chats):
        path = tmp_path / "conversations.json"
        path.write_text(json.dumps(chats))
        return path

    return write


def test_a_conversation_is_read_from_its_root_to_its_current_node(write):
    transcript = read(write(chat(node("b", "a", "assistant", "Ahoy."), node("a", "root", text="Hi 😀"), current="b")))
    at = datetime(2024, 5, 8, 13, 56, tzinfo=UTC)
    assert transcript.origin == "chatgpt"
    assert list(transcript) == [Turn("user", "Hi 😀", at, "c1", "a", "user"), Turn("ChatGPT", "Ahoy.", at, "c1", "b", "assistant")]
    assert not transcript.skipped and not transcript.left_out


def test_replies_that_were_regenerated_are_left_out_and_counted(write):
    nodes = [node("a", "root"), node("b1", "a", "assistant", "first try"), node("b2", "a", "assistant", "second try")]
    transcript = read(write(chat(*nodes, current="b2")))
    assert [turn.text for turn in transcript] == ["hello", "second try"]
    assert transcript.left_out == {"on another branch": 1}


def test_what_the_user_never_saw_is_left_out_and_counted(write):
    nodes = [
        node("s", "root", "system", "be nice"),
        node("h", "s", "user", "secret", metadata={"is_visually_hidden_from_conversation": True}),
        node("u", "h", "user", "Draw a boat"),
        node("k", "u", "assistant", "hmm", content={"content_type": "thoughts", "thoughts": []}),
        node("c", "k", "assistant", "draw()", recipient="dalle.text2im"),
        node("t", "c", "tool", "done"),
        node("e", "t", "assistant", ""),
        node("r", "e", "assistant", "Here it is."),
    ]
    transcript = read(write(chat(*nodes, current="r")))
    assert [turn.text for turn in transcript] == ["Draw a boat", "Here it is."]
    assert transcript.left_out == {"system or tool message": 2, "hidden message": 1, "reasoning": 1, "call to a tool": 1}
    assert list(transcript.skipped) == [("c1 e", "empty")]


def test_pictures_voices_and_files_become_a_caption(write):
    parts = [
        {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"},
        "What is it?",
        {"content_type": "audio_transcription", "text": "Tell me."},
        {"content_type": "audio_asset_pointer"},
        {"content_type": "something new"},
    ]
    content = {"content_type": "multimodal_text", "parts": parts}
    (turn,) = read(write(chat(node("a", "root", content=content, metadata={"attachments": [{"name": "boat.pdf"}, 3]}), current="a")))
    assert turn.text == "What is it?\nTell me."
    assert turn.caption == "[image] [audio] [attachment] [file: boat.pdf]"


def test_parents_in_a_circle_end_the_branch_and_are_counted(write):
    transcript = read(write(chat(node("a", "b"), node("b", "a"), current="a")))
    assert [turn.ref for turn in transcript] == ["b", "a"]
    assert transcript.skipped.count == 1


def test_a_missing_parent_ends_the_branch_and_is_counted(write):
    transcript = read(write(chat(node("a", "gone"), current="a")))
    assert [turn.ref for turn in transcript] == ["a"]
    assert transcript.skipped.count == 1


def test_without_a_current_node_the_newest_message_ends_the_branch(write):
    transcript = read(write(chat(node("a", "root"), node("b", "a", create_time=1.8e9), node("c", "a"), current=None)))
    assert [turn.ref for turn in transcript] == ["a", "b"]
    assert transcript.repaired.count == 1


def test_a_conversation_can_be_chosen_by_id_or_by_exact_title(write):
    path = write(chat(node("a", "root"), current="a"), chat(node("z", "root"), current="z", id="c2", title="Trees"))
    assert list(conversations(path)) == [("c1", "Boats"), ("c2", "Trees")]
    assert [turn.ref for turn in read(path, only="Trees")] == [turn.ref for turn in read(path, only="c2")] == ["z"]
    with pytest.raises(ImportFailed) as failed:
        list(read(path, only="Tree"))
    assert "Trees" in failed.value.hint


def test_broken_characters_in_one_conversation_cost_no_other(write, tmp_path):
    path = tmp_path / "conversations.json"
    good, bad = json.dumps(chat(node("a", "root"), current="a")), json.dumps(chat(node("a", "root", text="x\ud83d~"), current="a"))
    path.write_bytes(f"[{bad},{good},{bad.replace('0.0', '0.0.0')},{good}]".replace('"c1"', '"c2"', 1).encode().replace(b"~", b"\xff"))
    transcript = read(path)
    assert [turn.text for turn in transcript] == ["x\ufffd\ufffd", "hello", "hello"]
    assert (transcript.repaired.count, transcript.skipped.count) == (1, 1)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["a", "b", "root", "user", "assistant", "text", "all"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("parts text role name content_type attachments".split()), inner, max_size=4)
    ),
    max_leaves=8,
)
IDS = st.sampled_from(["a", "b", "c", "d", "\ud800"])
ROLES = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]) | ANY})
MESSAGE = st.fixed_dictionaries({}, optional={"author": ROLES | ANY, "content": ANY, "create_time": ANY, "metadata": ANY, "recipient": ANY})
NODE = st.fixed_dictionaries({}, optional={"parent": IDS | ANY, "message": MESSAGE | ANY}) | ANY
CHAT = st.fixed_dictionaries(
    {"mapping": st.dictionaries(IDS, NODE, max_size=5) | ANY},
    optional={"current_node": IDS | ANY, "id": ANY, "title": ANY, "conversation_id": ANY},
)


@settings(max_examples=400, deadline=None)
@given(chats=st.lists(CHAT, max_size=3), only=st.none() | IDS)
def test_mappings_of_any_shape_give_turns_that_can_be_stored_or_a_clear_refusal(tmp_path_factory, chats, only):
    path = tmp_path_factory.mktemp("any") / "x.json"
    path.write_text(json.dumps(chats))
    try:
        assert "".join(map("".join, conversations(path, format="chatgpt"))).encode() is not None
        for turn in read(path, format="chatgpt", only=only):
            assert turn.text.strip() or turn.caption
            assert "".join([turn.text, turn.speaker, turn.session, turn.ref or "", turn.caption or ""]).encode() is not None
    except ImportFailed as failed:
        assert failed.hint and f"{failed} {failed.hint}".encode()
